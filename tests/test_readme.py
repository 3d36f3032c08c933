"""Everything that the README tells a reader to type works as it stands."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rivals import tasks
from rivals.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
LINES = [line.partition("#")[0].strip() for kind, block in BLOCKS if kind == "sh" for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("rivals ")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `make demo` leaves it, of a shorter run, with the repository's examples beside it."""
    place = tmp_path_factory.mktemp("readme")
    tasks.find("digits")[1](samples=6_400, width=16, out=place / "runs" / "0001-digits").fit(progress=False)
    (place / "examples").symlink_to(ROOT / "examples")
    for i, colours in enumerate(np.random.default_rng(0).integers(0, 256, (24, 9, 12, 3), dtype=np.uint8)):
        (place / "my-pictures").mkdir(exist_ok=True)
        Image.fromarray(colours).save(place / "my-pictures" / f"{i}.png")
    rows = "".join(f"{20 + i % 50},{['north', 'south', 'east'][i % 3]},{['yes', 'no'][i % 2]}\n" for i in range(200))
    (place / "customers.csv").write_text(f"age,region,churned\n{rows}")
    pairs(place)
    return place


def pairs(place: Path) -> None:
    """Label maps and photos, and the runs that translate and restore them."""
    for i, photo in enumerate(np.random.default_rng(1).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)):
        for name, pixels in {"facades/label": photo[..., 0] // 64, "facades/image": photo, "my-maps": photo[..., 0] // 64,
                             "good-pictures": photo, "small-pictures": photo[::4, ::4]}.items():  # fmt: skip
            (place / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.ascontiguousarray(pixels)).save(place / name / f"{i}.png")
    both, short = {"source": "label", "target": "image", "size": "32"}, {"samples": 16, "batch": 8}
    tasks.find("translation")[1](data=place / "facades", out=place / "runs" / "0002-translation", **both, **short).fit(
        progress=False
    )
    job = {"data": place / "good-pictures", "job": "super-resolution", "width": 8, "blocks": 1}
    tasks.find("restoration")[1](out=place / "runs" / "0003-restoration", **job, **short).fit(progress=False)


def test_the_commands_are_found() -> None:
    assert len(COMMANDS) >= 7 and {"make demo", "make test"} <= {line for line in LINES if line.startswith("make")}


def test_every_command_runs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for command in COMMANDS:
        tokens = shlex.split(command)[1:]
        if tokens[0] == "train" and "--dry-run" not in tokens:
            tokens += ["--dry-run"] if "--tensorboard" not in tokens else ["--samples", "640", "--width", "16"]
        with pytest.raises(SystemExit) as left:
            main(tokens)
        assert not left.value.code, command
    assert len(list((folder / "sevens").glob("*-7.png"))) == 1000


def test_the_python_runs(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, object] = {}
    for kind, block in BLOCKS:
        if kind == "python":
            exec(compile(block, "README.md", "exec"), names)  # noqa: S102 (the README's own code)
    told = capsys.readouterr().out
    assert "frechet" in told and "D(x)" in told
    assert callable(names["MoreCritic"])


def test_make_knows_the_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for line in LINES:
        if line.startswith("make "):
            assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE), line


def test_pictures_and_links_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
