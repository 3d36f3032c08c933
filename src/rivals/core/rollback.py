"""Rollback: a run that diverges goes back to its last healthy state, with half the learning rates and other noise.

Three times at most; then it stops. All of it is a function of the state: a run that is killed anywhere on the way and
resumed goes the same way again, so that nothing needs saving before the next state.
"""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rivals.core.trainer import Trainer

TRIES = 3
SLOWER = 0.5  # the learning rates of a try over those of the one before


class Diverged(FloatingPointError):
    """The game has run away, by the word of a watcher."""


class NotFinite(Diverged):
    """A loss or gradient became NaN or infinite; the move did not happen and nothing of it was saved."""


def keep(trainer: "Trainer[Any]", regular: bool) -> None:
    """Saves, but nothing that is about to be rolled back.

    A number that is not finite is trouble at a regular save alone, so that the clock decides nothing.
    """
    try:
        if not trainer.trouble:
            trainer.save(regular=regular)
    except NotFinite as error:
        if regular:
            trainer.trouble = error
        elif trainer.stopped:
            warnings.warn(str(error), stacklevel=2)


def heed(trainer: "Trainer[Any]") -> None:
    """Raises Diverged on all ranks alike where rank 0 has `trouble`."""
    told = str(trainer.trouble or "")
    if trainer.ranks.world > 1:
        told = trainer.ranks.same_text(told[:1000], trainer.device)
    if told:
        raise trainer.trouble or Diverged(told)


def go_back(trainer: "Trainer[Any]", trouble: Diverged) -> None:
    """Has the trainer play on from its last healthy state; raises `trouble` where there is none, or no try is left.

    All ranks call it after the same round. The log is cut back to the state's mark, then says what has happened since.
    """
    store, first, seen, tries = trainer.store, trainer.ranks.rank == 0, trainer.seen, trainer.rollbacks
    kept = store.healthy(seen) if store and first else None
    place = trainer.ranks.same_text(str(kept.path) if kept else "", trainer.device)
    if store is None or not place or len(tries) == TRIES:
        if store and first:
            store.append({"round": trainer.round, "seen": seen, "stopped": str(trouble)})
        if tries:
            raise type(trouble)(f"{trouble}, after {TRIES} rollbacks, the last to {tries[-1]['to']:,} samples") from None
        raise trouble
    store.folder = Path(place).parent  # the other ranks may not know it yet
    state = store.read(next(each for each in store.states() if each.path == Path(place)))
    trainer.load_state_dict(state)
    before, trainer.trouble = len(trainer.rollbacks), None
    trainer.rollbacks = [*tries, {"from": seen, "to": trainer.seen, "why": str(trouble)}]
    for optimizer in trainer.optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] *= SLOWER ** (len(trainer.rollbacks) - before)
    if kept:
        store.leave(kept, seen, state["log"])
        for number, each in enumerate(trainer.rollbacks[before:], start=before + 1):
            line = {"number": number, "rate": SLOWER**number} | each
            store.append({"round": max(trainer.round - 1, 0), "seen": trainer.seen, "rollback": line})
        what = f"rollback {len(trainer.rollbacks)} of {TRIES}, to {trainer.seen:,} samples, with half the learning rates"
        warnings.warn(f"{trouble}: {what}", stacklevel=2)
