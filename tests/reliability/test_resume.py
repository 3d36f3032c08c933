"""Stop and resume give the same bits (RELIABILITY A7), and where they cannot, the run says so first (A12, D7)."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from harness import digest, play, told, trainer

from rivals.core.errors import UserError
from rivals.core.store import Store
from rivals.testing import final_digest

MATRIX: dict[str, dict[str, Any]] = {
    "plain": {},
    "two workers": {"workers": 2},
    "micro-batches": {"micro": 16},
    "two discriminator moves": {"moves": 2},
    "lazy penalty": {"lazy": 4},
    "batch norm": {"norm": True},
    "long average": {"half_life": 2000.0},
    "no average": {"half_life": 0.0},
    "bf16": {"precision": "bf16"},
    "a measure, the best kept": {"measured": True},
    "all at once": {"moves": 2, "lazy": 4, "micro": 24, "norm": True, "measured": True, "seed": 3},
}


@pytest.mark.parametrize("settings", MATRIX.values(), ids=MATRIX)
def test_a_stopped_run_ends_with_the_same_bits(settings: dict[str, Any], tmp_path: Path) -> None:
    """11 settings x 3 stops, before the first state, between two saves and near the end; then all in one run:
    every leaf of the state and every byte of the log equal, with no tolerance."""
    with told() as warned:
        whole = digest(tmp_path / "whole", **settings)
        for rounds in (2, 8, 18):
            play(tmp_path / f"at {rounds}", rounds, **settings)
            assert digest(tmp_path / f"at {rounds}", **settings) == whole, f"stopped after {rounds} rounds"
        for rounds in (2, 9, 4):
            play(tmp_path / "often", rounds, **settings)
        assert digest(tmp_path / "often", **settings) == whole, "stopped three times"
    assert all("bf16" in text for text in warned), warned


def test_workers_change_nothing(tmp_path: Path) -> None:
    """0 and 2 loader workers end with the same bits, also where one begins and the other goes on."""
    whole = digest(tmp_path / "whole")
    assert digest(tmp_path / "two", workers=2) == whole
    play(tmp_path / "mixed", 13, workers=2)
    assert digest(tmp_path / "mixed", workers=0) == whole


@pytest.mark.parametrize("rounds", [4, 5, 13, 20])
def test_a_stop_by_signal_loses_no_round(rounds: int, tmp_path: Path) -> None:
    """SIGTERM during a round, also one that is saved anyway or the last: its state is kept, with the measure if due."""
    whole = digest(tmp_path / "whole", measured=True)
    stopped = trainer(tmp_path / "run", measured=True)
    for report in stopped:
        if report.round + 1 == rounds:
            os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.stopped == signal.SIGTERM and stopped.round == rounds
    assert Store(tmp_path / "run").load()["round"] == rounds
    assert digest(tmp_path / "run", measured=True) == whole


def test_the_folder_is_free_once_nobody_trains_there(tmp_path: Path) -> None:
    """After a break, an end or a refused resume another trainer takes the folder, in the same process too."""
    play(tmp_path / "run", 7)
    with pytest.raises(UserError, match="data is not what"):
        trainer(tmp_path / "run", norm=True)
    play(tmp_path / "run")
    trainer(tmp_path / "run")


def test_one_trainer_goes_on_by_itself(tmp_path: Path) -> None:
    """Stopped and iterated again (Ctrl-C in a notebook): the same bits too."""
    again = trainer(tmp_path / "run")
    for report in again:
        if report.round == 12:
            os.kill(os.getpid(), signal.SIGINT)
    for _ in again:
        pass
    assert final_digest(tmp_path / "run") == digest(tmp_path / "whole")


@pytest.mark.parametrize("key", ["torch", "device", "threads", "precision", "processes"])
def test_another_environment_is_named(key: str, tmp_path: Path) -> None:
    """Each of the 5 facts that bits depend on, altered: a warning names it, both values, and promises nothing."""
    play(tmp_path / "run", 7)
    store = Store(tmp_path / "run")
    record = store.record()
    store.write_record(record | {"environment": record["environment"] | {key: "another"}})
    with told() as warned:
        trainer(tmp_path / "run")
    assert len(warned) == 1 and warned[0].startswith(f"{key} was another and is ") and "not to the same bits" in warned[0]


def test_threads_and_precision_are_seen_where_they_change(tmp_path: Path) -> None:
    """The environment is read, not remembered: other threads and another precision are noticed."""
    play(tmp_path / "run", 7)
    torch.set_num_threads(2)
    try:
        with told() as warned:
            trainer(tmp_path / "run", precision="bf16")
    finally:
        torch.set_num_threads(1)
    assert any(text.startswith("threads was 1 and is 2") for text in warned)
    assert any(text.startswith("precision was float32 and is bfloat16") for text in warned)


def test_other_data_is_refused(tmp_path: Path) -> None:
    """The facts of the data differ from those in run.json: refused, the changed fact named, nothing touched."""
    play(tmp_path / "run", 7)
    store = Store(tmp_path / "run")
    record = store.record()
    store.write_record(record | {"facts": record["facts"] | {"points": 499}})
    before = sorted((path.name, path.read_bytes()) for path in (tmp_path / "run").iterdir() if path.is_file())
    with pytest.raises(UserError, match=r"changed: points"):
        trainer(tmp_path / "run")
    assert before == sorted((path.name, path.read_bytes()) for path in (tmp_path / "run").iterdir() if path.is_file())
