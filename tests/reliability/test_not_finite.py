"""NaN and infinity (RELIABILITY B1): caught before the step, never saved, rolled back, at last told with exit code 3."""

from pathlib import Path
from typing import Any

import pytest
import torch
from harness import command, digest, ended, fork, play, recipe, told, trainer

from rivals.core.store import Store, first_not_finite
from rivals.core.trainer import NotFinite
from rivals.testing import fingerprint

BAD = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}


def spoil(playing: Any, site: str, bad: float) -> None:
    """Puts one bad number there."""
    if site == "weights":
        next(playing.game.generator.parameters()).data.view(-1)[0] = bad
    elif site == "buffers":
        next(iter(playing.game.generator.buffers())).view(-1)[0] = bad
    elif site == "averages":
        next(playing.averages.parameters()).data.view(-1)[0] = bad
    elif site == "data":
        batch, fetch = playing.draw(), playing.draw
        playing.draw = lambda: fetch().map(lambda t: torch.full_like(t, bad)) if batch is not None else batch
    elif site in ("loss", "penalty"):
        name = "generator_loss" if site == "loss" else "discriminator_loss"
        loss = getattr(playing.game, name)
        setattr(playing.game, name, lambda part: {**loss(part), "constant": torch.tensor(bad)})  # its gradient is finite
    elif site == "gradient":
        next(playing.game.discriminator.parameters()).register_hook(lambda gradient: gradient * bad)
    else:
        state = next(iter(playing.optimizers["generator"].state.values()))
        state["exp_avg_sq"].view(-1)[0] = bad


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the run that nothing spoils."""
    return digest(tmp_path_factory.mktemp("whole") / "run", norm=True)


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
@pytest.mark.parametrize("site", ["weights", "buffers", "averages", "data", "loss", "penalty", "gradient", "optimizer"])
def test_nothing_that_is_not_finite_is_ever_saved(site: str, bad: float, whole: str, tmp_path: Path) -> None:
    """8 sites x 3 values, put in after the seventh round of every try: three rollbacks, then NotFinite, no state after it,
    all that is on disk finite, and the run goes on from the last good state to the unbroken digest."""
    run = tmp_path / "run"
    with told() as warned, pytest.raises(NotFinite, match="round"):
        for report in (playing := recipe(out=run, norm=True)):
            if report.round == 6:
                spoil(playing, site, bad)
    assert len(warned) == 3 and all(f"rollback {n} of 3, to 640 samples" in text for n, text in enumerate(warned, start=1))
    states = Store(run).states()
    assert [kept.seen for kept in states] == [640]
    assert first_not_finite(Store(run).read(states[0])) is None
    assert digest(run, norm=True) == whole


@pytest.mark.parametrize("site", ["loss", "penalty", "gradient", "data"])
def test_it_is_caught_before_the_step(site: str, tmp_path: Path) -> None:
    """The player whose move it was has the weights that it had before."""
    playing = recipe(out=tmp_path / "run")
    spoil(playing, site, float("nan"))
    player = playing.game.generator if site == "loss" else playing.game.discriminator
    before = fingerprint(player.state_dict())
    with pytest.raises(NotFinite):
        playing.play()
    assert fingerprint(player.state_dict()) == before


def test_a_measure_that_is_not_finite_is_no_best(tmp_path: Path) -> None:
    """NaN as a quality keeps the best so far, and does not stand in the way of a later one."""
    playing, qualities = trainer(tmp_path / "run"), iter([3.0, float("nan"), 2.0, float("nan")])
    playing.measure = lambda _: next(qualities)
    for _ in playing:
        pass
    assert playing.best == 2.0 and "1920" in (tmp_path / "run/best").read_text()
    assert [kept.seen for kept in Store(tmp_path / "run").states()] == [2560, 1920]


BROKEN = """
import torch
from tiny_gan import recipe as tiny
def recipe(*, samples: int = 2560, batch: int = 64, seed: int = 0, device: str = "cpu", precision: str = "auto",
           workers: int = 0, out: str = "", name: str = ""):
    from pathlib import Path
    trainer = tiny(out=Path(out), samples=samples)
    loss = trainer.game.generator_loss
    trainer.game.generator_loss = lambda part: {name: term / (trainer.seen < 1000) for name, term in loss(part).items()}
    return trainer
"""


def test_the_command_line_says_so_in_one_line(tmp_path: Path) -> None:
    """Exit code 3, one line with the round, the player, the loss and what to change; the last good state stays."""
    (tmp_path / "broken.py").write_text(BROKEN)
    code = ended(fork(lambda: command("train", tmp_path / "broken.py", "--out", tmp_path / "run"), tmp_path / "told"))
    last = (tmp_path / "told").read_text().splitlines()[-1]
    assert code == 3 and "generator's loss 'adversarial' is NaN or infinite" in last and "learning rate" in last
    assert "Traceback" not in (tmp_path / "told").read_text()
    assert [kept.seen for kept in Store(tmp_path / "run").states()] == [640]
    play(tmp_path / "run")
