"""augmentation: what the discriminator sees of a picture, changed at random, so that few pictures last longer.

D compares T(x) with T(G(z)), T at random. Nothing of T leaks into the generator where the distribution of T(G(z)) tells that
of G(z): then they match only if G(z) matches x. So it is if T leaves a picture as it is with some probability (Karras et al.
2020, arXiv:2006.06676, section 3); in practice chances above 0.8 begin to leak.

Everything is a plain tensor operation, differentiable twice (r1 and r2 are taken with respect to the unchanged pictures), for
any number of channels, any height and width. All that is random is drawn with the batch as the first axis.
"""

import math
from abc import ABC, abstractmethod
from typing import Literal

import torch

from rivals.core.errors import UserError
from rivals.core.schedules import Schedule, cosine, value
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Augment
from rivals.nn import colour, geometry

AugmentName = Literal["none", "diff", "ada", "ada-scheduled", "ada-adaptive"]
SAFE = 0.8  # chances above it leak, in Karras's experiments


def augmentation(name: AugmentName, strength: float | Schedule) -> Augment:
    """The augmentation of that name: none, DiffAugment, ADA with a chance that is set, that rises, or that adapts.

    strength: from 0 to 1. "diff": the chance that a picture is changed, 1 in the paper. "ada": the chance of each operation,
    or a Schedule. "ada-scheduled": what that chance reaches at the run's end, from 0 along half a cosine. "ada-adaptive": the
    chance to start from (0 in the paper); it then moves between 0 and 0.8.
    Raises UserError for another name, or a strength that is no chance.
    """
    for progress in (0.0, 1.0):
        if not 0 <= (chance := value(strength, progress)) <= 1:
            raise UserError(f"strength is {chance}: give a chance from 0 to 1")
    if name == "none":
        return Augment()
    if name == "diff":
        return DiffAugment(strength)
    if name == "ada":
        return ADA(strength)
    if name == "ada-scheduled":
        return ADA(cosine(0.0, value(strength, 1.0)))
    if name == "ada-adaptive":
        return AdaptiveADA(value(strength, 0.0))
    raise UserError(f"there is no augmentation {name!r}: take none, diff, ada, ada-scheduled or ada-adaptive")


class Changes(Augment, ABC):
    """Abstract: changes pictures (n, channels, height, width) with a chance that may follow the run's `progress`."""

    def __init__(self, strength: float | Schedule) -> None:
        super().__init__()
        self.strength = strength

    def chance(self) -> float | Tensor:
        """How likely a change is, now."""
        return value(self.strength, self.progress)

    def forward(self, samples: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        chance = self.chance()
        if isinstance(chance, float | int) and chance == 0:
            return samples
        with torch.autocast(samples.device.type, enabled=False):
            return self.change(samples.to(torch.promote_types(samples.dtype, torch.float32)), chance)

    @abstractmethod
    def change(self, x: Float[Tensor, "n c h w"], chance: float | Tensor) -> Float[Tensor, "n c h w"]:
        """The pictures, in fp32 or fp64, changed."""


def cut(x: Float[Tensor, "n c h w"], middle: Float[Tensor, "n 2"], happens: Tensor) -> Float[Tensor, "n c h w"]:
    """A rectangle half as high and wide as the picture becomes 0, mid-grey; `middle`: its (column, row) in parts of the size."""
    h, w = x.shape[2:]
    columns = (torch.arange(w, device=x.device) + 0.5) / w
    rows = (torch.arange(h, device=x.device) + 0.5) / h
    inside = ((columns - middle[:, :1]).abs() < 0.25)[:, None, :] & ((rows - middle[:, 1:]).abs() < 0.25)[:, :, None]
    return x * ~(inside & happens[:, None, None])[:, None]


class DiffAugment(Changes):
    """Colour, translation and cutout, all of them, for a picture with the chance `strength` (Zhao et al. 2020, arXiv:2006.10738).

    Brightness + U(-0.5, 0.5), saturation x U(0, 2) about the pixel's mean, contrast x U(0.5, 1.5) about the picture's mean;
    a move of up to an eighth of the size, zeros coming in; a cut of half the size. strength 1 is the paper's.
    """

    def change(self, x: Float[Tensor, "n c h w"], chance: float | Tensor) -> Float[Tensor, "n c h w"]:
        h, w = x.shape[2:]
        u = torch.rand(len(x), 8, dtype=x.dtype, device=x.device)
        bright, saturate, contrast = u[:, 0] - 0.5, 2 * u[:, 1], u[:, 2] + 0.5
        y = x + bright[:, None, None, None]
        if colour.coloured(x.shape[1]) == 3:
            y = colour.recolour(y, colour.tint(torch.zeros_like(saturate), saturate, x.shape[1]))
        y = torch.lerp(y.mean((1, 2, 3), keepdim=True), y, contrast[:, None, None, None])
        move = geometry.translate(*(((2 * u[:, 3 + i] - 1) * size / 8).round() for i, size in enumerate((w, h))))
        happens = u[:, 7] < chance
        y = cut(geometry.resample(y, move, "zeros"), u[:, 5:7], happens)
        return torch.where(happens[:, None, None, None], y, x)


class Draw:
    """One operation's chance outcome for each picture, and its amounts, neutral where it does not happen."""

    def __init__(self, happens: Tensor, even: Float[Tensor, "n 2"], bell: Float[Tensor, "n 2"]) -> None:
        self.happens, self.even, self.bell = happens, even, bell

    def choice(self, count: int) -> Float[Tensor, "n"]:
        """0 .. count - 1, evenly; else 0."""
        return (self.even[:, 0] * count).floor().clamp(max=count - 1) * self.happens

    def uniform(self, most: float) -> Float[Tensor, "n 2"]:
        """U(-most, most); else 0."""
        return (2 * self.even - 1) * most * self.happens[:, None]

    def normal(self, deviation: float) -> Float[Tensor, "n 2"]:
        """N(0, deviation^2); else 0."""
        return self.bell * deviation * self.happens[:, None]

    def stretched(self, octaves: float) -> Float[Tensor, "n"]:
        """A factor 2^N(0, octaves^2), log-normal; else 1."""
        return torch.exp2(self.bell[:, 0] * octaves * self.happens)


class ADA(Changes):
    """The pipeline of Karras et al. 2020 (arXiv:2006.06676, appendix B): each operation with the chance p = `strength`.

    In one resampling, mirrored beyond the border: flip, quarter turns (squares only), whole-pixel move, zoom, turn, stretch,
    turn, move. In one map of colours: brightness, contrast, luma flip, hue, saturation. Then a cut of half the size.
    colours: what part of p is the chance of each change of colour (1 in the paper; 0.5 in Huang et al. 2024,
    arXiv:2501.05441). strength may be a Schedule: Huang et al. let p rise from 0 along half a cosine.
    """

    MOVES = ("flip", "quarter", "jump", "zoom", "turn", "stretch", "turn again", "drift")
    COLOURS = ("brightness", "contrast", "luma", "hue", "saturation")

    def __init__(self, strength: float | Schedule, *, colours: float = 0.5) -> None:
        super().__init__(strength)
        self.colours = colours

    def change(self, x: Float[Tensor, "n c h w"], chance: float | Tensor) -> Float[Tensor, "n c h w"]:
        names = (*self.MOVES, *self.COLOURS, "cut")
        dice = torch.rand(len(x), len(names), dtype=x.dtype, device=x.device)
        even = torch.rand(len(x), len(names), 2, dtype=x.dtype, device=x.device)
        bell = torch.randn(len(x), len(names), 2, dtype=x.dtype, device=x.device)
        # Two turns, so that p is the chance of at least one: 1 - (1 - q)^2 = p.
        odds = dict.fromkeys(names, chance) | dict.fromkeys(self.COLOURS, chance * self.colours)
        odds |= dict.fromkeys(("turn", "turn again"), 1 - (1 - chance) ** 0.5)
        draws = {name: Draw(dice[:, i] < odds[name], even[:, i], bell[:, i]) for i, name in enumerate(names)}
        x = geometry.resample(x, self.moves(draws, x.shape[2], x.shape[3]))
        x = colour.recolour(x, self.recolouring(draws, x.shape[1]))
        return cut(x, draws["cut"].even, draws["cut"].happens)

    def moves(self, draws: dict[str, Draw], h: int, w: int) -> Float[Tensor, "n 3 3"]:
        """The map from output to input: the inverse of each operation is as likely as the operation, so none is inverted."""
        flip, zoom = 1 - 2 * draws["flip"].choice(2), draws["zoom"].stretched(0.2)
        stretch, drift = draws["stretch"].stretched(0.2), draws["drift"].normal(0.125)
        jump = draws["jump"].uniform(0.125)
        maps = [
            geometry.scale(flip, torch.ones_like(flip)),
            *([geometry.quarter(draws["quarter"].choice(4))] if h == w else []),
            geometry.translate((jump[:, 0] * w).round(), (jump[:, 1] * h).round()),
            geometry.scale(zoom, zoom),
            geometry.rotate(draws["turn"].uniform(math.pi)[:, 0]),
            geometry.scale(stretch, 1 / stretch),
            geometry.rotate(draws["turn again"].uniform(math.pi)[:, 0]),
            geometry.translate(drift[:, 0] * w, drift[:, 1] * h),
        ]
        return geometry.compose(*maps)

    def recolouring(self, draws: dict[str, Draw], channels: int) -> Float[Tensor, "n k k"]:
        """The map of colours: brightness first, saturation last."""
        hue, saturation = draws["hue"].uniform(math.pi)[:, 0], draws["saturation"].stretched(1.0)
        maps = [
            *([colour.tint(hue, saturation, channels)] if colour.coloured(channels) == 3 else []),
            colour.flip_luma(draws["luma"].choice(2), channels),
            colour.contrast(draws["contrast"].stretched(0.5), channels),
            colour.brighten(draws["brightness"].normal(0.2)[:, 0], channels),
        ]
        return geometry.compose(*maps)


class AdaptiveADA(ADA):
    """ADA whose chance p follows how much the discriminator overfits (Karras et al. 2020, section 3).

    r = E sign(D(x) - 1/2), over the real pictures of a move: 0 where D cannot tell them, 1 where it knows each. Where r is
    above `target`, p rises, else it falls, so that it would go from 0 to 1 within `pictures`. The paper reads D(x) as
    sigmoid of the score. A relativistic score is known up to a constant only, so its sign says nothing; the probability that
    it was trained for, D(x) = sigmoid(score(x) - score(G(z))), is above 1/2 as often as a real picture beats a fake one.

    p is a buffer: saved with the run, and averaged over processes, each of which counts its own pictures.
    """

    p: Tensor
    coupled = True  # p moves by the mean over a batch

    def __init__(
        self, start: float = 0.0, *, target: float = 0.6, pictures: float = 500_000, limit: float = SAFE, colours: float = 0.5
    ) -> None:
        super().__init__(start, colours=colours)
        self.target, self.pictures, self.limit = target, pictures, limit
        self.register_buffer("p", torch.tensor(min(float(start), limit)))

    def chance(self) -> Tensor:
        return self.p

    @torch.no_grad()
    def hear(self, real: Scores, fake: Scores) -> None:
        overfit = (real.float() - 0.5).sign().mean()
        self.p.add_((overfit - self.target).sign() * (len(real) / self.pictures)).clamp_(0, self.limit)
