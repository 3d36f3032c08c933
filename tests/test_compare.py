"""rivals compare: every run is made once, taken up again where it stopped, and shown as failed where it failed."""

import json
from pathlib import Path

import pytest

from rivals.cli import main

SHORT = "lab --data gaussian --samples 2560 --batch 64 --width 8 --moments 2"


def called(*tokens: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(["compare", *tokens])
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One game that ends, and one that fails, as its data has too few points."""
    folder = tmp_path_factory.mktemp("compare")
    (folder / "few <b>.csv").write_text("1\n2\n")
    assert called(SHORT, f"lab --data '{folder / 'few <b>.csv'}'", "--seeds", "2", "-o", str(folder / "out")) == 0
    return folder / "out"


def test_figures_over_seeds_and_the_failure_are_shown(out: Path) -> None:
    good, bad = json.loads((out / "compare.json").read_text())
    assert good["seeds"] == [0, 1] and not good["failed"] and good["figures"]["divergence"]["runs"] == 2
    assert good["figures"]["divergence"]["deviation"] > 0
    assert bad["seeds"] == [] and set(bad["failed"]) == {"0", "1"} and "at least 50" in bad["failed"]["0"]
    page = (out / "compare.html").read_text()
    assert "seed 1 failed" in page and "±" in page and "<b>" not in page and "&lt;b&gt;" in page
    assert page.count("data:image") == 2 and "http" not in page.replace("http-equiv", "")


def test_finished_runs_are_kept_and_stopped_ones_go_on(out: Path, capfd: pytest.CaptureFixture[str]) -> None:
    first, second = sorted(out.glob("lab-data-gaussian-*/seed-?"))
    before = (first / "lab.html").stat().st_mtime_ns
    (second / "report.html").unlink()  # as if it had been stopped between its last step and its judgement
    assert called(SHORT, "--seeds", "2", "-o", str(out)) == 0
    assert (first / "lab.html").stat().st_mtime_ns == before and (second / "report.html").is_file()
    assert [each["seeds"] for each in json.loads((out / "compare.json").read_text())] == [[0, 1]]


@pytest.mark.parametrize(
    ("games", "words"),
    [
        ([SHORT, SHORT], "given twice"),
        (["labb"], "unknown recipe"),
        (["lab --objectiv hinge"], "--objectiv"),
        (["lab --seed 3"], "leave out --seed"),
        (["lab -o here"], "leave out -o"),
        (["lab --help"], "asks for help"),
        (["lab --data 'x"], "quotes"),
        ([" "], "names no recipe"),
        ([SHORT, "--seeds", "0"], "at least 1"),
    ],
)
def test_mistakes_are_one_line_and_nothing_is_written(
    games: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(*games, "-o", str(tmp_path / "out")) == 2
    told = capsys.readouterr().err.strip()
    assert words in told and len(told.splitlines()) == 1 and not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "photo.png").write_text("kept")
    assert called(SHORT, "-o", str(tmp_path)) == 2
    assert "no comparison" in capsys.readouterr().err and [each.name for each in tmp_path.iterdir()] == ["photo.png"]
