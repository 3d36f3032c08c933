"""Platt's calibration: a discriminator's raw score as the probability "real" (Platt 1999, "Probabilistic outputs...").

p(real | s) = sigmoid(slope s + bias), fitted by maximum likelihood on held-out real and on generated samples in equal
parts, with Platt's smoothed targets, so that scores which separate perfectly still give a finite slope.
"""

from typing import NamedTuple

import torch

from rivals.core.types import Float, Tensor


class Calibration(NamedTuple):
    """p(real | s) = sigmoid(slope s + bias), when one sample in two is real."""

    slope: float
    bias: float

    def probability(self, scores: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        """The probability "real" of each raw score."""
        return (self.slope * scores.double() + self.bias).sigmoid().float()


def calibrate(real: Float[Tensor, " n"], fake: Float[Tensor, " m"], *, steps: int = 100) -> Calibration:
    """Fits the two numbers by damped Newton steps; real and fake weigh one half each however many there are."""
    center, spread = torch.cat([real, fake]).double().mean(), torch.cat([real, fake]).double().std().clamp(min=1e-12)
    scores = (torch.cat([real, fake]).double() - center) / spread
    weight = torch.cat([torch.full((len(real),), 0.5 / len(real)), torch.full((len(fake),), 0.5 / len(fake))]).double()
    high, low = (len(real) + 1) / (len(real) + 2), 1 / (len(fake) + 2)
    target = torch.cat([torch.full((len(real),), high), torch.full((len(fake),), low)]).double()
    design = torch.stack([scores, torch.ones_like(scores)], 1)
    beta = torch.zeros(2, dtype=torch.float64)
    for _ in range(steps):
        p = (design @ beta).sigmoid()
        gradient = design.T @ (weight * (p - target))
        hessian = design.T @ (design * (weight * p * (1 - p))[:, None]) + 1e-9 * torch.eye(2, dtype=torch.float64)
        step = torch.linalg.solve(hessian, gradient)
        beta -= step * min(1.0, 2.0 / step.norm().item()) if step.norm() > 0 else step
        if step.norm() < 1e-10:
            break
    slope = (beta[0] / spread).item()
    return Calibration(slope, (beta[1] - beta[0] * center / spread).item())
