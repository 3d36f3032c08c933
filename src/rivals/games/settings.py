"""Settings: the options that every recipe has, as its signature has them, on their way to the trainer."""

from dataclasses import dataclass
from pathlib import Path

from rivals.core.device import Precision, pick_device
from rivals.core.errors import within


@dataclass(frozen=True)
class Settings:
    """See `rivals.core.recipe.COMMON`, and Trainer; micro: samples per backward, None for the whole batch.

    Raises UserError as the trainer and the stream would: a recipe that makes it first need not read its data for that.
    """

    samples: int
    batch: int
    micro: int | None
    seed: int
    device: str
    precision: Precision
    workers: int
    out: Path | None
    name: str

    def __post_init__(self) -> None:
        within(1, samples=self.samples, batch=self.batch, micro=1 if self.micro is None else self.micro)
        within(0, 256, workers=self.workers)
        pick_device(self.device)
