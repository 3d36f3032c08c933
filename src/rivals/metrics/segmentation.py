"""Segmentation agreement: whether a network that learned to read label maps from real photos reads the map back from generated
ones (the FCN score of Isola et al. 2017, arXiv:1611.07004, with a small network trained on the user's own pairs).

accuracy = right pixels / pixels; IoU of a class = both / either, its mean over the classes that occur; pixels of no class are
left out.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate

from rivals.core.game import evaluating
from rivals.core.types import Float, Int, Tensor

BATCH, RATE, IGNORED = 16, 3e-3, -1
FEWEST, MOST, EPOCHS = 150, 600, 40


class Segmenter(nn.Module):
    """Photos (n, c, h, w) in [-1, 1] -> logits (n, classes, h, w): three sizes down and up, 16 to 48 channels."""

    def __init__(self, channels: int, classes: int, *, width: int = 16) -> None:
        super().__init__()
        self.first = _block(channels, width, 1)
        self.second = _block(width, 2 * width, 2)
        self.third = nn.Sequential(_block(2 * width, 3 * width, 2), _block(3 * width, 3 * width, 1))
        self.fourth = nn.Sequential(_block(3 * width, 3 * width, 2), _block(3 * width, 3 * width, 1))
        self.merge = _block(6 * width, 2 * width, 1)
        self.join = _block(4 * width, width, 1)
        self.head = nn.Conv2d(2 * width, classes, 1)

    def forward(self, photos: Float[Tensor, "n c h w"]) -> Float[Tensor, "n k h w"]:
        first = self.first(photos)
        half = self.second(first)
        quarter = self.third(half)
        deep = self.merge(torch.cat([_to(self.fourth(quarter), quarter), quarter], 1))
        shallow = self.join(torch.cat([_to(deep, half), half], 1))
        logits: Tensor = self.head(torch.cat([_to(shallow, first), first], 1))
        return logits


def _block(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def _to(x: Tensor, like: Tensor) -> Tensor:
    return interpolate(x, size=like.shape[2:], mode="nearest")


class Agreement(NamedTuple):
    """Share of pixels whose class was read rightly, and the mean intersection over union; each 0 to 1."""

    accuracy: float
    iou: float


def steps_for(pictures: int) -> int:
    """Steps of 16 pictures: 40 epochs, but 150 at least and 600 at most (64x64 pixels: a minute on one CPU thread)."""
    return max(FEWEST, min(MOST, EPOCHS * pictures // BATCH))


def train_segmenter(
    fetch: Callable[[Tensor], tuple[Tensor, Tensor]], count: int, classes: int, *, steps: int, seed: int = 0
) -> Segmenter:
    """A segmenter of real training pairs; the global random state is neither read nor changed.

    fetch: item numbers (n,), below count -> photos (n, c, h, w) and class numbers (n, h, w), -1 for no class.
    """
    generator = torch.Generator().manual_seed(seed)
    channels = fetch(torch.zeros(1, dtype=torch.long))[0].shape[1]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = Segmenter(channels, classes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps)
    with torch.enable_grad():
        for _ in range(steps):
            photos, numbers = fetch(torch.randint(count, (BATCH,), generator=generator))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(cross_entropy(network(photos), numbers, ignore_index=IGNORED))
            optimizer.step()
            rate.step()
    trained: Segmenter = network.eval().requires_grad_(False)
    return trained


def agreement(
    segmenter: Segmenter, photos: Float[Tensor, "n c h w"], numbers: Int[Tensor, "n h w"], classes: int
) -> tuple[Agreement, Int[Tensor, "n k k"]]:
    """What the segmenter reads of photos, and each photo's table (true class, read class) of pixels."""
    with evaluating(segmenter):
        read = torch.cat([segmenter(part).argmax(1) for part in torch.split(photos, 16)])
    counted = numbers != IGNORED
    tables = []
    for true, found, counts in zip(numbers, read, counted, strict=True):
        codes = true[counts] * classes + found[counts]
        tables.append(torch.bincount(codes, minlength=classes * classes).view(classes, classes))
    table = torch.stack(tables)
    return of(table), table


def of(tables: Int[Tensor, "n k k"]) -> Agreement:
    """The agreement of all photos' tables together."""
    table = tables.sum(0).double()
    right, either = table.diag(), table.sum(0) + table.sum(1) - table.diag()
    occurs = table.sum(1) > 0
    return Agreement(float(right.sum() / table.sum()), float((right / either.clamp(min=1))[occurs].mean()))
