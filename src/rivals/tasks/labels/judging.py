"""How well a run of few labels names held-out pictures, beside what the same labels give without a game."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from PIL.Image import Image
from torch.nn.functional import cross_entropy

from rivals.core.errors import UserError
from rivals.core.game import Game, evaluating
from rivals.core.store import write_file
from rivals.core.types import Float, Int, Tensor
from rivals.games.gan import Sample
from rivals.media import pictures as media
from rivals.media.drawing import draw
from rivals.metrics import Judging, MetricCard, proportion
from rivals.metrics.card import BESIDE
from rivals.nn.format import Format
from rivals.tasks.labels.data import Few, again
from rivals.tasks.labels.game import SemiSupervised
from rivals.tasks.labels.networks import Discriminator

__all__ = ["classify", "draw", "evaluate", "held_out", "illustrate", "read", "supervised", "write"]

SPREAD = 20_000  # pictures without labels that label spreading sees: its memory grows with their number
STEPS = 500  # of the supervised baseline: by then it names its few labels without a mistake


def evaluate(game: Game[Any], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """ "classification-error": the share of held-out pictures named wrong, beside the same network on the labelled pictures alone
    and label spreading (where scikit-learn is installed)."""
    if judging.metric or judging.backbone != "own":
        raise UserError("a run of labels is judged by its error alone: leave out --metric and --backbone")
    found = again(record)
    test = found.pictures.held_out
    assert test.condition is not None
    wrong = _named(cast(SemiSupervised, game), test.data).argmax(1) != test.condition
    low, high = proportion(int(wrong.sum()), len(wrong))
    extra: dict[str, float | str] = {BESIDE + "labelled pictures alone": error(supervised(found, judging.seed), test)}
    if (spread := spreading(found)) is not None:
        extra[BESIDE + "label spreading"] = spread
    extra["labels"] = float(len(found.shown))
    share = float(wrong.float().mean())
    card = MetricCard("classification-error", share, low, high, "none", "", "held out", len(wrong), judging.seed, extra)
    return {"classification-error": card}


def _named(game: SemiSupervised, pictures: Tensor) -> Float[Tensor, "n k"]:
    with evaluating(game):
        return torch.cat([game.classify(part) for part in pictures.split(4096)])


def supervised(found: Few, seed: int) -> Discriminator:
    """The same network trained on the labelled pictures alone, as long as it takes to know them."""
    shown, label = found.shown.data, found.shown.condition
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        network = Discriminator(found.pictures.form)
        network.start(shown)
        optimizer = torch.optim.Adam(network.parameters(), lr=3e-3, betas=(0.5, 0.999))
        for _ in range(STEPS):
            rows = torch.randint(len(shown), (min(100, len(shown)),))
            assert label is not None
            loss = cross_entropy(network(shown[rows]), label[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network.eval()


def error(network: Discriminator, test: Sample) -> float:
    """The share of pictures that a network names wrong."""
    assert test.condition is not None
    with torch.no_grad():
        named = torch.cat([network(part).argmax(1) for part in test.data.split(4096)])
    return float((named != test.condition).float().mean())


def spreading(found: Few) -> float | None:
    """The error of label spreading over 7 nearest neighbours (Zhou et al. 2004), same pictures; None without scikit-learn."""
    try:
        from sklearn.semi_supervised import LabelSpreading
    except ImportError:
        return None
    pool, test = found.unlabelled(SPREAD), found.pictures.held_out
    rows = (torch.cat([found.shown.data, pool]).flatten(1) + 1).numpy()
    assert found.shown.condition is not None and test.condition is not None
    labels = torch.cat([found.shown.condition, torch.full((len(pool),), -1)]).numpy()
    with np.errstate(invalid="ignore"):  # a picture that no label reaches is of the first class
        model = LabelSpreading(kernel="knn", n_neighbors=min(7, len(rows) - 1)).fit(rows, labels)
        named = torch.from_numpy(model.predict((test.data.flatten(1) + 1).numpy()))
    return float((named != test.condition).float().mean())


def illustrate(game: Game[Any], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "mistakes": the twenty held-out pictures that were named wrong with most confidence."""
    test = again(record).pictures.held_out
    assert test.condition is not None
    sure, named = _named(cast(SemiSupervised, game), test.data).max(1)
    order = torch.where(named != test.condition, sure, -1.0).argsort(descending=True)[:20]
    wrong = order[named[order] != test.condition[order]]
    if not len(wrong):
        return {}
    return {"mistakes": media.grid(test.data[wrong], 10, scale=media.scale_of(*test.data.shape[2:]))}


def held_out(record: Mapping[str, Any]) -> Sample:
    """Real pictures that the run did not train on."""
    return again(record).pictures.held_out


def read(files: list[Path], facts: Mapping[str, Any]) -> Sample:
    """Picture files of the run's own size as one batch without labels; raises UserError for any other file."""
    form = Format(**facts["form"])
    size = {"channels": form.channels, "height": form.height, "width": form.width}
    return Sample(torch.stack([media.read(file, **size) for file in files]))


def write(samples: Tensor, condition: Tensor | None, folder: Path) -> list[Path]:
    """Generated pictures: samples.npz, one grid, and each as a PNG file."""
    return media.write(samples, condition, folder, scale=media.scale_of(*samples.shape[2:]))


def classify(
    game: SemiSupervised, facts: Mapping[str, Any], files: list[Path], table: Path | None
) -> list[tuple[str, str, float]]:
    """File, class and its probability for each picture; written as a CSV too where `table` names one."""
    chances = _named(game, read(files, facts).data)
    best: tuple[Float[Tensor, n], Int[Tensor, n]] = tuple(chances.max(1))
    rows = [(str(file), facts["names"][int(k)], float(p)) for file, p, k in zip(files, *best, strict=True)]
    if table is not None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows([("file", "label", "probability"), *((f, k, f"{p:.4f}") for f, k, p in rows)])
        write_file(table, lambda file: file.write(text.getvalue().encode()))
    return rows
