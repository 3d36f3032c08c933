"""Experts that do their work, files in the layouts of others, and what is refused; cloning on plenty and on little."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rivals.core.errors import UserError
from rivals.tasks.control.cloning import clone
from rivals.tasks.control.demonstrations import load, read, write
from rivals.tasks.control.environments import CartPole, Pendulum, Space
from rivals.tasks.control.experts import EXPERTS
from rivals.tasks.control.rollout import decode, encode, play

CHOICES, TORQUE = CartPole.space, Pendulum.space


def episodes(lengths: tuple[int, ...] = (5, 3), d: int = 3) -> dict[str, np.ndarray]:
    """Observations that count, so that what follows what can be seen."""
    steps = sum(lengths)
    return {
        "obs": np.arange(steps * d, dtype=np.float32).reshape(steps, d),
        "acts": np.linspace(-2, 2, steps, dtype=np.float32)[:, None],
        "dones": np.isin(np.arange(steps), np.cumsum(lengths) - 1),
    }


def saved(place: Path, **arrays: np.ndarray) -> Path:
    np.savez(place / "demo.npz", **arrays)
    return place / "demo.npz"


def test_the_experts_do_their_work() -> None:
    for environment, least in ((CartPole(), 500), (Pendulum(), -190)):
        rollout = play(environment, EXPERTS[environment.name], 100, environment.steps, 1, episodes=True)
        assert rollout.returns().mean() >= least


def test_actions_are_coded_and_back() -> None:
    torques, choices = np.array([[-2.0], [0.5], [2.0]], np.float32), np.array([1, 0, 1])
    assert encode(TORQUE, torques).flatten().tolist() == [-1, 0.25, 1]
    assert np.allclose(decode(TORQUE, encode(TORQUE, torques)), torques)
    assert decode(TORQUE, torch.tensor([[7.0]])) == 2, "cut to the limits"
    assert decode(CHOICES, encode(CHOICES, choices)).tolist() == choices.tolist()


def test_pairs_are_spread_evenly_over_an_episode() -> None:
    shown = load(CartPole(), None, 2, 25, 0)
    assert len(shown.pairs) == 50 and len(load(CartPole(), None, 2, 0, 0).pairs) == 1000
    assert shown.returns.tolist() == [500, 500]
    assert shown.digest == load(CartPole(), None, 2, 25, 0).digest != load(CartPole(), None, 2, 25, 1).digest


@pytest.mark.parametrize("layout", ["transitions", "trajectories", "minari"])
def test_the_layouts_of_others_are_the_same_pairs(layout: str, tmp_path: Path) -> None:
    flat = episodes()
    if layout == "transitions":
        arrays = flat | {"next_obs": flat["obs"] + 3, "infos": np.array([{}] * 8, dtype=object)}
    else:
        last = flat["obs"][[4, 7]] + 3
        obs = np.concatenate([flat["obs"][:5], last[:1], flat["obs"][5:], last[1:]])
        arrays = {"obs": obs, "acts": flat["acts"], "indices": np.array([5]), "rews": np.ones(8)}
        if layout == "minari":
            arrays = {"observations": obs, "actions": flat["acts"], "terminations": flat["dones"], "rewards": np.ones(8)}
    pairs, returns = read(saved(tmp_path, **arrays), TORQUE)
    assert torch.equal(pairs.data[:, :3], torch.from_numpy(flat["obs"]))
    assert torch.allclose(pairs.data[:, 3:], torch.linspace(-1, 1, 8)[:, None])
    assert torch.equal(pairs.after, torch.from_numpy(flat["obs"]) + 3)
    assert returns.tolist() == ([] if layout == "transitions" else [5, 3])
    one, _ = read(saved(tmp_path, **arrays), TORQUE, count=1, kept=2)
    assert len(one) == 2 and one.data[1, 0] - one.data[0, 0] == 6, "every second one of five"


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    rollout = play(Pendulum(), EXPERTS["Pendulum"], 2, 200, 0, episodes=True)
    assert write(tmp_path / "x.npz", rollout, TORQUE)[0] == 2
    pairs, returns = read(tmp_path / "x.npz", TORQUE)
    assert torch.allclose(pairs.data, in_order(rollout), atol=1e-6) and torch.allclose(returns, rollout.returns(), atol=1e-2)
    assert torch.equal(pairs.after[:199], pairs.data[1:200, :3])


def in_order(rollout: object) -> torch.Tensor:
    data = rollout.pairs().data.view(200, 2, 4)  # type: ignore[attr-defined]
    return data.transpose(0, 1).flatten(0, 1)


@pytest.mark.parametrize(
    ("arrays", "space", "told"),
    [
        (episodes(d=4), TORQUE, "another environment"),
        (episodes(d=4), CHOICES, "whole number"),
        (episodes(d=4) | {"acts": np.full(8, 2)}, CHOICES, "0 to 1"),
        (episodes() | {"acts": np.zeros((8, 2), np.float32)}, TORQUE, "1 real numbers"),
        (episodes() | {"acts": np.zeros(8, np.int64)}, TORQUE, "real numbers"),
        (episodes() | {"obs": np.full((8, 3), np.nan)}, TORQUE, "NaN"),
        (episodes() | {"obs": np.zeros((11, 3))}, TORQUE, "one more for each"),
        (episodes() | {"acts": np.zeros((0, 1), np.float32)}, TORQUE, "no action"),
        (episodes() | {"indices": np.array([99])}, TORQUE, "beyond"),
        ({"obs": np.zeros((8, 3))}, TORQUE, "no array 'acts'"),
        (episodes() | {"acts": np.array([{}] * 8, dtype=object)}, TORQUE, "plain numbers"),
        (episodes() | {"obs": np.array(["a"] * 8)}, TORQUE, "plain numbers"),
    ],
)
def test_a_bad_file_is_one_line(arrays: dict[str, np.ndarray], space: Space, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told) as error:
        read(saved(tmp_path, **arrays), space)
    assert "\n" not in str(error.value) and "demo.npz" in str(error.value)


def test_what_is_no_file_of_arrays_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no")
    np.save(tmp_path / "one.npy", np.zeros(3))
    for name, told in (("text.npz", "plain numbers"), ("one.npy", "one array"), ("none.npz", "No such file")):
        with pytest.raises(UserError, match=told):
            read(tmp_path / name, TORQUE)


def test_cloning_is_good_with_much_and_poor_with_little() -> None:
    """Agreement with the expert on the pairs of other episodes."""
    environment, found = CartPole(), {}
    seen, action = load(environment, None, 4, 0, 9).pairs.data.split([4, 2], 1)
    state = torch.default_generator.get_state()
    for count, kept in ((4, 0), (1, 5)):
        policy = clone(environment.space, load(environment, None, count, kept, 0).pairs, 0, moves=200)
        found[count] = float((policy(seen).argmax(1) == action.argmax(1)).float().mean())
    assert found[4] > 0.93 > found[1]
    assert torch.equal(state, torch.default_generator.get_state()), "training goes on from its own noise"
