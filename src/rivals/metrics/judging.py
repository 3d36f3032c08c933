"""Judging: what a user asks `rivals evaluate` to measure."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Judging:
    """samples: how many to draw. seed: of the samples and intervals. metric: one by name, "" for the task's usual ones.
    backbone: "own" for the network that the task trains on the data, or a published one by name. weights: its file, where it
    shall not be downloaded.
    """

    samples: int = 1000
    seed: int = 0
    metric: str = ""
    backbone: str = "own"
    weights: Path | None = None
