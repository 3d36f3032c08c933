"""Demonstrations: an expert's steps, of the recipe's own expert or from a user's .npz.

A file holds `obs` and `acts`, as the package imitation saves trajectories and transitions, or Minari's names `observations` and
`actions`, in the order of time. One observation more than actions for each episode is fine.
"""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from rivals.core.errors import UserError
from rivals.core.store import write_file
from rivals.core.stream import mix
from rivals.core.types import Tensor
from rivals.tasks.control.environments import Environment, Space, find
from rivals.tasks.control.experts import demonstrations, expert, spread
from rivals.tasks.control.rollout import Pairs, decode, encode

NAMES = {"obs": ("obs", "observations"), "acts": ("acts", "actions")}
ENDS = ("dones", "terminal", "terminations", "truncations")


class Shown(NamedTuple):
    """An expert's pairs, the returns of its episodes (none where they are unknown), and the SHA-256 of the pairs."""

    pairs: Pairs
    returns: Tensor
    digest: str


def load(environment: Environment, source: Path | None, count: int, kept: int, seed: int) -> Shown:
    """`count` episodes of the expert, of each `kept` pairs (0: all). source: a file, of which the first `count` episodes are
    taken; None for the recipe's own expert. Raises UserError."""
    if source is None:
        pairs, returns = demonstrations(environment, expert(environment.name), count, kept, mix(seed, 1))
    else:
        pairs, returns = read(source, environment.space, count, kept, mix(seed, 1))
    return Shown(pairs, returns, hashlib.sha256(pairs.data.numpy().tobytes()).hexdigest())


def again(facts: Mapping[str, Any]) -> Shown:
    """The demonstrations of a run; raises UserError where the file has gone or changed."""
    source = None if facts["expert"] is None else Path(facts["expert"])
    shown = load(find(facts["environment"]), source, facts["demonstrations"], facts["pairs"], facts["seed"])
    if shown.digest != facts["data"]:
        raise UserError(f"{source or 'the expert'} is not what the run was trained on: restore it")
    return shown


def read(path: Path, space: Space, count: int = 0, kept: int = 0, seed: int = 0) -> tuple[Pairs, Tensor]:
    """The pairs of a file's first `count` episodes (0: of all), and their returns where the file has `rews` or `rewards`.

    Raises UserError for a file that is no .npz, lacks an array, or is of another environment.
    """
    arrays = _arrays(path)
    obs, acts = arrays["obs"].astype(np.float32), _actions(path, arrays["acts"], space)
    if obs.ndim != 2 or obs.shape[1] != space.observations:
        raise UserError(f"{path}: an observation has shape {list(obs.shape[1:])}, but this environment's has "
                        f"{[space.observations]}: it is of another environment")  # fmt: skip
    if not np.isfinite(obs).all():
        raise UserError(f"{path}: obs holds NaN or infinite numbers: mend the file")
    ends = _ends(path, arrays, len(acts))
    extra = len(obs) - len(acts)
    if extra not in (0, len(ends)):
        raise UserError(f"{path}: {len(obs)} observations for {len(acts)} actions in {len(ends)} episodes: give as many, or one "
                        "more for each episode")  # fmt: skip
    starts = [0, *ends[:-1]]
    noise, rows, seen, after = torch.Generator().manual_seed(seed), [], [], []
    for episode, (start, end) in enumerate(zip(starts, ends, strict=True)):
        if count and episode >= count:
            break
        at = np.arange(start, end) + (episode if extra else 0)
        chosen = spread(end - start, kept, noise).numpy()
        rows.append(np.arange(start, end)[chosen])
        seen.append(at[chosen])
        after.append(np.minimum(at + 1, len(obs) - 1 if extra else at[-1])[chosen])
    picked, where, then = (np.concatenate(each) for each in (rows, seen, after))
    following = arrays["next_obs"].astype(np.float32)[picked] if "next_obs" in arrays else obs[then]
    data = torch.cat([torch.from_numpy(obs[where]), encode(space, acts[picked])], 1)
    rewards = arrays.get("rews")
    spans = list(zip(starts, ends, strict=True))[: count or None]
    returns = [] if rewards is None else [float(rewards[start:end].sum()) for start, end in spans]
    return Pairs(data, after=torch.from_numpy(following)), torch.tensor(returns)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays that matter, by imitation's names; the rest of the file, such as pickled infos, is not touched."""
    others = {"next_obs": ("next_obs",), "indices": ("indices",), "rews": ("rews", "rewards")} | {name: (name,) for name in ENDS}
    try:
        file = np.load(path, allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise UserError(f"{path} is one array: give an .npz with obs and acts")
        with file:
            found = {own: name for own, names in (NAMES | others).items() for name in names if name in file.files}
            if missing := [name for name in NAMES if name not in found]:
                raise UserError(f"{path} has no array {missing[0]!r}: it holds {', '.join(file.files) or 'nothing'}")
            arrays = {own: file[name] for own, name in found.items()}
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise UserError(f"{path} is no .npz of plain numbers: give one with obs and acts") from None
    if bad := [name for name, array in arrays.items() if array.dtype.kind not in "biuf"]:
        raise UserError(f"{path}: {bad[0]} does not hold plain numbers: mend the file")
    return arrays


def _actions(path: Path, acts: np.ndarray, space: Space) -> np.ndarray:
    if not len(acts):
        raise UserError(f"{path} holds no action: give at least one episode")
    if space.discrete:
        whole = acts.ndim == 1 and np.issubdtype(acts.dtype, np.integer)
        if not whole or acts.min() < 0 or acts.max() >= space.actions:
            raise UserError(f"{path}: acts must be one whole number each, 0 to {space.actions - 1}, as this environment takes")
        return acts
    if (
        not np.issubdtype(acts.dtype, np.number)
        or acts.reshape(len(acts), -1).shape[1] != space.actions
        or acts.dtype.kind in "iu"
    ):
        raise UserError(f"{path}: acts must be {space.actions} real numbers each, as this environment takes")
    if not np.isfinite(acts).all():
        raise UserError(f"{path}: acts holds NaN or infinite numbers: mend the file")
    return np.clip(acts.reshape(len(acts), -1).astype(np.float32), space.low, space.high)


def _ends(path: Path, arrays: Mapping[str, np.ndarray], steps: int) -> list[int]:
    """Where each episode ends, in numbers of actions; all is one episode where the file does not say."""
    ends: set[int] = set()
    if "indices" in arrays:
        ends |= {int(each) for each in arrays["indices"].reshape(-1)}
    for name in ENDS:
        if name in arrays and arrays[name].shape == (steps,):
            ends |= {int(each) + 1 for each in np.flatnonzero(arrays[name])}
    if any(not 0 <= end <= steps for end in ends):
        raise UserError(f"{path}: indices point beyond the {steps} actions: mend the file")
    return sorted((ends - {0}) | {steps})


def write(path: Path, rollout: Any, space: Space) -> tuple[int, float]:
    """The first episode of each copy as an .npz that `read` takes; returns how many, and their mean return."""
    count, first = rollout.reward.shape[1], rollout.first().bool()
    coded = decode(space, rollout.action.flatten(0, 1))
    action = coded.reshape(*rollout.reward.shape, *coded.shape[1:])
    columns = {"obs": rollout.observation, "next_obs": rollout.after, "rews": rollout.reward, "dones": rollout.over.bool()}
    arrays = {name: np.concatenate([tensor[first[:, i], i].numpy() for i in range(count)]) for name, tensor in columns.items()}
    arrays["acts"] = np.concatenate([action[first[:, i].numpy(), i] for i in range(count)])
    arrays["indices"] = np.cumsum(first.sum(0).numpy())[:-1]
    made = io.BytesIO()
    np.savez_compressed(made, **arrays)
    write_file(path, lambda file: file.write(made.getvalue()))
    return count, float(rollout.returns().mean())
