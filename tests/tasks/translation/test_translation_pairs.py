"""Paired data as people have them: folders, side by side, photos alone, label maps by number, palette and colour."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from made_pairs import COLOURS, folders, pair, side_by_side
from PIL import Image

from rivals.core.errors import UserError
from rivals.media.pixels import values
from rivals.tasks.translation.pairs import Pairs, Wish, load

BOTH = Wish(source="label", target="image")


def first(found: Pairs, count: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    batch = next(found.train(0, count, count))
    return batch.source, batch.target


def test_two_folders_of_label_maps(tmp_path: Path) -> None:
    found = load(folders(tmp_path), BOTH)
    assert (found.count, found.held) == (10, 2) and found.facts["label_classes"] == 3
    source, target = first(found)
    assert source.shape == (64, 3, 16, 16) and set(source.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(source.sum(1), torch.ones(64, 16, 16))
    seen = ((target + 1) * 127.5).permute(0, 2, 3, 1)
    wanted = torch.from_numpy(COLOURS)[source.argmax(1)].float()
    assert (seen - wanted).abs().mean() < 15, "both windows lie at the same place, mirrored alike"
    again, _ = first(load(tmp_path, BOTH))
    assert torch.equal(again, source), "windows follow from the seed"


def test_a_zip_and_held_out_pairs_of_their_own(tmp_path: Path) -> None:
    train, val = folders(tmp_path / "a", 6), folders(tmp_path / "b", 3)
    with zipfile.ZipFile(tmp_path / "train.zip", "w") as file:
        for each in sorted(train.rglob("*.png")):
            file.write(each, each.relative_to(train).as_posix())
    found = load(tmp_path / "train.zip", BOTH._replace(held_out=val, size="8"))
    assert (found.count, found.held) == (6, 3)
    assert found.held_out.target.shape == (3, 3, 8, 8) and first(found)[0].shape[2:] == (8, 8)


def test_side_by_side_with_its_own_split(tmp_path: Path) -> None:
    found = load(side_by_side(tmp_path), Wish())
    assert (found.count, found.held) == (9, 3) and found.facts["label_classes"] == 0
    left, right = found.held_out.source, found.held_out.target
    assert (left - right).abs().mean() < 0.2 and not torch.equal(left, right)
    other = load(tmp_path, Wish(source="right"))
    assert torch.equal(other.held_out.source, right)


def test_outlines_of_photos(tmp_path: Path) -> None:
    found = load(folders(tmp_path) / "image", Wish(source="edges"))
    source, target = first(found)
    assert source.shape[1] == 1 and target.shape[1] == 3 and found.facts["edges"]
    assert source.mean() > 0 and source.min() < 0, "dark lines on white"


def test_crops_of_pictures_of_several_sizes(tmp_path: Path) -> None:
    folders(tmp_path, 6, height=24, width=16)
    for seed in range(6, 10):
        numbers, photo = pair(seed, 16, 32)
        Image.fromarray(numbers).save(tmp_path / "label" / f"{seed:02d}.png")
        Image.fromarray(photo).save(tmp_path / "image" / f"{seed:02d}.png")
    with pytest.raises(UserError, match="2 sizes"):
        load(tmp_path, BOTH)
    assert first(load(tmp_path, BOTH._replace(crop="8x16")))[1].shape == (64, 3, 8, 16)
    with pytest.raises(UserError, match="smaller than the 20x20"):
        load(tmp_path, BOTH._replace(crop="20"))


def test_palettes(tmp_path: Path) -> None:
    folders(tmp_path)
    for file in (tmp_path / "label").glob("*.png"):
        Image.fromarray(COLOURS[np.asarray(Image.open(file))].astype(np.uint8)).save(file)
    colours = tmp_path / "palette.json"
    colours.write_text(json.dumps(dict(zip("abc", COLOURS.tolist(), strict=True))))
    found = load(tmp_path, BOTH._replace(palette=colours))
    assert found.facts["label_classes"] == 3 and found.facts["palette"] == [tuple(each) for each in COLOURS.tolist()]
    colours.write_text(json.dumps(COLOURS[:2].tolist()))
    with pytest.raises(UserError, match=r"1 colours are not in the palette, the first \[40, 40, 200\]"):
        load(tmp_path, BOTH._replace(palette=colours))
    for text in ("[[1, 2]]", "{", "[[1, 2, 300]]", "[[1, 2, 3], [1, 2, 3]]", "3"):
        colours.write_text(text)
        with pytest.raises(UserError, match="palette"):
            load(tmp_path, BOTH._replace(palette=colours))


def test_maps_with_a_palette_of_their_own_are_read_by_number(tmp_path: Path) -> None:
    folders(tmp_path)
    for file in (tmp_path / "label").glob("*.png"):
        image = Image.open(file).convert("P")
        image.putpalette([9, 9, 9, 8, 8, 8, 7, 7, 7])
        image.save(file)
    assert load(tmp_path, BOTH).facts["label_classes"] == 3


def test_pixels_of_no_class(tmp_path: Path) -> None:
    folders(tmp_path)
    file = tmp_path / "label" / "00.png"
    numbers = np.asarray(Image.open(file)).copy()
    numbers[:8] = 255
    Image.fromarray(numbers).save(file)
    found = load(tmp_path, BOTH)
    rows = [pair for row in range(found.held) for pair in [found.each(row)]] + [next(found.train(0, 256, 256))]
    assert found.facts["label_classes"] == 3 and any((each.source.sum(1) == 0).any() for each in rows)


def test_mistakes_are_told(tmp_path: Path) -> None:
    root = folders(tmp_path / "a")
    with pytest.raises(UserError, match="which pictures are the source"):
        load(root, Wish())
    with pytest.raises(UserError, match="no picture lies in a folder named 'maps': it has image, label"):
        load(root, Wish(source="maps", target="image"))
    with pytest.raises(UserError, match="both 'image'"):
        load(root, Wish(source="image", target="image"))
    with pytest.raises(UserError, match="class number 2, and 2 classes"):
        load(root, BOTH._replace(classes=2))
    (root / "label" / "00.png").unlink()
    with pytest.raises(UserError, match="1 pictures of 'label' and 'image' lack the other half"):
        load(root, BOTH)
    (root / "image" / "00.png").unlink()
    Image.new("RGB", (20, 16)).save(root / "image" / "01.png")
    with pytest.raises(UserError, match=r"01\.png is 16x16 and its target 16x20"):
        load(root, BOTH)
    with pytest.raises(UserError, match="--source edges"):
        load(folders(tmp_path / "b") / "image", Wish())
    with pytest.raises(UserError, match="too few"):
        load(folders(tmp_path / "c", 3), BOTH)
    np.save(tmp_path / "x.npy", np.zeros((6, 8, 8, 3), np.uint8))
    with pytest.raises(UserError, match="single pictures, not pairs"):
        load(tmp_path / "x.npy", Wish())


def test_outlines_of_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.stack([pair(seed)[1] for seed in range(12)]))
    found = load(tmp_path / "x.npy", Wish(source="edges"))
    assert (found.count, found.held) == (10, 2)
    assert first(found)[0].shape == (64, 1, 16, 16)


def test_what_an_archive_sets_aside_stays_aside(tmp_path: Path) -> None:
    photos = np.random.default_rng(0).integers(0, 256, (12, 16, 16), dtype=np.uint8)
    np.savez(tmp_path / "x.npz", x_train=photos[:9], x_test=photos[9:])
    found = load(tmp_path / "x.npz", Wish(source="edges"))
    assert (found.count, found.held) == (9, 3)
    assert torch.equal(found.held_out.target, values(photos[9:, ..., None]))
