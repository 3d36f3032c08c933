"""What every measure asks of its sets of rows before it computes anything."""

from collections.abc import Mapping

import torch

from rivals.core.errors import UserError
from rivals.core.types import Tensor


def checked(sets: Mapping[str, Tensor], *, least: int = 1) -> list[Tensor]:
    """The same sets, in the same order, as detached float64 rows ready to be compared.

    Args:
        sets: the name under which an error speaks of a set -> its rows, any floating dtype, shape (rows, width).
        least: rows that each set must have.

    Raises:
        UserError: a set is not two-dimensional, has no columns, is not floating point, has fewer than `least` rows,
            holds NaN or infinity, or differs in width from the first one.

    All come back on the device of the first; MPS has no float64, so its tensors move to the CPU.
    """
    rows: list[Tensor] = []
    width = None
    for name, given in sets.items():
        if given.ndim != 2 or given.shape[1] == 0:
            raise UserError(f"{name} has shape {tuple(given.shape)}; give features as (rows, width), width > 0")
        if not given.is_floating_point():
            raise UserError(f"{name} is {given.dtype}; convert it to floating point first")
        if len(given) < least:
            raise UserError(f"{name} has {len(given)} rows, but this measure needs at least {least}; give more data")
        if width is not None and given.shape[1] != width:
            first = next(iter(sets))
            raise UserError(f"{name} has {given.shape[1]} features a row and {first} has {width}; use one backbone for both")
        bad = int((~torch.isfinite(given)).any(1).sum())
        if bad:
            raise UserError(f"{name} has NaN or infinite features in {bad} of {len(given)} rows; mend or drop them")
        width = given.shape[1]
        host = given.cpu() if given.device.type == "mps" else given
        rows.append(host.detach().to(rows[0].device if rows else host.device, torch.float64))
    return rows


def neighbourhood(k: int, sets: Mapping[str, Tensor]) -> None:
    """Raise UserError unless `k` is a rank that a row's neighbours within each set can have: 1 <= k < rows."""
    for name, rows in sets.items():
        if not 1 <= k < len(rows):
            raise UserError(f"k is {k}, but {name} has {len(rows)} rows; choose k from 1 to {max(len(rows) - 1, 0)}")
