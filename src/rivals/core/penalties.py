"""Penalties on a verdict of the discriminator: Verdict -> a term per sample, whose mean joins the loss.

Notation: D(x) the raw score, |.| the Euclidean norm over all axes of one sample.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import nn

from rivals.core.schedules import Schedule, value
from rivals.core.types import Float, Scalar, Scores, Tensor


class Verdict(NamedTuple):
    """What the discriminator said of a batch: `discriminator` maps samples to scores with the condition bound.

    real, fake: the samples, leaves that require a gradient. progress: where the run stands, for schedules.
    """

    discriminator: Callable[[Tensor], Scores]
    real: Float[Tensor, "n *sample"]
    fake: Float[Tensor, "n *sample"]
    real_score: Scores
    fake_score: Scores
    progress: float = 0.0


Penalty = Callable[[Verdict], Scores]
"""One that mixes the samples of a batch has an attribute `coupled` that is True."""


def slope(score: Scores, samples: Float[Tensor, "n *sample"]) -> Float[Tensor, "n"]:
    """|grad_x D(x)|^2 of each sample, differentiable again; samples must be the leaves that score came from."""
    (gradient,) = torch.autograd.grad(score.sum(), samples, create_graph=True)
    return gradient.float().square().flatten(1).sum(1)


def _flatten(gamma: float | Schedule, step: float | None, where: Callable[[Verdict], tuple[Tensor, Scores]]) -> Penalty:
    """gamma/2 |grad D|^2 at the samples that `where` picks, exact or by a random nudge of length `step`."""

    def penalty(v: Verdict) -> Scores:
        x, score = where(v)
        if step is None:
            return value(gamma, v.progress) / 2 * slope(score, x)
        nudged = v.discriminator(x.detach() + step * torch.randn_like(x))
        rise = ((nudged - score) / step).reshape(len(x), -1).sum(1)  # of all patches together, as slope has it
        return value(gamma, v.progress) / 2 * rise.square()

    return penalty


def r1(gamma: float | Schedule, *, step: float | None = None) -> Penalty:
    """gamma/2 |grad D(x)|^2 at the real samples (Mescheder et al. 2018, arXiv:1801.04406).

    step: None for the exact form; a small length (in units of x) for gamma/2 ((D(x + step e) - D(x)) / step)^2 with
    e ~ N(0, I), the same in expectation as step -> 0, without double backward (approximated r1 of Lin et al. 2025,
    arXiv:2501.08316). In bf16 the two scores round apart: take a step of 0.1 or more there, or fp32.
    """
    return _flatten(gamma, step, lambda v: (v.real, v.real_score))


def r2(gamma: float | Schedule, *, step: float | None = None) -> Penalty:
    """gamma/2 |grad D(G(z))|^2 at the fakes (Mescheder et al. 2018); `step` as in r1."""
    return _flatten(gamma, step, lambda v: (v.fake, v.fake_score))


def _norm_at(discriminator: Callable[[Tensor], Scores], points: Tensor) -> Float[Tensor, "n"]:
    points = points.detach().requires_grad_()
    return (slope(discriminator(points), points) + 1e-12).sqrt()  # the root's own slope at 0 is infinite


def gradient_penalty(weight: float | Schedule = 10.0, *, one_sided: bool = False) -> Penalty:
    """weight (|grad D(u x + (1-u) G(z))| - 1)^2, u ~ U(0, 1) per sample (Gulrajani et al. 2017, arXiv:1704.00028).

    one_sided: only norms above 1 pay (Petzka et al. 2018, arXiv:1709.08894).
    """

    def penalty(v: Verdict) -> Scores:
        u = torch.rand(len(v.real), *[1] * (v.real.ndim - 1), device=v.real.device)
        real, fake = v.real.detach().float(), v.fake.detach().float()  # under autocast the fakes alone are bf16
        excess = _norm_at(v.discriminator, torch.lerp(fake, real, u)) - 1
        return value(weight, v.progress) * (excess.relu() if one_sided else excess).square()

    return penalty


def dragan(weight: float | Schedule = 10.0, *, spread: float = 0.5) -> Penalty:
    """weight (|grad D(x + d)| - 1)^2, d ~ U(0, spread std(x)) round the real samples (Kodali et al. 2017, arXiv:1705.07215)."""

    def penalty(v: Verdict) -> Scores:
        points = v.real + spread * v.real.std() * torch.rand_like(v.real)
        return value(weight, v.progress) * (_norm_at(v.discriminator, points) - 1).square()

    penalty.coupled = True  # type: ignore[attr-defined]  # by std(x), taken over the batch
    return penalty


class LeCam(nn.Module):
    """weight (|D(x) - a_fake|^2 + |D(G(z)) - a_real|^2), a: running means of scores (Tseng et al. 2021, arXiv:2104.03310)."""

    real: Tensor
    fake: Tensor
    coupled = True  # by the running means

    def __init__(self, weight: float | Schedule = 0.3, *, decay: float = 0.99) -> None:
        super().__init__()
        self.weight, self.decay = weight, decay
        self.register_buffer("real", torch.zeros(()))
        self.register_buffer("fake", torch.zeros(()))

    def forward(self, v: Verdict) -> Scores:
        with torch.no_grad():
            self.real.lerp_(v.real_score.float().mean(), 1 - self.decay)
            self.fake.lerp_(v.fake_score.float().mean(), 1 - self.decay)
        gaps = (v.real_score - self.fake).square() + (v.fake_score - self.real).square()
        return value(self.weight, v.progress) * gaps


def consistency(augment: Callable[[Tensor], Tensor], weight: float | Schedule = 10.0) -> Penalty:
    """weight (|D(x) - D(T(x))|^2 + |D(G(z)) - D(T(G(z)))|^2), T = augment (bCR, Zhao et al. 2021, arXiv:2002.04724)."""

    def penalty(v: Verdict) -> Scores:
        real = (v.real_score - v.discriminator(augment(v.real))).square()
        fake = (v.fake_score - v.discriminator(augment(v.fake))).square()
        return value(weight, v.progress) * (real + fake)

    return penalty


def clip_weights(limit: float = 0.01) -> Callable[[nn.Module], None]:
    """After a move: every weight of the player into [-limit, limit] (Arjovsky et al. 2017, arXiv:1701.07875)."""

    @torch.no_grad()
    def after(player: nn.Module) -> None:
        torch._foreach_clamp_min_(list(player.parameters()), -limit)
        torch._foreach_clamp_max_(list(player.parameters()), limit)

    return after


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Scalar:
    """Mean over layers of mean |D_l(x) - D_l(G(z))| (Wang et al. 2018, arXiv:1711.11585); real features are targets."""
    return torch.stack([(f - r.detach()).abs().mean() for r, f in zip(real, fake, strict=True)]).mean()


def mode_seeking(fake: Float[Tensor, "n *sample"], z: Float[Tensor, "n *latent"]) -> Scalar:
    """Mean |z_i - z_j| / |G(z_i) - G(z_j)| over pairs (i, i + n/2), L1 means (Mao et al. 2019, arXiv:1903.05628)."""
    half = len(z) // 2
    apart = (fake[:half] - fake[half : 2 * half]).abs().flatten(1).mean(1)
    return ((z[:half] - z[half : 2 * half]).abs().flatten(1).mean(1) / (apart + 1e-5)).mean()


class PathLength(nn.Module):
    """(|J^T y| - a)^2, y ~ N(0, I / pixels), a its running mean, J = dG/dw (Karras et al. 2020, arXiv:1912.04958).

    fake: (n, channels, *space), made from the latents w (n, ...) that require a gradient.
    """

    mean: Tensor
    coupled = True  # by the running mean

    def __init__(self, *, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, fake: Float[Tensor, "n channels *space"], w: Float[Tensor, "n *latent"]) -> Float[Tensor, "n"]:
        y = torch.randn_like(fake) / max(fake[0, 0].numel(), 1) ** 0.5
        length = (slope((fake * y).flatten(1).sum(1), w) + 1e-12).sqrt()  # as in _norm_at: J = 0 at a zero first layer
        with torch.no_grad():
            self.mean.lerp_(length.mean(), 1 - self.decay)
        return (length - self.mean).square()
