"""Rollback (RELIABILITY B2): a run that diverges goes back to its last healthy state, slower and with other noise, three
times at most; the same path to the same bits, however often it is killed on the way."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import command, ended, fork, recipe, told, trainer
from test_ranks import both, pair

from rivals.core.rollback import Diverged
from rivals.core.store import Store
from rivals.core.trainer import NotFinite, Trainer
from rivals.testing import final_digest, fingerprint

Plant = Callable[[Any], None]


def nan_in(tries: int, seen: int = 1664) -> Plant:
    """A loss that is NaN once `seen` samples are drawn, in the first tries alone: a fault that less speed mends."""

    def plant(playing: Any) -> None:
        loss = playing.game.generator_loss

        def spoilt(part: Any) -> Any:
            bad = playing.seen >= seen and len(playing.rollbacks) < tries
            return {name: term * (float("nan") if bad else 1.0) for name, term in loss(part).items()}

        playing.game.generator_loss = spoilt

    return plant


def word_of_a_watcher(tries: int, seen: int = 1664) -> Plant:
    """A watcher that suspects the game from 1,280 samples on, and calls it diverged at `seen`, in the first tries alone."""

    def watch(playing: Any, report: Any) -> None:
        if len(playing.rollbacks) < tries:
            playing.suspect = report.seen >= 1280
            playing.trouble = Diverged("it runs away") if report.seen >= seen else None

    def plant(playing: Any) -> None:
        playing.watchers = [watch]

    return plant


def planted(run: Path, plant: Plant, **settings: Any) -> Trainer[Any]:
    made = recipe(out=run, **settings)
    plant(made)
    return made.resume() if (run / "run.json").exists() else made


def play(run: Path, plant: Plant, rounds: int | None = None, **settings: Any) -> str:
    """Plays on, to the end or until a kill after so many rounds, those of abandoned tries counted."""
    playing = planted(run, plant, **settings)
    with told():
        for count, _ in enumerate(playing, start=1):
            if count == rounds:
                break
    if playing.store:
        playing.store.close()
    return final_digest(run) if rounds is None else ""


def lines(run: Path, key: str) -> list[Any]:
    return [line[key] for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if key in line]


@pytest.mark.parametrize(
    ("fault", "tries", "settings"),
    [(nan_in, 1, {}), (word_of_a_watcher, 2, {}), (nan_in, 3, {"measured": True, "norm": True, "save_every": 1000})],
    ids=["nan", "watcher", "nan, measured"],
)
def test_a_killed_run_takes_the_same_path(fault: Any, tries: int, settings: dict[str, Any], tmp_path: Path) -> None:
    """Killed at 4 moments, before, between and after the rollbacks, and at four in one run: the digest of the run that
    was not, every byte of the log too."""
    whole = play(tmp_path / "whole", fault(tries), **settings)
    assert [each["number"] for each in lines(tmp_path / "whole", "rollback")] == list(range(1, tries + 1))
    for rounds in (3, 12, 14, 18):
        run = tmp_path / f"at {rounds}"
        play(run, fault(tries), rounds, **settings)
        assert play(run, fault(tries), **settings) == whole, f"killed after {rounds} rounds"
    for rounds in (4, 11, 9, 10):
        play(tmp_path / "often", fault(tries), rounds, **settings)
    assert play(tmp_path / "often", fault(tries), **settings) == whole


def test_what_a_rollback_changes(tmp_path: Path) -> None:
    """The state it goes back to, half the rates (scheduled and not) and other noise after it; the log holds each sample
    once, and says from where, to where and why."""
    run = tmp_path / "run"
    whole, slow = planted(tmp_path / "whole", lambda _: None), planted(run, nan_in(2))
    rates = [whole.optimizers["generator"].param_groups[0]["lr"] for _ in whole]
    found = []
    slow.schedules.pop("lr")
    for group in slow.optimizers["generator"].param_groups:
        group["lr"] = 0.01
    with told() as warned:
        for report in slow:
            found.append((len(slow.rollbacks), report.round, slow.optimizers["generator"].param_groups[0]["lr"]))
    assert [text.rpartition(": ")[2] for text in warned] == [
        f"rollback {n} of 3, to 1,280 samples, with half the learning rates" for n in (1, 2)
    ]
    assert [rate for tries, _, rate in found if tries == 0] == [0.01] * 12
    assert [(round_, rate) for tries, round_, rate in found if tries == 1] == [(10, 0.005), (11, 0.005)]
    assert [round_ for tries, round_, _ in found if tries == 2] == list(range(10, 20))
    assert {rate for tries, _, rate in found if tries == 2} == {0.0025}
    rollbacks = lines(run, "rollback")
    assert [(each["from"], each["to"], each["rate"]) for each in rollbacks] == [(1664, 1280, 0.5), (1664, 1280, 0.25)]
    assert all("generator's loss 'adversarial' is NaN" in each["why"] for each in rollbacks)
    played = [line["seen"] for line in map(json.loads, (run / "log.jsonl").read_text().splitlines()) if "rollback" not in line]
    assert played == [128 * n for n in range(1, 21)]
    scheduled = planted(tmp_path / "scheduled", nan_in(1))
    with told():
        after = [scheduled.optimizers["generator"].param_groups[0]["lr"] for _ in scheduled][-8:]
    assert after == [rate / 2 for rate in rates[-8:]]
    assert fingerprint(scheduled.game.state_dict()) != fingerprint(whole.game.state_dict())


def test_other_noise_after_a_rollback(tmp_path: Path) -> None:
    """The same round draws other numbers in another try, and the same ones again in the same try."""
    drawn: dict[int, list[float]] = {}
    playing = planted(tmp_path / "run", nan_in(2))
    loss = playing.game.discriminator_loss
    playing.game.discriminator_loss = lambda part: (
        (  # type: ignore[method-assign]
            drawn.setdefault(len(playing.rollbacks), []).append(float(torch.rand(()))) if playing.round == 11 else None
        )
        or loss(part)
    )
    play_on = told()
    with play_on:
        for _ in playing:
            pass
    assert len(drawn) == 3 and len({values[0] for values in drawn.values()}) == 3


@pytest.mark.parametrize("fault", [nan_in, word_of_a_watcher], ids=["nan", "watcher"])
def test_after_three_tries_it_stops(fault: Any, tmp_path: Path) -> None:
    """The fourth time it is the end: the error names the rollbacks, the log the reason, and the last good state stays."""
    run = tmp_path / "run"
    with pytest.raises(Diverged, match=r"after 3 rollbacks, the last to 1,280|after 3 rollbacks, the last to 640"):
        play(run, fault(9))
    assert len(lines(run, "rollback")) == 3 and len(lines(run, "stopped")) == 1
    assert Store(run).healthy(10**9)
    with pytest.raises(Diverged):  # and again, by the same path
        play(run, fault(9))
    assert len(lines(run, "rollback")) == 3 and len(lines(run, "stopped")) == 1


def test_without_a_state_it_stops_at_once(tmp_path: Path) -> None:
    """Before the first regular state, or without a run folder, there is nothing to go back to: NotFinite, as it was."""
    with pytest.raises(NotFinite) as stopped:
        play(tmp_path / "run", nan_in(1, seen=500))
    assert "rollback" not in str(stopped.value) and len(lines(tmp_path / "run", "stopped")) == 1
    playing = recipe(out=tmp_path / "none")
    playing.store = None
    nan_in(1)(playing)
    with pytest.raises(NotFinite):
        for _ in playing:
            pass


def test_a_suspected_state_is_no_place_to_go_back_to(tmp_path: Path) -> None:
    """The watcher suspects from 1,280 on: that state is kept to resume from, but the rollback goes to 640."""
    playing = planted(tmp_path / "run", word_of_a_watcher(1))
    with told():
        for report in playing:
            if report.seen == 1408:
                assert [(kept.seen, kept.interim) for kept in Store(tmp_path / "run").states()] == [(1280, True), (640, False)]
                break
    (rollback,) = lines(tmp_path / "run", "rollback") or [None]
    assert rollback is None
    play(tmp_path / "run", word_of_a_watcher(1))
    assert [each["to"] for each in lines(tmp_path / "run", "rollback")] == [640]


def test_a_stop_by_signal_on_the_way(tmp_path: Path) -> None:
    """SIGTERM in the round that diverges, and in the first one of a new try: saved or not, the same end."""
    whole = play(tmp_path / "whole", word_of_a_watcher(1))
    for number, (tries, seen) in enumerate([(0, 1664), (1, 768), (0, 1408)]):
        run = tmp_path / str(number)
        playing = planted(run, word_of_a_watcher(1))
        with told():
            for report in playing:
                if (len(playing.rollbacks), report.seen) == (tries, seen):
                    os.kill(os.getpid(), signal.SIGTERM)
        assert playing.stopped == signal.SIGTERM
        assert play(run, word_of_a_watcher(1)) == whole


def test_the_healthy_state_is_spared(tmp_path: Path) -> None:
    """However many interim states follow it, the newest healthy one stays, and no more than two in all."""
    run = tmp_path / "run"
    for _ in range(4):
        playing = trainer(run)
        for report in playing:
            if report.round % 5 in (1, 2, 3):
                os.kill(os.getpid(), signal.SIGTERM)
        there = Store(run).states()
        assert len(there) <= 2 and (playing.seen < 640 or any(not kept.interim for kept in there))
    assert Store(run).healthy(10**9).seen == max(k.seen for k in Store(run).states() if not k.interim)  # type: ignore[union-attr]


PLANTED = """
import tiny_gan
from test_rollback import nan_in
def recipe(*, samples: int = 2560, batch: int = 64, seed: int = 0, device: str = "cpu", precision: str = "auto",
           workers: int = 0, out: str = "", name: str = "", tries: int = 1):
    from pathlib import Path
    trainer = tiny_gan.recipe(out=Path(out), batch=batch, samples=samples)
    nan_in(tries)(trainer)
    return trainer
"""


def test_two_processes_go_back_together(tmp_path: Path) -> None:
    """Both ranks take the same rollback, and end with the digest of a repeat that was killed on the way."""
    (tmp_path / "planted.py").write_text(PLANTED)
    words = ("train", tmp_path / "planted.py", "--threads", 1, "--out")
    codes = both(pair(tmp_path / "told", *words, tmp_path / "one"))
    assert codes == [0, 0], (tmp_path / "told").read_text()
    assert len(lines(tmp_path / "one", "rollback")) == 1
    codes = both(pair(tmp_path / "told", *words, tmp_path / "two", "--tries", 9))
    assert codes == [3, 3], (tmp_path / "told").read_text()
    assert len(lines(tmp_path / "two", "rollback")) == 3


def test_the_command_line_leaves_with_3_and_a_report(tmp_path: Path) -> None:
    """Three tries, then exit code 3, one line for each of them, and the report is there."""
    (tmp_path / "planted.py").write_text(PLANTED)
    run = tmp_path / "run"
    code = ended(fork(lambda: command("train", tmp_path / "planted.py", "--tries", 9, "--out", run), tmp_path / "told"))
    text = (tmp_path / "told").read_text()
    assert code == 3 and text.count("rollback ") == 3 and "Traceback" not in text
    assert text.splitlines()[-1].startswith("rivals: round") and "after 3 rollbacks" in text.splitlines()[-1]
    assert (run / "report.html").is_file()
