"""Settings: the options that every recipe has, as its signature has them, on their way to the trainer."""

from dataclasses import dataclass
from pathlib import Path

from rivals.core.device import Precision


@dataclass(frozen=True)
class Settings:
    """See `rivals.core.recipe.COMMON`, and Trainer; micro: samples per backward, None for the whole batch."""

    samples: int
    batch: int
    micro: int | None
    seed: int
    device: str
    precision: Precision
    workers: int
    out: Path | None
    name: str
