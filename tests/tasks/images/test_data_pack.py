"""A pack holds the pictures that its folder holds, is whole or not there, and is made in little memory."""

import json
import os
import re
import socket
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import picture_files as files
import pytest
import torch

from rivals.commands import pack as command
from rivals.core.errors import UserError
from rivals.media.collection import Pictures, load
from rivals.media.collection.pack import pack
from rivals.media.collection.survey import survey

MODULE = "rivals.media.collection.pack"


def same(one: Pictures, other: Pictures) -> bool:
    a, b = (each.fetch(torch.arange(each.count)) for each in (one, other))
    pairs = [(a.data, b.data), (one.held_out.data, other.held_out.data)]
    if one.form.conditional:
        pairs += [(a.condition, b.condition), (one.held_out.condition, other.held_out.condition)]
    return (
        one.form == other.form
        and one.names == other.names
        and one.bits == other.bits
        and all(torch.equal(*pair) for pair in pairs)
    )


def test_a_pack_trains_the_pictures_of_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path / "set", 50, classes=("a", "b"))
    (tmp_path / "set" / "a" / "bad.png").write_bytes(b"nothing")
    monkeypatch.setattr(f"{MODULE}.SHARD", 7 * 4 * 3 * 3)  # seven pictures of 4x3 a shard
    out = pack(tmp_path / "set", tmp_path / "packed", size="4x3")
    assert out == tmp_path / "packed" and len(list(out.glob("images-*.npy"))) == 8
    folder, packed = load(tmp_path / "set", size="4x3"), load(out)
    assert same(folder, packed) and packed.digest != folder.digest
    for workers in (0, 1):
        one, other = load(tmp_path / "set", size="4x3").train(5, 8, 8), load(out, workers=workers).train(5, 8, 8)
        assert all(torch.equal(next(one).data, next(other).data) for _ in range(9))
    card = json.loads((out / "card.json").read_text())
    assert card["size"] == [4, 3] and card["channels"] == 3 and card["bits"] == 8 and "box" in card["filter"]
    assert card["counts"] == {"a": 25, "b": 25} and card["left_out"] == [
        ["a/bad.png", "its first bytes are of no JPEG, PNG, WebP or TIFF"]
    ]
    assert load(out, labels=Path("none")).form.classes == 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_packs_of_arrays_and_archives_with_their_own_split(tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 65536, (40, 6, 5, 3), dtype=np.uint16)
    np.savez(tmp_path / "set.npz", x_train=deep[:30], y_train=np.arange(30) % 3, x_test=deep[30:], y_test=np.arange(10) % 3)
    assert same(load(tmp_path / "set.npz"), load(pack(tmp_path / "set.npz", tmp_path / "one")))
    eight = load(pack(tmp_path / "set.npz", tmp_path / "eight", bits=8, channels=1))
    assert eight.bits == 8 and eight.form.channels == 1
    np.savez(tmp_path / "many.npz", images=deep, labels=np.random.default_rng(0).random((40, 2)))
    assert same(load(tmp_path / "many.npz", size="3"), load(pack(tmp_path / "many.npz", tmp_path / "two", size="3")))
    files.folder(tmp_path / "set", 30)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in (tmp_path / "set").iterdir():
            archive.write(file, file.name)
    assert same(load(tmp_path / "set.zip"), load(pack(tmp_path / "set.zip", tmp_path / "three")))


def test_memory_stays_flat(tmp_path: Path) -> None:
    one = files.encoded(files.pixels(0, 192, 192), "JPEG")
    for count in (15, 60):
        (tmp_path / str(count)).mkdir()
        for i in range(count):
            (tmp_path / str(count) / f"{i:03d}.jpg").write_bytes(one)
    peaks = []
    for count in (15, 15, 60):  # the first fills caches
        tracemalloc.start()
        pack(tmp_path / str(count), tmp_path / f"out{len(peaks)}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    more = 45 * 192 * 192 * 3  # bytes of pixels, 5 MB
    assert peaks[2] - peaks[1] < more / 5
    found = load(tmp_path / "out2")
    assert found.count + len(found.held_out) == 60


def test_a_pack_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.folder(tmp_path / "set", 12)
    (tmp_path / "there").mkdir()
    with pytest.raises(UserError, match="exists already"):
        pack(tmp_path / "set", tmp_path / "there")
    with pytest.raises(UserError, match="bits is 12"):
        pack(tmp_path / "set", tmp_path / "out", bits=12)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(f"{MODULE}.np.save", full)
        with pytest.raises(UserError, match=r"could not be written .No space left on device.; nothing was kept"):
            pack(tmp_path / "set", tmp_path / "out")
    with monkeypatch.context() as patch:
        patch.setattr(f"{MODULE}._finish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pack(tmp_path / "set", tmp_path / "out")
    (tmp_path / "set" / "x.png").write_bytes(files.encoded(files.pixels(0, 9, 9)))
    (tmp_path / "set" / "y.png").write_bytes(files.encoded(files.pixels(0, 9, 9)))
    with pytest.raises(UserError, match="2 sizes"):
        pack(tmp_path / "set", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "there"]


def test_the_command_says_what_it_found_and_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files.folder(tmp_path / "set", 24)
    (tmp_path / "set" / "bad.png").write_bytes(b"nothing")
    command(tmp_path / "set", out=tmp_path / "my set", size="9")
    told = capsys.readouterr()
    assert told.out.endswith(f"rivals train images --data '{tmp_path / 'my set'}'\n")
    assert "24 of 24 pictures are smaller than 9x9" in told.err
    assert "1 of 25 files left out, as they cannot be read (bad.png: its first bytes are of no JPEG" in told.err
    assert re.search(r"set: \d+ pictures to train on, \d held out; 9x9", told.err)


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 12)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    out = f".out.{socket.gethostname()}."
    left = [f"{out}{dead.pid}.part", f"{out}{os.getpid()}.part"]  # in a container a number soon comes again
    kept = [f"{out}{os.getppid()}.part", f".other.{dead.pid}.part", f"out.{dead.pid}.part", f"{out}x.part", f"{out}{dead.pid}",
            f".out.elsewhere.{dead.pid}.part"]  # fmt: skip
    for name in (*left, *kept):
        (tmp_path / name).mkdir()
        (tmp_path / name / "images-0000.npy").write_bytes(b"begun")
    load(pack(tmp_path / "set", tmp_path / "out"))
    assert {path.name for path in tmp_path.iterdir()} == {"set", "out", *kept}


def test_damaged_packs_are_refused(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 12, classes=("a", "b"))

    def packed(name: str) -> Path:
        return pack(tmp_path / "set", tmp_path / name)

    def said(path: Path, **options: object) -> str:
        with pytest.raises(UserError) as error:
            load(path, **options)
        assert "\n" not in str(error.value)
        return str(error.value)

    out = packed("cut")
    (out / "images-0000.npy").write_bytes((out / "images-0000.npy").read_bytes()[:-1])
    assert "images-0000.npy is missing or cut short" in said(out)
    out = packed("gone")
    (out / "conditions.npy").unlink()
    assert "conditions.npy is missing" in said(out)
    for number, text in enumerate(("", "{}", "[]", '{"files": 3}', "{")):
        out = packed(f"card{number}")
        (out / "card.json").write_text(text)
        assert "pack the pictures again" in said(out)
    out = packed("names")
    card = json.loads((out / "card.json").read_text())
    card["files"]["../set/a/000.png"] = {"bytes": (tmp_path / "set/a/000.png").stat().st_size}
    (out / "card.json").write_text(json.dumps(card))
    assert "another version" in said(out)
    out = packed("rows")
    np.save(out / "train.npy", np.load(out / "train.npy") + 5)
    assert "row numbers do not fit" in said(out)
    out = packed("as it is")
    assert "was packed with 8x6 pixels and 3 channels" in said(out, size="4") and "was packed" in said(out, channels=1)
    assert "has the labels it was packed with" in said(out, labels=tmp_path / "x.csv")
    assert load(out, size="8x6").form[:3] == (3, 8, 6)
    with pytest.raises(UserError, match="set that rivals pack made"):
        pack(out, tmp_path / "again")
    content = bytearray((out / "images-0000.npy").read_bytes())
    content[-1] ^= 1
    (out / "images-0000.npy").write_bytes(content)
    assert "images-0000.npy is damaged: pack again" in survey(out).notes
