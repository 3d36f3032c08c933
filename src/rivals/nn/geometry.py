"""Pictures resampled along an affine map, y(u) = x(M u), bilinear, differentiable twice with respect to x.

Resampling is linear in x: y = A x, so its gradient is the adjoint, A^T g, and the gradient of that is A again. Matrices are
multiplied element by element: a matrix product may round to bf16 or TF32, which moves a pixel by as much as a pixel.
"""

from functools import reduce
from typing import Any, Literal

import torch
from torch.nn.functional import grid_sample

from rivals.core.types import Float, Tensor

Border = Literal["zeros", "reflection"]
MODES: dict[Border, int] = {"zeros": 0, "reflection": 2}  # as torch's kernel numbers them


class _Resampled(torch.autograd.Function):
    """A x. torch's own is differentiable once only before 2.12, and later by slower means."""

    @staticmethod
    def forward(x: Tensor, grid: Tensor, border: Border) -> Tensor:
        return grid_sample(x.to(grid.dtype), grid, padding_mode=border, align_corners=False)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Border], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.border = inputs[2]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Adjoint.apply(gradient, *ctx.saved_tensors, ctx.border), None, None


class _Adjoint(torch.autograd.Function):
    """A^T g: each output pixel's gradient goes to the four pixels that it was mixed from."""

    @staticmethod
    def forward(gradient: Tensor, grid: Tensor, border: Border) -> Tensor:
        g = gradient.to(grid.dtype).contiguous()  # the kernel reads the shape of x alone, and x has that of g
        spread: Tensor = torch.ops.aten.grid_sampler_2d_backward(g, g, grid, 0, MODES[border], False, [True, False])[0]
        return spread

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Border], output: Tensor) -> None:
        ctx.save_for_backward(inputs[1])
        ctx.border = inputs[2]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Resampled.apply(gradient, *ctx.saved_tensors, ctx.border), None, None


def resample(
    x: Float[Tensor, "n c h w"], back: Float[Tensor, "n 3 3"], border: Border = "reflection"
) -> Float[Tensor, "n c h w"]:
    """The pictures after the map whose inverse is `back`: (column, row, 1) in pixels from the middle, output to input.

    Beyond the border a picture is mirrored, its edge pixels doubled, or zero. What `back` leaves as it is stays bit for bit.
    """
    h, w = x.shape[2:]
    rows = torch.arange(h, dtype=x.dtype, device=x.device)[:, None] + (1 - h) / 2
    columns = torch.arange(w, dtype=x.dtype, device=x.device) + (1 - w) / 2
    place = [
        torch.addcmul(back[:, axis, 2, None, None] + back[:, axis, 0, None, None] * columns, back[:, axis, 1, None, None], rows)
        for axis in (0, 1)
    ]
    grid = torch.stack([place[0] * (2 / w), place[1] * (2 / h)], 3)  # the picture's edges are at -1 and 1
    moved: Tensor = _Resampled.apply(x, grid, border)
    still = (back == torch.eye(3, dtype=back.dtype, device=back.device)).flatten(1).all(1)
    return torch.where(still[:, None, None, None], x, moved)


def _matrix(rows: list[list[Tensor | float]], like: Tensor) -> Float[Tensor, "n 3 3"]:
    whole = [each if isinstance(each, Tensor) else torch.full_like(like, each) for row in rows for each in row]
    return torch.stack(whole, 1).view(-1, 3, 3)


def scale(across: Float[Tensor, "n"], down: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """Columns times `across`, rows times `down`."""
    return _matrix([[across, 0, 0], [0, down, 0], [0, 0, 1]], across)


def translate(across: Float[Tensor, "n"], down: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """Columns plus `across`, rows plus `down`, in pixels."""
    return _matrix([[1, 0, across], [0, 1, down], [0, 0, 1]], across)


def rotate(angle: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """A turn by `angle`, in radians, about the middle."""
    cos, sin = angle.cos(), angle.sin()
    return _matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], angle)


def quarter(turns: Float[Tensor, "n"]) -> Float[Tensor, "n 3 3"]:
    """0, 1, 2 or 3 quarter turns, exactly."""
    cos, sin = (1 - turns) * (turns != 3), (2 - turns) * (turns != 0)  # 1 0 -1 0 and 0 1 0 -1
    return _matrix([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]], turns)


def compose(*matrices: Float[Tensor, "n k k"]) -> Float[Tensor, "n k k"]:
    """The matrix product; the last one acts first."""
    return reduce(lambda a, b: (a[:, :, :, None] * b[:, None]).sum(2), matrices)
