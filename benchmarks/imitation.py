"""Imitation beside cloning, expert and chance: returns over 100 episodes, by environment and demonstrations, over seeds.

python benchmarks/imitation.py [--seeds 3] [--only NAME] [--airl ENVIRONMENT]   (a Markdown table; about a minute a run)

The control imitates an expert that always pushes to the right: who balances then was paid for surviving and not for imitating.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import control
from rivals.tasks.control import airl, ppo
from rivals.tasks.control.demonstrations import write
from rivals.tasks.control.environments import CartPole
from rivals.tasks.control.networks import dense
from rivals.tasks.control.rollout import play

RIGHT = "right.npz"
FEW = {"environment": "CartPole", "demonstrations": 1, "pairs": 25}
GAMES: dict[str, dict[str, Any]] = {
    "Pendulum, 10 demonstrations": {"environment": "Pendulum", "demonstrations": 10},
    "Pendulum, 5 demonstrations": {"environment": "Pendulum", "demonstrations": 5},
    "CartPole, 25 pairs": FEW,
    "control: always to the right": FEW | {"expert": RIGHT},
    "control, reward minus-log-1-d": FEW | {"expert": RIGHT, "reward": "minus-log-1-d"},
    "control, reward minus-log-1-d, CartPole-v1 that ends": FEW
    | {"environment": "CartPole-v1", "expert": RIGHT, "reward": "minus-log-1-d"},
    "control, reward logit, CartPole-v1 that ends": FEW | {"environment": "CartPole-v1", "expert": RIGHT},
}


def run(settings: dict[str, Any], seed: int, place: Path) -> tuple[dict[str, float], float]:
    """The returns of everybody, and the seconds of training."""
    if settings.get("expert") == RIGHT:
        file = place / RIGHT
        write(file, play(CartPole(), lambda seen: torch.tensor([[0.0, 1.0]]).expand(len(seen), 2), 1, 500, seed), CartPole.space)
        settings = settings | {"expert": file}
    trainer = control.recipe(**settings, seed=seed, out=place / "run")
    start = time.perf_counter()
    trainer.fit(progress=False)
    seconds = time.perf_counter() - start
    cards = Model(place / "run").evaluate(Judging(samples=100, seed=seed))
    return {name: card.value for name, card in cards.items()}, seconds


def recovered(environment: str, seed: int, place: Path) -> list[float]:
    """Share of the way to the expert: of the AIRL imitator, of PPO from scratch on its frozen reward, and on a random one."""
    judging, run = Judging(samples=100, seed=seed), place / "airl"
    airl.recipe(environment=environment, seed=seed, out=run).fit(progress=False)
    shares = [Model(run).evaluate(judging)["expert-share"].value]
    for name in ("recovered", "random"):
        trainer = ppo.recipe(environment=environment, reward=run, seed=seed + 100, out=place / name)
        if name == "random":
            reward = trainer.game.given.reward
            reward.load_state_dict(dense(len(reward[0].weight[0]), 1, len(reward[0].weight)).state_dict())
        trainer.fit(progress=False)
        shares.append(Model(place / name).evaluate(judging)["expert-share"].value)
    return shares


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default="", help="games whose name begins so")
    parser.add_argument("--airl", metavar="ENVIRONMENT", default="", help="the table of recovered rewards instead")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.airl:
        print("| environment | seed | AIRL imitator | PPO on its frozen reward | PPO on a random reward |\n|---|---|---|---|---|")
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as place:
                shares = recovered(options.airl, seed, Path(place))
            print(f"| {options.airl} | {seed} | {' | '.join(f'{share:.0%}' for share in shares)} |", flush=True)
        return
    print("| what | imitator, each seed | cloning | expert | chance | seconds |\n|---|---|---|---|---|---|")
    for name, settings in GAMES.items():
        if not name.startswith(options.only):
            continue
        rows = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as place:
                rows.append(run(settings, seed, Path(place)))

        def column(key: str, rows: list[tuple[dict[str, float], float]] = rows) -> str:
            return ", ".join(f"{found[key]:.0f}" for found, _ in rows)

        told = " | ".join(column(key) for key in ("return", "return-cloning", "return-expert", "return-random"))
        print(f"| {name} | {told} | {', '.join(f'{seconds:.0f}' for _, seconds in rows)} |", flush=True)


if __name__ == "__main__":
    main()
