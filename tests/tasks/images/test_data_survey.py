"""A look at the data before training tells what a run would meet, and changes nothing."""

import json
from pathlib import Path

import numpy as np
import picture_files as files
import pytest

from rivals.core.errors import UserError
from rivals.media.collection.pack import pack
from rivals.media.collection.survey import survey


def test_a_folder_as_people_have_it(tmp_path: Path) -> None:
    files.folder(tmp_path, 9, classes=("cat", "dog", "emu"))
    (tmp_path / "cat" / "again.png").write_bytes((tmp_path / "dog" / "001.png").read_bytes())
    (tmp_path / "cat" / "same.tif").write_bytes(files.encoded(files.pixels(1), "TIFF"))  # other bytes, the same pixels
    (tmp_path / "cat" / "large.jpg").write_bytes(files.encoded(files.pixels(2, 20, 30, 1), "JPEG"))
    (tmp_path / "cat" / "cut.jpg").write_bytes(files.encoded(files.pixels(2, 99, 99), "JPEG")[:-300])
    (tmp_path / "dog" / "film.gif").write_bytes(b"GIF89a")
    (tmp_path / "owl").mkdir()
    (tmp_path / "owl" / "one.png").write_bytes(files.encoded(files.pixels(50)))
    (tmp_path / "README.md").write_text("mine")
    found = survey(tmp_path)
    assert found.pictures == 13 and found.kind == "folder"
    assert found.sizes == {"8x6": 12, "20x30": 1} and found.channels == {"3": 12, "1": 1} and found.bits == {"8": 13}
    assert found.formats == {"PNG": 11, "TIFF": 1, "JPEG": 1}
    assert found.classes == {"cat": 6, "dog": 3, "emu": 3, "owl": 1}
    assert found.duplicates == [["cat/again.png", "cat/same.tif", "dog/001.png"]]
    assert [name for name, _ in found.unreadable] == ["cat/cut.jpg", "dog/film.gif"] and found.beside == ["README.md"]
    assert dict(found.unreadable)["dog/film.gif"] == "GIF file" and "damaged JPEG" in dict(found.unreadable)["cat/cut.jpg"]
    assert json.loads(json.dumps(found.as_dict()))["classes"]["owl"] == 1
    text = found.text()
    for words in ("13 pictures (folder)", "8x6 (12), 20x30 (1)", "cat (6)", "duplicates 2", "unreadable 2 of 15",
                  "film.gif: GIF file", "sizes differ: rivals train images chooses one, the other recipes need --size",
                  "1 classes have one picture (owl)", "more than 5 %",
                  "left aside 1 (README.md)", "all become 3 channels of 8 bits: 1 grey"):  # fmt: skip
        assert words in text


def test_long_lists_are_cut_in_the_text_alone(tmp_path: Path) -> None:
    for i in range(45):
        (tmp_path / f"{i:02d}.png").write_bytes(b"no")
    found = survey(tmp_path)
    assert len(found.unreadable) == 45 and found.pictures == 0 and "and 25 more" in found.text() and "44.png" not in found.text()


def test_labels_and_arrays(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 4)
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"{i:03d}.png,{'xy'[i % 2]}\n" for i in range(4)))
    assert survey(tmp_path / "set", tmp_path / "labels.csv").classes == {"x": 2, "y": 2}
    (tmp_path / "wrong.csv").write_text("file,label\nno.png,1\n")
    wrong = survey(tmp_path / "set", tmp_path / "wrong.csv")
    assert wrong.pictures == 4 and wrong.classes == {} and any("name no file" in note for note in wrong.notes)
    np.savez(tmp_path / "set.npz", x_train=np.zeros((5, 4, 4), np.uint8), y_train=[0, 0, 1, 1, 1],
             x_test=np.zeros((2, 4, 4), np.uint8), y_test=[0, 1])  # fmt: skip
    found = survey(tmp_path / "set.npz")
    assert (
        found.classes == {"0": 3, "1": 4}
        and len(found.duplicates[0]) == 7
        and "2 pictures are set aside" in " ".join(found.notes)
    )
    with pytest.raises(UserError, match="does not exist"):
        survey(tmp_path / "gone")


def test_a_pack_by_its_card(tmp_path: Path) -> None:
    files.folder(tmp_path / "set", 24, classes=("a", "b"))
    found = survey(pack(tmp_path / "set", tmp_path / "packed", size="5"))
    assert (
        found.pictures == 24
        and found.sizes == {"5x5": 24}
        and found.classes == {"a": 12, "b": 12}
        and "pack of set" in found.kind
    )
    assert json.dumps(found.as_dict()) and found.text()
