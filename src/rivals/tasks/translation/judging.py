"""How good translations of pairs are, beside what costs nothing; and what the command line needs of a run."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from PIL.Image import Image

from rivals.core.errors import UserError
from rivals.core.game import Game, evaluating
from rivals.core.types import Float, Tensor
from rivals.games.gan import Sample
from rivals.games.translation import Pair
from rivals.media.pictures import picture
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Interval, Judging, MetricCard, bootstrap
from rivals.metrics.card import BESIDE
from rivals.metrics.fidelity import psnr, sharpness, ssim
from rivals.metrics.segmentation import IGNORED, Segmenter, agreement, of, steps_for, train_segmenter
from rivals.tasks.translation.pairs import Pairs, Wish, load
from rivals.tasks.translation.sheets import sheet

METRICS = ("segmentation", "segmentation-iou", "psnr", "ssim", "sharpness")
WORST = 10


def change(game: Game[Pair], source: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
    """Sources, translated; where there is a style, in one that is the same for the same number of them."""
    return game.sample(len(source), given=Pair.wanted(source), noise=torch.Generator().manual_seed(0))


@lru_cache(maxsize=2)
def _loaded(arguments: str, digest: str) -> Pairs:
    told = json.loads(arguments)
    wish = Wish(**told["wish"])
    files = {name: Path(value) for name in ("held_out", "palette") if (value := told["wish"][name]) is not None}
    pairs = load(Path(told["data"]), wish._replace(**files), seed=told["seed"])
    if pairs.facts["data"] != digest:
        raise UserError(f"{told['data']} has changed since the run was trained: put it back to judge the run")
    return pairs


def again(record: Mapping[str, Any]) -> Pairs:
    """The pairs of a run, read once more; raises UserError where they are gone or changed."""
    arguments = record["arguments"]
    wish = {name: arguments[name] for name in Wish._fields}
    return _loaded(json.dumps({"data": arguments["data"], "wish": wish, "seed": arguments["seed"]}), record["facts"]["data"])


def evaluate(game: Game[Pair], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of the held-out pairs, `judging.samples` at most: closeness to the target, sharpness, and of label maps whether a
    network trained on the real photos reads the map back.

    beside: the mean colour of each class (or the mean picture), and the results of other pictures' sources, which must do worse.
    """
    if judging.backbone != "own" or judging.weights:
        raise UserError("translations are judged by their pairs: leave --backbone and --weights out")
    if judging.metric and judging.metric not in METRICS:
        raise UserError(f"unknown metric {judging.metric!r}: give one of {', '.join(METRICS)}")
    pairs = again(record)
    found = _Found(game, pairs, min(judging.samples, pairs.held), judging.seed)
    cards = {} if judging.metric.startswith("segmentation") else found.close()
    if pairs.facts["label_classes"] and judging.metric in ("", "segmentation", "segmentation-iou"):
        cards = found.read_back() | cards
    if judging.metric and judging.metric not in cards:
        raise UserError(f"--metric {judging.metric} needs sources that are label maps: leave it out")
    return {judging.metric: cards[judging.metric]} if judging.metric else cards


class _Found:
    """The results of the held-out pairs and of what costs nothing, and the cards that tell of them."""

    def __init__(self, game: Game[Pair], pairs: Pairs, count: int, seed: int) -> None:
        self.pairs, self.seed, self.classes = pairs, seed, pairs.facts["label_classes"]
        rows = [pairs.each(row) for row in range(count)]
        if len({pair.target.shape for pair in rows}) > 1:
            raise UserError("the held-out pairs have several sizes: train with --size to have them judged")
        self.target, self.source = (torch.cat([getattr(pair, side) for pair in rows]) for side in ("target", "source"))
        with evaluating(game):
            self.made = torch.cat([change(game, part) for part in self.source.split(16)]).float()
            turned = self.source.roll(max(count // 2, 1), 0)  # far apart: neighbours may be frames of one film
            self.shuffled = torch.cat([change(game, part) for part in turned.split(16)]).float()
        self.cheap = _class_means(pairs, self.source) if self.classes else _mean(pairs, self.target)

    def close(self) -> dict[str, MetricCard]:
        name = "class-mean colour" if self.classes else "mean picture"
        cards = {}
        for metric, measure in (("psnr", psnr), ("ssim", ssim)):
            each = measure(self.made, self.target)
            others = {name: self.cheap, "other sources": self.shuffled}
            beside = {other: float(measure(made, self.target).mean()) for other, made in others.items()}
            cards[metric] = self._card(metric, float(each.mean()), _mean_of(each, self.seed), beside)
        value, both = sharpness(self.made, self.target), torch.stack([self.made, self.target], 1)
        ends = bootstrap(lambda part: sharpness(part[:, 0], part[:, 1]), both, seed=self.seed)
        cards["sharpness"] = self._card("sharpness", value, ends, {name: sharpness(self.cheap, self.target)}, 1.0)
        return cards

    def read_back(self) -> dict[str, MetricCard]:
        segmenter, numbers = _segmenter(self.pairs), _numbers(self.source)
        (value, iou), tables = agreement(segmenter, self.made, numbers, self.classes)
        others = {"class-mean colour": self.cheap, "other sources": self.shuffled}
        beside = {name: agreement(segmenter, made, numbers, self.classes)[0] for name, made in others.items()}
        real = agreement(segmenter, self.target, numbers, self.classes)[0]
        cards = {}
        for at, (metric, each) in enumerate((("segmentation", value), ("segmentation-iou", iou))):
            ends = bootstrap(lambda part, at=at: of(part)[at], tables, seed=self.seed)
            cards[metric] = self._card(metric, each, ends, {name: pair[at] for name, pair in beside.items()}, real[at])
        return cards

    def _card(
        self, metric: str, value: float, ends: Interval, beside: Mapping[str, float], bound: float | None = None
    ) -> MetricCard:
        extra: dict[str, float | str] = {BESIDE + name: each for name, each in beside.items()}
        if bound is not None:
            extra["bound"] = bound
        backbone = "segmenter-v1" if metric.startswith("segmentation") else "pixels"
        digest = hashlib.sha256(f"{backbone}{self.pairs.facts['data']}".encode()).hexdigest()
        return MetricCard(metric, value, *ends, backbone, digest, "held-out", len(self.made), self.seed, extra)


def _mean_of(values: Tensor, seed: int) -> Interval:
    if len(values) < 2:
        return Interval(float(values.mean()), float(values.mean()))
    return bootstrap(lambda part: float(part.mean()), values, seed=seed)


def _numbers(source: Float[Tensor, "n k h w"]) -> Tensor:
    """Class numbers (n, h, w) of planes, -1 where no plane is 1."""
    numbers = source.argmax(1)
    numbers[source.sum(1) == 0] = IGNORED
    return numbers


_SEGMENTERS: dict[str, Segmenter] = {}


def _segmenter(pairs: Pairs) -> Segmenter:
    """The network that reads maps from the real training photos of these pairs; trained once a process."""

    def fetch(items: Tensor) -> tuple[Tensor, Tensor]:
        pair = pairs.fetch(items)
        return pair.target, _numbers(pair.source)

    digest = pairs.facts["data"]
    if digest not in _SEGMENTERS:
        _SEGMENTERS[digest] = train_segmenter(
            fetch, pairs.train.length, pairs.facts["label_classes"], steps=steps_for(pairs.count)
        )
    return _SEGMENTERS[digest]


def _some(pairs: Pairs) -> Pair:
    """Up to 256 training windows."""
    return pairs.fetch(torch.arange(min(pairs.train.length, max(pairs.count, 256)))[:256])


def _class_means(pairs: Pairs, source: Float[Tensor, "n k h w"]) -> Float[Tensor, "n c h w"]:
    """Each pixel in the mean colour of its class over the training pairs."""
    train = _some(pairs)
    counts = train.source.sum((0, 2, 3)).clamp(min=1)
    means = torch.einsum("nkhw,nchw->kc", train.source, train.target) / counts[:, None]
    return torch.einsum("nkhw,kc->nchw", source, means)


def _mean(pairs: Pairs, target: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
    """The mean of the training pairs' targets: a picture where the sizes are one, else its colour."""
    mean = _some(pairs).target.mean(0)
    same = mean.shape == target.shape[1:]
    return (mean if same else mean.mean((1, 2), keepdim=True)).expand_as(target)


def illustrate(game: Game[Pair], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "held-out": the first ten pairs as source, result, target; "worst": the ten that are furthest from their target."""
    shown = again(record).held_out
    with evaluating(game):
        made = torch.cat([change(game, part) for part in shown.source.split(16)]).float()
    order = psnr(made, shown.target).argsort()[:WORST]
    facts = record["facts"]
    return {"held-out": sheet(shown.map(lambda each: each[:WORST]), made[:WORST], facts),
            "worst": sheet(shown.map(lambda each: each[order]), made[order], facts)}  # fmt: skip


def held_out(record: Mapping[str, Any]) -> Sample:
    """Targets that the run did not train on."""
    return Sample(again(record).held_out.target)


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """Refuses: a picture has no score without its source."""
    raise UserError("a translation's discriminator judges pairs: use rivals evaluate, or rivals translate for files")


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the results of the first `n` held-out sources in `wanted.out`, and a sheet of them."""
    wanted.refuse("translations", "--label", "--attributes", "--where", "--given", "--safe-csv")
    pairs = again(model.record)
    if wanted.n > pairs.held:
        raise UserError(f"-n {wanted.n}: there are {pairs.held} held-out pairs; rivals translate takes files of your own")
    wanted.out.mkdir(parents=True, exist_ok=True)
    rows = [pairs.each(row) for row in range(wanted.n)]
    made = [change(model.game, pair.source) for pair in rows]
    for row, each in enumerate(made):
        picture(each[0]).save(wanted.out / f"{row:06d}.png")
    alike = [row for row in range(wanted.n) if made[row].shape == made[0].shape][:20]
    together = Pair(*(torch.cat([getattr(rows[row], side) for row in alike]) for side in ("target", "source")))
    sheet(together, torch.cat([made[row] for row in alike]), model.record["facts"]).save(wanted.out / "sheet.png")
    return f"{wanted.n} held-out pictures translated in {wanted.out} (000000.png, sheet.png: source, result, target)"
