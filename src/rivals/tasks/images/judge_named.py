"""The measures that `--metric` names one by one, each as cards beside the figure that real pictures reach."""

import math
from collections.abc import Callable, Iterator

import torch

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.types import Tensor
from rivals.games.gan import GAN, Sample
from rivals.metrics import Backbone, Interval, Judging, MetricCard, bootstrap, proportion
from rivals.metrics.classifier import Columns, Source, accuracy, train_classifier
from rivals.metrics.inception_score import inception_score
from rivals.metrics.intra import Rows, intra_frechet
from rivals.metrics.path_length import path_lengths
from rivals.metrics.stacked import SAMPLES, Stacked, stacked_modes
from rivals.tasks.images.judge_backbone import chosen, own, reader, source
from rivals.tasks.images.judge_real import CHUNK, Real, Record, generated, look, singles

SPLIT = "held-out"
CLASSIFIED = 10_000  # generated pictures, at least, that a classifier is trained on
SURE = 0.5  # a picture whose likeliest class is less likely shows none
Extra = dict[str, float | str]


def _card(
    metric: str, value: float, interval: Interval, backbone: Backbone, judging: Judging, rows: int, extra: Extra
) -> MetricCard:
    return MetricCard(metric, value, *interval, backbone.name, backbone.digest, SPLIT, rows, judging.seed, extra)


def _labelled(found: Real, metric: str) -> int:
    if found.form.classes < 2:
        raise UserError(f"--metric {metric} needs classes, and this run has none: train with sub-folders or --labels")
    return found.form.classes


def inception_score_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """Over ten parts of the samples; the bound is the score of the held-out pictures, at as many rows if there are."""
    if judging.backbone == "own" and found.form.classes < 2:
        raise UserError("--metric inception-score needs a classifier, and this run has no classes: add --backbone inception")
    backbone = chosen(found, record, judging)
    parts = generated(game, judging.samples, found.wanted(judging.samples, judging.seed), judging.seed)
    logits = backbone.classify(look(backbone, parts).features)
    shuffled = torch.randperm(len(found.held_out), generator=torch.Generator().manual_seed(judging.seed))[: judging.samples]
    limit = backbone.classify(backbone(found.held_out.data[shuffled]))
    splits = max(1, min(10, len(limit) // 2, len(logits) // 4))
    score = inception_score(logits, splits=splits)
    ends = bootstrap(lambda rows: inception_score(rows, splits=splits).mean, logits, draws=50, seed=judging.seed)
    extra: Extra = {"bound": inception_score(limit, splits=splits).mean, "bound_rows": float(len(limit))}
    extra |= {"deviation": score.deviation, "splits": float(splits)}
    interval = ends.about(score.mean, 1.0)
    return {"inception-score": _card("inception-score", score.mean, interval, backbone, judging, len(logits), extra)}


def class_accuracy_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """Classification accuracy score (Ravuri and Vinyals 2019, arXiv:1905.10887): a classifier that saw generated pictures
    alone, on held-out real ones; the bound is the same classifier trained on as many real ones."""
    classes, count = _labelled(found, "classification-accuracy"), max(judging.samples, CLASSIFIED)
    wanted = found.wanted(count, judging.seed)
    assert wanted is not None and found.held_out.condition is not None
    pictures = torch.cat([_bytes(part.data) for part in generated(game, count, wanted, judging.seed)])
    trained = train_classifier(Source(count, lambda items: (pictures[items].float() / 127.5 - 1, wanted[items])), classes)
    rows, fetch = found.rows(count), source(found).fetch
    limit = train_classifier(Source(len(rows), lambda items: fetch(rows[items])), classes)
    test, labels = found.held_out.data, found.held_out.condition
    value = accuracy(trained, test, labels)
    extra: Extra = {"bound": accuracy(limit, test, labels), "bound_rows": float(len(rows)), "tested": float(len(test))}
    interval = proportion(round(value * len(test)), len(test))
    return {"classification-accuracy": _card("classification-accuracy", value, interval, trained, judging, count, extra)}


def _bytes(pictures: Tensor) -> Tensor:
    return ((pictures.clamp(-1, 1) + 1) * 127.5).round().byte()


def attributes_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """How well the attributes that were asked for are read from the pictures: of a yes-or-no column the accuracy, of another R^2,
    their mean over the columns that differ from picture to picture, and of up to twenty columns each one with its bound."""
    rows = found.conditions() if record["facts"].get("attributes") else None
    if rows is None or judging.backbone != "own":
        raise UserError("--metric attributes needs a run with attributes (--labels with columns of numbers) and --backbone own")
    columns, varied = Columns.of(rows), (rows != rows[:1]).any(0)
    if not varied.any():
        raise UserError("--metric attributes: each attribute is the same in all training pictures, which nothing can disobey")
    judge = reader(found, record, columns)

    def scores(parts: Iterator[Sample]) -> Tensor:
        seen = [(judge.classify(judge(part.data)), part.condition) for part in parts]
        return torch.cat([columns.scores(read, asked) for read, asked in seen if asked is not None])[:, varied]

    each = scores(generated(game, judging.samples, found.wanted(judging.samples, judging.seed), judging.seed))
    limit = scores(iter(found.held_out.split(CHUNK)))
    value, chance = float(each.mean()), float(columns.scores(columns.guess().expand_as(rows), rows)[:, varied].mean())
    extra: Extra = {"bound": float(limit.mean()), "bound_rows": float(len(limit)), "chance": chance}
    names = [found.names[column] for column in varied.nonzero()[:, 0].tolist()]
    extra |= {"columns": float(len(names)), "worst": names[int(each.mean(0).argmin())]}
    for name, one, best in list(zip(names, each.mean(0).tolist(), limit.mean(0).tolist(), strict=True))[:20]:
        extra |= {f"column {name}": one, f"column {name} bound": best}
    interval = bootstrap(lambda drawn: float(drawn.mean()), each, seed=judging.seed).about(value, most=1.0)
    return {"attributes-obeyed": _card("attributes-obeyed", value, interval, judge, judging, len(each), extra)}


def path_length_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """Great arcs between latents z, `samples` of them, in the backbone's features; beside it what straight paths would be."""
    if not isinstance(game, GAN):
        raise UserError("--metric path-length needs a generator of a latent z and this run's game has none: leave it out")
    backbone, wanted = chosen(found, record, judging), found.wanted(judging.samples, judging.seed)

    def features(z: Tensor, paths: Tensor) -> Tensor:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.default_generator.manual_seed(judging.seed + int(paths[0]))  # a generator's own noise stays the same
            return backbone(game.generator(z, None if wanted is None else wanted[paths]).float())

    speed, ends = path_lengths(features, game.latent, pairs=judging.samples, seed=judging.seed)
    value, straight = float(speed.mean()), float(ends.mean())
    interval = bootstrap(lambda rows: float(rows.mean()), speed, seed=judging.seed).about(value, 0.0)
    extra: Extra = {"straight": straight, "epsilon": 1e-4, "space": "z"}
    extra |= {"ratio": value / straight} if straight > 0 else {}
    return {"path-length": _card("path-length", value, interval, backbone, judging, judging.samples, extra)}


def intra_frechet_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """The mean over the classes, and of up to twenty classes each one with its bound."""
    _labelled(found, "intra-frechet")
    backbone = chosen(found, record, judging)
    fake = look(backbone, generated(game, judging.samples, found.wanted(judging.samples, judging.seed), judging.seed))
    most = found.rows().numel() if judging.backbone == "own" else judging.samples
    train, test = look(backbone, found.train(found.rows(most))), look(backbone, iter(found.held_out.split(250)))
    each = list(intra_frechet(*(Rows(seen.features, seen.labels) for seen in (train, test, fake)), seed=judging.seed))
    value, bound = (sum(getattr(one, name) for one in each) / len(each) for name in ("distance", "bound"))
    reach = [math.hypot(*(one.distance - one.low for one in each)), math.hypot(*(one.high - one.distance for one in each))]
    interval = Interval(max(0.0, value - reach[0] / len(each)), value + reach[1] / len(each))
    worst = max(each, key=lambda one: one.distance)
    extra: Extra = {"bound": bound, "ratio": value / bound} if bound > 0 else {"bound": bound}
    extra |= {"classes": float(len(each)), "worst": found.names[worst.label], "worst_distance": worst.distance}
    for one in each[:20]:
        name = found.names[one.label]
        extra |= {f"class {name}": one.distance, f"class {name} bound": one.bound}
    rows = sum(one.rows for one in each)
    return {"intra-frechet": _card("intra-frechet", value, interval, backbone, judging, rows, extra)}


def stacked_cards(
    game: Game[Sample], found: Real, record: Record, judging: Judging, *, least: float = 0.99
) -> dict[str, MetricCard]:
    """Modes and divergence of 25,600 stacked pictures or more, each channel's class by a classifier of single ones that must
    be right on `least` of the held-out ones; the bounds are of as many stacks of held-out pictures."""
    name = "stacked-mnist" if least else "stacked"
    if record["facts"].get("stack", 1) < 2:
        raise UserError(f"--metric {name} needs a run of images.stacked, whose channels are single pictures: give one")
    alone = singles(record)
    single = Real(alone.form, alone.digest, alone.names, alone.count, alone.fetch, alone.held_out)
    classes, backbone = _labelled(single, name), own(single, record)
    assert alone.held_out.condition is not None
    share = accuracy(backbone, alone.held_out.data, alone.held_out.condition)
    if share < least:
        told = f"the classifier of single pictures is right on {share:.1%}, too few to count modes by (it needs {least:.0%})"
        raise UserError(f"{told}: --metric stacked counts all the same")
    labels = single.wanted(single.count, 0)
    assert labels is not None
    shares = labels.bincount(minlength=classes).double() / len(labels)
    count, channels = max(judging.samples, SAMPLES), found.form.channels
    fake = [_shown(backbone, part.data.flatten(0, 1)[:, None]) for part in generated(game, count, None, judging.seed)]
    sets = {
        "": torch.cat(fake).view(count, channels, 2),
        "bound": _stacks(_shown(backbone, alone.held_out.data), count, channels),
    }
    (modes, divergence), bound = (stacked_modes(each[..., 0].long(), shares) for each in sets.values())
    unsure, real_unsure = (float((each[..., 1] < SURE).any(1).double().mean()) for each in sets.values())
    shown = sets[""][..., 0].long()
    noted: Extra = {"unsure": unsure, "unsure_bound": real_unsure, "classifier_accuracy": share}

    def spread(figure: Callable[[Stacked], float], value: float, most: float) -> Interval:
        ends = bootstrap(lambda rows: float(figure(stacked_modes(rows, shares))), shown, draws=50, seed=judging.seed)
        return ends.about(value, 0.0, most)

    every = float(classes**channels)
    interval = spread(lambda one: one.modes, modes, every), spread(lambda one: one.divergence, divergence, math.inf)
    told = {"modes": every} | noted
    return {
        "modes": _card("modes", float(modes), interval[0], backbone, judging, count, {"bound": float(bound.modes)} | told),
        "stacked-mnist": _card(
            "stacked-mnist", divergence, interval[1], backbone, judging, count, {"bound": bound.divergence} | noted
        ),
    }


def _shown(backbone: Backbone, pictures: Tensor) -> Tensor:
    """(n, 2): the likeliest class of each grey picture, and its probability."""
    chance = backbone.classify(backbone(pictures)).softmax(1).max(1)
    return torch.stack([chance.indices.double(), chance.values.double()], 1)


def _stacks(shown: Tensor, count: int, channels: int) -> Tensor:
    rows = torch.randint(len(shown), (count, channels), generator=torch.Generator().manual_seed(0))
    return shown[rows]


def stacked_any_cards(game: Game[Sample], found: Real, record: Record, judging: Judging) -> dict[str, MetricCard]:
    """The same however good the classifier is: for stacks of other pictures than digits."""
    return stacked_cards(game, found, record, judging, least=0.0)


Cards = Callable[[Game[Sample], Real, Record, Judging], dict[str, MetricCard]]
NAMED: dict[str, Cards] = {
    "inception-score": inception_score_cards,
    "classification-accuracy": class_accuracy_cards,
    "attributes": attributes_cards,
    "path-length": path_length_cards,
    "intra-frechet": intra_frechet_cards,
    "stacked-mnist": stacked_cards,
    "stacked": stacked_any_cards,
}
