"""The paired recipes from a folder to files, and the networks' own laws."""

from pathlib import Path

import numpy as np
import pytest
import torch
from made_pairs import folders, pair
from PIL import Image

from rivals.cli import main
from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.games.translation import Pair, Translation
from rivals.metrics import Judging
from rivals.metrics.segmentation import agreement, train_segmenter
from rivals.model import Model
from rivals.tasks import translation
from rivals.tasks.translation import maps, pix2pix, pix2pixhd, spade
from rivals.tasks.translation.edges import outlines
from rivals.testing import check_game

SHAPE = {"scales": 1, "layers": 1, "discriminator_width": 4}
FACTS = {"source_channels": 3, "target_channels": 3, "label_classes": 3, "objective": "hinge"}
GAMES = {
    "pix2pix": (pix2pix.game, SHAPE | {"width": 4, "downs": 3, "dropout": 0.5}),
    "pix2pixhd": (pix2pixhd.game, SHAPE | {"width": 4, "halvings": 1, "blocks": 1}),
    "spade": (spade.game, SHAPE | {"width": 4, "doublings": 2, "hidden": 4, "style": 0}),
    "spade with a style": (spade.game, SHAPE | {"width": 4, "doublings": 2, "hidden": 4, "style": 3}),
}


def planes(count: int) -> Pair:
    both = [pair(seed) for seed in range(count)]
    numbers = torch.from_numpy(np.stack([numbers for numbers, _ in both]))[:, None]
    photos = torch.from_numpy(np.stack([photo for _, photo in both])).permute(0, 3, 1, 2).float() / 127.5 - 1
    return Pair(photos, maps.planes(numbers, 3))


@pytest.mark.parametrize("name", GAMES)
def test_the_contract(name: str) -> None:
    make, shape = GAMES[name]
    check_game(lambda: make(FACTS | {"shape": shape}), Stream.over(planes(32)), rounds=2)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Trained for long enough to learn the three colours."""
    place = tmp_path_factory.mktemp("pix2pix")
    folders(place / "data", 24)
    options = {"width": 8, "downs": 2, "layers": 1, "discriminator_width": 8, "samples": 1600, "rate": 2e-3}
    pix2pix.recipe(data=place / "data", source="label", target="image", out=place / "run", **options).fit(progress=False)
    return place / "run"


def test_it_learns_what_each_class_looks_like(run: Path) -> None:
    cards = Model(run).judge(Judging(samples=20))
    assert set(cards) == {"psnr", "ssim", "sharpness", "segmentation", "segmentation-iou"}
    psnr, read = cards["psnr"], cards["segmentation"]
    assert psnr.value > 17 > psnr.beside["other sources"]
    assert read.value > 0.9 > 0.6 > read.beside["other sources"], "another picture's map must not be read back"
    assert (run / "judged" / "worst.png").is_file() and (run / "report.html").is_file()
    assert len(list((run / "samples").glob("*.png"))) == 20


def test_the_metrics_of_a_run_one_by_one(run: Path) -> None:
    assert set(Model(run).evaluate(Judging(metric="psnr"))) == {"psnr"}
    with pytest.raises(UserError, match="unknown metric 'fid'"):
        Model(run).evaluate(Judging(metric="fid"))
    with pytest.raises(UserError, match="nothing in it judges single files"):
        Model(run).score([run / "report.html"])


def test_translate_keeps_names_and_sizes(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed, (height, width) in enumerate([(16, 16), (21, 35)]):
        (tmp_path / "in" / "sub").mkdir(parents=True, exist_ok=True)
        numbers, photo = pair(100 + seed, height, width)
        Image.fromarray(numbers).save(tmp_path / "in" / "sub" / f"{seed}.png")
        (tmp_path / "real" / "sub").mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo).save(tmp_path / "real" / "sub" / f"{seed}.png")
    with pytest.raises(SystemExit) as done:
        main(["translate", str(run), str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--compare", str(tmp_path / "real")])
    assert done.value.code == 0 and "files in" in capsys.readouterr().out
    for seed, (height, width) in enumerate([(16, 16), (21, 35)]):
        made = np.asarray(Image.open(tmp_path / "out" / "sub" / f"{seed}.png")).astype(float)
        assert made.shape == (height, width, 3)
        assert abs(made - pair(100 + seed, height, width)[1]).mean() < 40
    assert (tmp_path / "out" / "compare" / "sub" / "1.png").is_file()


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.full((16, 16), 7, np.uint8), "has the class number 7"),
        (np.zeros((16, 16, 3), np.uint8), "hold class numbers"),
    ],
)
def test_translate_refuses_other_maps(
    run: Path, tmp_path: Path, pixels: np.ndarray, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(pixels).save(tmp_path / "x.png")
    with pytest.raises(SystemExit) as done:
        main(["translate", str(run), str(tmp_path / "x.png"), "-o", str(tmp_path / "out")])
    assert done.value.code == 2 and told in capsys.readouterr().err and not list(tmp_path.glob("out/*"))


def test_samples_are_held_out_pairs(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["sample", str(run), "-n", "2", "-o", str(tmp_path / "out")])
    assert done.value.code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["000000.png", "000001.png", "sheet.png"]
    with pytest.raises(SystemExit) as done:
        main(["sample", str(run), "-n", "9", "-o", str(tmp_path / "more")])
    assert done.value.code == 2 and "2 held-out pairs" in capsys.readouterr().err


def test_recipes_refuse_what_does_not_fit(tmp_path: Path) -> None:
    data = folders(tmp_path / "data", 6, height=20, width=20)
    both = {"source": "label", "target": "image", "out": tmp_path / "run", "samples": 8}
    with pytest.raises(UserError, match="multiples of 32, which 20 is not: give --size 32x32"):
        pix2pix.recipe(data=data, **both)
    with pytest.raises(UserError, match="SPADE takes label maps"):
        spade.recipe(data=data, **(both | {"source": "edges", "target": "image"}))
    with pytest.raises(UserError, match="all 0"):
        pix2pix.recipe(data=data, size="32", fidelity=0.0, matching=0.0, adversarial=0.0, **both)
    for options, told in [
        ({"dropout": 1.5}, "dropout is 1.5: give 0 to 1"),
        ({"warm_up": 3.0}, "warm_up is 3.0: give 0 to 1"),
        ({"scales": 4}, "32 pixels is too small for 4 scales of 2 layers, which need 57"),
        ({"layers": 5}, "which need 64"),
    ]:
        with pytest.raises(UserError, match=told):
            pix2pix.recipe(data=data, size="32", **(both | options))
    with pytest.raises(UserError, match="2 scales of 3 layers, which need 47"):
        pix2pixhd.recipe(data=data, layers=3, size="32", **both)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("size", "halvings"), [("32", 1), ("64x96", 1), ("128", 2), ("512", 4)])
def test_pix2pixhd_halves_to_32_pixels(size: str, halvings: int, tmp_path: Path) -> None:
    data = folders(tmp_path / "data", 6)
    options = {"size": size, "width": 2, "blocks": 1, "discriminator_width": 2, "samples": 8}
    made = pix2pixhd.recipe(data=data, source="label", target="image", out=tmp_path / "run", **options)
    assert made.facts["shape"]["halvings"] == halvings


def test_borders() -> None:
    numbers = torch.zeros(1, 1, 4, 4, dtype=torch.long)
    numbers[..., 2:] = 1
    assert pix2pixhd.borders(maps.planes(numbers, 2))[0, 0].tolist() == [[0, 1, 1, 0]] * 4


def test_outlines_lie_on_edges() -> None:
    pixels = np.full((32, 32, 3), 220, np.uint8)
    pixels[:, 16:] = 40
    lines = outlines(pixels)[..., 0]
    assert lines[:, 15:19].min() < 100 and lines[:, :10].min() == 255 and lines[:, 24:].min() == 255


def test_a_segmenter_reads_what_it_learned() -> None:
    both, fresh = planes(64), planes(80).map(lambda each: each[64:])
    trained = train_segmenter(lambda items: (both.target[items], both.source[items].argmax(1)), 64, 3, steps=60)
    numbers = fresh.source.argmax(1)
    good = agreement(trained, fresh.target, numbers, 3)[0]
    bad = agreement(trained, fresh.target.roll(1, 0), numbers, 3)[0]
    assert good.accuracy > 0.95 and good.iou > 0.9 and bad.accuracy < 0.6
    numbers[:, :8] = -1
    assert agreement(trained, fresh.target, numbers, 3)[1].sum() == 16 * 8 * 16, "pixels of no class do not count"


def test_the_default_recipe_sees_whether_pictures_are_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = folders(tmp_path / "data", 12)
    both = {"source": "label", "target": "image", "size": "32", "samples": 16}
    trainer = translation.recipe(data=data, out=tmp_path / "pairs", **both)
    assert isinstance(trainer.game, Translation) and "translation.pix2pix" in capsys.readouterr().err
    trainer.fit(progress=False)
    assert Model(tmp_path / "pairs").record["recipe"] == "translation"
    for file in (data / "label").iterdir():
        file.rename(file.with_stem(f"other-{file.stem}"))
    with pytest.raises(UserError, match="--held-out is for pairs"):
        translation.recipe(data=data, held_out=data, **both)
    trainer = translation.recipe(data=data, out=tmp_path / "apart", **(both | {"size": None}))
    assert "translation.fastcut, as label and image do not go together" in capsys.readouterr().err
    assert trainer.origin["arguments"] | {"size": "64", "source": "label"} == trainer.origin["arguments"]
    trainer.fit(progress=False)
    found = Model(tmp_path / "apart")
    assert translation.change(found.game, torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)
    again = translation.recipe(**found.record["arguments"], out=tmp_path / "apart")
    assert again.resume().seen == 16, "the arguments in run.json build the same trainer"
