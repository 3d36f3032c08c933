"""Pace: how fast a trainer plays, and in how much memory, from playing some real rounds."""

import resource
import time
from typing import Any, NamedTuple

import torch

from rivals.core.trainer import Trainer


class Pace(NamedTuple):
    """Samples drawn in a second; bytes at the peak, of the process or of its GPU."""

    rate: float
    memory: int


def pace(trainer: Trainer[Any], *, seconds: float) -> Pace:
    """Plays rounds for about so many seconds, as many on every rank, since each of their moves waits for the others."""
    trainer.play()  # the first round also allocates
    first, start = trainer.seen, time.monotonic()
    trainer.play()
    rounds = torch.tensor(min(max(seconds / (time.monotonic() - start), 1.0), 10_000.0), device=trainer.device)
    trainer.ranks.mean_([rounds])
    for _ in range(int(rounds)):
        trainer.play()
    rate = (trainer.seen - first) / (time.monotonic() - start)
    if trainer.device.type == "cuda":
        return Pace(rate, torch.cuda.max_memory_allocated())
    return Pace(rate, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
