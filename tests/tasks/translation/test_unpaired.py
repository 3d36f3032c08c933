"""Translation without pairs from folders to files: the data, the three recipes, their measures, and mistakes."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from rivals.cli import main
from rivals.core.errors import UserError
from rivals.games.cycle import Domains
from rivals.metrics import Judging
from rivals.model import Model
from rivals.tasks.translation import cut, cyclegan, fastcut
from rivals.tasks.translation.residual import Residual
from rivals.tasks.translation.unpaired import Unpaired, Wish, load
from rivals.tasks.translation.unpaired_judging import correlation, histograms, outlines, told_apart

SMALL: dict[str, Any] = {"width": 8, "halvings": 1, "blocks": 1, "layers": 1, "discriminator_width": 8, "size": "16"}


def blocks(seed: int, colour: tuple[int, int, int], height: int = 16, width: int = 16) -> np.ndarray:
    """Light and dark blocks of four pixels in one colour, (h, w, 3) uint8."""
    draw = np.random.default_rng(seed)
    light = np.kron(draw.uniform(0.3, 1, (-(-height // 4), -(-width // 4))), np.ones((4, 4)))[:height, :width, None]
    return (light * np.array(colour)).astype(np.uint8)


def domains(root: Path, count: int = 24, names: tuple[str, ...] = ("trainA", "trainB")) -> Path:
    """root/<name>/*.png, blue blocks in the first, orange ones in the second; no two have the same blocks."""
    for side, (name, colour) in enumerate(zip(names, 2 * [(60, 90, 255), (255, 150, 40)], strict=False)):
        (root / name).mkdir(parents=True, exist_ok=True)
        for seed in range(count if side < 2 else count // 2):
            Image.fromarray(blocks(1000 * side + seed, colour)).save(root / name / f"{seed:02d}.png")
    return root


def wish(data: Path | None, **options: Any) -> Wish:
    return Wish(**({"data": data, "size": "16", "mirror": False} | options))


def first(found: Unpaired, count: int = 64) -> Any:
    return next(found.train(0, count, count))


# The data.


def test_both_domains_and_what_is_held_out(tmp_path: Path) -> None:
    found = load(wish(domains(tmp_path)), alike=True)
    batch = first(found)
    assert batch.a.shape == batch.b.shape == (64, 3, 16, 16)
    assert (batch.a[:, 2] > batch.a[:, 0]).all() and (batch.b[:, 2] < batch.b[:, 0]).all()
    assert [len(each) for each in found.held_out] == [2, 2], "a tenth of each"
    seen = {each.numpy().tobytes() for each in batch.a}
    assert len(seen) == 22 and not seen & {each.numpy().tobytes() for each in found.held_out[0]}


def test_the_folders_set_pictures_aside(tmp_path: Path) -> None:
    found = load(wish(domains(tmp_path, names=("trainA", "trainB", "testA", "testB"))), alike=True)
    assert [len(each) for each in found.held_out] == [12, 12]
    assert len({each.numpy().tobytes() for each in first(found).a}) == 24


def test_a_zip_holds_the_same_as_its_folder(tmp_path: Path) -> None:
    folder = domains(tmp_path / "data")
    for name, top in (("plain", ""), ("nested", "set")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            for path in sorted(folder.rglob("*.png")):
                archive.write(path, Path(top) / path.relative_to(folder))
    one, other, nested = (load(wish(tmp_path / name), alike=True) for name in ("data", "plain.zip", "nested.zip"))
    assert torch.equal(first(one).a, first(other).a) and torch.equal(first(one).b, first(other).b)
    assert len(nested.held_out[0]) == 2 and first(nested).a.shape == first(one).a.shape


def test_folders_by_name_paths_of_their_own_and_arrays(tmp_path: Path) -> None:
    root = domains(tmp_path / "data", names=("photo", "monet"))
    named = load(wish(root, source="photo", target="monet"), alike=True)
    apart = load(wish(None, source=str(root / "photo"), target=str(root / "monet")), alike=True)
    for found in (named, apart):
        batch = first(found)
        assert (batch.a[:, 2] > batch.a[:, 0]).all() and (batch.b[:, 2] < batch.b[:, 0]).all()
    files = []
    for side, name in enumerate(("photo", "monet")):
        pixels = np.stack([np.asarray(Image.open(path)) for path in sorted((root / name).glob("*.png"))])
        files.append(tmp_path / f"{name}.npz")
        np.savez(files[-1], x_train=pixels[: 20 - side], x_test=pixels[20 - side :])
    arrays = load(wish(None, source=str(files[0]), target=str(files[1])), alike=True)
    assert [len(each) for each in arrays.held_out] == [4, 5]


def test_the_stream_is_a_function_of_the_number_and_its_domains_meet_anew(tmp_path: Path) -> None:
    data = domains(tmp_path)
    found, again, other = (load(wish(data, mirror=True), alike=True, seed=seed) for seed in (0, 0, 1))
    late = next(again.train(40, 8, 8))
    assert torch.equal(first(found).a[40:48], late.a) and torch.equal(first(found).b[40:48], late.b)
    assert not torch.equal(first(other).a, first(found).a)
    batch = first(found, 2000)
    with_first = {batch.b[row].abs().sum().item() for row in range(2000) if batch.a[row].equal(batch.a[0])}
    assert len(with_first) > 10, "a picture of one domain meets many of the other"


def test_windows_of_pictures_of_several_sizes(tmp_path: Path) -> None:
    domains(tmp_path)
    Image.fromarray(blocks(7, (60, 90, 255), 40, 28)).save(tmp_path / "trainA" / "tall.png")
    assert first(load(wish(tmp_path, size=None, crop="16"), alike=True)).a.shape == (64, 3, 16, 16)
    with pytest.raises(UserError, match=r"smaller than the 20x20"):
        load(wish(tmp_path, size=None, crop="20"), alike=True)
    with pytest.raises(UserError, match="larger than size"):
        load(wish(tmp_path, size="16", crop="20"), alike=True)


def test_grey_sources(tmp_path: Path) -> None:
    domains(tmp_path)
    for path in (tmp_path / "trainA").glob("*.png"):
        Image.open(path).convert("L").save(path)
    assert first(load(wish(tmp_path), alike=False)).a.shape[1] == 1
    grey = load(wish(tmp_path), alike=True)
    assert grey.facts["source_channels"] == grey.facts["target_channels"] == 3
    a = first(grey).a
    assert torch.equal(a[:, 0], a[:, 2])


def test_mistakes_are_told(tmp_path: Path) -> None:
    data = domains(tmp_path / "a", names=("photo", "monet"))
    with pytest.raises(UserError, match=r"no folder trainA with pictures: it has monet, photo"):
        load(wish(data), alike=True)
    with pytest.raises(UserError, match=r"no folder winter"):
        load(wish(data, source="photo", target="winter"), alike=True)
    with pytest.raises(UserError, match="does not exist"):
        load(wish(None, source=str(tmp_path / "none"), target=str(data / "photo")), alike=True)
    with pytest.raises(UserError, match="does not exist"):
        load(wish(tmp_path / "gone"), alike=True)
    with pytest.raises(UserError, match="both photo"):
        load(wish(data, source="photo", target="photo"), alike=True)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no picture"):
        load(wish(None, source=str(tmp_path / "empty"), target=str(data / "photo")), alike=True)
    for path in sorted((data / "photo").glob("*.png"))[1:]:
        path.unlink()
    with pytest.raises(UserError, match="one picture"):
        load(wish(data, source="photo", target="monet"), alike=True)


# The measures.


def test_detection_by_colour() -> None:
    draw = torch.Generator().manual_seed(0)
    real, same = (torch.rand(60, 3, 8, 8, generator=draw) * 2 - 1 for _ in range(2))
    assert histograms(real).square().sum(1).allclose(torch.ones(60))
    alike, ends = told_apart(histograms(real), histograms(same), seed=0)
    assert 0.3 < alike < 0.7 and ends.low <= alike <= ends.high
    assert told_apart(histograms(real), histograms(same * 0.5), seed=0)[0] > 0.99


def test_edges_that_stay_and_edges_that_go() -> None:
    one, other = (torch.from_numpy(blocks(seed, (255, 255, 255), 32, 32)).permute(2, 0, 1)[None] / 127.5 - 1 for seed in (1, 2))
    assert correlation(outlines(one), outlines(-0.5 * one)).item() == pytest.approx(1, abs=1e-5), "light and dark may turn round"
    assert correlation(outlines(one), outlines(other)).item() < 0.6
    assert correlation(outlines(one), outlines(torch.zeros_like(one))).item() == 0


# The network.


def test_the_residual_generator_takes_any_size() -> None:
    network = Residual(3, 2, width=4, halvings=2, blocks=3)
    for height, width in ((16, 16), (19, 30), (33, 16)):
        x = torch.randn(2, 3, height, width)
        assert network(x).shape == (2, 2, height, width) and network(x).abs().max() <= 1
        assert [each.shape[1] for each in network.encode(x)] == network.channels


def test_a_generator_that_keeps_begins_with_its_source() -> None:
    x = torch.rand(2, 3, 16, 16) * 2 - 1
    assert torch.allclose(Residual(3, 3, width=4, halvings=1, blocks=1, keep=True)(x), 0.95 * x, atol=1e-5)


# The recipes.


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """CycleGAN, trained for long enough to learn the two colours; without the identity term, which holds colours back."""
    place = tmp_path_factory.mktemp("cyclegan")
    domains(place / "data", 40, names=("trainA", "trainB", "testA", "testB"))
    options = SMALL | {"keep": True, "width": 4, "discriminator_width": 4, "identity": 0.0, "cycle": 1.0, "pool": 0}
    options |= {"samples": 480, "batch": 8, "rate": 5e-3}
    cyclegan.recipe(data=place / "data", out=place / "run", **options).fit(progress=False)
    return place / "run"


def test_it_learns_the_other_colour_and_keeps_the_blocks(run: Path) -> None:
    cards = Model(run).judge(Judging(samples=20))
    assert set(cards) == {"domain", "domain-detection", "edges", "cycle-error", "frechet", "kernel"}
    reached, edges = cards["domain"], cards["edges"]
    assert reached.value > 0.8 > 0.2 > reached.beside["source as it is"]
    assert cards["domain-detection"].beside["source as it is"] > 0.99
    assert edges.value > 0.8 > edges.beside["other pictures"]
    assert cards["cycle-error"].value < 0.1 < cards["cycle-error"].beside["other pictures"]
    assert cards["frechet"].value < 0.5 * cards["frechet"].beside["source as it is"]
    assert (run / "judged" / "held-out.png").is_file() and (run / "report.html").is_file()
    assert len(list((run / "samples").glob("*.png"))) == 20
    made = Model(run).game.sample(1, given=cyclegan_sources(run))
    assert made[0, 0].mean() > made[0, 2].mean() + 0.3, "orange"


def cyclegan_sources(run: Path) -> Any:
    return Domains.wanted(a=torch.from_numpy(blocks(5, (60, 90, 255))).permute(2, 0, 1)[None].float() / 127.5 - 1)


def test_a_run_translates_both_ways(run: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    Image.fromarray(blocks(77, (60, 90, 255), 40, 56)).save(tmp_path / "in" / "blue.png")
    for back in ([], ["--back"]):
        with pytest.raises(SystemExit) as done:
            main(["translate", str(run), str(tmp_path / "in"), "-o", str(tmp_path / f"out{len(back)}"), *back])
        assert done.value.code in (0, None)
    there, back_again = (np.asarray(Image.open(tmp_path / out / "blue.png")).astype(int) for out in ("out0", "out1"))
    assert there.shape == back_again.shape == (40, 56, 3)
    assert there[..., 0].mean() > there[..., 2].mean() and back_again[..., 2].mean() > back_again[..., 0].mean()


def test_drawing_held_out_pictures(run: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["sample", str(run), "-n", "3", "-o", str(tmp_path / "made")])
    assert {path.name for path in (tmp_path / "made").iterdir()} == {"000000.png", "000001.png", "000002.png", "sheet.png"}


@pytest.mark.parametrize("module", [cut, fastcut])
def test_the_contrastive_recipes(module: Any, tmp_path: Path) -> None:
    data = domains(tmp_path / "data", 12)
    trainer = module.recipe(data=data, out=tmp_path / "run", **SMALL, samples=32, batch=8, patches=16)
    trainer.fit(progress=False)
    model = Model(tmp_path / "run")
    with pytest.raises(SystemExit) as done:  # a file smaller than what the networks take
        Image.fromarray(blocks(1, (60, 90, 255), 1, 3)).save(tmp_path / "tiny.png")
        main(["translate", str(tmp_path / "run"), str(tmp_path / "tiny.png"), "-o", str(tmp_path / "out"), "--full"])
    with Image.open(tmp_path / "out" / "tiny.png") as tiny:
        assert done.value.code in (0, None) and tiny.size == (3, 1)
    source = torch.rand(1, 3, 16, 16) * 2 - 1
    assert module.change(model.game, source).shape == (1, 3, 16, 16)
    with pytest.raises(UserError, match="from source to target only"):
        module.change(model.game, source, back=True)
    with pytest.raises(UserError, match="cycle-error"):
        model.evaluate(Judging(metric="cycle-error", samples=20))
    assert set(model.evaluate(Judging(metric="edges", samples=20))) == {"edges"}


def test_a_run_with_a_pool_resumes_bit_by_bit(tmp_path: Path) -> None:
    data = domains(tmp_path / "data", 12)

    def trainer(out: str) -> Any:
        return cyclegan.recipe(data=data, out=tmp_path / out, **SMALL, samples=32, batch=8, pool=6)

    whole = trainer("whole").fit(progress=False)
    broken = trainer("broken")
    for report in broken:
        if report.progress >= 0.5:
            break
    resumed = trainer("broken").resume().fit(progress=False)
    for one, other in zip(whole.game.state_dict().values(), resumed.game.state_dict().values(), strict=True):
        assert torch.equal(one, other)


def test_settings_that_do_not_fit(tmp_path: Path) -> None:
    data = domains(tmp_path / "data", 12)
    with pytest.raises(UserError, match="cycle is -1"):
        cyclegan.recipe(data=data, out=tmp_path / "run", **SMALL, cycle=-1.0)
    with pytest.raises(UserError, match="patches is 1"):
        cut.recipe(data=data, out=tmp_path / "run", **SMALL, patches=1)
    with pytest.raises(UserError, match="contrast is -2"):
        fastcut.recipe(data=data, out=tmp_path / "run", **SMALL, contrast=-2.0)
    for options in ({"size": "4", "layers": 1}, {"layers": 3}):
        with pytest.raises(UserError, match="layers need"):
            cut.recipe(data=data, out=tmp_path / "run", **(SMALL | options))
    assert not (tmp_path / "run").exists()
