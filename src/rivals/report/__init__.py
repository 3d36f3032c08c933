"""What a run leaves for people: one self-contained page, an animation of its samples, and TensorBoard's event files."""

from rivals.report.grids import animate
from rivals.report.page import write
from rivals.report.tensorboard import tensorboard

__all__ = ["animate", "tensorboard", "write"]
