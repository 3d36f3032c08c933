"""Moments: what the two players are, at one time in a game, in numbers that can be drawn.

At the optimum against a generator of density p_g the discriminator is D*(x) = p_data(x) / (p_data(x) + p_g(x)), and when
p_g = p_data it is 1/2 and V = E log D(x) + E log(1 - D(G(z))) = -log 4 (Goodfellow et al. 2014, arXiv:1406.2661).
"""

from typing import NamedTuple

import torch

from rivals.core.objectives import OBJECTIVES, ObjectiveName
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import GAN
from rivals.metrics import mode_coverage
from rivals.tasks.lab.distributions import Distribution, kernel

LOGITS = ("minimax", "non-saturating")  # sigmoid(D) is the probability "real"
OPTIMAL = (*LOGITS, "least-squares")  # whose best discriminator is p_data / (p_data + p_g)
DRAWN, JUDGED = 4000, 600  # samples of the kernel estimate and the bins; points at which densities are compared
BINS = {1: 60, 2: 32}  # a dimension
LINE, PLANE, LATTICE, ARROWS, SHOWN = 161, 48, 15, 40, 256  # what is drawn: places on an axis, lines of z, arrows, points
EDGE = 1e-7
SEEN = 0.01  # density below which no D* is drawn: it would be that of a few samples


class Sight(NamedTuple):
    """How scores read as probabilities at one moment: the game's objective, and the middle of real and fake scores."""

    objective: ObjectiveName
    middle: float

    def __call__(self, score: Scores) -> Scores:
        """D(x) in (0, 1). Scores of the objectives that know them only up to a constant are measured from the middle."""
        if self.objective == "least-squares":
            return score.clamp(0, 1)
        return (score if self.objective in LOGITS else score - self.middle).sigmoid()


class Taken(NamedTuple):
    """Samples of both sides, and their scores."""

    real: Float[Tensor, "n d"]
    fake: Float[Tensor, "n d"]
    sight: Sight
    sure_real: Float[Tensor, "n"]
    sure_fake: Float[Tensor, "n"]


@torch.no_grad()
def take(game: GAN, data: Distribution, objective: ObjectiveName, seed: int, n: int = DRAWN) -> Taken:
    """Fresh samples of both sides as the discriminator sees them."""
    noise = torch.Generator().manual_seed(seed)
    device = next(game.generator.parameters()).device
    real, fake = data.draw(n, noise), game.sample(n, noise=noise).cpu()
    scores = [game.discriminator(side.to(device), None).float().cpu() for side in (real, fake)]
    sight = Sight(objective, float(scores[0].mean() + scores[1].mean()) / 2)
    return Taken(real, fake, sight, sight(scores[0]), sight(scores[1]))


def value(sure_real: Float[Tensor, "n"], sure_fake: Float[Tensor, "m"]) -> float:
    """V(D, G) = E log D(x) + E log(1 - D(G(z)))."""
    return float(sure_real.clamp(min=EDGE).log().mean() + (1 - sure_fake).clamp(min=EDGE).log().mean())


def divergence(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], view: float) -> float:
    """Jensen-Shannon divergence of the samples' histograms over the view, one bin for all outside; nats, 0 to log 2.

    Few samples in many bins make it larger than it is: read it beside that of two sets of real samples.
    """
    p, q = (_histogram(side, view) for side in (real, fake))
    middle = (p + q) / 2
    return float(sum(torch.special.xlogy(each, each / middle.clamp(min=1e-30)).sum() for each in (p, q)) / 2)


def _histogram(x: Float[Tensor, "n d"], view: float) -> Float[Tensor, "bins"]:
    bins = BINS[x.shape[1]]
    cell = ((x + view) / (2 * view) * bins).floor().long()
    outside = ((cell < 0) | (cell >= bins)).any(1)
    index = cell[:, 0] if x.shape[1] == 1 else cell[:, 0] * bins + cell[:, 1]
    index[outside] = bins ** x.shape[1]
    return index.bincount(minlength=bins ** x.shape[1] + 1).double() / len(x)


def gap(taken: Taken, data: Distribution, *, n: int = JUDGED) -> float:
    """Mean |D(x) - D*(x)| over the support: at as many real as generated points.

    p_g is a kernel estimate from the generated samples that are not among those points, p_data smoothed by the same kernel.
    """
    blur = data.deviation / 3
    x = torch.cat([taken.real[:n], taken.fake[:n]])
    sure = torch.cat([taken.sure_real[:n], taken.sure_fake[:n]])
    return float((sure - optimum(data, taken.fake[n:], x, blur)).abs().mean())


def optimum(data: Distribution, fake: Float[Tensor, "m d"], x: Float[Tensor, "n d"], blur: float) -> Float[Tensor, "n"]:
    """D*(x) = p_data(x) / (p_data(x) + p_g(x)); 1/2 where neither has any density."""
    p, q = data.density(x, blur=blur) + 1e-12, kernel(x, fake, blur) + 1e-12
    return p / (p + q)


def modes(x: Float[Tensor, "n d"], data: Distribution) -> tuple[int, float]:
    """Modes covered, and the share of samples within 3 deviations of a centre; see metrics.mode_coverage."""
    flat = torch.zeros(len(x), 2), torch.zeros(len(data.centres), 2)  # a line lies in the plane
    flat[0][:, : x.shape[1]], flat[1][:, : x.shape[1]] = x, data.centres
    found = mode_coverage(*flat, data.deviation)
    return found.covered, found.share


def moment(game: GAN, data: Distribution, objective: ObjectiveName, seed: int) -> dict[str, object]:
    """All that is drawn of one moment, JSON-able: figures, and the arrays of `line` or `plane`."""
    taken = take(game, data, objective, seed)
    found: dict[str, object] = {
        "V": round(value(taken.sure_real, taken.sure_fake), 4),
        "real": round(float(taken.sure_real.mean()), 4),
        "fake": round(float(taken.sure_fake.mean()), 4),
        "jsd": round(divergence(taken.real, taken.fake, data.view), 4),
    }
    if objective in OPTIMAL:
        found["gap"] = round(gap(taken, data), 4)
    covered, share = modes(taken.fake, data)
    found |= {"good": round(share, 4)} | ({"modes": covered} if data.modes else {})
    return found | (_line(game, data, taken) if data.dimensions == 1 else _plane(game, data, taken))


def lattice(latent: int, count: int) -> Float[Tensor, "m latent"]:
    """Quantiles of the normal along the first latent axis, or a square lattice of them along the first two, the rest 0."""
    line = torch.special.ndtri(torch.linspace(0.02, 0.98, count))
    z = torch.zeros(count ** min(latent, 2), latent)
    z[:, : min(latent, 2)] = line[:, None] if latent == 1 else torch.cartesian_prod(line, line)
    return z


def _line(game: GAN, data: Distribution, taken: Taken) -> dict[str, object]:
    """On an axis of LINE places: D, D* and the generator's density; and where latents z go."""
    x = torch.linspace(-data.view, data.view, LINE)[:, None]
    z = lattice(game.latent, LATTICE * 2 - 1) if game.latent == 1 else torch.zeros(0, game.latent)
    blur = data.deviation / 5
    found: dict[str, object] = {
        "D": _rounded(_sure(game, taken.sight, x)),
        "density": _rounded(kernel(x, taken.fake, blur)),
        "z": _rounded(z[:, 0] if len(z) else z.flatten()),
        "x": _rounded(_made(game, z)[:, 0]) if len(z) else [],
    }
    if taken.sight.objective in OPTIMAL:
        there = data.density(x, blur=blur) + kernel(x, taken.fake, blur) > SEEN
        best = _rounded(optimum(data, taken.fake, x, blur))
        found["best"] = [level if seen else None for level, seen in zip(best, there.tolist(), strict=True)]
    return found


def _plane(game: GAN, data: Distribution, taken: Taken) -> dict[str, object]:
    """D on a lattice of PLANE^2 places (rows from the top, 0 to 255), points, the warped lattice of z, and where the
    generator's loss pushes its points."""
    axis = torch.linspace(-data.view, data.view, PLANE)
    y, x = torch.meshgrid(axis.flip(0), axis, indexing="ij")
    surface = _sure(game, taken.sight, torch.stack([x.flatten(), y.flatten()], 1))
    fixed = torch.randn(SHOWN, game.latent, generator=torch.Generator().manual_seed(0))
    points = _made(game, fixed)
    return {
        "surface": (surface * 255).round().int().tolist(),
        "points": _rounded(points.flatten()),
        "lattice": _rounded(_made(game, lattice(game.latent, LATTICE)).flatten()) if game.latent > 1 else [],
        "push": _rounded(pushes(game, points[:ARROWS], taken).flatten()),
    }


def pushes(game: GAN, points: Float[Tensor, "n d"], taken: Taken) -> Float[Tensor, "n d"]:
    """- d loss / d x of each generated point: where, and how strongly, the generator is told to move it."""
    device = next(game.discriminator.parameters()).device
    with torch.enable_grad():
        x = points.to(device).detach().requires_grad_()
        real = game.discriminator(taken.real[: len(points)].to(device), None).detach()
        loss = OBJECTIVES[taken.sight.objective].generator(real, game.discriminator(x, None))
        (slope,) = torch.autograd.grad(loss.sum(), x)
    return -slope.float().cpu()


def _sure(game: GAN, sight: Sight, x: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
    device = next(game.discriminator.parameters()).device
    return sight(game.discriminator(x.to(device), None).float().cpu())


def _made(game: GAN, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n d"]:
    device = next(game.generator.parameters()).device
    made: Tensor = game.generator(z.to(device), None).float().cpu()
    return made


def _rounded(values: Float[Tensor, "n"]) -> list[float]:
    return [round(value, 3) for value in values.tolist()]
