"""A small convolutional classifier of pictures of any size, trained on a user's own, whose features measures compare.

Without labels it learns which way up a picture is (Gidaris et al. 2018, arXiv:1803.07728). Trained from a fixed seed for
a fixed number of steps, it is the same network for the same pictures on the same machine.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

from rivals.core.errors import UserError
from rivals.core.types import Float, Int, Tensor
from rivals.metrics.backbone import Backbone

WIDTH, BATCH, STEPS, EPOCHS, FEWEST = 128, 64, 2500, 40, 200
TURNS = 4
SIGHTED = 0.35  # of turned pictures named rightly; 0.25 by chance
BLIND = "images-random-v1"


@dataclass(frozen=True)
class Source:
    """Training pictures: count of them; fetch: item numbers (n,) -> pictures (n, c, h, w) and classes (n,), or None."""

    count: int
    fetch: Callable[[Tensor], tuple[Tensor, Tensor | None]]

    @classmethod
    def table(cls, pictures: Tensor, labels: Tensor | None) -> "Source":
        return cls(len(pictures), lambda items: (pictures[items], None if labels is None else labels[items]))


class Features(nn.Module):
    """Pictures (n, c, h, w) in [-1, 1] -> features (n, 128).

    The first convolution strides over larger pictures so that about 32 pixels are left on the longer side.
    """

    def __init__(self, channels: int, height: int, width: int) -> None:
        super().__init__()
        step = max(1, round(max(height, width) / 32))
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 2 * step + 1, step, step, bias=False), nn.BatchNorm2d(16), nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(16, 48, 3, padding=1, bias=False), nn.BatchNorm2d(48), nn.ReLU(),
            nn.MaxPool2d(2, ceil_mode=True),
            nn.Conv2d(48, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
            nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(9 * 128, WIDTH), nn.ReLU(),
        )  # fmt: skip

    def forward(self, pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 128"]:
        features: Tensor = self.layers(pictures)
        return features


def classifier(form: tuple[int, int, int], classes: int) -> tuple[Features, nn.Linear]:
    """Untrained features of pictures (channels, height, width), and the head that turns them into logits (n, classes)."""
    return Features(*form), nn.Linear(WIDTH, classes)


Draw = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]


def _labelled(source: Source) -> Draw:
    def draw(items: Tensor, _: torch.Generator) -> tuple[Tensor, Tensor]:
        pictures, labels = source.fetch(items)
        if labels is None:
            raise UserError("a classifier needs the pictures' labels: give sub-folders, or --labels FILE")
        return pictures, labels

    return draw


def train_classifier(source: Source, classes: int, *, name: str = "images-cnn-v1", seed: int = 0, steps: int = 0) -> Backbone:
    """A classifier trained on labelled pictures; the global random state is neither read nor changed.

    steps: of 64 pictures; 0 for 40 epochs, but 200 at least and 2,500 at most (60,000 pictures of 28x28: a minute or two
    on one CPU thread).

    Raises:
        UserError: fewer than two classes, no labels, or fewer pictures than two.
    """
    if classes < 2:
        raise UserError(f"{classes} classes are too few for a classifier: give pictures of two at least")
    return _train(source, _labelled(source), classes, name=name, seed=seed, steps=steps)


@dataclass(frozen=True)
class Columns:
    """How attributes (n, k) are scored. binary: (k,) those that are 0 or 1; mean, deviation: (k,) of the training rows."""

    binary: Tensor
    mean: Tensor
    deviation: Tensor

    @classmethod
    def of(cls, rows: Float[Tensor, "n k"]) -> "Columns":
        same = (rows == rows[:1]).all(0)  # the mean of equal numbers is off by a rounding, which no deviation would scale back
        return cls(((rows == 0) | (rows == 1)).all(0), torch.where(same, rows[0], rows.mean(0)), rows.std(0, correction=0))

    def targets(self, rows: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """0 or 1 as they are, others with mean 0 and deviation 1."""
        return torch.where(self.binary, rows, (rows - self.mean) / self.deviation.clamp(min=1e-12))

    def loss(self, read: Float[Tensor, "n k"], targets: Float[Tensor, "n k"]) -> Tensor:
        """Cross-entropy of logits of the binary columns, squared error of the others."""
        unsure = binary_cross_entropy_with_logits(read, targets, reduction="none")
        return torch.where(self.binary, unsure, (read - targets).square()).mean()

    def scores(self, read: Float[Tensor, "n k"], asked: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """Scores whose mean over rows is a binary column's accuracy, and R^2 of another, its variance that of training rows."""
        right = (read > 0) == (asked > 0.5)
        return torch.where(self.binary, right.to(read.dtype), 1 - (read - self.targets(asked)).square())

    def guess(self) -> Float[Tensor, " k"]:
        """The best reading that does not look at the picture."""
        return torch.where(self.binary, self.mean - 0.5, 0.0)


def train_attributes(
    source: Source, columns: Columns, *, name: str = "images-attributes-v1", seed: int = 0, steps: int = 0
) -> Backbone:
    """The same network, trained to read the attributes of pictures: its head gives what `Columns.scores` takes."""
    inner = _labelled(source)

    def draw(items: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pictures, rows = inner(items, generator)
        return pictures, columns.targets(rows)

    return _train(source, draw, len(columns.mean), loss=columns.loss, name=name, seed=seed, steps=steps)


def train_rotation(source: Source, *, name: str = "images-rotation-v1", seed: int = 0, steps: int = 0) -> Backbone:
    """The same network, trained to tell by how many quarters a picture's middle square was turned; it has no head.

    Pictures that look the same from all sides teach it nothing: where it is right on less than `SIGHTED` of training ones, what
    comes back is the network before training, images-random-v1 (as random features do: Naeem et al. 2020, arXiv:2002.09797).
    """

    def draw(items: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pictures, turns = square(source.fetch(items)[0]), torch.randint(TURNS, (len(items),), generator=generator)
        turned = torch.empty_like(pictures)
        for turn in range(TURNS):
            turned[turns == turn] = pictures[turns == turn].rot90(turn, (2, 3))
        return turned, turns

    trained = _train(source, draw, TURNS, name=name, seed=seed, steps=steps)
    generator = torch.Generator().manual_seed(seed)
    drawn = (draw(torch.randint(source.count, (BATCH,), generator=generator), generator) for _ in range(8))
    right = sum(accuracy(trained, seen.float(), turns) for seen, turns in drawn) / 8
    return Backbone(trained.name, trained.module) if right >= SIGHTED else _untrained(source, seed=seed)


def _untrained(source: Source, *, seed: int) -> Backbone:
    """Random features, which batch norm has fitted to the pictures' scale."""
    items = torch.arange(min(source.count, 8 * BATCH))
    parts = items.tensor_split(max(len(items) // BATCH, 1))  # none of them of one picture, which has no variance
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(seed)
        features = Features(*source.fetch(items[:1])[0].shape[1:]).train()
        for each in features.modules():
            if isinstance(each, nn.BatchNorm2d):
                each.momentum = None  # the mean over all batches
        for part in parts:
            features(source.fetch(part)[0].float())
    return Backbone(BLIND, features.eval().requires_grad_(False))


def square(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c s s"]:
    """The middle square of each picture."""
    height, width = pictures.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pictures[:, :, top : top + side, left : left + side]


def _smoothed(logits: Tensor, labels: Tensor) -> Tensor:
    return cross_entropy(logits, labels, label_smoothing=0.05)


def _train(
    source: Source,
    draw: Draw,
    classes: int,
    *,
    loss: Callable[[Tensor, Tensor], Tensor] = _smoothed,
    name: str,
    seed: int,
    steps: int,
) -> Backbone:
    if source.count < 2:
        raise UserError("one picture is too few to train a classifier on: give two at least")
    steps = steps or max(FEWEST, min(STEPS, math.ceil(EPOCHS * source.count / BATCH)))
    generator = torch.Generator().manual_seed(seed)
    channels, height, width = source.fetch(torch.zeros(1, dtype=torch.long))[0].shape[1:]
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        features, head = classifier((channels, height, width), classes)
    network = nn.Sequential(features, head).train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=1e-2)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    with torch.enable_grad():
        for _ in range(steps):
            pictures, labels = draw(torch.randint(source.count, (BATCH,), generator=generator), generator)
            logits = network(pictures.float().to(memory_format=torch.channels_last))
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss(logits, labels))
            optimizer.step()
            rate.step()
    network.requires_grad_(False).to(memory_format=torch.contiguous_format)
    return Backbone(name, features.eval(), head.eval())


def accuracy(backbone: Backbone, pictures: Float[Tensor, "n c h w"], labels: Int[Tensor, " n"]) -> float:
    """Share of pictures, 0 to 1, that a trained classifier gives their own label."""
    return int((backbone.classify(backbone(pictures)).argmax(1) == labels).sum()) / len(labels)
