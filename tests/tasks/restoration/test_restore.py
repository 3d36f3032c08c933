"""rivals restore: any size, in tiles, between the stages, holes by masks; mistakes in one line with exit code 2."""

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from good_files import folder, good
from PIL import Image

from rivals import tasks
from rivals.cli import main
from rivals.core.errors import UserError
from rivals.media.deep import read_deep, write_deep
from rivals.model import Model, load
from rivals.nn.lab import to_lab
from rivals.tasks.restoration.applying import How, restore
from rivals.tasks.restoration.game import between

TINY = {"width": 4, "blocks": 1, "judge": 4, "samples": 24, "batch": 4, "adversarial_share": 0.5, "rate": 5e-3, "fine_rate": 5e-3}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder(tmp_path_factory.mktemp("restore") / "in", 6).parent


def trained(place: Path, job: str, **options: Any) -> Model:
    run = place / job
    if not run.exists():
        tasks.find("restoration")[1](data=place / "in", job=job, out=run, **(TINY | options)).fit(progress=False)
    return load(run)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_a_folder_is_enlarged_under_its_names(place: Path, tmp_path: Path) -> None:
    model = trained(place, "super-resolution", scale=2)
    written = restore(model, [place / "in"], tmp_path / "out", How())
    assert [path.name for path in written] == [f"{i:02d}.png" for i in range(6)]
    assert pixels(written[0]).shape == (56, 72, 3)
    with torch.no_grad():
        made = model.game.generator(torch.from_numpy(good(0)).permute(2, 0, 1)[None] / 127.5 - 1)[0]
    assert np.array_equal(pixels(written[0]), ((made.clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).numpy())


def test_tiles_give_what_the_whole_picture_gives(place: Path, tmp_path: Path) -> None:
    model = trained(place, "super-resolution", scale=2)
    Image.fromarray(good(7, 150, 190)).save(tmp_path / "large.png")
    whole, tiles = (restore(model, [tmp_path / "large.png"], tmp_path / f"{t}", How(tile=t))[0] for t in (0, 128))
    assert np.abs(pixels(whole).astype(int) - pixels(tiles)).max() <= 1, "a field of 7 pixels is below a quarter of the overlap"
    with pytest.raises(UserError, match="give at least 128"):
        restore(model, [tmp_path / "large.png"], tmp_path / "small", How(tile=64))


def test_sharpness_goes_from_one_stage_to_the_other(place: Path, tmp_path: Path) -> None:
    model = trained(place, "super-resolution", scale=2)
    x = torch.rand(1, 3, 8, 8)
    ends = [between(model.game, sharpness)(x) for sharpness in (0.0, 0.5, 1.0)]
    assert torch.equal(ends[0], model.game.faithful(x)) and torch.equal(ends[2], model.game.generator(x))
    assert not torch.equal(ends[0], ends[2]) and not torch.equal(ends[1], ends[0])
    with pytest.raises(UserError, match="sharpness is 2"):
        restore(model, [place / "in"], tmp_path / "out", How(sharpness=2.0))


def test_alpha_and_sixteen_bits_are_kept(place: Path, tmp_path: Path) -> None:
    model = trained(place, "super-resolution", scale=2)
    alpha = np.dstack([good(1), good(2)[..., :1]])
    Image.fromarray(alpha).save(tmp_path / "alpha.png")
    (tmp_path / "deep.png").write_bytes(write_deep(good(3).astype(np.uint16) * 257 + 100))
    restore(model, [tmp_path / "alpha.png", tmp_path / "deep.png"], tmp_path / "out", How())
    assert pixels(tmp_path / "out" / "alpha.png").shape == (56, 72, 4)
    deep = read_deep((tmp_path / "out" / "deep.png").read_bytes())
    assert deep.shape == (56, 72, 3) and len(np.unique(deep % 257)) > 50, "not 8 bits written as 16"


def test_colour_keeps_the_light(place: Path, tmp_path: Path) -> None:
    model = trained(place, "colour")
    Image.fromarray(good(4)[..., 0]).save(tmp_path / "grey.png")
    made = restore(model, [tmp_path / "grey.png"], tmp_path / "out", How())[0]
    light = [to_lab(torch.from_numpy(each.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1)[:, 0] for each in
             (pixels(made), np.repeat(pixels(tmp_path / "grey.png")[..., None], 3, 2))]  # fmt: skip
    assert pixels(made).shape == (28, 36, 3) and 50 * (light[0] - light[1]).abs().max() < 1, "L to the rounding of a file"


def test_a_mask_says_what_is_filled(place: Path, tmp_path: Path) -> None:
    model = trained(place, "inpaint", strength=6.0)
    mask = np.zeros((28, 36), np.uint8)
    mask[5:15, 7:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    made = pixels(restore(model, [place / "in" / "00.png"], tmp_path / "out", How(masks=tmp_path / "mask.png"))[0])
    changed = (made != good(0)).any(2)
    assert not changed[mask == 0].any() and changed[mask > 0].mean() > 0.9
    Image.fromarray(mask[:20]).save(tmp_path / "short.png")
    for masks, words in (
        (None, "give --masks"),
        (tmp_path / "short.png", "is 36x20, but .* is 36x28"),
        (tmp_path / "no", "exist"),
    ):
        with pytest.raises(UserError, match=words):
            restore(model, [place / "in" / "00.png"], tmp_path / "other", How(masks=masks))
    assert not (tmp_path / "other").exists()


def test_the_command_line(place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trained(place, "super-resolution", scale=2)

    def called(*words: str) -> tuple[int | str | None, str]:
        with pytest.raises(SystemExit) as stopped:
            main(["restore", *words])
        told = capsys.readouterr()
        return stopped.value.code, told.out + told.err

    run, one, out = str(place / "super-resolution"), str(place / "in" / "00.png"), str(tmp_path / "out")
    code, told = called(run, one, "-o", out, "--sheets", "--sharpness", "0.3")
    assert code == 0 and "2 files in" in told and (tmp_path / "out" / "compare" / "00.png").is_file()
    assert called(run, one, "-o", out)[0] == 2
    assert called(str(tmp_path), one, "-o", str(tmp_path / "new"))[0] == 2
    tasks.find("digits")[1](samples=64, width=8, out=tmp_path / "digits").fit(progress=False)
    code, told = called(str(tmp_path / "digits"), one, "-o", str(tmp_path / "new"))
    assert code == 2 and "is a run of digits" in told and told.count("\n") == 1 and not (tmp_path / "new").exists()


def test_a_film_is_restored_but_not_by_masks(place: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    with av.open(str(clip), "w") as opened:
        painted = opened.add_stream("libx264", rate=10)
        painted.height, painted.width, painted.pix_fmt = 32, 48, "yuv420p"
        for packet in [*painted.encode(av.VideoFrame.from_ndarray(good(0, 32, 48), format="rgb24")), *painted.encode()]:
            opened.mux(packet)
    written = restore(trained(place, "super-resolution", scale=2), [clip], tmp_path / "out", How())
    with av.open(str(written[0])) as opened:
        assert [(each.height, each.width) for each in opened.decode(video=0)] == [(64, 96)]
    Image.fromarray(np.full((32, 48), 255, np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(UserError, match="film"):
        restore(trained(place, "inpaint", strength=6.0), [clip], tmp_path / "holes", How(masks=tmp_path / "mask.png"))
