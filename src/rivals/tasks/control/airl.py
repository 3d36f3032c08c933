"""AIRL: imitation that leaves a reward behind, with which rivals train control.ppo --reward RUN teaches another policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.device import Precision
from rivals.core.errors import positive
from rivals.core.recipe import trainable
from rivals.core.trainer import Trainer
from rivals.games.settings import Settings
from rivals.tasks.control.judging import draw, evaluate, held_out, illustrate, read
from rivals.tasks.control.learning import Learning
from rivals.tasks.control.recovery import Recovery
from rivals.tasks.control.rollout import Pairs
from rivals.tasks.control.training import NEXT as USUAL
from rivals.tasks.control.training import OPTIONS, flat, shown_of, train, warm

__all__ = ["NEXT", "OPTIONS", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe"]

NEXT = (("train control.ppo --reward {run}", "teach another policy by the recovered reward"), *USUAL)
"""What to do with a finished run, and what it is for."""


@trainable
def recipe(
    *,
    environment: str = "Pendulum",
    expert: Path | None = None,
    demonstrations: int = 10,
    pairs: int = 0,
    temperature: float = 0.0,
    gamma: float = 10.0,
    width: int = 64,
    rate: float = 1e-3,
    judge_rate: float = 1e-3,
    discount: float = 0.98,
    entropy: float = 0.0,
    copies: int = 32,
    steps: int = 200,
    epochs: int = 10,
    minibatch: int = 640,
    samples: int = 200_000,
    batch: int = 256,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "control-airl",
) -> Trainer[Pairs]:
    """Imitation by an adversary whose discriminator holds a reward (AIRL), which can teach another policy from the beginning.

    Parameters
    ----------
    entropy
        Weight of the policy's entropy beside that which the game has already.
    samples
        Length of the run: steps of the policy in all, of which as many expert pairs are drawn.
    """
    positive(width=width, judge_rate=judge_rate)
    learning = Learning(copies, steps, epochs, minibatch, discount, entropy=entropy, rate=rate)
    shown, facts = shown_of(environment, expert, demonstrations, pairs, seed)
    facts |= {"width": width, "temperature": warm(temperature), "discount": discount}
    made = game(facts)
    made.learning, made.penalties, made.rate = learning, flat(gamma), judge_rate
    made.fit(shown.pairs)
    settings = Settings(samples, batch, None, seed, device, precision, workers, out, name)
    return train(made, shown.pairs, facts, settings, {"generator": rate, "value": rate, "discriminator": judge_rate})


def game(facts: Mapping[str, Any]) -> Recovery:
    """The game of a run, untrained: what playing and scoring need."""
    given = {name: facts[name] for name in ("width", "temperature", "discount")}
    return Recovery(facts["environment"], **given)
