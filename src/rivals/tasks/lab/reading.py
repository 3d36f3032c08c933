"""A user's points: a CSV of one number a line (the line) or two (the plane), or a drawing whose dark pixels are the points."""

import csv
import hashlib
import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.core.store import write_file
from rivals.core.types import Float, Tensor
from rivals.tasks.lab.distributions import KNOWN, Distribution

LEAST, MOST = 50, 2000  # points: fewer say nothing of a distribution; of more, an even choice is kept
PICTURES = (".png", ".bmp", ".gif", ".webp", ".jpg", ".jpeg")
REACH = 1.3  # half the longer side of the points, in the game's units


def find(data: Path) -> Distribution:
    """A distribution by its name, or of a user's file; raises UserError."""
    if str(data) in KNOWN:
        return KNOWN[str(data)]()
    if not data.is_file():
        raise UserError(f"data {data}: no file, and none of {', '.join(KNOWN)}: give one of these, a .csv of points or a drawing")
    points = drawing(data) if data.suffix.lower() in PICTURES else table(data)
    if len(points) < LEAST:
        what = "dark pixels" if data.suffix.lower() in PICTURES else "points"
        raise UserError(f"{data} has {len(points)} {what}: a distribution needs at least {LEAST}")
    return of_points(data.stem, points)


def of_points(name: str, points: Float[Tensor, "n d"]) -> Distribution:
    """The points, each blurred by the usual distance to the nearest other one: a kernel estimate that can be drawn from.

    They are moved and scaled so that the game has numbers about 1.
    """
    digest = hashlib.sha256(points.numpy().tobytes()).hexdigest()
    if len(points) > MOST:
        points = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[:MOST]]
    low, high = points.amin(0), points.amax(0)
    shift, scale = (low + high) / 2, float((high - low).max()) / 2 / REACH
    if not scale > 0:
        raise UserError(f"{name}: all points are the same one: a distribution needs different ones")
    centred = (points - shift) / scale
    distance = torch.cdist(centred, centred).fill_diagonal_(math.inf).amin(1)
    width = min(max(float(distance.median()), 0.01), 0.2)
    return Distribution(name, centred, width, REACH * 1.4, False, digest, tuple(shift.tolist()), scale)


def table(path: Path, *, dimensions: int = 0) -> Float[Tensor, "n d"]:
    """The rows of a CSV, after a line of names or none; raises UserError with the line. dimensions: of a row; 0: 1 or 2."""
    rows: list[list[float]] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for number, cells in enumerate(csv.reader(file), 1):
                if cells and (row := _row(path, number, cells, first=not rows)):
                    rows.append(row)
                    if len(row) != (dimensions or len(rows[0])) or len(row) > 2:
                        wanted = dimensions or (len(rows[0]) if len(rows[0]) < 3 else "1 or 2")
                        raise UserError(f"{path}, line {number}: {len(row)} numbers where {wanted} are wanted: mend the line")
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error):
        raise UserError(f"{path} is no CSV in UTF-8: give lines of one or two numbers, separated by commas") from None
    return torch.tensor(rows).reshape(len(rows), -1)


def _row(path: Path, number: int, cells: list[str], *, first: bool) -> list[float]:
    """The numbers of a line; [] for a first line of names."""
    try:
        row = [float(cell) for cell in cells]
        if all(abs(value) < 1e30 for value in row):
            return row
    except ValueError:
        if first and number == 1:
            return []
    raise UserError(f"{path}, line {number}: {','.join(cells)[:60]!r} is not one or two finite numbers: mend the line")


def drawing(path: Path) -> Float[Tensor, "n 2"]:
    """The places of a picture's dark pixels, y upwards; transparent ones are paper."""
    try:
        with Image.open(path, formats=("PNG", "BMP", "GIF", "WEBP", "JPEG")) as image:
            paper = Image.new("RGBA", image.size, "white")
            paper.alpha_composite(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise UserError(f"{path} cannot be read: give a whole PNG, JPEG, WebP, GIF or BMP picture") from None
    y, x = np.nonzero(np.asarray(paper.convert("L")) < 128)
    return torch.tensor(np.stack([x, -y], 1), dtype=torch.float32)


def write_points(out: Path, points: Float[Tensor, "n d"]) -> str:
    """Writes points as a CSV at `out`, a file or a folder, that `table` reads back, and says so."""
    path = out if out.suffix.lower() == ".csv" else out / "points.csv"
    lines = [("x", "y")[: points.shape[1]], *([f"{value:.6g}" for value in row] for row in points.tolist())]
    write_file(path, lambda file: file.write("".join(f"{','.join(line)}\n" for line in lines).encode()))
    return f"{len(points):,} points in {path}"
