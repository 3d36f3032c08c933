"""Convolutions whose slope is cheap to differentiate again on a GPU, which r1, r2 and gradient penalties do.

With y = W * x, the gradient of the input, W^T * g, is linear in g and in W, so that its own gradients are W * h and the weight
gradient of (h, g): the three kernels of an ordinary backward pass. PyTorch's double backward makes the last one of
convolutions with filters as large as the pictures, once a group: 87 % of the time of a step on an H100 (docs/log.md).
On a CPU its way is the faster one and stays.
"""

from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.functional import conv2d, conv_transpose2d

from rivals.core.types import Float, Tensor


class How(NamedTuple):
    """Stride, padding (rows, columns) and groups of a convolution."""

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    groups: int = 1


def _gradient(g: Tensor, x: Tensor, w: Tensor, how: How, which: int) -> Tensor:
    """Of the sum of g * conv(x, w): by x (which = 0) or by w (1)."""
    mask = [which == 0, which == 1, False]
    return torch.ops.aten.convolution_backward(  # type: ignore[no-any-return]
        g, x, w, None, how.stride, how.padding, [1, 1], False, [0, 0], how.groups, mask
    )[which]


class Convolve(torch.autograd.Function):
    """conv(x, w, b)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor | None, how: How) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.how = how
        return conv2d(x, w, b, how.stride, how.padding, 1, how.groups)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None, None]:
        x, w = ctx.saved_tensors
        by_x, by_w, by_b, _ = ctx.needs_input_grad
        return (
            Spread.apply(g, w, x.detach(), ctx.how) if by_x else None,
            _gradient(g, x, w, ctx.how, 1) if by_w else None,
            g.sum((0, 2, 3)) if by_b else None,
            None,
        )


class Spread(torch.autograd.Function):
    """The transpose of conv(., w), applied to g: the gradient of its input, which is shaped like `like`."""

    @staticmethod
    def forward(ctx: Any, g: Tensor, w: Tensor, like: Tensor, how: How) -> Tensor:
        ctx.save_for_backward(g, w)
        ctx.how = how
        return _gradient(g, like, w, how, 0)

    @staticmethod
    def backward(ctx: Any, h: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        g, w = ctx.saved_tensors
        by_g, by_w, *_ = ctx.needs_input_grad
        return (
            Convolve.apply(h, w, None, ctx.how) if by_g else None,
            _gradient(g, h, w, ctx.how, 1) if by_w else None,
            None,
            None,
        )


def convolve(x: Float[Tensor, "n c h w"], w: Tensor, b: Tensor | None, how: How) -> Float[Tensor, "n d hh ww"]:
    """conv2d(x, w, b), so that it is cheap to differentiate twice."""
    if not (x.is_cuda and torch.is_grad_enabled()):
        return conv2d(x, w, b, how.stride, how.padding, 1, how.groups)
    y: Tensor = Convolve.apply(*_cast(x, w, b), how)
    return y


def spread(x: Float[Tensor, "n c h w"], w: Tensor, how: How) -> Float[Tensor, "n d hh ww"]:
    """conv_transpose2d(x, w), so that it is cheap to differentiate twice."""
    if not (x.is_cuda and torch.is_grad_enabled()):
        return conv_transpose2d(x, w, None, how.stride, how.padding, 0, how.groups)
    x, w, _ = _cast(x, w, None)
    size = [(n - 1) * s - 2 * p + k for n, s, p, k in zip(x.shape[2:], how.stride, how.padding, w.shape[2:], strict=True)]
    like = x.new_empty(len(x), w.shape[1] * how.groups, *size).contiguous(memory_format=torch.channels_last)
    y: Tensor = Spread.apply(x, w, like, how)
    return y


def _cast(x: Tensor, w: Tensor, b: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """To autocast's precision, which a backward pass of our own does not get by itself."""
    if not torch.is_autocast_enabled("cuda"):
        return x, w, b
    dtype = torch.get_autocast_dtype("cuda")
    return x.to(dtype), w.to(dtype), None if b is None else b.to(dtype)


class Conv2d(nn.Conv2d):
    """nn.Conv2d (zeros around, no dilation) by `convolve`."""

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        if self.padding_mode != "zeros" or self.dilation != (1, 1) or isinstance(self.padding, str):
            return super().forward(x)
        return convolve(x, self.weight, self.bias, How(self.stride, self.padding, self.groups))  # type: ignore[arg-type]
