"""View: between series and the numbers that the game is played on, where small but regular differences are not lost.

A series x (steps, channels), standardised, becomes w = C^(-p/2) (x - m), C the covariance of its steps and channels, p = 1/2: the
deviations along its main axes, which differ by orders of magnitude, come nearer to each other. The difference of two near-equal
channels, or of two steps, is then plain to a discriminator, and r1 and r2 do not smooth it away, while the level still counts for
more (p = 0: the series as it is; p = 1: all axes alike). The root is the symmetric one, so that w keeps to the channels as far as
it can. Where there are too few series for C, its part within each main axis of time is taken. Numbers that are one a series
(attributes, lengths) become normal scores, categories one-hot rows.
"""

from statistics import NormalDist

import numpy as np
import torch
from torch import nn

from rivals.core.types import Float, Int, Tensor
from rivals.tasks.series.layout import KNOTS, Layout, Series, seen, unseen

POWER = 0.5  # p
MANY = 64
FLOOR = 1e-4  # of the greatest deviation: below, a direction is rounding
EDGE = 0.25 / (KNOTS - 1)  # the least probability that a normal score stands for
DEVIATES = torch.tensor([NormalDist().inv_cdf(min(max(k / 4096, EDGE), 1 - EDGE)) for k in range(4097)])


class View(nn.Module):
    """The map of one layout. Its numbers are learnt from real series by `fit`, and saved with the weights of who holds it."""

    mean: Tensor
    time: Tensor
    sharp: Tensor
    plain: Tensor
    root: Tensor
    knots: Tensor
    moments: Tensor
    quantiles: Tensor

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.layout, self.steps, self.channels = layout, layout.steps, len(layout.channels)
        self.blocks = (1, self.steps * self.channels) if layout.joint else (self.steps, self.channels)
        self.register_buffer("mean", torch.zeros(self.steps, self.channels))
        self.register_buffer("time", torch.eye(self.steps))
        for name in ("sharp", "plain", "root"):
            self.register_buffer(name, torch.eye(self.blocks[1]).repeat(self.blocks[0], 1, 1))
        start = torch.special.ndtri(torch.linspace(EDGE, 1 - EDGE, KNOTS))
        self.register_buffer("knots", start.repeat(self.steps * self.channels, 1))
        self.register_buffer("moments", moments(torch.zeros(1, layout.extra)), persistent=False)  # for training alone
        self.register_buffer("quantiles", torch.tensor(layout.quantiles), persistent=False)

    def fit(self, series: Series) -> None:
        """Learns the axes and moments from real series."""
        x = torch.from_numpy(seen(self.layout, series.values))
        self.moments.copy_(moments(codes(self.layout, series)[:, self.steps * self.channels :]))
        mean = x.mean(0)
        x = x - mean
        time = torch.linalg.eigh(torch.einsum("ntc,nsc->ts", x, x) / len(x)).eigenvectors.flip(1)
        parts = (time.T @ x).reshape(len(x), *self.blocks).transpose(0, 1)
        variance, axes = torch.linalg.eigh(parts.mT @ parts / len(x))
        deviation = variance.clamp(min=0).sqrt()
        most = max(float(deviation.max()), 1e-12)
        size = most * (deviation / most).clamp(min=FLOOR) ** POWER
        size = size * ((deviation / size).square().mean() + 1e-24).sqrt()  # so that the variance of w is 1 on average
        for name, scale in (("sharp", 1 / size), ("plain", size), ("root", deviation)):
            self.get_buffer(name).copy_((axes * scale[..., None, :] @ axes.mT).float())
        whole = axes / deviation.clamp(min=most * 1e-6)[..., None, :] @ axes.mT
        e = (parts @ whole).transpose(0, 1).flatten(1)
        self.knots.copy_(torch.quantile(e, torch.linspace(0, 1, KNOTS).double(), dim=0).T.float())
        self.mean.copy_(mean.float())
        self.time.copy_(time.float())

    def whiten(self, x: Float[Tensor, "n t c"]) -> Float[Tensor, "n tc"]:
        """w of standardised steps."""
        return self._times(self.time.T @ (x - self.mean), self.sharp)

    def colour(self, w: Float[Tensor, "n tc"]) -> Float[Tensor, "n t c"]:
        """The way back from `whiten`."""
        made: Tensor = self.time @ self._times(w, self.plain).view(-1, self.steps, self.channels) + self.mean
        return made

    def drawn(self, z: Float[Tensor, "n tc"]) -> Float[Tensor, "n tc"]:
        """Numbers distributed one by one as those of C^(-1/2) (x - m) are, from z ~ N(0, I)."""
        place = torch.special.ndtr(z.float()) * (KNOTS - 1)
        below = place.floor().long().clamp(0, KNOTS - 2).T
        made: Tensor = torch.lerp(self.knots.gather(1, below), self.knots.gather(1, below + 1), place.T - below)
        return made.T

    def rooted(self, e: Float[Tensor, "n tc"]) -> Float[Tensor, "n t c"]:
        """C^(1/2) e: standardised steps about 0, with the real covariance where that of e is I."""
        made: Tensor = self.time @ self._times(e, self.root).view(-1, self.steps, self.channels)
        return made

    def _times(self, parts: Tensor, matrices: Float[Tensor, "b k k"]) -> Float[Tensor, "n tc"]:
        return torch.einsum("nbk,bkl->nbl", parts.reshape(-1, *self.blocks), matrices).flatten(1)

    def lengths(self, score: Float[Tensor, "n"]) -> Int[Tensor, "n"]:
        """Whole lengths from their normal scores."""
        place = torch.special.ndtr(score.float()).clamp(0, 1) * (KNOTS - 1)
        below = place.floor().long().clamp(max=KNOTS - 2)
        return torch.lerp(self.quantiles[below], self.quantiles[below + 1], place - below).round().long()

    def encode(self, series: Series, *, seed: int = 0) -> Float[Tensor, "n d"]:
        """What the game is played on; seed as in `codes`."""
        return self.seen(codes(self.layout, series, seed=seed))

    def seen(self, made: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """`codes` with its steps whitened."""
        flat = self.steps * self.channels
        return torch.cat([self.whiten(made[:, :flat].view(-1, self.steps, self.channels)), made[:, flat:]], 1)

    def decode(self, w: Float[Tensor, "n d"]) -> Series:
        """Series in the file's units and with its decimals; starts and entities are left 0 for who writes them."""
        count, flat = len(w), self.steps * self.channels
        values = unseen(self.layout, self.colour(w[:, :flat].float().cpu()).numpy())
        attributes, at = np.zeros((count, len(self.layout.attributes))), flat
        for index, each in enumerate(self.layout.attributes):
            part = w[:, at : at + each.width].float().cpu()
            number = np.interp(torch.special.ndtr(part[:, 0]).numpy(), np.linspace(0, 1, KNOTS), each.quantiles or [0.0] * KNOTS)
            attributes[:, index] = part.argmax(1).numpy() if each.levels else np.round(number, each.decimals)
            at += each.width
        lengths = self.lengths(w[:, at].cpu()).numpy() if self.layout.quantiles else np.full(count, self.steps)
        place = np.minimum(np.arange(self.steps), lengths[:, None].clip(1) - 1)
        values = np.take_along_axis(values, place[:, :, None], 1)  # exactly still after the end, as real series are
        return Series(values, lengths, attributes, np.zeros(count), np.zeros(count, dtype=np.int64))


def moments(extra: Float[Tensor, "n k"]) -> Float[Tensor, "m"]:
    """Means of attributes and lengths, of their products and of those with squares: shares, means and variances within levels.

    Of more than MANY numbers only the means."""
    if extra.shape[1] > MANY:
        return extra.mean(0)
    pairs = [torch.einsum("ni,nj->ij", extra, each).flatten() / len(extra) for each in (extra, extra.square())]
    return torch.cat([extra.mean(0), *pairs])


def codes(layout: Layout, series: Series, *, seed: int = 0) -> Float[Tensor, "n d"]:
    """Standardised steps, attributes and length, side by side. seed: of the place within a level that equal numbers share."""
    draw = np.random.default_rng(seed)
    parts = [torch.from_numpy(seen(layout, series.values)).float().flatten(1)]
    for at, each in enumerate(layout.attributes):
        column = series.attributes[:, at]
        if each.levels:
            parts.append(torch.nn.functional.one_hot(torch.from_numpy(column).long(), len(each.levels)).float())
        else:
            parts.append(_scores(column, each.quantiles, draw))
    if layout.quantiles:
        parts.append(_scores(series.lengths, layout.quantiles, draw))
    return torch.cat(parts, 1)


def _scores(column: np.ndarray, quantiles: tuple[float, ...], draw: np.random.Generator) -> Float[Tensor, "n 1"]:
    """Normal scores of numbers; where many are equal, each is drawn from its share of the distribution."""
    knots = np.array(quantiles)
    place = np.interp(column, *_rising(knots)) * (KNOTS - 1)
    first, last = np.searchsorted(knots, column, "left"), np.searchsorted(knots, column, "right") - 1
    shared = last > first
    low, high = np.maximum(first - 0.5, 0), np.minimum(last + 0.5, KNOTS - 1)
    place = np.where(shared, low + (high - low) * draw.random(len(column)), place)
    scores = DEVIATES[torch.from_numpy(np.round(place / (KNOTS - 1) * 4096)).long().clamp(0, 4096)]
    return scores[:, None]


def _rising(knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct quantiles and the middle of the probabilities that each stands for."""
    values, first, counts = np.unique(knots, return_index=True, return_counts=True)
    return values, (first + (counts - 1) / 2) / (KNOTS - 1)
