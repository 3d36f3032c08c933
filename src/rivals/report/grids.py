"""The sample grids of a run: chosen, re-encoded to fit into a page, and as an animation."""

import io
import tempfile
import warnings
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rivals.core.store import Store
from rivals.media import pictures
from rivals.report.curves import spread
from rivals.report.folder import grids

FORMATS = ("PNG", "WEBP", "JPEG")
BUDGET = 3_200_000  # bytes of all pictures in a page; base64 makes four of three, so the page stays below 5 MB


class Frame(NamedTuple):
    """A grid inside a page: samples seen, size in pixels, and the picture as a data: URI."""

    seen: int
    width: int
    height: int
    uri: str


class Plan(NamedTuple):
    """At most `most` pictures, of `side` pixels at most; quality 0 keeps every pixel as it is."""

    most: int
    quality: int
    side: int


PLANS = (Plan(40, 0, 16383), Plan(20, 0, 16383), Plan(20, 85, 1280), Plan(10, 80, 960), Plan(3, 60, 640))


def animate(run: Path) -> Path | None:
    """samples.webp in the run folder: its grids, 60 at most, one after the other; None where there are fewer than two.

    Grids of another size than the last one's, or that cannot be read, are left out.
    """
    sizes = {path: size for path in grids(run) if (size := _size(path))}
    same = [path for path, size in sizes.items() if size == list(sizes.values())[-1]]
    if len(same) < 2:
        return None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "samples.webp"
        pictures.animate([same[i] for i in spread(len(same), 60)], made)
        Store(run).write("samples.webp", lambda file: file.write(made.read_bytes()))
    return run / "samples.webp"


def frames(paths: Sequence[Path]) -> list[Frame]:
    """The grids for a page, earliest first: as many, and as true, as its size allows, with the last one among them."""
    readable = [path for path in paths if _size(path)]
    for plan in PLANS:
        # The last grid stands in the headline too.
        chosen: list[Frame] = []
        bytes_left = BUDGET
        for i in reversed(spread(len(readable), plan.most)):
            frame, size = _encode(readable[i], plan)
            bytes_left -= size if chosen else 2 * size
            chosen.append(frame)
            if bytes_left < 0:
                break
        if bytes_left >= 0:
            return chosen[::-1]
    return chosen[::-1][-PLANS[-1].most :]


def still(path: Path) -> Frame | None:
    """One picture as it is, a moving one with all of its frames; None where there is none."""
    return _encode(path, PLANS[0])[0] if path.is_file() and _size(path) else None


def _size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        warnings.warn(f"{path} is no whole picture; the report goes without it", stacklevel=3)
        return None


def _encode(path: Path, plan: Plan) -> tuple[Frame, int]:
    """A picture as its own bytes or as WebP, whichever is smaller, and the number of bytes."""
    with Image.open(path, formats=FORMATS) as image:
        image.load()
        size, kind = image.size, f"image/{(image.format or 'png').lower()}"
        moving = getattr(image, "is_animated", False) and not plan.quality
        picture = image if image.mode in ("L", "RGB", "RGBA") else image.convert("RGB")
    best = path.read_bytes()
    if plan.quality and max(size) > plan.side:
        picture = picture.copy()
        picture.thumbnail((plan.side, plan.side))
        best = b""  # the original is too large, however few bytes it has
    if max(picture.size) <= 16383 and not moving:  # WebP's limit
        made = io.BytesIO()
        picture.save(made, "WEBP", lossless=not plan.quality, quality=plan.quality or 80, method=4)
        if not best or len(made.getvalue()) < len(best):
            best, kind, size = made.getvalue(), "image/webp", picture.size
    return Frame(int(path.stem) if path.stem.isdecimal() else 0, *size, f"data:{kind};base64,{b64encode(best).decode()}"), len(
        best
    )
