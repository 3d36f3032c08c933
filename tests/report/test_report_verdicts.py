"""The doctor's section: each verdict with its figure and advice, rollbacks, the looks' curves; and what a bad log holds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_report_page import Page, check_sealed

from rivals.commands import doctor
from rivals.report import write

LOOK = {"bad": 0.0, "coverage": 0.8, "distance": 0.1, "variety": 0.9, "train": 0.6, "fake": 0.2, "held out": 0.5, "spread": 0.2}
BACK = {"number": 1, "rate": 0.5, "from": 900, "to": 640, "why": "<b>NaN</b>"}
Log = Callable[..., Path]


@pytest.fixture
def log(run: Path) -> Log:
    """Gives the run these lines instead of its own, as the round's number and the samples seen rise."""

    def change(*lines: dict[str, Any]) -> Path:
        numbered = [{"round": i, "seen": 100 * (i + 1)} | line for i, line in enumerate(lines)]
        (run / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in numbered))
        return run

    return change


def test_a_verdict_is_shown_with_what_to_change(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """Since when, by what figure, and what to change, in the report, as text and as JSON."""
    ill = {"look": LOOK | {"held out": 0.2}}
    run = log(*[{"look": LOOK}] * 3, *[ill] * 3)
    page = Page(write(run))
    check_sealed(page)
    (row,) = [each for each in page.tags("tr", "doctor") if "data-verdict" in each["attrs"]]
    assert row["attrs"]["data-verdict"] == "discriminator overfits"
    assert "since 400" in row["text"] and ": 1 (healthy: at most" in row["text"] and "Get more data" in row["text"]
    drawn = [each["text"].split(":")[0] for each in page.tags("title", "doctor")]
    assert drawn == ["Scores of the discriminator", "Variety", "Distance from real samples"]
    doctor(run)
    assert capsys.readouterr().out.startswith("discriminator overfits since 400 samples: share of the way")
    doctor(run, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["looks"] == 6 and [each["since"] for each in told["verdicts"]] == [400] and told["rollbacks"] == []


def test_a_healthy_run_and_one_without_looks(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    run = log(*[{"look": LOOK}] * 4)
    assert "Healthy: nothing found in 4 looks." in Page(write(run)).id("doctor")["text"]
    doctor(run)
    assert capsys.readouterr().out == "healthy: nothing found, 4 looks\n"
    run = log({"generator.adversarial": 0.5})
    assert "Nobody looked at this run's health" in Page(write(run)).id("doctor")["text"]
    doctor(run)
    assert capsys.readouterr().out.startswith("no looks")


def test_rollbacks_and_the_end_are_shown_as_text(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    """What a log says is never markup; a line that is no look or rollback as the trainer writes them is left out."""
    run = log({"look": LOOK}, {"rollback": BACK}, {"rollback": {"number": "x"}}, {"look": {"bad": "x"}}, {"look": 3},
              {"look": LOOK | {"coverage": None}}, {"rollback": 7}, {"stopped": "<i>again</i>"})  # fmt: skip
    page = Page(write(run))
    check_sealed(page)
    assert "<b>NaN</b>" in page.id("rollbacks")["text"] and "<i>again</i>" in page.id("stopped")["text"]
    assert not page.tags("b") and not page.tags("i") and len(page.tags("tr", "rollbacks")) == 2
    doctor(run)
    assert capsys.readouterr().out.splitlines() == [
        "rollback 1 from 900 to 640 samples, learning rates x 0.5: <b>NaN</b>",
        "stopped: <i>again</i>",
    ]
