"""Foreign: copies of an environment of Gymnasium, one after the other in this process."""

import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from rivals.core.errors import UserError
from rivals.tasks.control.environments import OWN, Space, Step

UNLIMITED = 1000  # steps of an episode where Gymnasium names no limit


class Foreign:
    """Episodes may end early; each copy then begins anew by itself. name: as registered, such as Acrobot-v1.

    Raises UserError for an environment that is unknown, lacks a package, or whose spaces are not supported: observations are a
    Box of one axis, actions Discrete or a bounded Box of one axis.
    """

    fixed = False

    def __init__(self, name: str) -> None:
        self.name, self.copies = name, list[Any]()
        first = self._make()
        self.steps = getattr(first.spec, "max_episode_steps", None) or UNLIMITED
        self.space = _space(name, first)
        self.copies = [first]

    def _make(self) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as that a newer version is registered
                return gymnasium.make(self.name, disable_env_checker=True)
        except gymnasium.error.DependencyNotInstalled as error:
            raise UserError(f"environment {self.name}: {' '.join(str(error).split())}") from None
        except (gymnasium.error.Error, ModuleNotFoundError) as error:
            told = " ".join(str(error).split()).rstrip(".")
            raise UserError(f"environment {self.name!r}: {told}: give {', '.join(OWN)} or a name of Gymnasium's") from None

    def reset(self, count: int, seed: int) -> np.ndarray:
        while len(self.copies) < count:
            self.copies.append(self._make())
        self.active = self.copies[:count]
        self.start = 1 if isinstance(self.active[0].action_space, Box) else int(self.active[0].action_space.start)
        seeds = np.random.SeedSequence(seed).generate_state(count, np.uint32).tolist()
        return _stack([each.reset(seed=own)[0] for each, own in zip(self.active, seeds, strict=True)])

    def step(self, actions: np.ndarray) -> Step:
        seen, now, told = [], [], []
        for each, action in zip(self.active, actions, strict=True):
            space = each.action_space
            took = self.start + int(action) if self.space.discrete else np.clip(action, space.low, space.high).astype(space.dtype)
            after, reward, ended, cut, _ = each.step(took)
            seen.append(after)
            now.append(each.reset()[0] if ended or cut else after)
            told.append((float(reward), bool(ended), bool(cut)))
        reward, ended, cut = (np.array(column) for column in zip(*told, strict=True))
        return Step(_stack(seen), reward.astype(np.float32), ended, cut & ~ended, _stack(now))


def _space(name: str, made: Any) -> Space:
    seen, done = made.observation_space, made.action_space
    if not isinstance(seen, Box) or len(seen.shape) != 1:
        raise UserError(f"environment {name}: observations are {seen}; only a Box of one axis is supported")
    if isinstance(done, Discrete):
        return Space(seen.shape[0], int(done.n))
    if isinstance(done, Box) and len(done.shape) == 1 and np.isfinite([done.low, done.high]).all():
        return Space(seen.shape[0], done.shape[0], tuple(map(float, done.low)), tuple(map(float, done.high)))
    raise UserError(f"environment {name}: actions are {done}; only Discrete and a bounded Box of one axis are supported")


def _stack(rows: list[Any]) -> np.ndarray:
    return np.stack(rows).astype(np.float32)
