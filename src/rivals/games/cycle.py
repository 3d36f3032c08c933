"""Cycle: two generators between two domains without pairs, each undoing the other, and a discriminator of each domain.

min_G max_D V(G_ab, D_b) + V(G_ba, D_a) + w (|G_ba(G_ab(a)) - a| + |G_ab(G_ba(b)) - b|) + w i (|G_ba(a) - a| + |G_ab(b) - b|):
CycleGAN (Zhu et al. 2017, arXiv:1703.10593).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Optimizer

from rivals.core.batch import Batch
from rivals.core.errors import UserError
from rivals.core.game import Game, Losses, Play
from rivals.core.objectives import Objective, least_squares
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.translation import scores


@dataclass(frozen=True)
class Domains(Batch):
    """Pictures of two domains; those of one row have nothing to do with each other. a (n, c, h, w), b (n, k, hh, ww)."""

    a: Tensor
    b: Tensor

    @classmethod
    def wanted(cls, *, a: Tensor | None = None, b: Tensor | None = None) -> "Domains":
        """Pictures of one domain alone: what `sample` and `back` take."""
        given = a if a is not None else b
        assert given is not None
        none = torch.empty(len(given), 0, device=given.device)
        return cls(none if a is None else a, none if b is None else b)


@dataclass(frozen=True)
class Judged(Domains):
    """Real pictures of both domains, and made ones for the discriminators to tell from them."""

    made_a: Tensor
    made_b: Tensor


class Pool(nn.Module):
    """The last `size` made pictures, shown to the discriminator again (Shrivastava et al. 2017, arXiv:1612.07828).

    While it fills, what comes in is kept and shown. Then each picture is shown itself, or, with a chance of 1/2, takes the place
    of a kept one, which is shown. Kept in 8 bits: whole numbers, which no trainer averages over processes; but each process
    has a pool of its own, and only that of the first is saved, so a run in several processes has none.
    """

    pictures: Tensor
    filled: Tensor

    def __init__(self, size: int, channels: int, height: int, width: int) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, channels, height, width, dtype=torch.uint8))
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    def forward(self, fresh: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        shown, size = fresh.clone(), len(self.pictures)
        swap, places = torch.rand(len(fresh)), torch.randint(size, (len(fresh),))
        for row, picture in enumerate(fresh):
            filled = int(self.filled)
            if filled < size:
                self.pictures[filled] = _bytes(picture)
                self.filled += 1
            elif swap[row] < 0.5:
                place = int(places[row])
                shown[row] = self.pictures[place].to(shown.dtype) / 127.5 - 1
                self.pictures[place] = _bytes(picture)
        return shown


def _bytes(values: Tensor) -> Tensor:
    return ((values.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


class Cycle(Game[Domains]):
    """Players: generator {ab, ba}, picture -> picture of the other domain; discriminator {a, b}, (x, x) -> Opinions.

    cycle: weight of coming back, 0 for a GAN without it. identity: weight of leaving pictures of the target domain alone, times
    `cycle`; only where both domains have as many channels. pools: {a, b}, a Pool of each domain's made pictures.
    optimizer: (player's name, parameters) -> Optimizer.
    """

    deterministic = True

    def __init__(
        self,
        generator: nn.ModuleDict,
        discriminator: nn.ModuleDict,
        *,
        cycle: float = 10.0,
        identity: float = 0.5,
        pools: Mapping[str, Pool] | None = None,
        objective: Objective = least_squares,
        optimizer: Callable[[str, list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.pools = nn.ModuleDict(pools or {})
        self.cycle, self.identity, self.objective, self.optimizer = cycle, identity, objective, optimizer

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        """Whether a loss mixes the samples of a batch; a pool shows some of them in the place of others."""
        return bool(self.pools) or self.objective.coupled

    def round(self, play: Play[Domains]) -> None:
        batch = play.draw()
        play.move(self.generator, self.generator_loss, batch)
        play.move(self.discriminator, self.discriminator_loss, self.judged(batch))

    def judged(self, batch: Domains) -> Judged:
        """The batch with what the generators now make of it, or made before, where there are pools."""
        with torch.no_grad():
            made = {"a": self.generator["ba"](batch.b), "b": self.generator["ab"](batch.a)}
            shown = {side: self.pools[side](made[side]) if side in self.pools else made[side] for side in made}
        return Judged(batch.a, batch.b, shown["a"], shown["b"])

    def discriminate(self, side: str, pictures: Tensor) -> Scores:
        """The scores (n, patches) of a domain's discriminator."""
        return scores(self.discriminator[side](pictures, pictures))

    def discriminator_loss(self, batch: Domains) -> Losses:
        """Of a Judged batch."""
        assert isinstance(batch, Judged)
        sides = {"a": (batch.a, batch.made_a), "b": (batch.b, batch.made_b)}
        each = {side: [self.discriminate(side, x) for x in pair] for side, pair in sides.items()}
        return {side: self.objective.discriminator(*pair).mean() for side, pair in each.items()}

    def generator_loss(self, batch: Domains) -> Losses:
        ab, ba = self.generator["ab"], self.generator["ba"]
        made_b, made_a = ab(batch.a), ba(batch.b)
        losses = {"a": self._adversarial("a", batch.a, made_a), "b": self._adversarial("b", batch.b, made_b)}
        if self.cycle:
            losses["cycle"] = self.cycle * (_apart(ba(made_b), batch.a) + _apart(ab(made_a), batch.b))
        if self.cycle * self.identity and batch.a.shape[1] == batch.b.shape[1]:
            losses["identity"] = self.cycle * self.identity * (_apart(ba(batch.a), batch.a) + _apart(ab(batch.b), batch.b))
        return losses

    def _adversarial(self, side: str, real: Tensor, made: Tensor) -> Scalar:
        fake = self.discriminate(side, made)
        with torch.no_grad():
            against = self.discriminate(side, real) if self.objective.paired else fake
        return self.objective.generator(against, fake).mean()

    def sample(self, n: int, *, given: Domains | None = None, noise: torch.Generator | None = None) -> Tensor:
        """The first `n` pictures of domain a, as ones of b (n, k, h, w); raises UserError where none are given."""
        return self._translated("ab", None if given is None else given.a[:n])

    def back(self, n: int, *, given: Domains | None = None) -> Tensor:
        """The first `n` pictures of domain b, as ones of a; raises UserError where none are given."""
        return self._translated("ba", None if given is None else given.b[:n])

    def _translated(self, way: str, pictures: Tensor | None) -> Tensor:
        if pictures is None:
            raise UserError("a translation needs something to translate: give pictures")
        made: Tensor = self.generator[way](pictures.to(next(self.generator.parameters()).device))
        return made

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda _, parameters: torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999)))
        return {name: make(name, list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Domains) -> dict[str, Scalar]:
        """D(x) and D(G(s)) as mean probabilities over patches and both domains, and V(D, G)."""
        sides = {"a": (batch.a, self.generator["ba"](batch.b)), "b": (batch.b, self.generator["ab"](batch.a))}
        pairs = [[self.discriminate(side, x).float() for x in pair] for side, pair in sides.items()]
        chances = [self.objective.probability(*pair) for pair in pairs]
        real, fake = (torch.stack([pair[side].mean() for pair in chances]) for side in (0, 1))
        logs = real.clamp(min=1e-7).log() + (1 - fake).clamp(min=1e-7).log()
        return {"D(x)": real.mean(), "D(G(s))": fake.mean(), "V(D,G)": logs.mean()}


def _apart(made: Tensor, wanted: Tensor) -> Scalar:
    return (made - wanted).abs().mean()
