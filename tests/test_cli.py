"""The command line: every command on a small run, and every mistake as one line, exit code 2, nothing written."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rivals.cli import called, main
from rivals.core.recipe import COMMON

ROOT = Path(__file__).parents[1]
SMALL = ["--samples", "6400", "--width", "32", "--threads", "1"]


def run(*tokens: str) -> int:
    """The exit code of one command line, played in this process."""
    with pytest.raises(SystemExit) as left:
        main(list(tokens))
    return int(left.value.code or 0)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of the digits recipe, made by the command line."""
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert run("train", "digits", "--out", str(folder), *SMALL) == 0
    return folder


def test_train_leaves_a_whole_run_folder(digits: Path) -> None:
    names = {path.name for path in digits.iterdir()}
    assert {"run.json", "log.jsonl", "samples", "samples.webp", "weights", "report.html", "quality.json"} <= names
    assert sorted(path.name for path in (digits / "weights").iterdir()) == ["discriminator.safetensors", "generator.safetensors"]
    record = json.loads((digits / "run.json").read_text())
    assert record["recipe"] == "digits" and record["arguments"]["width"] == 32 and record["environment"]["threads"] == 1
    with Image.open(max((digits / "samples").glob("*.png"))) as grid:
        assert grid.width > 10 * 8 and len(grid.convert("L").getcolors()) > 10
    with Image.open(digits / "samples.webp") as animation:
        assert animation.n_frames > 10
    lines = [json.loads(line) for line in (digits / "log.jsonl").read_text().splitlines()]
    assert len([line for line in lines if "look" not in line]) == 50  # every round is longer than samples / 300


def test_sample_writes_pictures_a_grid_and_arrays(digits: Path, tmp_path: Path) -> None:
    out = tmp_path / "sevens"
    assert run("sample", str(digits), "-n", "12", "--label", "7", "--seed", "1", "-o", str(out)) == 0
    arrays = np.load(out / "samples.npz")
    assert arrays["samples"].shape == (12, 1, 8, 8) and set(arrays["label"]) == {7}
    assert len(list(out.glob("0*-7.png"))) == 12 and (out / "grid.png").exists()
    again = tmp_path / "again"
    assert run("sample", str(digits), "-n", "12", "--label", "7", "--seed", "1", "-o", str(again)) == 0
    assert (out / "grid.png").read_bytes() == (again / "grid.png").read_bytes()
    other = tmp_path / "other"
    assert run("sample", str(digits), "-n", "12", "--label", "7", "--seed", "2", "-o", str(other)) == 0
    assert (out / "grid.png").read_bytes() != (other / "grid.png").read_bytes()
    assert run("sample", str(digits), "-n", "3", "-o", str(other)) == 2, "samples of two calls must not mix"
    assert len(list(other.glob("0*-7.png"))) == 12


def test_score_prints_a_probability_for_each_file(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    assert run("sample", str(digits), "-n", "2", "-o", str(tmp_path / "out")) == 0
    files = [str(tmp_path / "noise.png"), *map(str, sorted((tmp_path / "out").glob("0*.png")))]
    capsys.readouterr()
    assert run("score", str(digits), *files, "--json") == 0
    scores = json.loads(capsys.readouterr().out)["scores"]
    assert [row["file"] for row in scores] == files
    assert all(0 <= row["probability"] <= 1 for row in scores)
    assert scores[0]["score"] < min(row["score"] for row in scores[1:]), "noise must look less real than samples"
    assert run("score", str(digits), *files) == 0
    assert capsys.readouterr().out.count(".png") == 3


def test_evaluate_and_list_speak_json(digits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", str(digits), "--samples", "100", "--json") == 0
    cards = json.loads(capsys.readouterr().out)["cards"]
    assert {"frechet", "kernel", "coverage", "labels", "copies"} <= set(cards)
    for card in cards.values():
        assert {"backbone", "digest", "split", "samples", "seed", "low", "high"} <= set(card)
    assert run("list", "--root", str(digits.parent), "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert "digits" in listed["recipes"] and listed["runs"][0]["state"] == "finished"
    assert run("list", "--root", str(digits.parent)) == 0
    assert "finished" in capsys.readouterr().out


def test_dry_run_tells_the_cost_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "none"
    assert run("train", "digits", "--dry-run", "-o", str(folder), *SMALL) == 0
    told = capsys.readouterr().out
    assert not folder.exists()
    for word in ("generator:", "parameters", "minutes", "MiB", "stop", "--gamma"):
        assert word in told


def test_tensorboard_by_one_flag(tmp_path: Path) -> None:
    assert run("train", "digits", "--out", str(tmp_path / "run"), "--tensorboard", *SMALL) == 0
    assert list((tmp_path / "run" / "tensorboard").glob("events*"))


def test_a_recipe_in_the_users_own_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = tmp_path / "run", str(ROOT / "examples" / "new_gan.py")
    assert run("train", file, "--turns", "3", "--samples", "5120", "--out", str(folder), "--threads", "1") == 0
    record = json.loads((folder / "run.json").read_text())
    assert record["recipe"] == "new_gan.py" and record["arguments"]["turns"] == 3.0
    assert run("sample", str(folder), "-n", "5", "-o", str(tmp_path / "out"), "--recipe", file) == 0
    assert np.load(tmp_path / "out" / "samples.npz")["samples"].shape == (5, 2)
    assert (folder / "report.html").exists()
    assert run("resume", str(folder), "--recipe", file) == 0
    other = tmp_path / "other.py"
    other.write_text(Path(file).read_text().replace("turns: float = 2.0", "wings: float = 2.0"))
    assert run("resume", str(folder), "--recipe", str(other)) == 2
    assert "not by other.py" in capsys.readouterr().err
    capsys.readouterr()
    assert run("resume", str(folder)) == 2  # a file never names code to import
    assert "--recipe" in capsys.readouterr().err


MISTAKES = {
    "unknown recipe": (["train", "digts"], "digits"),
    "unknown command": (["trian", "digits"], "train"),
    "unknown option": (["train", "digits", "--gama", "3"], "--gamma"),
    "unknown value": (["train", "digits", "--objective", "hing"], "hinge"),
    "not a number": (["train", "digits", "--samples", "many"], "many"),
    "no samples": (["train", "digits", "--samples", "0"], "at least 1"),
    "unknown device": (["train", "digits", "--device", "gpu9"], "cpu"),
    "missing run": (["resume", "nowhere"], "nowhere"),
    "missing run to sample": (["sample", "nowhere"], "nowhere"),
    "missing file": (["train", "nothing.py"], "nothing.py"),
    "no width": (["train", "digits", "--width", "0"], "above 0"),
    "not a rate": (["train", "digits", "--rate", "-1"], "above 0"),
    "gamma is no number": (["train", "digits", "--gamma", "nan"], "gamma=nan"),
    "a rate without end": (["train", "digits", "--rate", "inf"], "rate is inf"),
    "a seed that is too large": (["train", "digits", "--seed", "99999999999999999999"], "seed"),
    "fewer than no workers": (["train", "digits", "--workers", "-1"], "workers"),
    "workers without end": (["train", "digits", "--workers", "100000"], "0 to 256"),
    "fewer than no threads": (["train", "digits", "--threads", "-3"], "threads"),
    "threads without end": (["train", "digits", "--threads", "100000"], "0 to 1024"),
    "a device without data": (["train", "digits", "--device", "meta"], "cpu"),
    "a name that is a path": (["train", "digits", "--name", "a/b"], "slashes"),
    "a folder with other files": (["train", "digits", "--samples", "640", "--out", "."], "other files"),
    "out is a file": (["train", "digits", "--samples", "640", "--out", "file"], "file"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    tokens, hint = MISTAKES[name]
    assert run(*tokens) == 2
    told = capsys.readouterr()
    assert hint in told.err and told.err.startswith("rivals: ") and told.out == ""
    assert len(told.err.strip().splitlines()) == 1, "one line"
    assert [path.name for path in tmp_path.iterdir()] == ["file"] and (tmp_path / "file").read_text() == "kept"


EARLY = {
    "device": (["--device", "gpu9"], "device 'gpu9' cannot be used here"),
    "samples": (["--samples", "0"], "samples is 0: give at least 1"),
    "batch": (["--batch", "0"], "batch is 0: give at least 1"),
    "workers": (["--workers", "-1"], "workers is -1: give 0 to 256"),
    "strength": (["--strength", "2"], "strength is 2.0: give 0 to 1"),
    "out": (["--out", "."], "holds other files"),
    "out, dry": (["--out", ".", "--dry-run"], "holds other files"),
    "name, dry": (["--name", "a/b", "--dry-run"], "slashes"),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_mistake_is_told_before_the_data_are_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("kept")
    recipes = ["images", "images.dcgan"]
    if name == "strength":
        recipes += [f"images.{each}" for each in ("biggan", "fastgan", "projected", "r3gan", "sngan", "stylegan2")]
    tokens, hint = EARLY[name]
    for recipe in recipes:
        assert run("train", recipe, "--data", "nowhere", *tokens) == 2
        assert hint in capsys.readouterr().err, recipe


BROKEN = {
    "syntax": ("def recipe(:", "line 1"),
    "import": ("import no_such_module", "no_such_module"),
    "no recipe": ("x = 1", "recipe"),
    "lacks options": ("def recipe(samples: int = 1): ...", "batch"),
    "no trainer": (f"def recipe({'=0, '.join(COMMON)}=0): ...", "returned None"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_recipe_file_is_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, hint = BROKEN[name]
    (tmp_path / "mine.py").write_text(text)
    assert run("train", str(tmp_path / "mine.py")) == 2
    told = capsys.readouterr().err.strip()
    assert hint in told and "mine.py" in told and len(told.splitlines()) == 1


def test_too_little_memory_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def full(threads: int) -> None:
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes")

    monkeypatch.setattr("rivals.cli.set_threads", full)
    assert run("train", "digits") == 2
    told = capsys.readouterr().err.strip()
    assert "more memory" in told and "--batch" in told and len(told.splitlines()) == 1


def test_a_run_that_cannot_be_judged_is_whole_and_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8))
    out = tmp_path / "run"
    options = ["--samples", "16", "--batch", "8", "--width", "4", "--threads", "1", "-o", str(out)]
    assert run("train", "images.dcgan", "--data", str(tmp_path / "few.npy"), *options) == 0
    told = capsys.readouterr()
    assert "trained, but not judged" in told.err and "Report:" in told.out and (out / "report.html").is_file()
    assert run("evaluate", str(out)) == 2
    assert "needs at least 12; give more data" in capsys.readouterr().err


def test_doctor_does_not_call_a_lost_log_healthy(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_bytes((digits / "run.json").read_bytes())
    assert run("doctor", str(tmp_path / "run")) == 2
    assert "holds no whole line" in capsys.readouterr().err


def test_list_shows_a_run_whose_record_is_nonsense(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text('{"recipe": null}')
    assert run("list", "--root", str(tmp_path)) == 0
    assert "not finished" in capsys.readouterr().out


def test_a_recipe_file_with_late_annotations_paths_and_a_common_name(tmp_path: Path) -> None:
    text = (
        (ROOT / "examples" / "new_gan.py")
        .read_text()
        .replace("import math\n", "from __future__ import annotations\nimport math\n", 1)
    )
    text = text.replace("turns: float = 2.0", "data: Path | None = None,\n    turns: float = 2.0")
    text = text.replace('    facts = {"turns"', '    assert data is None or data.name == "here"\n    facts = {"turns"')
    (tmp_path / "queue.py").write_text(text)  # must not shadow Python's own queue
    tokens = ["--data", str(tmp_path / "here"), "--samples", "5120", "--out", str(tmp_path / "run"), "--threads", "1"]
    assert run("train", str(tmp_path / "queue.py"), *tokens) == 0
    assert run("resume", str(tmp_path / "run"), "--recipe", str(tmp_path / "queue.py")) == 0


def test_a_damaged_quality_file_does_not_matter_to_score(digits: Path, tmp_path: Path) -> None:
    assert run("sample", str(digits), "-n", "1", "-o", str(tmp_path / "out")) == 0
    whole = (digits / "quality.json").read_bytes()
    for damaged in (b"{", b'{"cards": {}}', b"[]"):
        (digits / "quality.json").write_bytes(damaged)
        assert run("score", str(digits), *map(str, (tmp_path / "out").glob("0*.png"))) == 0
    (digits / "quality.json").write_bytes(whole)


def test_mistakes_with_a_run(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("L", (9, 8)).save(tmp_path / "wide.png")
    (tmp_path / "text.png").write_text("no picture")
    whole = (tmp_path / "wide.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    os.mkfifo(tmp_path / "pipe.png")
    for tokens, hint in [
        (["sample", str(digits), "--label", "10"], "0 to 9"),
        (["sample", str(digits), "-n", "0"], "at least one"),
        (["sample", str(digits), "-o", str(tmp_path / "text.png")], "folder"),
        (["score", str(digits), str(tmp_path / "wide.png")], "9x8"),
        (["score", str(digits), str(tmp_path / "text.png")], "cannot be read"),
        (["score", str(digits), str(tmp_path / "cut.png")], "cannot be read"),
        (["score", str(digits), str(tmp_path / "gone.png")], "gone.png"),
        (["score", str(digits), str(tmp_path / "pipe.png")], "is a pipe"),
        (["evaluate", str(digits), "--samples", "3"], "at least"),
        (["evaluate", str(digits), "--seed", "99999999999999999999"], "seed"),
        (["evaluate", str(digits), "--weights", "any.pth"], "--backbone inception"),
        (["sample", str(digits), "--where", "a=1", "-o", str(tmp_path / "none")], "--where is not for samples of this run"),
        (["sample", str(digits), "--given", "a.csv", "-o", str(tmp_path / "none")], "--given is not for"),
        (["sample", str(digits), "--safe-csv", "-o", str(tmp_path / "none")], "--safe-csv is not for"),
        (["inspect", str(tmp_path), "--types", "a=category"], "--types is for tables"),
        (["inspect", str(tmp_path / "t.csv"), "--labels", "a.csv"], "--labels is for pictures"),
        (["train", "digits", "--out", str(digits), *SMALL], "already holds a run"),
    ]:
        assert run(*tokens) == 2, tokens
        told = capsys.readouterr().err.strip()
        assert hint in told and len(told.splitlines()) == 1, told


def test_inspect_tells_pictures_from_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "t.csv").write_text("size,price\n" + "".join(f"{i % 3},{i / 4:.2f}\n" for i in range(40)))
    (tmp_path / "kinds.json").write_text('{"price": "category"}')
    assert run("inspect", str(tmp_path / "t.csv"), "--json") == 0
    kinds = {each["name"]: each["kind"] for each in json.loads(capsys.readouterr().out)["columns"]}
    assert kinds == {"size": "integer", "price": "number"}
    assert run("inspect", str(tmp_path / "t.csv"), "--types", "size=ordered", "--types", str(tmp_path / "kinds.json")) == 0
    told = capsys.readouterr().out
    assert "40 rows" in told and "ordered" in told and "category" in told
    (tmp_path / "pictures").mkdir()
    Image.new("L", (9, 8)).save(tmp_path / "pictures" / "a.png")
    assert run("inspect", str(tmp_path / "pictures")) == 0
    assert "1 pictures" in capsys.readouterr().out


def test_help_does_not_import_torch() -> None:
    code = "import sys; from rivals.cli import main\ntry: main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip().endswith("False") and "train" in told


def test_completion_can_be_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--install-completion", "--help") == 0
    assert "shell" in capsys.readouterr().out


def test_samples_that_could_not_all_be_written_are_not_left(digits: Path, tmp_path: Path) -> None:
    """The disk is full in the middle: no part of them stays, and the line names the place."""
    code = f"from rivals.cli import main; main(['sample', {str(digits)!r}, '-n', '500', '-o', 'out'])"
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (8192, -1)); "
    done = subprocess.run([sys.executable, "-c", limit + code], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2 and done.stderr == "rivals: out: File too large\n" and not list(tmp_path.iterdir())


def test_what_to_do_next_can_be_pasted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["/somewhere/rivals/__main__.py"])
    assert called() == f"{sys.executable} -m rivals"
    monkeypatch.setattr(sys, "argv", ["/some where/rivals"])
    assert called() == "'/some where/rivals'"


def test_standard_output_may_be_closed() -> None:
    done = subprocess.run([sys.executable, "-m", "rivals", "list"], stderr=subprocess.PIPE, preexec_fn=lambda: os.close(1))
    assert not done.returncode and not done.stderr


@pytest.mark.parametrize("name", ["pandas", "pyarrow", "opacus", "tensorboard"])
def test_a_missing_extra_is_named(name: str, tmp_path: Path) -> None:
    """In a process that cannot import it: one line that says how to install it."""
    (tmp_path / "rows.csv").write_text("a,b\n" + "".join(f"{i},{i % 3}\n" for i in range(80)))
    tokens = {
        "opacus": ["train", "tables", "--data", "rows.csv", "--epsilon", "3", "--dry-run"],
        "tensorboard": ["train", "digits", "--samples", "64", "--tensorboard"],
    }.get(name, ["inspect", "rows.csv"])
    if name == "pyarrow":
        (tmp_path / "rows.parquet").write_bytes(b"PAR1")
        tokens = ["inspect", "rows.parquet"]
    code = f"import sys; sys.modules[{name!r}] = None; from rivals.cli import main; main({tokens!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    extra = {"opacus": "dp", "tensorboard": "tensorboard"}.get(name, "tables")
    assert done.returncode == 2 and f"rivals[{extra}]" in done.stderr
    assert "Traceback" not in done.stderr and not (tmp_path / "runs").exists()
