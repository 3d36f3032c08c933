"""GAIL: the contract, its pieces against their definitions, a short run from the shell to its report, and mistakes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from rivals.cli import main
from rivals.core.errors import UserError
from rivals.media.wanted import Wanted
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks import control
from rivals.tasks.control import judging
from rivals.tasks.control.cloning import clone
from rivals.tasks.control.demonstrations import load
from rivals.tasks.control.environments import CartPole, Space
from rivals.tasks.control.game import REWARDS, Imitation
from rivals.tasks.control.learning import Learning, advantages
from rivals.tasks.control.networks import FAR, Policy
from rivals.tasks.control.rollout import Rollout
from rivals.tasks.control.training import flat
from rivals.testing import check_game

SHORT = {"copies": 4, "epochs": 1, "minibatch": 200, "width": 8, "batch": 100}


@pytest.fixture(scope="module", autouse=True)
def short_cloning() -> Iterator[None]:
    """A hundred moves instead of thousands."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging, "clone", partial(clone, moves=100))
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rounds, and the page."""
    folder = tmp_path_factory.mktemp("control") / "run"
    control.recipe(samples=1600, demonstrations=2, out=folder, **SHORT).fit(progress=False)
    Model(folder).judge(Judging(samples=20))
    return folder


@pytest.mark.parametrize("environment", ["Pendulum", "CartPole-v1"])
def test_the_game_keeps_the_contract(environment: str) -> None:
    if environment == "CartPole-v1":
        pytest.importorskip("gymnasium")
    pairs = load(CartPole(), None, 1, 25, 0).pairs if environment != "Pendulum" else load_pendulum()

    def make() -> Imitation:
        learning = Learning(copies=2, steps=20, epochs=1, minibatch=20)
        game = Imitation(environment, width=8, penalties=flat(1.0), learning=learning)
        game.fit(pairs)
        return game

    check_game(make, pairs.stream(0), batch=8, rounds=2)


def load_pendulum() -> object:
    from rivals.tasks.control.environments import Pendulum

    return load(Pendulum(), None, 1, 40, 0).pairs


# The pieces.


def test_advantages_are_those_of_the_definition() -> None:
    noise = torch.Generator().manual_seed(0)
    t, n = 6, 2
    reward, value, after = (torch.rand(t, n, generator=noise) for _ in range(3))
    ended, over = torch.zeros(t, n), torch.zeros(t, n)
    ended[2, 0] = over[2, 0] = over[3, 1] = 1  # an end in one copy, a time limit in the other
    empty = torch.zeros(t, n, 1)
    learning = Learning(gamma=0.9, trace=0.8)
    found = advantages(reward, value, after, Rollout(empty, empty, empty, reward, ended, over), learning)
    for copy in range(n):
        for start in range(t):
            total, weight = 0.0, 1.0
            for step in range(start, t):
                next_value = 0.0 if ended[step, copy] else float(after[step, copy])
                total += weight * (float(reward[step, copy]) + 0.9 * next_value - float(value[step, copy]))
                weight *= 0.9 * 0.8
                if over[step, copy]:
                    break
            assert found[start, copy] == pytest.approx(total, abs=1e-5)


def test_rewards_have_the_signs_that_bias_them() -> None:
    score = torch.linspace(-5, 5, 11)
    d = score.sigmoid()
    assert torch.allclose(REWARDS["log-d"](score), d.log(), atol=1e-5) and (REWARDS["log-d"](score) < 0).all()
    assert (
        torch.allclose(REWARDS["minus-log-1-d"](score), -(1 - d).log(), atol=1e-4) and (REWARDS["minus-log-1-d"](score) > 0).all()
    )
    assert torch.allclose(REWARDS["logit"](score), d.log() - (1 - d).log(), atol=1e-4)


@pytest.mark.parametrize("space", [Space(3, 2, (-1.0, -1.0), (1.0, 1.0)), Space(3, 4)])
def test_a_policys_actions_are_as_likely_as_it_says(space: Space) -> None:
    torch.manual_seed(0)
    policy, noise = Policy(space), torch.Generator().manual_seed(0)
    seen = torch.randn(1, 3).expand(20_000, 3)
    with torch.no_grad():
        policy.layers[-1].weight.mul_(100)
        drawn = policy.act(seen, noise=noise)
        if space.discrete:
            assert torch.allclose(drawn.mean(0), policy(seen[:1])[0].softmax(0), atol=0.02)
            entropy = -policy.log_probability(seen, drawn).mean()
        else:
            told = torch.distributions.Normal(policy(seen), policy.log_deviation.exp())
            assert torch.allclose(policy.log_probability(seen, drawn), told.log_prob(drawn).sum(1), atol=1e-4)
            entropy = told.entropy().sum(1).mean()
        assert policy.entropy(seen)[0] == pytest.approx(float(entropy), abs=0.03)
        likeliest = policy.act(seen[:5], temperature=0.0)
        assert torch.equal(likeliest, policy.act(seen[:5], temperature=0.0))


def test_what_is_far_from_the_expert_looks_alike() -> None:
    game = Imitation("CartPole", width=8)
    game.fit(load(CartPole(), None, 1, 25, 0).pairs)
    far = torch.tensor([[1e4, 1e4, 1e4, 1e4], [1e6, 1e6, 1e6, 1e6]])
    assert (game.generator.scale(far) == FAR).all()


# The recipe.


def test_a_run_is_judged_beside_expert_cloning_and_chance(run: Path) -> None:
    cards = Model(run).evaluate(Judging(samples=20))
    assert list(cards) == ["return", "return-expert", "return-cloning", "return-random", "expert-share"]
    assert cards["return-expert"].value > -250 > -900 > cards["return-random"].value
    assert cards["return"].low < cards["return"].value < cards["return"].high and cards["return"].samples == 20
    assert set(cards["return"].beside) == {"expert", "cloning", "random"}
    assert cards["return"].as_dict() == Model(run).evaluate(Judging(samples=20))["return"].as_dict()


def test_the_report_has_a_moving_clip(run: Path) -> None:
    with Image.open(run / "judged" / "clip.webp") as clip:
        assert clip.n_frames > 20 and clip.size == (3 * 172 - 4, 168)
    text = (run / "report.html").read_text()
    assert "data:image/webp" in text and "Return of behaviour cloning" in text
    assert len(text) < 2_000_000


def test_episodes_come_back_as_an_expert(run: Path, tmp_path: Path) -> None:
    said = control.draw(Model(run), Wanted(3, 0, tmp_path / "x.npz"))
    assert said.startswith("3 episodes in")
    with np.load(tmp_path / "x.npz") as file:
        assert file["obs"].shape == (600, 3) and file["acts"].shape == (600, 1) and file["rews"].shape == (600,)
    control.draw(Model(run), Wanted(3, 0, tmp_path / "y.npz"))
    assert (tmp_path / "x.npz").read_bytes() == (tmp_path / "y.npz").read_bytes()
    trainer = control.recipe(samples=800, expert=tmp_path / "x.npz", demonstrations=2, out=tmp_path / "run", **SHORT)
    trainer.fit(progress=False)
    cards = Model(tmp_path / "run").judge(Judging(samples=20))
    assert cards["return-expert"].samples == 3 or cards["return-expert"].samples == 2
    (tmp_path / "x.npz").unlink()
    with pytest.raises(UserError, match=r"x\.npz cannot be read"):
        Model(tmp_path / "run").evaluate(Judging(samples=20))


def test_scores_are_of_rows(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    control.draw(Model(run), Wanted(1, 0, tmp_path / "x.npz"))
    with pytest.raises(SystemExit) as left:
        main(["score", str(run), str(tmp_path / "x.npz")])
    assert not left.value.code and capsys.readouterr().out.count("row ") == 200


def test_a_foreign_environment_is_judged_too(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("gymnasium")
    control.draw(Model(run), Wanted(2, 0, tmp_path / "x.npz"))
    control.recipe(samples=800, environment="Pendulum-v1", expert=tmp_path / "x.npz", out=tmp_path / "run", **SHORT).fit(
        progress=False
    )
    cards = Model(tmp_path / "run").judge(Judging(samples=20))
    assert cards["return-random"].value < -900 and not (tmp_path / "run" / "judged").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--environment Unicorn-v0", "Unicorn"),
        ("--environment Acrobot-v1", "no expert is known for Acrobot-v1"),
        ("--temperature 1.5", "temperature is 1.5"),
        ("--demonstrations 0", "at least 1"),
        ("--discount 1", "in [0, 1)"),
        ("--expert {place}/none.npz", "No such file"),
        ("--environment CartPole --expert {place}/pendulum.npz", "pendulum.npz"),
    ],
)
def test_a_mistake_is_one_line(words: str, told: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    control.draw(Model(run), Wanted(1, 0, tmp_path / "pendulum.npz"))
    with pytest.raises(SystemExit) as left:
        main(["train", "control", *words.format(place=tmp_path).split(), "--out", str(tmp_path / "new")])
    said = capsys.readouterr().err
    assert left.value.code == 2 and told in said and said.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_missing_gymnasium_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gymnasium", None)
    monkeypatch.delitem(sys.modules, "rivals.tasks.control.foreign", raising=False)
    with pytest.raises(SystemExit) as left:
        main(["train", "control", "--environment", "Acrobot-v1"])
    assert left.value.code == 2 and "pip install 'rivals[control]'" in capsys.readouterr().err
