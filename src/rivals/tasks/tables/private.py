"""Tables with differential privacy: the discriminator alone meets real rows, and learns of them by DP-SGD (Abadi et al. 2016,
arXiv:1607.00133).

A move of D sums the gradients g of the rows, each clipped to length C, and adds noise: (sum g min(1, C / |g|) + N(0, (noise
C)^2)) / batch. A row is in a move with probability batch / rows, apart from all others (Poisson sampling), which is what the
accountant assumes. The generator learns from D alone, so what it makes is private too (several moves of D for each of its own:
Bie et al. 2023, arXiv:2302.02936). Left out is what else would tell of real rows: penalties on D's slope, packs, batch
statistics, and for the generator D(x), the levels of real rows and how many a move met; and D(x) in the log.
"""

import secrets
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.optim import Optimizer

from rivals.core.errors import UserError, positive
from rivals.core.game import Game, Losses, Play
from rivals.core.schedules import cosine
from rivals.core.stream import mix
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.tasks.tables.data import Form
from rivals.tasks.tables.game import told
from rivals.tasks.tables.histograms import learnt, listed
from rivals.tasks.tables.layout import Layout
from rivals.tasks.tables.networks import Column, Discriminator, Generator
from rivals.tasks.tables.spending import Plan, missing_opacus, plan
from rivals.tasks.tables.training import Settings, Table, TableTrainer, facts_of, formed, train

NARROW = 4  # a private discriminator's width is so much smaller: noise grows with its weights
PARTS = 10  # a move meets at least so small a share of the rows
DECAY = 10.0  # of the discriminator's weights, by rate * DECAY a move
MOVES = 10  # of the discriminator for each of the generator's
PUBLIC = "the number of rows; columns, their kinds, levels, least and greatest values, spikes and decimals; constraints"
ALONE = "a private run is trained by one process: start it without torchrun"


class PrivateGAN(Game[Sample]):
    """data (n, blocks): n rows, as `Poisson` draws them, as a Form encodes them; n may be 0.

    batch: rows that a move meets on average, and fakes that it always meets. clip: C, the most that a row adds to a sum of
    gradients. noise: its deviation / C. told: share of the rows that are told one of their levels. levels: shares of each choice
    block's levels, private themselves, by which fakes are told theirs. moves: of the discriminator for each of the generator's.
    rate: Adam's. Raises UserError for a discriminator that mixes rows.
    """

    coupled = True  # how many rows there are, and the noise, are the move's and not a part's

    def __init__(
        self,
        generator: Generator,
        discriminator: nn.Module,
        *,
        batch: int,
        clip: float,
        noise: float,
        levels: Sequence[Sequence[float]],
        told: float = 0.5,
        moves: int = MOVES,
        rate: float = 1e-3,
    ) -> None:
        super().__init__()
        if getattr(discriminator, "pack", 1) != 1 or any(
            isinstance(m, nn.modules.batchnorm._BatchNorm) for m in discriminator.modules()
        ):
            raise UserError("a private discriminator judges each row alone: no packs, no batch normalisation")
        positive(clip=clip)
        self.generator, self.discriminator, self.layout = generator, discriminator, generator.layout
        self.batch, self.clip, self.noise, self.told, self.moves, self.rate = batch, clip, noise, told, moves, rate
        self.choices = [at for at, block in enumerate(self.layout.blocks) if block.kind == "choice"]
        self.levels = [torch.tensor(shares, dtype=torch.float64) for shares in levels]
        self.hooks: Any = None

    def round(self, play: Play[Sample]) -> None:
        for _ in range(self.moves):
            play.move(self.discriminator, self.discriminator_loss)
        play.move(self.generator, self.generator_loss, Sample(torch.empty(self.batch, 0)))  # it needs no real rows

    def discriminator_loss(self, batch: Sample) -> Losses:
        """The non-saturating loss of each row less its excess over C, summed / `batch`: the gradient is that of the clipped sum.

        Of the real part the gradient without its value: the log is told nothing of real rows.
        """
        wanted, own = self._wanted(), told(batch.data[:, self.choices], self.choices, self.told)
        with torch.no_grad():
            fake = self.generator(self._latents(self.batch), wanted)
        rows, asked = torch.cat([self.layout.wide(batch.data).to(fake.dtype), fake]), torch.cat([own, wanted])
        sign = torch.ones(len(rows), device=rows.device)
        sign[: len(batch)] = -1
        losses = self._clipped(rows.requires_grad_(), asked, sign)
        real, made = losses[: len(batch)], losses[len(batch) :]
        return {"real": (real - real.detach()).sum() / self.batch, "fake": made.sum() / self.batch}

    def _clipped(self, rows: Float[Tensor, "n width"], asked: Float[Tensor, "n 2"], sign: Float[Tensor, "n"]) -> Scores:
        """(n,) each row's loss times min(1, C / |its gradient|), found from each layer's inputs and outputs without being written
        out (ghost clipping: Li et al. 2022, arXiv:2110.05679). rows require a gradient, or torch's hooks warn."""
        self.hooks.enable_hooks()
        losses = softplus(sign * self.discriminator(rows, asked))
        torch.autograd.grad(losses.sum(), [*_learning(self.discriminator), rows], retain_graph=True)
        self.hooks.disable_hooks()
        clipped: Scores = losses * self.hooks.get_clipping_coef()
        return clipped

    def generator_loss(self, batch: Sample) -> Losses:
        wanted = self._wanted()
        return {"adversarial": softplus(-self.discriminator(self.generator(self._latents(self.batch), wanted), wanted)).mean()}

    def _latents(self, n: int, noise: torch.Generator | None = None) -> Tensor:
        device = next(self.generator.parameters()).device
        return torch.randn(n, self.generator.noises, generator=noise, device=noise.device if noise else device).to(device)

    def _wanted(self) -> Float[Tensor, "batch 2"]:
        """What fakes are told: levels drawn by their shares, each block's on its own."""
        device = next(self.generator.parameters()).device
        drawn = [torch.multinomial(shares, self.batch, replacement=True) for shares in self.levels]
        levels = torch.stack(drawn, 1).float().to(device) if drawn else torch.empty(self.batch, 0, device=device)
        return told(levels, self.choices, self.told)

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> Float[Tensor, "n blocks"]:
        """Compact rows; given.condition: a level that each of them is told."""
        z = self._latents(n, noise)
        condition = z.new_full((n, 2), -1) if given is None or given.condition is None else given.condition.to(z.device)
        return self.layout.compact(self.generator(z, condition))

    def score(self, batch: Sample) -> Scores:
        scores: Scores = self.discriminator(self.layout.wide(batch.data), batch.data.new_full((len(batch), 2), -1))
        return scores.float()

    def optimizers(self) -> dict[str, Optimizer]:
        """Adam for both players; opacus adds the discriminator's noise, and finds how long each row's gradient is. Its weights
        decay, and with them what the noise has done to them: nothing else holds its slope.

        A loss is a sum / batch, and so is C in the optimiser. Raises UserError where opacus is missing.
        """
        try:
            from opacus.grad_sample.grad_sample_module_fast_gradient_clipping import GradSampleHooksFastGradientClipping
            from opacus.optimizers import DPOptimizerFastGradientClipping
        except ImportError:
            raise missing_opacus() from None
        if self.hooks is not None:
            self.hooks.remove_hooks()
        self.hooks = GradSampleHooksFastGradientClipping(
            self.discriminator,
            max_grad_norm=self.clip,
            loss_reduction="sum",
            strict=False,  # else no constant buffers either
        )
        self.hooks.disable_hooks()
        learning = {name: _learning(player) for name, player in self.players().items()}
        made: dict[str, Optimizer] = {
            "generator": torch.optim.Adam(learning["generator"], lr=self.rate, betas=(0.0, 0.99)),
            "discriminator": torch.optim.AdamW(learning["discriminator"], lr=self.rate, betas=(0.0, 0.99), weight_decay=DECAY),
        }
        made["discriminator"] = DPOptimizerFastGradientClipping(
            made["discriminator"],
            noise_multiplier=self.noise,
            max_grad_norm=self.clip / self.batch,
            expected_batch_size=None,
            loss_reduction="sum",
        )
        return made


def _learning(player: nn.Module) -> list[nn.Parameter]:
    return [each for each in player.parameters() if each.requires_grad]


class Poisson:
    """Data: of `rows`, each with probability size / rows, apart from all others; a function of (seed, position)."""

    def __init__(self, rows: Sample, seed: int) -> None:
        self.rows, self.seed = rows, seed

    def __call__(self, seen: int, size: int, stride: int) -> Iterator[Sample]:
        """Batches of `size` rows on average. Raises UserError for several processes, which would draw a row twice."""
        if size != stride:
            raise UserError(ALONE)
        return self._drawn(seen, size)

    def _drawn(self, seen: int, size: int) -> Iterator[Sample]:
        while True:
            own = torch.Generator().manual_seed(mix(self.seed, seen))
            drawn = torch.rand(len(self.rows), generator=own, dtype=torch.float64) < size / len(self.rows)
            yield self.rows.map(lambda t, drawn=drawn: t[drawn])  # type: ignore[misc]
            seen += size


@dataclass(frozen=True)
class Privacy:
    """What a run may spend in all, histograms included, and C. delta: None for rows^-1.5."""

    epsilon: float
    delta: float | None
    clip: float


def secret(seed: int) -> int:
    """A private run's seed: whoever knows it can take the noise away again, so 0, everybody's, stands for a new secret one."""
    return seed or secrets.randbits(62) + 1


def game(facts: Mapping[str, Any]) -> PrivateGAN:
    """The game of a private run, untrained."""
    kept = facts["private"]
    layout = Layout(Form.from_dict(facts["form"]).blocks, facts["bins"])
    generator = Generator(layout, latent=facts["latent"], width=facts["width"])
    begin(generator, kept["levels"])
    discriminator = judge(layout, max(facts["width"] // NARROW, 8))
    return PrivateGAN(
        generator,
        discriminator,
        batch=kept["batch"],
        clip=kept["clip"],
        noise=kept["noise"],
        levels=kept["levels"],
        told=facts["told"],
        moves=kept["moves"],
        rate=kept["rate"],
    )


def judge(layout: Layout, width: int) -> Discriminator:
    """A discriminator that knows each level it is told by fixed random numbers: a weight that learns little is noise."""
    made = Discriminator(layout, width=width)
    made.wanted.requires_grad_(False)
    return made


@torch.no_grad()
def begin(generator: Generator, levels: Sequence[Sequence[float]]) -> None:
    """Sets the generator's first levels to their shares: a bias of log(share)."""
    choices = [column for block, column in zip(generator.layout.blocks, generator.columns, strict=True) if block.kind == "choice"]
    for column, shares in zip(choices, levels, strict=True):
        cast(Column, column).logits.bias.copy_(torch.tensor(shares).clamp(min=1e-4).log())


def train_privately(
    table: Table, constraint: Sequence[str], facts: Mapping[str, Any], settings: Settings, privacy: Privacy, rate: float
) -> TableTrainer:
    """The trainer of a private run: the noise found for its length, the form learnt from noisy counts, both in its facts.

    facts: the target and the networks' sizes. rate: Adam's. Raises UserError for what cannot be trained privately.
    """
    rows = len(table.train)
    if settings.micro is not None:
        raise UserError("a private run clips each row's gradient in a whole batch: leave --micro out, or take a smaller --batch")
    table = table._replace(schema=listed(table.schema))
    form = formed(table, constraint)  # whose seed is kept beside the weights: not the run's
    batch = min(max(settings.batch, -(-rows // PARTS)), rows)
    steps = -(-settings.samples // (batch * MOVES)) * MOVES
    planned = plan(privacy.epsilon, rows**-1.5 if privacy.delta is None else privacy.delta, batch / rows, steps)
    made = learnt(form, table.train, planned.histograms.noise, mix(settings.seed, 1, 1, 1))
    spent = _told(planned, privacy, batch / rows) | {"steps": steps, "batch": batch, "rate": rate, "levels": made.levels}
    kept = {**facts_of(table, made.form, facts["target"]), **facts, "private": spent}
    trainer = train(
        game(kept),
        Poisson(Sample(made.form.encode(table.train)), settings.seed),
        kept,
        replace(settings, batch=batch),
        half_life=settings.samples / 20,
        schedules={"lr": cosine(rate, rate / 4)},
    )
    if trainer.ranks.world > 1:
        raise UserError(ALONE)
    trainer.origin = {"arguments": {"seed": settings.seed}}
    warnings.warn(
        f"epsilon {planned.epsilon:.3g} at delta {planned.delta:.1g}, with these taken as public: {PUBLIC}. Synthetic rows may "
        "be handed out; the run folder holds the seed of the noise and its report figures of real rows: keep both secret",
        stacklevel=3,
    )
    return trainer


def _told(planned: Plan, privacy: Privacy, sampling: float) -> dict[str, Any]:
    """What was spent, on what, and how; sampling: the share of the rows that each move sees."""
    return {
        "epsilon": round(planned.epsilon, 4),
        "delta": planned.delta,
        "unit": "one row more or less",
        "accountant": "Renyi, by opacus",
        "noise": planned.training.noise,
        "histogram noise": planned.histograms.noise,
        "clip": privacy.clip,
        "sampling rate": sampling,
        "moves": MOVES,
        "taken as public": PUBLIC,
    }
