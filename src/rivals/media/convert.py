"""Convert: picture files and whole folders through a change of their pixels, names, sub-folders, alpha and bits kept.

JPEG stays JPEG (quality 95, colour at full resolution); everything else becomes PNG. Pictures come out upright, so the EXIF
orientation is gone from the file; the colour profile stays where the channels do.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.store import write_file
from rivals.core.types import Float, Tensor
from rivals.media.decode import Unreadable, bombs_are_errors, decode, header, refuse_pipe
from rivals.media.deep import deep_size, is_deep, read_deep, write_deep
from rivals.media.fit import with_channels
from rivals.media.pictures import PAPER
from rivals.media.source import LARGEST, folder
from rivals.media.video import check, convert_video, is_video

Change = Callable[[Float[Tensor, "1 c h w"]], Float[Tensor, "1 k hh ww"]]
SHEETS = "compare"  # the sub-folder of sheets
GAP = 6


@dataclass(frozen=True)
class Found:
    """A picture file to convert, and where its result goes, relative to the folder of results."""

    file: Path
    result: Path


@dataclass(frozen=True)
class Taken:
    """A decoded picture. colour (h, w, 1 or 3) and alpha (h, w, 1) or None, uint8 or uint16; profile: ICC, b"" for none."""

    colour: np.ndarray
    alpha: np.ndarray | None
    profile: bytes


def convert(
    files: Sequence[Path],
    out: Path,
    change: Change,
    *,
    channels: int,
    compare: Path | None = None,
    sheets: bool = False,
    read: Callable[[Path], Taken] | None = None,
) -> list[Path]:
    """Changes each picture and writes it into the folder `out`, which must be new or empty; returns the files written.

    files: pictures, folders of them at any depth, and films (one by one, see media.video). change: values in [-1, 1] of
    `channels` (1 or 3) -> values of 1 or 3 channels, of any size. sheets: write source | result side by side too, into
    compare/; with `compare`, a folder of pictures as they should be, of the same names, source | result | target. read: of
    files that are not to be shown as they are, such as label maps.
    Raises UserError: nothing found, files that are no pictures (named; nothing is written), two results of one name, a picture
    too large for the memory, `out` not empty.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} is a file or a folder that is not empty: give -o a new one")
    films = _films(files, out, whole=read is None and compare is None)
    found = pictures_of([each for each in files if each not in films])
    targets = {} if compare is None else _targets(compare, found)
    _refuse_bad([(each.file, problem) for each in found if (problem := _problem(each.file))], len(found))
    written, bad = [], []
    with bombs_are_errors():
        for each in found:
            try:
                taken = (read or take)(each.file)
            except Unreadable as error:  # its header was good: what is broken lies further on
                bad.append((each.file, str(error)))
                continue
            made = changed(each.file, taken, change, channels)
            written.append(_save(out / each.result, made))
            if sheets or targets:
                beside = [taken, made] + ([take(targets[each.result])] if targets else [])
                written.append(_save_sheet(out / SHEETS / each.result.with_suffix(".png"), beside))
    _refuse_bad(bad, len(found), done=f"; the {len(found) - len(bad)} others are in {out}")
    return written + [convert_video(film, result, partial(_frame, film, change, channels)) for film, result in films.items()]


def _films(files: Sequence[Path], out: Path, *, whole: bool) -> dict[Path, Path]:
    """The films among the files, and their results; raises UserError for two of one name, and where films are not meant."""
    found = {each: out / f"{each.stem}.mp4" for each in files if is_video(each)}
    if found and not whole:
        raise UserError(f"{next(iter(found))} is a film: maps, masks and targets are for pictures")
    if len(set(found.values())) < len(found):
        raise UserError("two films have the same name: convert them one by one")
    for each in found:
        check(each)
    return found


def _frame(film: Path, change: Change, channels: int, pixels: np.ndarray) -> np.ndarray:
    return with_channels(changed(film, Taken(pixels, None, b""), change, channels).colour, 3)


def said(written: Sequence[Path], out: Path) -> str:
    """The line that tells a person what was written."""
    first = ", ".join(str(path.relative_to(out)) for path in written[:2])
    return f"{len(written)} files in {out} ({first}{', ...' if len(written) > 2 else ''})"


def pictures_of(files: Sequence[Path]) -> list[Found]:
    """The picture files among files and folders, in order, and the names of their results; raises UserError."""
    found: dict[Path, Path] = {}
    for given in files:
        if not given.exists():
            raise UserError(f"{given} does not exist: give picture files, or folders of them")
        refuse_pipe(given)
        source = folder(given) if given.is_dir() else None
        for file in [given / name for name in source.names] if source else [given]:
            name = file.relative_to(given) if source else Path(file.name)
            kept = _named(name, file)
            if (other := found.setdefault(kept, file)) != file:
                raise UserError(f"{other} and {file} would both become {kept}: rename one, or convert them one by one")
    return [Found(file, result) for result, file in found.items()]


def _named(name: Path, file: Path) -> Path:
    """The result's name, by what the file holds and not by what it is called."""
    with file.open("rb") as opened:
        jpeg = opened.read(3) == b"\xff\xd8\xff"
    return name if jpeg and name.suffix.lower() in (".jpg", ".jpeg") else name.with_suffix(".jpg" if jpeg else ".png")


def take(file: Path) -> Taken:
    """The picture in a file, upright, colour and alpha apart; raises Unreadable."""
    content = _content(file)
    profile = b""
    if is_deep(content):
        pixels = read_deep(content)
    else:
        pixels, told = decode(content)
        with Image.open(io.BytesIO(content), formats=(told.format,)) as image:
            held = image.info.get("icc_profile") or b""
            profile = held if image.mode in ("L", "RGB", "RGBA", "LA") else b""
    opaque = pixels.shape[2] in (1, 3)
    return Taken(pixels, None, profile) if opaque else Taken(pixels[..., :-1], pixels[..., -1:], profile)


def changed(file: Path, taken: Taken, change: Change, channels: int) -> Taken:
    """The picture after the change, as deep as it was, with its alpha, which is resized where the picture was."""
    colour, top = with_channels(taken.colour, channels), np.iinfo(taken.colour.dtype).max
    values = torch.from_numpy(colour.astype(np.float32)).permute(2, 0, 1)[None].div_(top / 2).sub_(1)
    try:
        with torch.no_grad():
            made = change(values)[0]
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error).lower():
            raise
        height, width = colour.shape[:2]
        raise UserError(f"{file}: {width}x{height} pixels are too many for the memory: give --tile 256 or less") from None
    levels = made.float().cpu().clamp_(-1, 1).add_(1).mul_(top / 2).round_().permute(1, 2, 0)
    pixels = levels.numpy().astype(taken.colour.dtype)
    alpha = taken.alpha
    if alpha is not None and alpha.shape[:2] != pixels.shape[:2]:
        size = pixels.shape[1], pixels.shape[0]
        plane = Image.fromarray(alpha[..., 0].astype(np.float32)).resize(size, Image.Resampling.BICUBIC)
        alpha = np.rint(np.asarray(plane).clip(0, top)).astype(alpha.dtype)[..., None]
    return Taken(pixels, alpha, taken.profile if pixels.shape[2] == taken.colour.shape[2] else b"")


def encoded(taken: Taken, kind: str) -> bytes:
    """The bytes of a PNG or a JPEG file; a JPEG has neither alpha nor 16 bits."""
    pixels = taken.colour if taken.alpha is None else np.concatenate([taken.colour, taken.alpha], 2)
    if pixels.dtype == np.uint16:
        return write_deep(pixels)
    modes = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
    image = Image.fromarray(np.ascontiguousarray(pixels if pixels.shape[2] > 1 else pixels[..., 0]), modes[pixels.shape[2]])
    out = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if kind == "JPEG" else {}
    image.save(out, kind, icc_profile=taken.profile or None, **options)
    return out.getvalue()


def sheet(beside: Sequence[Taken]) -> Image.Image:
    """Pictures side by side at the size of the largest, on blue-grey; smaller ones are enlarged without smoothing."""
    images = [Image.fromarray(_shown(each)) for each in beside]
    width, height = max(image.width for image in images), max(image.height for image in images)
    whole = Image.new("RGB", (len(images) * (width + GAP) + GAP, height + 2 * GAP), PAPER)
    for place, image in enumerate(images):
        whole.paste(image.resize((width, height), Image.Resampling.NEAREST), (GAP + place * (width + GAP), GAP))
    return whole


def _shown(taken: Taken) -> np.ndarray:
    colour = with_channels(taken.colour, 3)
    return (colour // 257).astype(np.uint8) if colour.dtype == np.uint16 else colour


def _content(file: Path) -> bytes:
    try:
        if file.stat().st_size > LARGEST:
            raise Unreadable(f"a file of more than {LARGEST >> 20} MiB")
        return file.read_bytes()
    except OSError as error:
        raise Unreadable(error.strerror or "it cannot be read") from None


def _problem(file: Path) -> str:
    """Why a file can be no picture, by its first bytes and its header; "" for none."""
    try:
        content = _content(file)
        if is_deep(content):
            deep_size(content)
        else:
            header(content)
    except Unreadable as error:
        return str(error)
    return ""


def _refuse_bad(bad: Sequence[tuple[Path, str]], count: int, done: str = ": mend it, or leave it out") -> None:
    if bad:
        first, more = "; ".join(f"{file}: {problem}" for file, problem in bad[:3]), f" and {len(bad) - 3} more"
        raise UserError(f"{len(bad)} of {count} files cannot be read as pictures: {first}{more if len(bad) > 3 else ''}{done}")


def _targets(compare: Path, found: Sequence[Found]) -> dict[Path, Path]:
    """The target of each result, by its name without the ending; raises UserError where one lacks."""
    if not compare.exists():
        raise UserError(f"{compare} does not exist: give --compare a folder of targets with the names of the pictures")
    known = {each.result.with_suffix(""): each.file for each in pictures_of([compare])}
    if compare.is_file() and len(found) == 1:
        return {found[0].result: compare}
    if lacking := [each.file for each in found if each.result.with_suffix("") not in known]:
        raise UserError(f"{compare} holds no target for {lacking[0]} (and {len(lacking) - 1} others): it needs the same names")
    return {each.result: known[each.result.with_suffix("")] for each in found}


def _save(path: Path, made: Taken) -> Path:
    content = encoded(made, "PNG" if path.suffix == ".png" else "JPEG")
    write_file(path, lambda file: file.write(content))
    return path


def _save_sheet(path: Path, beside: Sequence[Taken]) -> Path:
    image = sheet(beside)
    write_file(path, lambda file: image.save(file, "PNG"))
    return path
