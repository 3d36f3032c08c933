"""What a person can mend gets one line: what is wrong, where, and how to mend it."""

import io
import os
import resource
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
from PIL import Image

from rivals.core.errors import UserError
from rivals.media import decode as decoding
from rivals.media.archive import archive
from rivals.media.collection import load, refuse
from rivals.media.decode import Unreadable, decode, header


def refused(path: Path, **options: object) -> str:
    """The one line that refuses it."""
    with pytest.raises(UserError) as error:
        load(path, **options)
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    return str(error.value)


def test_no_path_no_picture_no_set(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "gone")
    assert "holds no picture" in refused(tmp_path)
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / ".hidden.png").write_bytes(files.encoded(files.pixels(0)))
    assert "holds no picture" in refused(tmp_path)
    (tmp_path / "one.png").write_bytes(files.encoded(files.pixels(0)))
    assert "1 picture " in refused(tmp_path) and "at least 2" in refused(tmp_path)
    assert "is no folder, .zip, .npz or .npy" in refused(tmp_path / "one.png")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.zip")
    assert "is a pipe" in refused(tmp_path / "pipe.zip")


def test_identical_pictures_are_taken(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(files.encoded(files.pixels(0)))
    assert load(tmp_path).count == 2


def test_more_than_one_in_twenty_bad_files_stop_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder(tmp_path, 20)
    (tmp_path / "bad.png").write_bytes(b"")
    found = load(tmp_path)
    assert found.count + len(found.held_out) == 20
    assert "1 of 21 files left out, as they cannot be read (bad.png: an empty file)" in capsys.readouterr().err
    (tmp_path / "worse.jpg").write_bytes(files.encoded(files.pixels(0, 64, 64), "JPEG")[:-200])
    said = refused(tmp_path)
    assert "2 of 22 files" in said and "bad.png" in said and "--allow-bad" in said
    assert load(tmp_path, allow_bad=True).count + len(load(tmp_path, allow_bad=True).held_out) == 20


def test_all_unreadable_tells_the_first(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.png").write_bytes(b"GIF89a" + bytes(40))
    assert "none of its 3 files can be read as a picture; a.png: GIF file" in refused(tmp_path, allow_bad=True)


def test_bad_files_leave_the_classes_alone(tmp_path: Path) -> None:
    files.folder(tmp_path, 40, classes=("a", "b"))
    (tmp_path / "loose.pdf").write_bytes(b"%PDF-1.7")
    assert load(tmp_path).names == ["a", "b"]


def test_a_class_with_one_picture(tmp_path: Path) -> None:
    files.folder(tmp_path, 6, classes=("cat", "dog"))
    (tmp_path / "emu").mkdir()
    (tmp_path / "emu" / "x.png").write_bytes(files.encoded(files.pixels(9)))
    assert "class 'emu' has one picture" in refused(tmp_path)
    assert load(tmp_path, labels=Path("none")).form.classes == 0
    np.savez(tmp_path / "a.npz", x_train=np.zeros((4, 5, 5), np.uint8), y_train=[0, 0, 1, 1],
             x_test=np.zeros((2, 5, 5), np.uint8), y_test=[2, 2])  # fmt: skip
    assert "class '2' has no picture to train on" in refused(tmp_path / "a.npz")


def test_sizes_that_differ(tmp_path: Path) -> None:
    files.folder(tmp_path / "a", 6)
    files.folder(tmp_path / "b", 3, height=9, width=20)
    files.folder(tmp_path / "c", 2, height=9, width=21)
    assert "pictures of 3 sizes (6 of 8x6, 3 of 9x20, height x width): give one, as --size 6" in refused(tmp_path)
    for i in range(60):
        (tmp_path / "a" / f"{i}.png").write_bytes(files.encoded(files.pixels(i)))
    (tmp_path / "b").rename(tmp_path / ".b")
    assert "pictures of 2 sizes (66 of 8x6, 2 of 9x21" in refused(tmp_path)  # so few that every file was decoded before
    assert load(tmp_path, size="12x10").form[:3] == (3, 12, 10)
    for size in ("0", "a", "4x", "4x4x4", "9999", "-4", ""):
        if size:
            assert "size is" in refused(tmp_path, size=size)
    assert "channels" in refused(tmp_path, size="8", channels=2)


def test_sixteen_bits_where_eight_are_needed(tmp_path: Path) -> None:
    np.save(tmp_path / "deep.npy", np.random.default_rng(0).integers(0, 65536, (30, 4, 4), dtype=np.uint16))
    found = load(tmp_path / "deep.npy")
    refuse(found)
    with pytest.raises(UserError, match=r"16 bits a channel and this recipe takes 8: rivals pack .* --bits 8"):
        refuse(found, bits=8)
    with pytest.raises(UserError, match=f"batch of 64 is more than the {found.count} pictures"):
        refuse(found, batch=64)


def test_what_pillow_would_cut_to_eight_bits_is_refused(tmp_path: Path) -> None:
    deep = files.png(4, 3, depth=16, colour=2, rows=(b"\0" + bytes(24)) * 3)
    with Image.open(io.BytesIO(deep)) as image:
        assert image.mode == "RGB"  # silently
    for content in (deep, files.png(4, 3, depth=16, colour=6, rows=(b"\0" + bytes(32)) * 3)):
        with pytest.raises(Unreadable, match="16 bits in each of several channels: save it as 8 bits"):
            header(content)
    for name in "ab":
        (tmp_path / f"{name}.png").write_bytes(deep)
    assert "16 bits in each of several channels" in refused(tmp_path)
    with pytest.raises(Unreadable, match="floating point"):
        decode(files.encoded(np.zeros((3, 3), np.float32), "TIFF"))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_cut_files_are_found_by_decoding_them(kind: str) -> None:
    whole = files.encoded(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8), kind)
    assert decode(whole)[0].shape == (40, 40, 3)
    for part in (1, 4, 13, 40, 90, len(whole) // 2, len(whole) * 9 // 10):
        with pytest.raises(Unreadable):
            decode(whole[:part])


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_flipped_bits_give_a_picture_or_a_reason(kind: str) -> None:
    whole = files.encoded(files.pixels(3, 24, 24), kind)
    random = np.random.default_rng(0)
    for _ in range(150):
        content = bytearray(whole)
        content[random.integers(len(whole))] ^= 1 << int(random.integers(8))
        try:
            assert decode(bytes(content))[0].ndim == 3
        except Unreadable as error:
            assert "\n" not in str(error)


def test_other_kinds_are_refused_by_name_whatever_their_suffix() -> None:
    cases = {b"GIF89a": "GIF", b"BM12": "BMP", b"%PDF": "PDF", b"8BPS": "PSD", b"%!PS-Adobe": "EPS",
             b"<svg>": "SVG", b"icns": "ICNS", b"\0\0\0\x1cftypavif": "AVIF",
             b"PK\3\4": "zip", b"hello": "no JPEG", b"": "empty"}  # fmt: skip
    for content, name in cases.items():
        with pytest.raises(Unreadable, match=name):
            header(content + bytes(30) * bool(content))


def test_modes_of_pillow_become_one_three_or_four_channels() -> None:
    grey = Image.fromarray(files.pixels(0, channels=1))
    colour = Image.fromarray(files.pixels(0))
    clear = colour.copy()
    clear.putalpha(100)
    cases = [(grey, "PNG", 1), (grey.convert("1"), "PNG", 1), (grey.convert("LA"), "PNG", 4), (colour.quantize(8), "PNG", 3),
             (colour.convert("CMYK"), "JPEG", 3), (colour.convert("CMYK"), "TIFF", 3), (clear, "WEBP", 4)]  # fmt: skip
    for image, kind, channels in cases:
        out = io.BytesIO()
        image.save(out, kind)
        assert decode(out.getvalue())[0].shape == (8, 6, channels), (image.mode, kind)


def test_the_first_of_several_pictures_is_taken_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = [Image.fromarray(files.pixels(i)) for i in range(3)]
    for i, kind in enumerate(("PNG", "WEBP", "TIFF")):
        frames[0].save(tmp_path / f"{i}.x", kind, save_all=True, append_images=frames[1:])
    frames[0].save(tmp_path / "alone.png")
    load(tmp_path)
    assert "3 files hold several pictures: the first of each is taken" in capsys.readouterr().err


BOMBS = """
import importlib.util, resource, sys, time, warnings
spec = importlib.util.spec_from_file_location("decode", sys.argv[1])  # alone: importing all of rivals takes seconds
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
decode, Unreadable = module.decode, module.Unreadable
warnings.simplefilter("error")
bombs = [each for each in map(bytes.fromhex, sys.stdin.read().split())]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for content in bombs:
    start = time.perf_counter()
    try:
        decode(content)
        print("decoded")
    except Unreadable as error:
        print("megapixels" in str(error) and time.perf_counter() - start < 0.5, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024 < 64)
"""


def webp(kind: bytes, width: int, height: int) -> bytes:
    if kind == b"VP8X":
        body = bytes([16, 0, 0, 0]) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + ((width - 1) | (height - 1) << 14).to_bytes(4, "little") + bytes(20)
    else:
        body = bytes([0x10, 2, 0, 0x9D, 1, 0x2A]) + struct.pack("<HH", width, height) + bytes(20)
    return b"RIFF" + struct.pack("<I", len(body) + 12) + b"WEBP" + kind + struct.pack("<I", len(body)) + body


def bombs() -> list[bytes]:
    png = [files.png(w, h) for w, h in ((7072, 7072), (10_000, 10_000), (60_000, 60_000), (2**31 - 1, 1), (100_000, 100_000))]
    jpeg = bytearray(files.encoded(files.pixels(0), "JPEG"))
    at = jpeg.index(b"\xff\xc0")
    jpegs = []
    for height, width in ((65_535, 65_535), (8000, 8000), (12_000, 12_000)):
        jpeg[at + 5 : at + 9] = struct.pack(">HH", height, width)
        jpegs.append(bytes(jpeg))
    tiff = []
    for height, width in ((8000, 8000), (100_000, 100_000)):
        entries = [
            (256, 4, width),
            (257, 4, height),
            (258, 3, 8),
            (259, 3, 8),
            (262, 3, 1),
            (273, 4, 8),
            (278, 4, height),
            (279, 4, 4),
        ]
        directory = struct.pack("<H", len(entries)) + b"".join(
            struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries
        )
        tiff.append(b"II*\0" + struct.pack("<I", 8) + directory + bytes(4))
    return [*png, *jpegs, *tiff, *(webp(kind, 16_383, 16_383) for kind in (b"VP8X", b"VP8L", b"VP8 "))]


def test_bombs_are_refused_from_the_header() -> None:
    sent = " ".join(content.hex() for content in bombs())
    limit = 4 << 30
    done = subprocess.run(
        [sys.executable, "-c", BOMBS, decoding.__file__], input=sent, capture_output=True, text=True, timeout=120,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert len(lines) == len(bombs()) + 1 and all(line.startswith("True") for line in lines), done.stdout + done.stderr


# Label files.


def test_label_files_that_do_not_fit(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 24)
    rows = [f"{i:03d}.png,{i % 2}" for i in range(24)]

    def said(*lines: str) -> str:
        (tmp_path / "labels.csv").write_text("\n".join(lines))
        return refused(tmp_path / "set", labels=tmp_path / "labels.csv")

    assert "2 of 26 rows name no file of the data (no.png, 0/gone.png)" in said("file,label", *rows, "no.png,1", "0/gone.png,1")
    assert "3 of 24 pictures have no row (021.png, 022.png, 023.png)" in said("file,label", *rows[:-3])
    assert "line 26: 003.png has a row already" in said("file,label", *rows, rows[3])
    assert "line 3: 3 cells" in said("file,label", rows[0], rows[1] + ",x", *rows[2:])
    assert "must name a column file" in said("name,label", *rows)
    assert "must name a column file" in said("file,label,label", *rows)
    assert "must name a column file" in said("")
    assert "age of 001.png is 'old', no number" in said("file,age", rows[0], "001.png,old", *rows[2:])
    assert "age of 001.png is 'nan'" in said("file,age", rows[0], "001.png,nan", *rows[2:])
    assert "labels.csv: class 'x' has one picture" in said("file,label", *rows[:-1], "023.png,x")
    assert "'file;label': separate the cells of every line by commas, not by semicolons" in said("file;label", "000.png;1")
    assert "by commas, not by tabs" in said("file\tlabel", "000.png\t1")
    assert "name the column file, not File, and Label label" in said("File,Label", *rows)
    assert "name the column file, not FILE" in said("FILE,age", *rows)
    numbers = [f"{i:03d}.png,{i / 7:.3f}" for i in range(24)]
    measured = "the column label has 24 different numbers, 24 of them once: give the column another name"
    assert measured in said("file,label", *numbers)
    assert "23 different numbers, 23 of them once" in said("file,label", "000.png,", *numbers[1:])
    assert "9 different numbers, 8 of them once" in said("file,label", *numbers[:8], *(f"{i:03d}.png,0.5" for i in range(8, 24)))
    assert "class '7' has one picture" in said("file,label", *rows[:-1], "023.png,7")  # a class by number, and lonely
    (tmp_path / "labels.csv").write_bytes("file,label\n000.png,\xe9".encode("utf-16"))
    assert "no text in UTF-8" in refused(tmp_path / "set", labels=tmp_path / "labels.csv")
    assert "cannot be read" in refused(tmp_path / "set", labels=tmp_path / "none.csv")


def test_empty_labels_are_no_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They stay readable, for those who train with few labels; a recipe whose classes they would be refuses them."""
    files.folder(tmp_path / "set", 24)
    for empty in (12, 1):
        rows = [f"{i:03d}.png,{' ' if i % 2 and i < 2 * empty else 'x'}" for i in range(24)]
        (tmp_path / "labels.csv").write_text("\n".join(["file,label", *rows]))
        pictures = load(tmp_path / "set", labels=tmp_path / "labels.csv")
        told = f"labels.csv: {empty} label{'s are' if empty > 1 else ' is'} empty (line 3: 001.png)"
        assert "" in pictures.names and told in capsys.readouterr().err
        refuse(pictures)  # for recipes that take no classes
        with pytest.raises(UserError, match="empty label"):
            refuse(pictures, labelled=True)
    refuse(load(tmp_path / "set"), labelled=True)
    (tmp_path / "set" / "001.png").write_bytes(b"")
    load(tmp_path / "set", labels=tmp_path / "labels.csv")
    assert "label is empty" not in capsys.readouterr().err, "that picture is left out"


def test_held_out_pictures_may_have_no_label(tmp_path: Path) -> None:
    rows = ["file,label"]
    for part, count in (("train", 8), ("test", 4)):
        files.folder(tmp_path / "set" / part, count)
        rows += [f"{part}/{i:03d}.png,{'' if part == 'test' and i else 'ab'[i % 2]}" for i in range(count)]
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    assert load(tmp_path / "set", labels=tmp_path / "labels.csv").names == ["", "a", "b"]
    (tmp_path / "labels.csv").write_text(
        "\n".join(row.replace(",b", ",a") for row in rows[:-2]) + "\ntest/002.png,c\ntest/003.png,c"
    )
    assert "class 'c' has no picture to train on" in refused(tmp_path / "set", labels=tmp_path / "labels.csv")


# Arrays.


def test_arrays_that_are_no_pictures(tmp_path: Path) -> None:
    x = np.zeros((6, 4, 4), np.uint8)

    def said(**arrays: object) -> str:
        np.savez(tmp_path / "set.npz", **arrays)
        return refused(tmp_path / "set.npz")

    assert "(a pickle), which are not read" in said(images=np.array([{}, {}], object))
    assert "(a pickle), which are not read" in said(x_train=x, y_train=np.array([None] * 6, object))
    assert "has the shape (6,)" in said(images=np.zeros(6))
    assert "has the shape (6, 0, 4)" in said(images=x[:, :0])
    assert "holds no picture" in said(images=x[:0])
    assert "has 100 channels" in said(images=np.zeros((6, 120, 120, 100), np.uint8))
    nan = x.astype(np.float32)
    nan[2:4, 0, 0] = (np.nan, np.inf)
    assert "2 of 6 pictures hold NaN or infinite pixels" in said(images=nan)
    assert "run from -3 to 0" in said(images=x - 3.0 * (np.arange(6) == 1)[:, None, None])
    assert "run from 0 to 0.5" not in said(images=x + 700.5)
    assert "is of type <U1" in said(images=x.astype("U1"))
    assert "arrays a, b, none of them called" in said(a=x, b=x)
    assert "y_train has the shape (5,), but there are 6" in said(x_train=x, y_train=np.zeros(5, int))
    assert "has y_train but no y_test" in said(x_train=x, y_train=np.zeros(6, int), x_test=x)
    assert "are not alike" in said(x_train=x, x_test=x[:, 1:])
    assert "labels are NaN" in said(images=x, labels=np.array([np.nan] * 6))
    assert "no array group" in refused_with(tmp_path / "set.npz", "group")
    assert "has jpeg but no offset" in said(jpeg=np.zeros(9, np.uint8))
    assert "must rise from 0" in said(jpeg=np.zeros(9, np.uint8), offset=np.array([0, 20]))


def refused_with(path: Path, labels: str) -> str:
    return refused(path, labels=Path(labels))


def test_arrays_that_are_cut_short(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 8, 8), dtype=np.uint8)
    np.savez_compressed(tmp_path / "set.npz", images=x)
    np.save(tmp_path / "set.npy", x)
    np.save(tmp_path / "object.npy", np.array([{}], object), allow_pickle=True)
    for name in ("set.npz", "set.npy"):
        whole = (tmp_path / name).read_bytes()
        for part in (0, 3, 50, len(whole) // 2, len(whole) - 30):
            (tmp_path / f"cut{name[-4:]}").write_bytes(whole[:part])
            assert "cut" in refused(tmp_path / f"cut{name[-4:]}")
    assert "pickle" in refused(tmp_path / "object.npy")


# Archives.


def zipped(path: Path, names: dict[str, bytes], **attributes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in names.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = attributes.get("mode", stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(info, content)
    return path


@pytest.mark.parametrize(
    "name", ["../up.png", "a/../../up.png", "/root.png", "..\\up.png", "C:\\x.png", "C:/x.png", "\\\\host\\x.png", "a/b/../../.."]
)
def test_names_that_lead_out_of_an_archive(tmp_path: Path, name: str) -> None:
    place = tmp_path / "deep" / "down"
    place.mkdir(parents=True)
    zipped(place / "set.zip", {"ok.png": files.encoded(files.pixels(0)), name: files.encoded(files.pixels(1))})
    before = sorted(tmp_path.rglob("*"))
    assert "leads out of the archive" in refused(place / "set.zip")
    assert sorted(tmp_path.rglob("*")) == before


def test_links_devices_and_bombs_in_an_archive(tmp_path: Path) -> None:
    for mode in (stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO):
        assert "link or a device" in refused(zipped(tmp_path / "link.zip", {"x.png": b"/etc/passwd"}, mode=mode | 0o777))
    bomb = zipped(tmp_path / "bomb.zip", {"x.png": bytes(30 << 20)})
    assert bomb.stat().st_size < 100_000 and "as a bomb does" in refused(bomb)


def test_an_archive_that_lies_about_its_sizes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "lie.zip", {"x.png": bytes(1 << 20), "y.png": files.encoded(files.pixels(0))})
    content = path.read_bytes().replace(struct.pack("<I", 1 << 20), struct.pack("<I", 1000))  # 1 MiB declared as 1,000 bytes
    path.write_bytes(content)
    source = archive(path)
    with pytest.raises(Unreadable, match="check sum"):
        source.read("x.png")
    assert source.read("y.png") == files.encoded(files.pixels(0))


def test_archives_that_are_cut_short_or_damaged(tmp_path: Path) -> None:
    whole = zipped(tmp_path / "set.zip", {f"{i}.png": files.encoded(files.pixels(i)) for i in range(30)}).read_bytes()
    for part in (0, 4, len(whole) // 2, len(whole) - 10):
        (tmp_path / "cut.zip").write_bytes(whole[:part])
        assert "is no whole .zip: it is cut short or damaged" in refused(tmp_path / "cut.zip")
    damaged = bytearray(whole)
    damaged[60] ^= 255  # inside the first picture
    (tmp_path / "set.zip").write_bytes(damaged)
    found = load(tmp_path / "set.zip")
    assert found.count + len(found.held_out) == 29
    (tmp_path / "twice.zip").write_bytes(b"")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(tmp_path / "twice.zip", "w") as file:
        file.writestr("x.png", b"1")
        file.writestr("x.png", b"2")
    assert "'x.png' twice" in refused(tmp_path / "twice.zip")
    assert "no picture" in refused(zipped(tmp_path / "empty.zip", {}))
