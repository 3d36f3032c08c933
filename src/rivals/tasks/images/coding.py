"""Networks, judging and options of the picture recipes that also encode: images.vae, images.vaegan, images.bigan.

Encoder and discriminators are DCGAN's stages (Radford et al. 2016, arXiv:1511.06434); the generator is DCGAN's own.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from PIL.Image import Image
from torch import nn

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Float, Scores, Tensor
from rivals.games.gan import Sample
from rivals.media import pictures as media
from rivals.metrics import Judging, MetricCard, bootstrap, proportion
from rivals.metrics.fidelity import sharpness
from rivals.nn.format import Format, ladder
from rivals.nn.normalise import spectral
from rivals.nn.resample import even
from rivals.tasks.images import judging as common
from rivals.tasks.images.dcgan import BEGIN, Norm, halving, he, normal, stage_channels
from rivals.tasks.images.judge_backbone import own
from rivals.tasks.images.judge_real import CHUNK, Record, real
from rivals.tasks.images.training import facts_of

SHOWN = 2000  # held-out pictures that are reconstructed to be judged
NEXT = (
    ("sample {run} -n 100 -o out/", "a hundred samples as files"),
    ("encode {run} out/00*.png -o codes.npz", "the codes of pictures"),
    ("score {run} out/00*.png --anomaly", "how badly the run explains each of them"),
)
"""What to do with a finished run, and what it is for."""


class Coding(Protocol):
    """What a game must offer to encode and to rebuild."""

    def encode(self, x: Tensor) -> Tensor: ...

    def reconstruct(self, x: Tensor) -> Tensor: ...

    def anomaly(self, x: Tensor) -> Tensor: ...


class Trunk(nn.Module):
    """Pictures -> the smallest stage (n, c, h, w), each stage a 4x4 convolution that halves, rounding up."""

    def __init__(self, form: Format, width: int, widest: int, norm: Norm) -> None:
        super().__init__()
        channels, (high, wide) = stage_channels(form, width, widest), ladder(form.height, form.width)[0]
        self.flat = channels[0] * high * wide
        sizes = pairwise([form.channels, *reversed(channels)])
        self.stages = nn.ModuleList(halving(a, b, norm, begin=BEGIN[norm]) for a, b in sizes)

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        for stage in self.stages:
            x = stage(even(x))
        return x


class Encoder(nn.Module):
    """Pictures -> (n, outputs); batch norm."""

    def __init__(self, form: Format, outputs: int, *, width: int, widest: int) -> None:
        super().__init__()
        self.trunk = Trunk(form, width, widest, "batch")
        self.code = normal(nn.Linear(self.trunk.flat, outputs))

    def features(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d"]:
        """What the code is a linear function of."""
        features: Tensor = self.trunk(x).flatten(1)
        return features

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n outputs"]:
        code: Tensor = self.code(self.features(x))
        return code


class Judge(nn.Module):
    """Pictures -> scores (n,); its layer to compare in is its smallest stage. Spectral norm: no statistics of a batch."""

    def __init__(self, form: Format, *, width: int, widest: int) -> None:
        super().__init__()
        self.trunk = Trunk(form, width, widest, "spectral")
        self.score = spectral(normal(nn.Linear(self.trunk.flat, 1)))

    def layer(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n d hh ww"]:
        layer: Tensor = self.trunk(x)
        return layer

    def judge(self, layer: Float[Tensor, "n d hh ww"]) -> Scores:
        score: Tensor = self.score(layer.flatten(1)).squeeze(1)
        return score

    def forward(self, x: Float[Tensor, "n c h w"]) -> Scores:
        return self.judge(self.layer(x))


class PairJudge(nn.Module):
    """Pictures and codes -> scores (n,): s(x) + s(z) + s(x, z), as BigBiGAN adds them up (Donahue and Simonyan 2019,
    arXiv:1907.02544), so that what a code says of a picture is learned beside how either looks alone. No normalisation.
    """

    def __init__(self, form: Format, *, latent: int, width: int, widest: int, joint: int = 512) -> None:
        super().__init__()
        self.trunk = Trunk(form, width, widest, "none")
        self.of_code = _dense(latent, joint)
        self.both = _dense(self.trunk.flat + joint, joint)
        inputs = joint, self.trunk.flat, joint
        self.score, self.of_picture_alone, self.of_code_alone = (he(nn.Linear(each, 1)) for each in inputs)

    def features(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Float[Tensor, "n joint"]:
        """What the score of x and z together is a linear function of."""
        return self._together(self.trunk(x).flatten(1), self.of_code(z))

    def forward(self, x: Float[Tensor, "n c h w"], z: Float[Tensor, "n latent"]) -> Scores:
        picture, code = self.trunk(x).flatten(1), self.of_code(z)
        both = self.score(self._together(picture, code))
        scores: Tensor = (both + self.of_picture_alone(picture) + self.of_code_alone(code)).squeeze(1)
        return scores

    def _together(self, picture: Float[Tensor, "n d"], code: Float[Tensor, "n joint"]) -> Float[Tensor, "n joint"]:
        together: Tensor = self.both(torch.cat([picture, code], 1))
        return together


def _dense(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(he(nn.Linear(inputs, outputs)), nn.LeakyReLU(0.2), he(nn.Linear(outputs, outputs)), nn.LeakyReLU(0.2))


def unconditional(pictures: Any) -> dict[str, Any]:
    """What run.json keeps of pictures whose classes the game does not see."""
    return facts_of(pictures) | {"classes": 0, "attributes": 0}


def evaluate(game: Game[Sample], record: Record, judging: Judging) -> dict[str, MetricCard]:
    """The usual cards of samples; of reconstructed held-out pictures their sharpness, and the share whose class a classifier of
    real pictures reads right ("bound": of the pictures themselves)."""
    if judging.metric == "labels":
        raise UserError("--metric labels: nobody asks a run that encodes for a class; give another measure, or none for all")
    cards = common.evaluate(game, record, judging)
    cards.pop("labels", None)
    return cards if judging.metric else cards | _reconstructed(cast(Coding, game), record, judging)


def _reconstructed(game: Coding, record: Record, judging: Judging) -> dict[str, MetricCard]:
    found = real(record)
    held = found.held_out.map(lambda each: each[:SHOWN])
    with torch.no_grad():
        made = torch.cat([game.reconstruct(part.data).float().clamp(-1, 1) for part in held.split(CHUNK)])
    ends = bootstrap(lambda pair: sharpness(pair[:, 0], pair[:, 1]), torch.stack([made, held.data], 1), draws=40)
    told = ("none", "", "held out", len(held), judging.seed)
    cards = {"sharpness": MetricCard("sharpness", sharpness(made, held.data), *ends, *told, {"bound": 1.0})}
    if found.form.classes < 2 or held.condition is None:
        return cards
    judge = own(found, record)
    read, bound = ((judge.classify(judge(x)).argmax(1) == held.condition) for x in (made, held.data))
    ends = proportion(int(read.sum()), len(read))
    extra: dict[str, float | str] = {"bound": float(bound.float().mean())}
    card = MetricCard("reconstructed-class", float(read.float().mean()), *ends, judge.name, judge.digest, *told[2:], extra)
    return cards | {"reconstructed-class": card}


def illustrate(game: Game[Sample], record: Record) -> dict[str, Image]:
    """As other pictures, and "reconstructions": held-out pictures, and below each what the generator makes of its code."""
    held = real(record).held_out.data[:20]
    with torch.no_grad():
        made = cast(Coding, game).reconstruct(held).float().cpu()
    rows = torch.cat([held[:10], made[:10], held[10:], made[10:]])
    sheet = media.grid(rows, min(10, len(held)), scale=media.scale_of(*held.shape[2:]))
    return common.illustrate(game, record) | {"reconstructions": sheet}


def encode(game: Coding, facts: Mapping[str, Any], files: list[Path]) -> Float[Tensor, "n latent"]:
    """The code of each picture file."""
    with torch.no_grad():
        return torch.cat([game.encode(part.data) for part in common.read(files, facts).split(CHUNK)])


def anomaly(game: Coding, facts: Mapping[str, Any], files: list[Path]) -> Float[Tensor, "n"]:
    """How badly the game explains each picture file; more is stranger."""
    with torch.no_grad():
        return torch.cat([game.anomaly(part.data) for part in common.read(files, facts).split(CHUNK)])
