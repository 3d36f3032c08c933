"""Looks: plain figures of a game in training, cheap enough to take forty times a run.

Data are seen pooled (pictures to at most 16 x 16) and turned to their main axes: no network is needed, and kinds of data
that have none can be looked at too. Coverage: Naeem et al. 2020, arXiv:2002.09797. Copies, by the ratio of a sample's
distances to its nearest and to its next training samples: Carlini et al. 2023, arXiv:2301.13188.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.nn.functional import adaptive_avg_pool1d, adaptive_avg_pool2d

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.objectives import wasserstein
from rivals.core.stream import mix
from rivals.core.types import Float, Scores, Tensor
from rivals.games.bidirectional import BiGAN
from rivals.games.gan import GAN, Sample
from rivals.metrics.frechet import frechet

Look = dict[str, Any]
"""Figures by name, numbers alone; "round" and "seen" say when. A figure that could not be taken is left out."""

ROWS, REFERENCES, WIDTH, AXES, PIECE = 256, 2048, 1024, 64, 64
BALL = 5
NEXT = 16  # neighbours whose mean distance the nearest one's is compared with
SAME = 1 / 3  # of that mean: nearer is a copy
IN_CLASS = "variety in a class"
ALIKE = 0.05  # of the variety over all: real samples of a class that differ less are one sample
PAIRS = 64  # of one class, below which their mean says little


class Examiner:
    """Looks at a game's samples and scores beside fixed training rows and fixed held-out rows.

    fetch: item numbers (n,) of training samples, 0 to count - 1 -> Sample. Up to 2,048 of them are read when the first look
    is taken. Everything is a function of the data, the seed and the game's state. Raises UserError below 8 training samples.
    """

    def __init__(self, held_out: Sample, fetch: Callable[[Tensor], Sample], count: int, *, seed: int = 0) -> None:
        if count < 8:
            raise UserError(f"the doctor looks at 8 training samples or more, and there are {count}")
        order = torch.randperm(count, generator=torch.Generator().manual_seed(mix(seed, 1)))
        others = torch.randperm(len(held_out), generator=torch.Generator().manual_seed(mix(seed, 2)))
        first = [fetch(rows) for rows in torch.split(order[:ROWS], PIECE)]
        self.seed, self.train = seed, [each.to("cpu") for each in first]
        self.held_out = held_out.map(lambda t: t[others[:ROWS].to(t.device)]).split(PIECE) if len(held_out) else []
        self.real = torch.cat([each.data for each in self.train]).float()
        rest = [pooled(fetch(rows).data) for rows in torch.split(order[ROWS:REFERENCES], PIECE) if len(rows)]
        rows = torch.cat([pooled(self.real), *rest])
        self.centre = rows.mean(0)
        # Not standardised: a direction in which real samples hardly differ is no evidence.
        self.axes = torch.linalg.eigh(torch.cov(rows.T)).eigenvectors.flip(1)[:, :AXES] if rows.shape[1] > 1 else torch.eye(1)
        self.references = (rows - self.centre) @ self.axes
        self.rows = self.references[: len(self.real)]
        self.scale, self.form = float(self.references.var(0).sum()) or 1.0, form(self.real)
        self.pairs = {"variety": pairs(len(self.rows))} | of_a_class(self.train)
        self.apart = {name: apart(self.rows, each) or 1.0 for name, each in self.pairs.items()}
        if self.apart.get(IN_CLASS, math.inf) < ALIKE * self.apart["variety"]:  # a class of one picture: nothing to lose
            del self.pairs[IN_CLASS]
        # Coverage's balls, to the 5th neighbour. Distances by products of matrices: exact enough for a share, and far faster.
        self.radii = torch.cdist(self.rows, self.rows).kthvalue(min(BALL + 1, len(self.rows)), dim=1).values
        self.fresh: Look = {}
        if self.held_out:
            seen = torch.cat([pooled(each.data) for each in self.held_out])
            self.fresh = {"fresh copies": copies((seen - self.centre) @ self.axes, self.references)}

    def look(self, game: Game[Sample]) -> Look:
        """The figures of a game that is in evaluation mode, as `Trainer.averaged` gives it."""
        noise, device = torch.Generator().manual_seed(self.seed), next(game.parameters()).device
        given = [each.to(device) for each in self.train]
        parts = [game.sample(len(each), given=each, noise=noise).float() for each in given]
        fakes = [Sample(data, each.condition) for data, each in zip(parts, given, strict=True)]
        found = self._scores(game, given, fakes, [each.to(device) for each in self.held_out])
        fake = torch.cat(parts).cpu()
        bad = int((~fake.isfinite()).sum()) + int(found.pop("bad", 0))
        found = {"bad": bad} | (self._samples(fake) if fake.isfinite().all() else {}) | found
        return {name: float(f"{value:.6g}") for name, value in found.items() if math.isfinite(value)}

    def _scores(self, game: Game[Sample], real: list[Sample], fake: list[Sample], held_out: list[Sample]) -> Look:
        """D(x) of each set, its mean in raw units; spread: the deviation within a set."""
        try:
            sets = {name: torch.cat([game.score(each) for each in parts]).double().cpu()
                    for name, parts in (("train", real), ("fake", fake), ("held out", held_out)) if parts}  # fmt: skip
        except NotImplementedError:
            return {}
        whole = torch.cat(list(sets.values()))
        if not whole.isfinite().all():
            return {"bad": int((~whole.isfinite()).sum())}
        found = {name: float(scores.mean()) for name, scores in sets.items()}
        spread = math.sqrt(sum(float(each.var(correction=0)) for each in sets.values()) / len(sets))
        value = _value(game, sets["train"], sets["fake"])
        return found | {"spread": spread, "range": float(whole.max() - whole.min())} | value

    def _samples(self, fake: Float[Tensor, "n ..."]) -> Look:
        seen = (pooled(fake) - self.centre) @ self.axes
        found = self.fresh | {
            "coverage": float((torch.cdist(self.rows, seen) <= self.radii[:, None]).any(1).double().mean()),
            "distance": frechet(self.rows, seen) / self.scale,
            "copies": copies(seen, self.references),
        }
        found |= {name: apart(seen, each) / self.apart[name] for name, each in self.pairs.items()}
        shown = form(fake)
        if "colour" in shown:
            found["colour"] = float((shown["colour"] - self.form["colour"]).abs().max() / self.form["deviation"].max())
            found["contrast"] = float((shown["deviation"] / self.form["deviation"].clamp(min=1e-6)).log().abs().max())
            found["checkerboard"] = float((shown["locked"] / self.form["nyquist"].clamp(min=1e-5)).max())
            found["blocks"] = float((shown["blocks"] - self.form["blocks"]).abs().max())
        return found


def _value(game: Game[Sample], real: Scores, fake: Scores) -> Look:
    """V(D, G) = E log D(x) + E log(1 - D(G(z)))."""
    if not isinstance(game, GAN) or isinstance(game, BiGAN):  # a BiGAN's fakes are scored here with codes that it never plays
        return {}
    if game.objective is wasserstein:  # a critic's scores have no logit's scale
        return {}
    chance, other = game.objective.probability(real, fake)
    return {"value": float(chance.clamp(min=1e-7).log().mean() + (1 - other).clamp(min=1e-7).log().mean())}


def pooled(data: Float[Tensor, "n ..."]) -> Float[Tensor, "n d"]:
    """Samples as rows of at most 1,024 numbers: pictures pooled to at most 16 x 16, all else along its last axis."""
    x = data.detach().float().cpu()
    if x.ndim == 4:
        side = max(1, min(16, math.isqrt(WIDTH // x.shape[1])))
        return adaptive_avg_pool2d(x, (min(side, x.shape[2]), min(side, x.shape[3]))).flatten(1)
    x = x.flatten(1, -2) if x.ndim > 2 else x[:, None]
    return adaptive_avg_pool1d(x, min(x.shape[2], max(1, WIDTH // x.shape[1]))).flatten(1)


def pairs(n: int) -> Tensor:
    """The numbers of the two rows in each pair of n, (2, n (n - 1) / 2)."""
    return torch.triu_indices(n, n, 1)


def of_a_class(samples: list[Sample]) -> dict[str, Tensor]:
    """The pairs of one class, by their figure's name; none where there are no classes, or hardly two samples of any."""
    given = [each.condition for each in samples if each.condition is not None]
    if not given or given[0].ndim != 1 or given[0].is_floating_point():
        return {}
    classes, every = torch.cat(given), pairs(sum(len(each) for each in given))
    same = every[:, classes[every[0]] == classes[every[1]]]
    return {IN_CLASS: same} if same.shape[1] >= PAIRS else {}


def apart(rows: Float[Tensor, "n d"], those: Tensor) -> float:
    """The mean distance of the two rows of a pair, over those pairs (2, m)."""
    return float((rows[those[0]] - rows[those[1]]).norm(dim=1).mean()) if those.shape[1] else 0.0


def copies(rows: Float[Tensor, "n d"], references: Float[Tensor, "m d"]) -> float:
    """Share of rows whose nearest reference is nearer than a third of the mean distance to the next 16.

    A sample of a blurred or poor generator lies near to many references and counts as none.
    """
    next_ = min(NEXT, len(references) - 1)
    near = torch.cdist(rows, references).topk(next_ + 1, largest=False).values
    return float((near[:, 0] < SAME * near[:, 1:].mean(1)).double().mean())


def form(pictures: Float[Tensor, "n ..."]) -> dict[str, Tensor]:
    """What shows an artefact, for pictures (n, c, h, w) of at least 4 x 4, else nothing.

    colour, deviation: (c,) of each channel. nyquist: share of the variance in the three patterns that alternate from pixel
    to pixel; locked: that part of it which is the same in all pictures, as a network's own pattern is. blocks: (2,), for rows
    and columns, how much more one goes from even pixels to odd ones than from odd to even: +1 or -1 for equal pairs.
    """
    if pictures.ndim != 4 or min(pictures.shape[2:]) < 4:
        return {}
    x = pictures.double()
    even = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2]
    even = even - even.mean((2, 3), keepdim=True)
    rows, columns = ((-1.0) ** torch.arange(size, dtype=torch.float64) for size in even.shape[2:])
    waves = [rows[:, None], columns[None, :], rows[:, None] * columns[None, :]]
    power = even.square().mean().clamp(min=1e-12)
    waved = [(even * wave).mean((2, 3)) for wave in waves]
    steps = [_unequal(x.diff(dim=axis).abs().transpose(axis, -1)) for axis in (2, 3)]
    return {
        "colour": x.mean((0, 2, 3)),
        "deviation": x.std((0, 2, 3)),
        "nyquist": torch.stack([each.square().mean() for each in waved]) / power,
        "locked": torch.stack([each.mean(0).square().mean() for each in waved]) / power,
        "blocks": torch.stack(steps),
    }


def _unequal(steps: Float[Tensor, "*rows n"]) -> Float[Tensor, ""]:
    first, second = steps[..., 0::2].mean(), steps[..., 1::2].mean()
    return (first - second) / (first + second).clamp(min=1e-12)
