"""TableGAN: a GAN whose data are compact rows and whose players see wide ones, told a level now and then.

A row is told with one of its own levels, drawn at random: the generator must make a row that has it, the discriminator judges it
beside it (CTGAN's conditional vector: Xu et al. 2019, arXiv:1907.00503). So a level that is rare can be asked for later.
"""

from typing import Protocol, cast

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from rivals.core.game import Losses
from rivals.core.objectives import Objective, relativistic
from rivals.core.penalties import Penalty, Verdict
from rivals.core.types import Float, Scalar, Scores, Tensor
from rivals.games.gan import GAN, Sample
from rivals.tasks.tables.layout import Layout


class Makes(Protocol):
    """What the generator must offer: forward(z, condition) -> wide rows; logits(z, condition): (n, width), before any draw."""

    layout: Layout
    noises: int  # length of z

    def logits(self, z: Tensor, condition: Tensor) -> Tensor: ...


class Judges(Protocol):
    """What the discriminator must offer; its forward(wide, condition) -> a score for each `pack` rows."""

    pack: int


class TableGAN(GAN):
    """data (n, blocks): rows as a Form encodes them; condition (n, 2): (block, level) that a row has, block -1 for none.

    told: share of the rows in training that are told a level, where the data bring no condition. frequencies: of all levels of
    all choice blocks; where given, `sample` tells every row a level drawn by them. named: the generator also minimises
    -log P(level) of the level it was told (CTGAN), for one that is free to miss it.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        *,
        objective: Objective = relativistic,
        told: float = 0.0,
        frequencies: Tensor | None = None,
        named: bool = False,
    ) -> None:
        makes, judges = cast(Makes, generator), cast(Judges, discriminator)
        super().__init__(generator, discriminator, latent=makes.noises, objective=objective)
        self.layout, self.pack, self.told, self.frequencies, self.named = makes.layout, judges.pack, told, frequencies, named
        self.choices = [at for at, block in enumerate(self.layout.blocks) if block.kind == "choice"]

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        """Packed rows are judged together."""
        return self.pack > 1 or super().coupled

    def seen(self, batch: Sample) -> Sample:
        """What the players see of a batch: wide rows, and a level of some of them."""
        condition = batch.condition
        if condition is None:
            condition = told(batch.data[:, self.choices], self.choices, self.told)
        return Sample(self.layout.wide(batch.data), condition)

    def discriminator_loss(self, batch: Sample) -> Losses:
        return super().discriminator_loss(self.seen(batch))

    def penalty_loss(self, batch: Sample) -> Losses:
        return super().penalty_loss(self.seen(batch))

    def generator_loss(self, batch: Sample) -> Losses:
        seen = self.seen(batch)
        return super().generator_loss(seen) | ({"named": self._naming(seen.condition)} if self.named else {})

    def _naming(self, condition: Float[Tensor, "n 2"]) -> Scalar:
        """E -log P(level) over the rows that were told one."""
        logits = cast(Makes, self.generator).logits(self._latents(len(condition), condition.device), condition)
        block, level = condition.long().unbind(1)
        total = logits.new_zeros(())
        for at, part in enumerate(logits.split(self.layout.widths, 1)):
            asked = torch.where(block == at, level, -1)
            if at in self.choices:
                total = total + cross_entropy(part, asked, ignore_index=-1, reduction="sum")
        return total / len(condition)

    def observe(self, batch: Sample) -> dict[str, Scalar]:
        return super().observe(self.seen(batch))

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Float[Tensor, "n blocks"]:
        """Compact rows; given.condition: a level that each of them is told, not heard by a game that was never told one."""
        if self.frequencies is None and not self.told:
            given = None
        elif given is None and self.frequencies is not None:
            given = Sample.wanted(self._usual(n, noise))
        return self.layout.compact(super().sample(n, given=given, noise=noise))

    def _usual(self, n: int, noise: torch.Generator | None) -> Float[Tensor, "n 2"]:
        """A level for each row: of any choice block, as often as it is in the data."""
        assert self.frequencies is not None
        level = torch.multinomial(self.frequencies, n, replacement=True, generator=noise)
        block = torch.searchsorted(self.layout.starts.cpu(), level, right=True) - 1
        return torch.stack([block, level - self.layout.starts.cpu()[block]], 1).float()

    def score(self, batch: Sample) -> Scores:
        """D of each row; of a discriminator of packs, D of a pack of copies of it."""
        rows = self.layout.wide(batch.data).repeat_interleave(self.pack, 0)
        return super().score(Sample(rows, rows.new_full((len(rows), 2), -1)))


def told(levels: Float[Tensor, "n choices"], choices: list[int], share: float) -> Float[Tensor, "n 2"]:
    """One level of a row, drawn at random, for a share of the rows: (block, level); block -1 for none.

    levels: of each row, a column for each choice block; choices: the places of these among the blocks.
    """
    none = levels.new_full((len(levels), 2), -1)
    if not choices or not share:
        return none
    which = torch.randint(len(choices), (len(levels), 1), device=levels.device)
    asked = torch.cat([torch.tensor(choices, device=levels.device)[which].to(levels.dtype), levels.gather(1, which)], 1)
    return torch.where(torch.rand(len(levels), 1, device=levels.device) < share, asked, none)


def of_packs(penalty: Penalty, pack: int) -> Penalty:
    """A penalty on the slope in a whole pack of rows, not in each of them."""

    def packed(v: Verdict) -> Scores:
        def discriminator(packs: Tensor) -> Scores:
            return v.discriminator(packs.reshape(len(packs) * pack, -1))

        real, fake = (rows.reshape(len(rows) // pack, -1) for rows in (v.real, v.fake))
        return penalty(v._replace(discriminator=discriminator, real=real, fake=fake))

    return packed
