"""The recipe from good pictures to a judged run, job by job, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from good_files import folder

from rivals import tasks
from rivals.core.errors import UserError
from rivals.media.wanted import Wanted
from rivals.metrics import Judging, MetricCard
from rivals.model import Model, load
from rivals.report.meaning import meaning
from rivals.tasks.restoration import baselines
from rivals.tasks.restoration.damage import JOBS
from rivals.tasks.restoration.measures import MEASURES

TINY = {"width": 4, "blocks": 1, "judge": 4, "samples": 16, "batch": 4, "adversarial_share": 0.5}


def train(data: Path, job: str, out: Path, **options: Any) -> Model:
    held_out = out.parent / f"held-{out.name}"
    folder(held_out, 2, height=24, width=32)
    trainer = tasks.find("restoration")[1](data=data, held_out=held_out, job=job, out=out, **(TINY | options))
    trainer.fit(progress=False)
    return load(out)


@pytest.fixture(autouse=True)
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "WINDOWS", 32)  # a filter fitted on so few is no yardstick, and quick


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("good") / "in", 8)


@pytest.fixture(scope="module")
def enlarger(pictures: Path) -> Model:
    return train(pictures, "super-resolution", pictures.parent / "enlarger", scale=2)


@pytest.mark.parametrize("job", JOBS)
def test_every_job_trains_and_is_judged(job: str, pictures: Path, tmp_path: Path) -> None:
    options = {"strength": 6.0} if job == "inpaint" else {}
    model = train(pictures, job, tmp_path / job, **options)
    assert len(list((tmp_path / job / "samples").glob("*.png"))) == 4, "one a round"
    cards = model.evaluate(Judging(samples=20))
    assert tuple(cards) == MEASURES[job]
    for name, card in cards.items():
        assert (
            card.low <= card.value <= card.high
            and card.samples == 2
            and "fidelity stage" in card.beside
            and len(card.beside) == 4
        )
        assert meaning(name).plain, f"no words for {name}"
        assert MetricCard.from_dict(json.loads(json.dumps(card.as_dict()))) == card


def test_a_run_without_a_second_stage_has_one_network(pictures: Path, tmp_path: Path) -> None:
    model = train(pictures, "denoise", tmp_path / "run", adversarial_share=0.0)
    same = zip(model.game.faithful.parameters(), model.game.generator.parameters(), strict=True)
    assert all(torch.equal(f, g) for f, g in same)
    assert "fidelity stage" not in model.evaluate(Judging(samples=20, metric="psnr"))["psnr"].beside


def test_the_judged_run_has_sheets_and_a_report(enlarger: Model) -> None:
    enlarger.judge(Judging(samples=20))
    found = {path.stem for path in (enlarger.run / "judged").glob("*.png")}
    assert found == {"worst", "best", "sheet"} and "bicubic" in (enlarger.run / "report.html").read_text()


def test_held_out_pictures_are_drawn(enlarger: Model, tmp_path: Path) -> None:
    said = enlarger.task.draw(enlarger, Wanted(5, 0, tmp_path / "out"))
    assert said.startswith("2 held-out pictures")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"0000-00.png", "0001-01.png", "sheet.png"}
    with pytest.raises(UserError, match="--label is not for"):
        enlarger.task.draw(enlarger, Wanted(5, 0, tmp_path / "other", label="1"))


def test_the_figure_follows_the_network(enlarger: Model) -> None:
    model, judging = load(enlarger.run), Judging(samples=20, metric="psnr")
    trained = model.evaluate(judging)["psnr"]
    torch.nn.init.normal_(model.game.generator.paint.weight, std=0.05)
    spoiled = model.evaluate(judging)["psnr"]
    assert spoiled.value < trained.value - 1
    for name in ("fidelity stage", "bicubic", "linear filter"):
        assert spoiled.beside[name] == trained.beside[name]


def test_pictures_that_changed_are_not_judged_with(pictures: Path, tmp_path: Path) -> None:
    model = train(folder(tmp_path / "own", 4), "denoise", tmp_path / "run")
    (tmp_path / "own" / "00.png").unlink()
    with pytest.raises(UserError, match="has changed"):
        model.evaluate(Judging(samples=20))


def test_a_run_goes_on_from_another(pictures: Path, enlarger: Model, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(pictures, "super-resolution", tmp_path / "run", scale=2, start=enlarger.run, adversarial_share=1.0)
    assert "generator from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"job": "super-resolution", "scale": 3, "crop": 16}, "multiple of 3"),
        ({"job": "denoise", "crop": 18}, "multiple of 4"),
        ({"job": "denoise", "crop": 64}, "smaller than the 64x64"),
        ({"job": "inpaint", "strength": 40.0}, "hole's side"),
        ({"job": "denoise", "adversarial_share": 1.5}, "adversarial-share is 1.5"),
        ({"job": "denoise", "features": Path("missing.pth")}, "missing.pth is no file"),
        ({"job": "jpeg", "strength": 0.0}, "above 0"),
        ({"job": "denoise", "width": 0}, "width is 0"),
        ({"job": "denoise", "matching": -1.0}, "matching is -1.0: give at least 0"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    options: dict[str, Any], words: str, pictures: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        tasks.find("restoration")[1](data=pictures, out=tmp_path / "run", **(TINY | options))
    assert not (tmp_path / "run").exists()


def test_an_unknown_measure_is_refused(enlarger: Model) -> None:
    with pytest.raises(UserError, match="unknown metric 'chroma': for super-resolution give one of psnr"):
        enlarger.evaluate(Judging(samples=20, metric="chroma"))
