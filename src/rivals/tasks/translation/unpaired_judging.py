"""How good translations without pairs are: is the target's domain reached, and what of the source is kept.

Neither figure says anything alone: a copy of the source keeps all, and any picture of the target reaches the domain. So each
card has both ends beside it. The domain is judged by a network that learned to tell both domains' training pictures apart, by
the distance of its features, and by a classifier two-sample test (Lopez-Paz and Oquab 2017, arXiv:1610.06545) on colours alone.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL.Image import Image
from torch.nn.functional import binary_cross_entropy_with_logits

from rivals.core.errors import UserError
from rivals.core.game import Game, evaluating
from rivals.core.types import Float, Tensor
from rivals.games.cycle import Cycle, Domains
from rivals.games.gan import Sample
from rivals.media.pictures import picture
from rivals.media.wanted import Trained, Wanted
from rivals.metrics import Backbone, Interval, Judging, MetricCard, Plan, bootstrap, proportion, quality
from rivals.metrics.card import BESIDE
from rivals.metrics.classifier import Source, train_classifier
from rivals.metrics.roc import roc
from rivals.tasks.translation.sheets import rgb
from rivals.tasks.translation.unpaired import Unpaired, Wish, load, middles, wish_of
from rivals.tasks.translation.unpaired_training import sheet

METRICS = ("domain", "domain-detection", "edges", "cycle-error", "frechet", "kernel")
FOLDS, TIMES, LEVELS, ROWS = 5, 4, 8, 1000
SAMPLES = 12  # held-out pictures of each domain that a comparison of features needs


def change(game: Game[Domains], source: Float[Tensor, "n c h w"], back: bool = False) -> Float[Tensor, "n k h w"]:
    """Pictures of domain a as ones of b; back: of b as ones of a, which CycleGAN alone can. Raises UserError."""
    if not back:
        return game.sample(len(source), given=Domains.wanted(a=source))
    if not isinstance(game, Cycle):
        raise UserError("this run goes from source to target only: --back is for translation.cyclegan")
    return game.back(len(source), given=Domains.wanted(b=source))


@lru_cache(maxsize=1)
def _loaded(wish: Wish, alike: bool, seed: int, digest: str) -> Unpaired:
    found = load(wish, alike=alike, seed=seed)
    if found.facts["data"] != digest:
        raise UserError(f"{wish.data or wish.source} has changed since the run was trained: put it back to judge the run")
    return found


def again(record: Mapping[str, Any]) -> Unpaired:
    """The pictures of a run, read once more; raises UserError where they are gone or changed."""
    arguments, facts = record["arguments"], record["facts"]
    return _loaded(wish_of(arguments), facts["alike"], int(arguments.get("seed") or 0), facts["data"])


def evaluate(game: Game[Domains], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of the held-out sources, `judging.samples` at most, beside the sources as they are and other pictures' edges.

    Raises UserError for an unknown measure, data that are gone or changed, or a published backbone.
    """
    if judging.metric and judging.metric not in METRICS:
        raise UserError(f"unknown metric {judging.metric!r}: give one of {', '.join(METRICS)}")
    if judging.backbone != "own":
        raise UserError("translations are judged by a network trained on their own targets: leave out --backbone")
    unpaired = again(record)
    source, target = (each[: judging.samples] for each in unpaired.held_out)
    with evaluating(game):
        made = torch.cat([change(game, part) for part in source.split(16)]).float()
    cards = _detection(source, made, target, judging) | _edges(source, made, judging)
    if isinstance(game, Cycle):
        cards |= _returned(game, source, made, judging)
    if judging.metric in ("", "domain", "frechet", "kernel"):
        cards = _features(unpaired, source, made, target, judging) | cards
    if judging.metric and judging.metric not in cards:
        raise UserError(f"--metric {judging.metric} cannot be taken of this run: it needs a way back, or more held-out pictures")
    return {judging.metric: cards[judging.metric]} if judging.metric else cards


def histograms(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n bins"]:
    """Square roots of the shares of pixels in 8 levels of each channel together (512 colours)."""
    levels = ((pictures + 1) / 2 * LEVELS).long().clamp(0, LEVELS - 1)
    number = (levels * LEVELS ** torch.arange(levels.shape[1])[:, None, None]).sum(1).flatten(1)
    shares = torch.zeros(len(pictures), LEVELS ** levels.shape[1])
    return shares.scatter_add_(1, number, torch.full(number.shape, 1 / number.shape[1])).sqrt()


def told_apart(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], *, seed: int) -> tuple[float, Interval]:
    """AUC of telling fakes from real rows by logistic regression with weight decay, over four divisions into five folds, each
    scored by what the other four taught; and its 95 % interval, the classifiers held fixed."""
    generator, found, count = torch.Generator().manual_seed(seed), [], min(len(real), len(fake))
    for _ in range(TIMES):
        rows = [each[torch.randperm(len(each), generator=generator)[:count]].double() for each in (real, fake)]
        parts = [each.tensor_split(FOLDS) for each in rows]
        for fold in range(FOLDS):
            learnt = [torch.cat([part for place, part in enumerate(each) if place != fold]) for each in parts]
            weights = _logistic(*learnt)
            scores = [(each[fold] @ weights).numpy() for each in parts]
            found.append(roc(scores[1], scores[0]))
    area = float(np.mean([each.auc for each in found]))
    reach = float(np.mean([((each.high - each.low) / 2) ** 2 for each in found]) / FOLDS) ** 0.5
    return area, Interval(max(0.0, area - reach), min(1.0, area + reach))


def _logistic(real: Tensor, fake: Tensor) -> Tensor:
    """Weights of fakes against real rows, without an intercept, which moves no AUC: the minimum, so that nothing is random."""
    x, middle = torch.cat([real, fake]), torch.cat([real, fake]).mean(0)
    labels = torch.tensor([0.0, 1.0], dtype=x.dtype).repeat_interleave(torch.tensor([len(real), len(fake)]))
    weights = torch.zeros(x.shape[1], dtype=x.dtype, requires_grad=True)
    solver = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        total = binary_cross_entropy_with_logits((x - middle) @ weights, labels, reduction="sum") + weights.square().sum() / 2
        torch.autograd.backward(total)
        return total

    with torch.enable_grad():
        solver.step(loss)
    return weights.detach()


def outlines(pictures: Float[Tensor, "n c h w"]) -> Float[Tensor, "n hh ww"]:
    """The length of the gradient of each picture's brightness (Sobel's filters), without the edge."""
    grey = pictures.mean(1, keepdim=True)
    across = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]])
    found = torch.nn.functional.conv2d(grey, torch.stack([across, across.T])[:, None])
    return found.square().sum(1).sqrt()


def correlation(one: Float[Tensor, "n h w"], other: Float[Tensor, "n h w"]) -> Float[Tensor, "n"]:
    """Pearson's of the pixels of each pair; 0 where one is flat."""
    one, other = (each.flatten(1) - each.flatten(1).mean(1, keepdim=True) for each in (one, other))
    return (one * other).sum(1) / (one.norm(dim=1) * other.norm(dim=1)).clamp(min=1e-9)


def _card(
    name: str, value: float, ends: Interval, of: tuple[int, int], extra: Mapping[str, Any], by: str = "pixels"
) -> MetricCard:
    return MetricCard(name, value, *ends, by, "", "held-out", *of, dict(extra))


def _detection(source: Tensor, made: Tensor, target: Tensor, judging: Judging) -> dict[str, MetricCard]:
    """By colours, of results and held-out targets; the bound is two halves of the targets."""
    real, fake, before = (histograms(rgb(each)) for each in (target, made, source))
    if min(len(real), len(fake)) < 2 * FOLDS:
        return {}
    value, ends = told_apart(real, fake, seed=judging.seed)
    extra = {BESIDE + "source as it is": told_apart(real, before, seed=judging.seed)[0]}
    if len(real) >= 4 * FOLDS:
        extra["bound"] = told_apart(real[::2], real[1::2], seed=judging.seed)[0]
    of = min(len(real), len(fake)), judging.seed
    return {"domain-detection": _card("domain-detection", value, ends, of, extra, "colours 8x8x8, logistic regression")}


def _edges(source: Tensor, made: Tensor, judging: Judging) -> dict[str, MetricCard]:
    one, other = outlines(source), outlines(made)
    each, apart = correlation(one, other), correlation(one.roll(1, 0), other)
    extra = {BESIDE + "other pictures": float(apart.mean()), BESIDE + "source as it is": 1.0}
    return {"edges": _card("edges", float(each.mean()), _ends(each, judging), (len(each), judging.seed), extra)}


def _returned(game: Cycle, source: Tensor, made: Tensor, judging: Judging) -> dict[str, MetricCard]:
    with evaluating(game):
        back = torch.cat([change(game, part, back=True) for part in made.split(16)]).float()
    each, apart = ((back - other).abs().flatten(1).mean(1) / 2 for other in (source, source.roll(1, 0)))
    extra = {BESIDE + "other pictures": float(apart.mean())}
    return {"cycle-error": _card("cycle-error", float(each.mean()), _ends(each, judging), (len(each), judging.seed), extra)}


def _ends(each: Float[Tensor, "n"], judging: Judging) -> Interval:
    if len(each) < 2:
        return Interval(float(each.mean()), float(each.mean()))
    return bootstrap(lambda part: float(part.mean()), each, seed=judging.seed)


_BACKBONES: dict[str, Backbone] = {}


def _features(unpaired: Unpaired, source: Tensor, made: Tensor, target: Tensor, judging: Judging) -> dict[str, MetricCard]:
    """By a network that was trained to tell the training pictures of both domains apart."""
    backbone = _backbone(unpaired)
    real, fake, before = (backbone(rgb(each)) for each in (target, made, source))
    shares = [float(backbone.classify(each).argmax(1).float().mean()) for each in (fake, before, real)]
    ends = proportion(round(shares[0] * len(fake)), len(fake))
    extra = {BESIDE + "source as it is": shares[1], "bound": shares[2]}
    name, digest, of = backbone.name, backbone.digest, (len(fake), judging.seed)
    cards = {"domain": MetricCard("domain", shares[0], *ends, name, digest, "held-out", *of, extra)}
    if min(len(source), len(target)) < SAMPLES:
        return cards
    rows = torch.randperm(len(unpaired.targets), generator=torch.Generator().manual_seed(0))[:ROWS]
    train = torch.cat([backbone(rgb(unpaired.fetch(part))) for part in rows.split(100)])
    how = Plan(rows=ROWS, seed=judging.seed, split="held-out", only=("frechet", "kernel"))
    found, others = (quality(train, real, each, backbone=backbone, plan=how) for each in (fake, before))
    for name in ("frechet", "kernel"):
        found[name].extra[BESIDE + "source as it is"] = others[name].value
    return cards | {name: found[name] for name in ("frechet", "kernel")}


def _backbone(unpaired: Unpaired) -> Backbone:
    """Trained once a process: label 0 for the source's domain, 1 for the target's, as many of each."""
    digest, sides = unpaired.facts["data"], (unpaired.sources, unpaired.targets)
    if digest not in _BACKBONES:

        def fetch(items: Tensor) -> tuple[Tensor, Tensor]:
            pictures = [
                middles(sides[int(item) % 2].take([int(item) // 2 % len(sides[int(item) % 2])]), *unpaired.window)
                for item in items
            ]
            return torch.cat([rgb(each) for each in pictures]), items % 2

        count = 2 * max(len(each) for each in sides)
        _BACKBONES.clear()
        _BACKBONES[digest] = train_classifier(Source(count, fetch), 2, name="domains-cnn-v1")
    return _BACKBONES[digest]


def illustrate(game: Game[Domains], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "held-out": the first ten sources, their results, and the way back; "least-kept": the ten whose edges changed most."""
    source = again(record).held_out[0]
    back = isinstance(game, Cycle)
    with evaluating(game):
        made = torch.cat([change(game, part) for part in source.split(16)]).float()
        order = correlation(outlines(source), outlines(made)).argsort()[:10]
        return {"held-out": sheet(game, source[:10], back=back), "least-kept": sheet(game, source[order], back=back)}


def held_out(record: Mapping[str, Any]) -> Sample:
    """Targets that the run did not train on."""
    return Sample(again(record).held_out[1])


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """Refuses: the discriminators judge patches of whole domains, not files."""
    raise UserError("a translation's discriminator judges domains: use rivals evaluate, or rivals translate for files")


def draw(model: Trained, wanted: Wanted) -> str:
    """Leaves the results of the first `n` held-out sources in `wanted.out`, and a sheet of ten."""
    wanted.refuse("translations", "--label", "--attributes", "--where", "--given", "--safe-csv")
    source = again(model.record).held_out[0]
    if wanted.n > len(source):
        raise UserError(f"-n {wanted.n}: there are {len(source)} held-out sources; rivals translate takes files of your own")
    wanted.out.mkdir(parents=True, exist_ok=True)
    made = torch.cat([change(model.game, part) for part in source[: wanted.n].split(16)])
    for row, each in enumerate(made):
        picture(each).save(wanted.out / f"{row:06d}.png")
    sheet(model.game, source[: min(wanted.n, 10)], back=isinstance(model.game, Cycle)).save(wanted.out / "sheet.png")
    return f"{wanted.n} held-out pictures translated in {wanted.out} (000000.png, sheet.png: source, result)"
