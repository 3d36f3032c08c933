"""A path as the user gave it -> its pictures: a folder, a .zip, or arrays."""

from pathlib import Path

from rivals.core.errors import UserError
from rivals.media.archive import archive
from rivals.media.arrays import arrays
from rivals.media.decode import refuse_pipe
from rivals.media.source import Source, folder

CARD = "card.json"


def is_pack(data: Path) -> bool:
    """Whether the folder is one that `rivals pack` made, by its card."""
    return (data / CARD).is_file() and (data / "train.npy").is_file()


def open_source(data: Path, labels: Path | None = None) -> Source:
    """The source at a path, by what it is; raises UserError. labels: as `load` takes them."""
    if not data.exists():
        raise UserError(f"{data} does not exist: give a folder of pictures, a .zip, a .npz or a .npy")
    if is_pack(data):
        raise UserError(f"{data} is a set that rivals pack made: it is complete; give the folder it was made of")
    if data.is_dir():
        return folder(data)
    refuse_pipe(data)
    kind = data.suffix.lower()
    if kind in (".npz", ".npy"):
        return arrays(data, "" if labels is None else str(labels))
    if kind == ".zip":
        return archive(data)
    raise UserError(f"{data} is no folder, .zip, .npz or .npy: give one of these")
