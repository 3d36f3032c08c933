"""Contrastive: one generator from domain a to b, held to its source by patches that must find themselves again.

min_G max_D V(D, G) + w L(a, G(a)) + w L(b, G(b)), where for patches i of layers l of the generator's own encoder
L(x, y) = mean_{l, i} -log exp(q_li k_li / t) / sum_j exp(q_li k_lj / t), q = P_l(E_l(y)), k = P_l(E_l(x)), all of one picture:
CUT and FastCUT (Park et al. 2020, arXiv:2007.15651).
"""

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize
from torch.optim import Optimizer

from rivals.core.errors import UserError
from rivals.core.game import Game, Losses, Play
from rivals.core.objectives import Objective, least_squares
from rivals.core.types import Float, Int, Scalar, Scores, Tensor
from rivals.games.cycle import Domains
from rivals.games.translation import scores


class Coder(Protocol):
    """A generator in two parts: picture -> features of several layers, the picture first; and these -> picture."""

    def encode(self, x: Tensor) -> list[Tensor]: ...

    def decode(self, features: Sequence[Tensor]) -> Tensor: ...


class Projection(nn.Module):
    """Features of each layer (n, c, h, w) at some places -> unit vectors (n, places, width), by two linear layers.

    channels: of each layer; the layers are made here and not at the first batch, so that averages and processes know them.
    """

    def __init__(self, channels: Sequence[int], width: int = 64) -> None:
        super().__init__()
        made = (nn.Sequential(nn.Linear(each, width), nn.ReLU(), nn.Linear(width, width)) for each in channels)
        self.layers = nn.ModuleList(made)

    def forward(self, features: Sequence[Tensor], places: Sequence[Int[Tensor, "n p"]]) -> list[Float[Tensor, "n p width"]]:
        found = []
        for layer, each, at in zip(self.layers, features, places, strict=True):
            flat = each.flatten(2)
            chosen = flat.gather(2, at[:, None].expand(-1, flat.shape[1], -1))
            found.append(normalize(layer(chosen.transpose(1, 2)), dim=2))
        return found


def somewhere(features: Sequence[Tensor], patches: int) -> list[Int[Tensor, "n p"]]:
    """At most `patches` different places of each layer, drawn for each picture on its own."""
    return [torch.rand(len(f), f[0, 0].numel(), device=f.device).argsort(1)[:, :patches] for f in features]


def patch_nce(query: Float[Tensor, "n p d"], key: Float[Tensor, "n p d"], temperature: float) -> Scalar:
    """Cross-entropy of finding each query's own key among the keys of its picture; the keys are targets."""
    logits = query @ key.detach().transpose(1, 2) / temperature
    wanted = torch.arange(logits.shape[1], device=logits.device).expand(logits.shape[:2])
    return cross_entropy(logits.flatten(0, 1), wanted.flatten())


class Contrastive(Game[Domains]):
    """Players: generator {translate: a Coder, project: a Projection}; discriminator(x, x) -> Opinions of domain b.

    contrast: weight of L, 0 for a GAN without it. identity: with L(b, G(b)) too, half of each (CUT). flip: half of the sources
    are translated mirrored, and must agree with themselves unmirrored (FastCUT). patches: of each layer. temperature: t.
    """

    deterministic = True

    def __init__(
        self,
        generator: nn.ModuleDict,
        discriminator: nn.Module,
        *,
        contrast: float = 1.0,
        identity: bool = True,
        flip: bool = False,
        patches: int = 64,
        temperature: float = 0.07,
        objective: Objective = least_squares,
        optimizer: Callable[[str, list[nn.Parameter]], Optimizer] | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.contrast, self.identity, self.flip = contrast, identity, flip
        self.patches, self.temperature = patches, temperature
        self.objective, self.optimizer = objective, optimizer

    @property
    def coupled(self) -> bool:  # type: ignore[override]
        return self.objective.coupled

    @property
    def coder(self) -> Coder:
        return cast(Coder, self.generator["translate"])

    def round(self, play: Play[Domains]) -> None:
        batch = play.draw()
        play.move(self.discriminator, self.discriminator_loss, batch)
        play.move(self.generator, self.generator_loss, batch)

    def discriminate(self, pictures: Tensor) -> Scores:
        """The scores (n, patches) of pictures of domain b."""
        return scores(self.discriminator(pictures, pictures))

    def discriminator_loss(self, batch: Domains) -> Losses:
        with torch.no_grad():
            made = self.generator["translate"](batch.a)
        return {"adversarial": self.objective.discriminator(self.discriminate(batch.b), self.discriminate(made)).mean()}

    def generator_loss(self, batch: Domains) -> Losses:
        source, mirrored = batch.a, None
        if self.flip:
            mirrored = torch.rand(len(source), 1, 1, 1, device=source.device) < 0.5
            source = _mirror(source, mirrored)
        keys, made = self._translated(source)
        fake = self.discriminate(made)
        with torch.no_grad():
            real = self.discriminate(batch.b) if self.objective.paired else fake
        losses = {"adversarial": self.objective.generator(real, fake).mean()}
        if not self.contrast:
            return losses
        share = 0.5 if self.identity else 1.0
        if mirrored is not None:
            with torch.no_grad():
                keys = self.coder.encode(batch.a)
        losses["contrast"] = share * self.contrast * self.contrast_of(keys, made, mirrored)
        if self.identity:
            losses["identity"] = share * self.contrast * self.contrast_of(*self._translated(batch.b))
        return losses

    def _translated(self, pictures: Tensor) -> tuple[list[Tensor], Tensor]:
        features = self.coder.encode(pictures)
        return features, self.coder.decode(features)

    def contrast_of(self, keys: Sequence[Tensor], made: Tensor, mirrored: Tensor | None = None) -> Scalar:
        """L of pictures whose features are `keys` and what was made of them; mirrored (n, 1, 1, 1): of which the mirror image."""
        queries = self.coder.encode(made)
        if mirrored is not None:
            queries = [_mirror(each, mirrored) for each in queries]
        project, places = self.generator["project"], somewhere(keys, self.patches)
        with torch.no_grad():
            wanted = project(keys, places)
        pairs = zip(project(queries, places), wanted, strict=True)
        return torch.stack([patch_nce(query, key, self.temperature) for query, key in pairs]).mean()

    def sample(self, n: int, *, given: Domains | None = None, noise: torch.Generator | None = None) -> Tensor:
        """The first `n` pictures of domain a, as ones of b (n, c, h, w); raises UserError where none are given."""
        if given is None:
            raise UserError("a translation needs something to translate: give pictures")
        made: Tensor = self.generator["translate"](given.a[:n].to(next(self.generator.parameters()).device))
        return made

    def optimizers(self) -> dict[str, Optimizer]:
        make = self.optimizer or (lambda _, parameters: torch.optim.Adam(parameters, lr=2e-4, betas=(0.5, 0.999)))
        return {name: make(name, list(player.parameters())) for name, player in self.players().items()}

    def observe(self, batch: Domains) -> dict[str, Scalar]:
        """D(x), D(G(s)) as mean probabilities over patches, and V(D, G)."""
        made = self.generator["translate"](batch.a)
        real, fake = self.objective.probability(self.discriminate(batch.b).float(), self.discriminate(made).float())
        logs = real.clamp(min=1e-7).log().mean() + (1 - fake).clamp(min=1e-7).log().mean()
        return {"D(x)": real.mean(), "D(G(s))": fake.mean(), "V(D,G)": logs}


def _mirror(x: Float[Tensor, "n c h w"], which: Tensor) -> Float[Tensor, "n c h w"]:
    return torch.where(which, x.flip(3), x)
