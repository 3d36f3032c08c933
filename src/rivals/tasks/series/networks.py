"""Players for series: attributes first, then all steps at once; both see series by their main axes (`View`).

Attributes before steps: Lin et al. 2020, "Using GANs for sharing networked time series data", arXiv:1909.13403. Residual blocks
that begin as the identity: Zhang et al. 2019, arXiv:1901.09321.
"""

import torch
from torch import nn
from torch.nn.functional import one_hot

from rivals.core.types import Float, Scores, Tensor
from rivals.tasks.series.layout import Layout
from rivals.tasks.series.view import View


class Block(nn.Module):
    """x + B f(A f(x)), f leaky; B begins at 0."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, width))
        nn.init.zeros_(self.layers[3].weight)
        nn.init.zeros_(self.layers[3].bias)

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        made: Tensor = x + self.layers(x)
        return made


def dense(inputs: int, width: int, depth: int, outputs: int) -> nn.Sequential:
    """A linear map in, `depth` blocks, a linear map out."""
    return nn.Sequential(
        nn.Linear(inputs, width), *(Block(width) for _ in range(depth)), nn.LeakyReLU(0.2), nn.Linear(width, outputs)
    )


class Known(nn.Module):
    """What is known of a series beforehand, as a condition (n, steps x channels + steps + attributes + 1).

    The first steps, standardised, 0 elsewhere; 1 for each known step; the attributes' codes; 1 where they are known. The length
    is never known, only that it is no shorter than the known steps.
    """

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        self.steps, self.channels = layout.steps, len(layout.channels)
        self.codes = sum(each.width for each in layout.attributes)
        self.width = self.steps * self.channels + self.steps + self.codes + 1

    def parts(self, condition: Float[Tensor, "n k"]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Known steps (n, steps, channels), which (n, steps, 1), attribute codes (n, codes), whether they are known (n, 1)."""
        x, steps, codes, told = condition.split([self.steps * self.channels, self.steps, self.codes, 1], 1)
        return x.view(-1, self.steps, self.channels), steps[:, :, None], codes, told

    def of(self, x: Tensor, codes: Tensor, count: Tensor, told: Tensor) -> Float[Tensor, "n k"]:
        """The condition of the first `count` (n,) steps of x (n, steps, channels), and of the attributes where told (n,) is 1."""
        steps = (torch.arange(self.steps, device=x.device) < count[:, None]).float()
        return torch.cat([(x * steps[:, :, None]).flatten(1), steps, codes * told[:, None], told[:, None].float()], 1)


class Generator(nn.Module):
    """(n, latent) noise and what is known (n, k) or None -> series as `View` shows them (n, d).

    It begins with the mean, the covariance and, along the main axes, the distributions of real series: x = m + C^(1/2) e with
    e = shift + (1 + scale) q(z'), z' a part of z, q the quantiles of C^(-1/2) (x - m) one by one, and a network's shift and scale
    that are 0 at first; it sees z' as uniform numbers too. Known steps and attributes come out as they went in. A category is
    drawn by Gumbel's trick from its part of z (Jang et al. 2017, arXiv:1611.01144), one-hot forward, soft backward.
    """

    def __init__(self, layout: Layout, *, latent: int, width: int, depth: int) -> None:
        super().__init__()
        self.view, self.known, self.layout = View(layout), Known(layout), layout
        self.sizes = [latent, layout.extra, layout.steps * len(layout.channels)]  # what z holds
        self.latent = sum(self.sizes)
        codes, flat = self.known.codes, self.known.steps * self.known.channels
        self.attributes = (
            dense(latent + layout.extra + flat + self.known.steps + codes + 1, width, depth, layout.extra)
            if layout.extra
            else None
        )
        self.series = dense(latent + 2 * flat + layout.extra + flat + self.known.steps, width, depth, 2 * flat)
        for last in [self.series[-1]] + ([] if self.attributes is None else [self.attributes[-1]]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """Categories begin with the shares that real series have."""
        at = 0
        for each in self.layout.attributes:
            if each.shares and self.attributes is not None:
                self.attributes[-1].bias[at : at + each.width] = torch.tensor(each.shares).clamp(min=1e-4).log()
            at += each.width

    def forward(self, z: Float[Tensor, "n latent"], condition: Tensor | None = None) -> Float[Tensor, "n d"]:
        if condition is None:
            condition = z.new_zeros(len(z), self.known.width)
        x, steps, codes, told = self.known.parts(condition)
        z, noise, own = z.split(self.sizes, 1)
        held = self._held(x, steps)
        base = self.view.whiten(held)
        extra = z[:, :0] if self.attributes is None else self._attributes(z, noise, base, steps, codes, told)
        even, own = torch.erf(own * 2**-0.5), self.view.drawn(own)
        shift, scale = self.series(torch.cat([z, own, even, extra, base, steps[:, :, 0]], 1)).chunk(2, 1)
        made = torch.where(steps > 0, x, held + self.view.rooted(shift + own * (1 + scale)))
        if self.layout.quantiles:
            made = self._ended(made, torch.maximum(self.view.lengths(extra[:, -1].detach()), steps.sum((1, 2)).long()))
        return torch.cat([self.view.whiten(made), extra], 1)

    def drawn(self, z: Float[Tensor, "n latent"]) -> Float[Tensor, "n extra"]:
        """The attributes and length alone, where nothing is known."""
        z, noise, _ = z.split(self.sizes, 1)
        known = z.new_zeros(len(z), self.known.width)
        x, steps, codes, told = self.known.parts(known)
        return self._attributes(z, noise, self.view.whiten(self._held(x, steps)), steps, codes, told)

    def _held(self, x: Tensor, steps: Tensor) -> Float[Tensor, "n t c"]:
        """The known steps with the last one held to the end: where a series starts from; the mean where none is known."""
        count = steps.sum(1).long()  # (n, 1)
        last = x.gather(1, (count - 1).clamp(min=0)[:, :, None].expand(-1, 1, x.shape[2]))
        return torch.where(count[:, :, None] > 0, torch.where(steps > 0, x, last), self.view.mean)

    def _attributes(self, z: Tensor, noise: Tensor, base: Tensor, steps: Tensor, codes: Tensor, told: Tensor) -> Tensor:
        assert self.attributes is not None
        raw = self.attributes(torch.cat([z, noise, base, steps[:, :, 0], codes, told], 1))
        gumbel = -(-torch.special.ndtr(noise).clamp(1e-6, 1 - 1e-6).log()).log()
        parts, at = [], 0
        for each in self.layout.attributes:
            part, here = raw[:, at : at + each.width], slice(at, at + each.width)
            if each.levels:
                soft = (part + gumbel[:, here]).softmax(1)
                part = one_hot(soft.argmax(1), each.width) + soft - soft.detach()
            else:
                part = part + noise[:, here]
            parts.append(part)
            at += each.width
        made = torch.where(told > 0, codes, torch.cat([*parts, raw[:, :0]], 1))
        return torch.cat([made, raw[:, at:] + noise[:, at:]], 1)

    def _ended(self, x: Float[Tensor, "n t c"], lengths: Tensor) -> Float[Tensor, "n t c"]:
        """Each series with its last value held from its end on."""
        place = torch.minimum(torch.arange(x.shape[1], device=x.device), lengths.clamp(1, x.shape[1])[:, None] - 1)
        return x.gather(1, place[:, :, None].expand(-1, -1, x.shape[2]))


class Discriminator(nn.Module):
    """Series as `View` shows them (n, d), and what was known (n, k) or None -> scores (n,).

    It is told which steps and whether the attributes were known; what they were stands in the series itself.
    """

    def __init__(self, layout: Layout, *, width: int, depth: int) -> None:
        super().__init__()
        self.known = Known(layout)
        self.score = dense(layout.width + self.known.steps + 1, width, depth, 1)

    def forward(self, w: Float[Tensor, "n d"], condition: Tensor | None = None) -> Scores:
        if condition is None:
            condition = w.new_zeros(len(w), self.known.width)
        _, steps, _, told = self.known.parts(condition)
        score: Tensor = self.score(torch.cat([w, steps[:, :, 0], told], 1))
        return score.squeeze(1)
