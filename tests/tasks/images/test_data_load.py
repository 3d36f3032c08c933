"""A folder, an archive or arrays become the pictures that a run trains on."""

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
import torch
from PIL import Image

from rivals.media.collection import Pictures, load
from rivals.media.collection.survey import survey
from rivals.media.decode import decode
from rivals.media.fit import Shape, fit, parse
from rivals.media.source import HEAD, folder
from rivals.nn.format import Format


def every(found: Pictures) -> torch.Tensor:
    return found.fetch(torch.arange(found.count)).data


def back(values: torch.Tensor) -> np.ndarray:
    """Values of (n, c, h, w) as the 8-bit pixels (n, h, w, c) that they were."""
    return ((values + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


def test_a_folder_of_any_depth_and_any_size(tmp_path: Path) -> None:
    files.folder(tmp_path / "a" / "b", 12)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "x.png").write_bytes(files.encoded(files.pixels(99)))
    (tmp_path / "c" / "y.png").write_bytes(files.encoded(files.pixels(98)))
    found = load(tmp_path)
    assert found.form == Format(3, 8, 6, classes=2) and found.names == ["b", "c"] and found.bits == 8
    assert found.count + len(found.held_out) == 14 and len(found.held_out) >= 2
    assert found.held_out.data.dtype == torch.float32 and found.held_out.condition is not None
    wanted = {files.pixels(seed).tobytes() for seed in (*range(12), 98, 99)}
    assert {each.tobytes() for each in back(torch.cat([every(found), found.held_out.data]))} == wanted


def test_one_folder_is_no_class_and_loose_pictures_make_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder(tmp_path / "all", 5)
    assert load(tmp_path).form == Format(3, 8, 6)
    files.folder(tmp_path, 3)
    assert load(tmp_path).form.classes == 0 and "3 of 8 pictures lie in no sub-folder" in capsys.readouterr().err


def test_a_split_that_the_folders_have_is_kept(tmp_path: Path) -> None:
    files.folder(tmp_path / "train", 10, classes=("cat", "dog"))
    files.folder(tmp_path / "test", 4, classes=("cat", "dog"))
    found = load(tmp_path)
    assert found.names == ["cat", "dog"] and found.count == 10 and len(found.held_out) == 4


def test_the_kinds_of_files_are_told_by_their_bytes(tmp_path: Path) -> None:
    for i, kind in enumerate(("PNG", "JPEG", "WEBP", "TIFF")):
        for j in range(3):
            (tmp_path / f"{i}{j}.dat").write_bytes(files.encoded(files.pixels(j), kind))
    assert load(tmp_path).count + len(load(tmp_path).held_out) == 12


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_exif_says(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((8, 16, 3), np.uint8)
    upright[:4, :8] = 255  # the upper left quarter
    turn = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]  # the transpose that undoes it
    stored = Image.fromarray(upright) if turn is None else Image.fromarray(upright).transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in "ab":
        stored.save(tmp_path / f"{name}.jpg", exif=exif, quality=95)
    found = load(tmp_path)
    assert found.form[:3] == (3, 8, 16)
    quarter = [
        every(found)[0, :, rows, columns].mean().item()
        for rows in (slice(3), slice(5, 8))
        for columns in (slice(6), slice(10, 16))
    ]
    assert quarter[0] > 0.9 and max(quarter[1:]) < -0.9


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_header_costs_the_first_bytes_of_a_file(kind: str, tmp_path: Path) -> None:
    """Where these are not enough the whole file is read, and what it says is the same."""
    noise = np.random.default_rng(0).integers(0, 256, (400, 500, 3), dtype=np.uint8)
    (tmp_path / "a.x").write_bytes(files.encoded(noise, kind, **({"lossless": True} if kind == "WEBP" else {})))
    assert (tmp_path / "a.x").stat().st_size > HEAD
    whole = []
    found = replace(folder(tmp_path), read=lambda name: whole.append(name) or (tmp_path / name).read_bytes())
    told = found.header(0)
    assert len(whole) == (kind == "WEBP")
    assert told == found.picture(0)[1] and told[:4] == (kind, 400, 500, 3)
    assert found.begin is not None and len(found.begin("a.x")) == HEAD


def test_a_png_is_turned_by_what_it_says_at_its_end(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    content = files.png(3, 2, rows=b"".join(b"\0" + bytes(9) for _ in range(2)))
    chunk = b"eXIf" + exif.tobytes().removeprefix(b"Exif\0\0")
    late = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    pixels, told = decode(content[:-12] + late + content[-12:])
    assert pixels.shape == (3, 2, 3) and (told.height, told.width) == (3, 2)


def test_most_pictures_channels_win_and_the_others_are_converted(tmp_path: Path) -> None:
    files.folder(tmp_path, 6)
    (tmp_path / "grey.png").write_bytes(files.encoded(np.full((8, 6), 90, np.uint8)))
    clear = np.full((8, 6, 4), 10, np.uint8)
    clear[..., 3] = 0
    (tmp_path / "clear.png").write_bytes(files.encoded(clear))
    found = load(tmp_path)
    assert found.form.channels == 3
    together = back(torch.cat([every(found), found.held_out.data]))
    assert (together == 90).all((1, 2, 3)).any() and (together == 255).all((1, 2, 3)).any()  # transparent is white
    assert load(tmp_path, channels=1).form.channels == 1
    alpha = load(tmp_path, channels=4)
    assert alpha.form.channels == 4 and every(alpha)[:, 3].max() == 1


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    deep = np.arange(48, dtype=np.uint16).reshape(8, 6) * 1365
    for i, kind in enumerate(("PNG", "TIFF", "PNG")):
        (tmp_path / f"{i}.{kind.lower()}").write_bytes(files.encoded(deep, kind))
    found = load(tmp_path)
    assert found.bits == 16 and found.form == Format(1, 8, 6)
    assert torch.allclose(every(found)[0, 0], torch.tensor(deep.astype(np.float32)) / 32767.5 - 1)


def test_what_pictures_lose_to_become_alike_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder(tmp_path, 12)
    load(tmp_path)
    assert "all become" not in capsys.readouterr().err
    deep, clear = np.arange(48, dtype=np.uint16).reshape(8, 6) * 1365, np.full((8, 6, 4), 90, np.uint8)
    for i, array in enumerate([deep, deep, clear, clear, clear, files.pixels(0, channels=1)]):
        (tmp_path / f"other{i}.png").write_bytes(files.encoded(array))
    line = "all become 3 channels of 8 bits: 2 of 16 bits (the lower 8 are lost), 3 grey, 3 with alpha (laid over white)"
    load(tmp_path)
    assert f"{line}; rivals pack --bits 16 keeps them\n" in capsys.readouterr().err
    assert any(note.startswith(line) for note in survey(tmp_path).notes)
    load(tmp_path, channels=1)
    assert "1 channel of 8 bits: 2 of 16 bits (the lower 8 are lost), 15 in colour (lost), 3 with" in capsys.readouterr().err


def test_a_size_that_enlarges_most_pictures_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder(tmp_path, 9)
    for size in ("8x6", "8", "9x6"):
        load(tmp_path, size=size)
        told = "9 of 9 pictures are smaller than" in capsys.readouterr().err
        assert told == (size != "8x6")
    files.folder(tmp_path / "large", 11, height=20, width=20)
    load(tmp_path, size="10")
    assert "enlarged" not in capsys.readouterr().err


def test_pictures_on_both_sides_of_the_split_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, seeds in (("train", range(10)), ("test", range(7, 11))):
        for seed in seeds:
            (tmp_path / part).mkdir(exist_ok=True)
            kind = "PNG" if part == "train" else "TIFF"  # other bytes, the same pixels
            (tmp_path / part / f"{seed}.x").write_bytes(files.encoded(files.pixels(seed), kind))
    load(tmp_path)
    assert "3 of 4 held-out pictures equal pictures to train on, pixel by pixel" in capsys.readouterr().err
    for seed in (7, 8, 9):
        (tmp_path / "test" / f"{seed}.x").unlink()
    load(tmp_path)
    assert "held-out pictures equal" not in capsys.readouterr().err


def test_pictures_of_other_sizes_are_no_doubles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part, size in (("train", (8, 6)), ("test", (6, 8))):
        (tmp_path / part).mkdir()
        for i in range(2):
            Image.new("L", size, 255 * i).save(tmp_path / part / f"{i}.png")
    load(tmp_path, size="8x6")
    assert "held-out pictures equal" not in capsys.readouterr().err and not survey(tmp_path).duplicates


def test_size_covers_and_cuts_at_the_centre() -> None:
    wide = np.zeros((8, 16, 1), np.uint8)
    wide[:, 4:12] = 200
    assert (fit(wide, Shape(4, 4, 1, 8)) == 200).all()
    assert fit(wide, Shape(5, 3, 3, 8)).shape == (5, 3, 3)
    block = np.random.default_rng(0).integers(0, 65536, (6, 6, 5), dtype=np.uint16)  # box is the mean over whole blocks
    wanted = np.rint(block.reshape(3, 2, 3, 2, 5).mean((1, 3), dtype=np.float64))
    assert np.abs(fit(block, Shape(3, 3, 5, 16)).astype(float) - wanted).max() <= 1
    opaque = np.full((9, 7, 4), (3, 77, 200, 255), np.uint8)
    assert (fit(opaque, Shape(13, 13, 4, 8)) == (3, 77, 200, 255)).all()
    assert parse("64") == (64, 64) and parse("112x92") == (112, 92)


def test_transparent_pixels_do_not_bleed_when_scaled() -> None:
    half = np.zeros((8, 8, 4), np.uint8)
    half[:, :3] = (255, 0, 0, 255)
    small = fit(half, Shape(4, 4, 4, 8))
    assert tuple(small[0, 1, :3]) == (255, 0, 0) and 100 < small[0, 1, 3] < 155


def test_arrays_and_their_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = np.stack([files.pixels(i) for i in range(30)])
    np.savez(
        tmp_path / "split.npz",
        x_train=images[:24],
        y_train=np.arange(24) % 3 + 5,
        x_test=images[24:],
        y_test=np.arange(6) % 3 + 5,
    )
    found = load(tmp_path / "split.npz")
    assert found.names == ["5", "6", "7"] and found.count == 24 and np.array_equal(back(found.held_out.data), images[24:])
    assert found.fetch(torch.tensor([4, 3])).condition.tolist() == [1, 0]
    assert "x_train, x_test, y_train, y_test" in capsys.readouterr().err
    np.savez(tmp_path / "named.npz", images=images, labels=np.array(["b", "a"] * 15), mood=np.arange(30) % 2)
    assert load(tmp_path / "named.npz").names == ["a", "b"]
    assert load(tmp_path / "named.npz", labels=Path("mood")).names == ["0", "1"]
    assert load(tmp_path / "named.npz", labels=Path("none")).form == Format(3, 8, 6)
    np.savez(tmp_path / "several.npz", images=images, labels=np.random.default_rng(0).random((30, 2)))
    several = load(tmp_path / "several.npz")
    assert several.form.attributes == 2 and several.fetch(torch.arange(3)).condition.shape == (3, 2)
    np.savez(tmp_path / "hot.npz", images=images, labels=np.eye(3, dtype=np.uint8)[np.arange(30) % 3])
    assert load(tmp_path / "hot.npz").form.classes == 3


def test_the_values_of_arrays_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    grey = np.stack([files.pixels(i, channels=1) for i in range(9)])
    fine = np.random.default_rng(0).random((9, 8, 6, 5)).astype(np.float32)
    cases = {"u8": (grey, 8), "u16": (grey.astype(np.uint16) * 257, 16), "i64": (grey.astype(np.int64), 8),
             "bool": (grey > 99, 8), "unit": (grey / 255, 8), "sign": (grey / 127.5 - 1, 8),
             "fine": (fine, 16), "first": (grey[:, None], 8)}  # fmt: skip
    found = {}
    for name, (array, bits) in cases.items():
        np.save(tmp_path / f"{name}.npy", array)
        found[name] = load(tmp_path / f"{name}.npy")
        assert found[name].bits == bits, name
    for name in ("u16", "i64", "unit", "sign", "first"):
        assert torch.allclose(every(found[name]), every(found["u8"]), atol=1e-4), name
    assert found["fine"].form == Format(5, 8, 6)
    said = capsys.readouterr().err
    for words in ("fractions from 0 to 1, of 8 bits", "fractions from -1 to 1", "kept as 16 bits", "channels come first"):
        assert words in said


def test_jpeg_bytes_in_an_npz(tmp_path: Path) -> None:
    content = [files.encoded(files.pixels(i, 16, 16), "JPEG") for i in range(12)]
    joined = {}
    for part, some in (("train", content[:8]), ("test", content[8:])):
        joined[f"jpeg_{part}"] = np.frombuffer(b"".join(some), np.uint8)
        joined[f"offset_{part}"] = np.cumsum([0, *map(len, some)])
        joined[f"y_{part}"] = np.arange(len(some), dtype=np.uint8) % 2
    np.savez(tmp_path / "set.npz", class_names=np.array(["car", "bird"]), **joined)
    found = load(tmp_path / "set.npz")
    assert found.form == Format(3, 16, 16, classes=2) and found.names == ["car", "bird"] and len(found.held_out) == 4
    assert np.array_equal(back(every(found))[5], np.asarray(Image.open(io.BytesIO(content[5]))))


def test_whole_people_are_held_out(tmp_path: Path) -> None:
    person = np.repeat(np.arange(20), 3)
    images = np.broadcast_to(person[:, None, None].astype(np.uint8) * 10, (60, 5, 4))
    np.savez(tmp_path / "faces.npz", images=images, person=person)
    found = load(tmp_path / "faces.npz")
    train, held = ({float(each) for each in part[:, 0, 0, 0]} for part in (every(found), found.held_out.data))
    assert len(held) == 2 and len(train) == 18 and not train & held and found.form.classes == 0


def test_an_archive_is_read_as_its_folder(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 20, classes=("a", "b"))
    with zipfile.ZipFile(tmp_path / "set.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((tmp_path / "set").rglob("*.png")):
            archive.write(file, file.relative_to(tmp_path))
        archive.writestr("__MACOSX/._x.png", b"no picture")
        archive.writestr("set/README.md", "about")
    one, other = load(tmp_path / "set"), load(tmp_path / "set.zip")
    assert (
        one.form == other.form and one.names == other.names and one.count + len(one.held_out) == other.count + len(other.held_out)
    )
    pair = next(other.train(0, 16, 16)), other.fetch(other.train.items(0, 16))
    assert torch.equal(pair[0].data, pair[1].data)


def test_labels_by_csv(tmp_path: Path) -> None:
    names = [f"{i:03d}.png" for i in range(24)]
    files.folder(tmp_path / "set")
    one = tmp_path / "one.csv"
    one.write_text("label,file\n" + "".join(f"{'old' if i < 12 else 'new'},{name}\n" for i, name in enumerate(names)))
    assert load(tmp_path / "set", labels=one).names == ["new", "old"]
    several = tmp_path / "several.csv"
    several.write_text(
        "file,smile,age\n" + "".join(f"{name},{i % 2},{i / 10}\n" for i, name in enumerate(names)), encoding="utf-8-sig"
    )
    found = load(tmp_path / "set", labels=several)
    assert found.form == Format(3, 8, 6, attributes=2) and found.names == ["smile", "age"]
    rows = torch.cat([found.fetch(torch.arange(found.count)).condition, found.held_out.condition])
    assert sorted(row[1].item() for row in rows) == pytest.approx([i / 10 for i in range(24)])
    assert found.digest != load(tmp_path / "set", labels=one).digest != load(tmp_path / "set").digest


def test_a_picture_more_moves_no_other_between_the_splits(tmp_path: Path) -> None:
    files.folder(tmp_path, 60)
    before = load(tmp_path)
    (tmp_path / "zzz.png").write_bytes(files.encoded(files.pixels(999)))
    after = load(tmp_path, seed=7)
    held = [{each.tobytes() for each in back(part.held_out.data)} for part in (before, after)]
    assert held[0] <= held[1] and len(held[1] - held[0]) <= 1
    assert 12 <= len(held[0]) <= 16 and before.digest != after.digest


def test_the_digest_notices_every_change(tmp_path: Path) -> None:
    files.folder(tmp_path, 8)
    first = load(tmp_path).digest
    assert first == load(tmp_path, size="4", seed=3, mirror=True).digest
    content = (tmp_path / "003.png").read_bytes()
    (tmp_path / "003.png").write_bytes(files.encoded(files.pixels(77)))
    edited = load(tmp_path).digest
    (tmp_path / "003.png").write_bytes(content)
    (tmp_path / "003.png").rename(tmp_path / "0030.png")
    renamed = load(tmp_path).digest
    (tmp_path / "0030.png").unlink()
    assert len({first, edited, renamed, load(tmp_path).digest}) == 4


def test_mirrored_pictures_are_the_second_half(tmp_path: Path) -> None:
    found = load(files.folder(tmp_path), mirror=True)
    assert found.train.length == 2 * found.count
    items = torch.tensor([2, found.count + 2, 0])
    shown = found.train.fetch(items).data
    assert torch.equal(shown[1], shown[0].flip(2)) and not torch.equal(shown[1], shown[0])
    assert torch.equal(shown[0], found.fetch(torch.tensor([2])).data[0])


def test_what_does_not_fit_in_memory_is_decoded_when_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path, classes=("a", "b"))
    np.save(tmp_path / "set.npy", np.stack([files.pixels(i, 16, 12) for i in range(9)]))
    whole = load(tmp_path), load(tmp_path / "set.npy", size="8x6")
    monkeypatch.setattr("rivals.media.checking.IN_MEMORY", 1000)
    lazy = load(tmp_path), load(tmp_path / "set.npy", size="8x6")
    for one, other in zip(whole, lazy, strict=True):
        assert one.digest == other.digest and torch.equal(every(one), every(other))
        assert torch.equal(one.held_out.data, other.held_out.data)
    assert type(lazy[0].fetch.args[0]).__name__ == "Decoding" != type(whole[0].fetch.args[0]).__name__
    ahead = load(tmp_path, workers=2).train(0, 8, 8)
    here = lazy[0].train(0, 8, 8)
    for _ in range(3):
        one, other = next(ahead), next(here)
        assert torch.equal(one.data, other.data) and torch.equal(one.condition, other.condition)


def test_the_users_files_are_not_touched(tmp_path: Path) -> None:
    files.folder(tmp_path, classes=("a", "b"))
    (tmp_path / "a" / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nno")
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.rglob("*") if file.is_file()}
    load(tmp_path, size="4x5", allow_bad=True)
    assert before == {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in tmp_path.rglob("*") if file.is_file()}
