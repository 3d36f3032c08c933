"""What the recipes of control do alike: facts about the run, the trainer, and the words of their options."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.errors import UserError
from rivals.core.penalties import gradient_penalty
from rivals.core.schedules import cosine
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.games.settings import Settings
from rivals.tasks.control.demonstrations import Shown, load
from rivals.tasks.control.environments import find
from rivals.tasks.control.learning import Control
from rivals.tasks.control.rollout import Pairs

OPTIONS = {
    "environment": "CartPole, Pendulum, or a name of Gymnasium's, such as Acrobot-v1.",
    "expert": "An .npz of obs and acts; by default the recipe's own expert, of CartPole and Pendulum.",
    "demonstrations": "Episodes of the expert that are shown; of a file its first ones.",
    "pairs": "Steps of each episode that are kept, evenly apart; 0 for all.",
    "temperature": "Of the actions that are sampled and judged: 0 the likeliest, 1 as likely as the policy has them.",
    "width": "Units of each of two hidden layers, in every player.",
    "gamma": "Weight of the gradient penalty of the discriminator.",
    "rate": "Adam's learning rate of policy and value function; it falls to a tenth.",
    "judge_rate": "The discriminator's; it falls to a tenth.",
    "discount": "How much a reward counts one step later.",
    "entropy": "Weight of the policy's entropy.",
    "copies": "Environments played together in a round.",
    "steps": "Steps of each copy in a round; 0 for the longest episode.",
    "epochs": "How often PPO goes through a round's steps.",
    "minibatch": "Steps in each move of policy and value function.",
}
"""The options that the recipes of control share, and what the command line's help says of them."""

NEXT = (
    ("sample {run} -n 10 -o played/", "ten episodes as an .npz, which --expert takes"),
    ("evaluate {run}", "returns of imitator, expert, cloning and chance"),
    ("score {run} FILE.npz", "how much like the expert's each step is"),
)
"""What to do with a finished run, and what it is for."""


def shown_of(environment: str, expert: Path | None, demonstrations: int, pairs: int, seed: int) -> tuple[Shown, dict[str, Any]]:
    """The demonstrations of a new run, and what run.json keeps of them; raises UserError."""
    if demonstrations < 1 or pairs < 0:
        raise UserError(f"demonstrations ({demonstrations}) must be at least 1, and pairs ({pairs}) at least 0")
    shown = load(find(environment), expert, demonstrations, pairs, seed)
    source = None if expert is None else str(expert.resolve())
    facts = {"environment": environment, "expert": source, "demonstrations": demonstrations, "pairs": pairs, "seed": seed}
    return shown, facts | {"data": shown.digest}


def warm(temperature: float) -> float:
    """A temperature; raises UserError outside 0 to 1."""
    if not 0 <= temperature <= 1:
        raise UserError(f"temperature is {temperature}: give a number from 0 (the likeliest action) to 1 (as the policy has it)")
    return temperature


def flat(gamma: float) -> dict[str, Any]:
    """The discriminator's penalty, by name; none where gamma is 0."""
    if not gamma >= 0:
        raise UserError(f"gamma is {gamma}: give 0 or more")
    return {"flat": gradient_penalty(gamma, one_sided=True)} if gamma else {}


def train(
    game: Control, pairs: Pairs, facts: Mapping[str, Any], settings: Settings, rates: Mapping[str, float]
) -> Trainer[Pairs]:
    """The trainer of a game of control. rates: of each player at the start; they fall to a tenth."""
    return Trainer(
        game,
        pairs.stream(settings.seed),
        samples=settings.samples,
        batch=settings.batch,
        seed=settings.seed,
        device=settings.device,
        precision=settings.precision,
        half_life=settings.samples / 50,
        log_every=1,
        schedules={f"{name}.lr": cosine(rate, rate / 10) for name, rate in rates.items()},
        facts=facts,
        store=Store(settings.out, name=settings.name),
    )
