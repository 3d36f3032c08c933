"""Model: a trained run, to sample from, to score with, to judge."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from rivals import report, tasks
from rivals.core.device import check_torch
from rivals.core.errors import UserError, within
from rivals.core.game import Game
from rivals.core.store import Store
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.media.wanted import check
from rivals.metrics import Calibration, Judging, MetricCard, calibrate
from rivals.nn.transfer import averaged_weights

CHUNK = 4096  # samples that are drawn at a time, so that only the samples themselves need memory


class Score(NamedTuple):
    """What the discriminator says of one sample: its raw score D(x), and the calibrated probability that it is real."""

    score: float
    probability: float


class Scored(NamedTuple):
    """A file's score. row: of a file that holds several samples, which one, from 1; 0 where the file is one sample."""

    file: Path
    row: int
    score: Score


class Model:
    """A run with its averaged weights. run: its folder; game: in eval mode, on the CPU; record: run.json.

    Raises UserError for a folder that holds no run, a damaged one, or one of a recipe that is not the library's own
    (then give the task, the module that trained it: a file never names code to import).
    """

    def __init__(self, run: Path | str, task: Any = None, *, best: bool = False) -> None:
        check_torch()
        self.run = Path(run)
        store = Store(self.run)
        self.record = store.record() | {"folder": str(self.run)}
        if task is None and self.record["recipe"].endswith(".py"):
            raise UserError(f"{run} was trained by your own {self.record['recipe']}: give that file with --recipe")
        if task is None and not self.record["recipe"]:
            raise UserError(f"{run} was made by no recipe: give the task, an object with game(facts), to rivals.load")
        self.task: Any = task or tasks.find(self.record["recipe"])[0]
        self.game: Game[Any] = self.task.game(self.record["facts"])
        weights = ({} if best else store.read_weights()) or _weights_of_state(store, self.game, best)
        for name, player in self.game.players().items():
            try:
                player.load_state_dict(weights[name])
            except (KeyError, RuntimeError):
                raise UserError(f"{run}: the weights of {name!r} do not fit the game of {self.record['recipe']}") from None
        self.game.eval().requires_grad_(False)

    def sample(self, n: int, *, label: int | str | None = None, seed: int = 0) -> Tensor:
        """`n` samples, first axis n, the same for the same seed. label: of this class, by number or name; None for all
        evenly at random."""
        return self.labelled(n, label=label, seed=seed)[0]

    def labelled(
        self, n: int, *, label: int | str | None = None, attributes: Sequence[float] | None = None, seed: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """`sample`, and the class of each sample where the game has classes; attributes: the same vector for all of them."""
        check(n, seed)
        facts = self.record["facts"]
        classes, rows = facts.get("classes", 0), facts.get("conditions")
        noise = torch.Generator().manual_seed(seed)
        condition = torch.randint(classes, (n,), generator=noise) if classes else None
        if rows:
            condition = torch.tensor(rows)[torch.randint(len(rows), (n,), generator=noise)]
        if label is not None:
            condition = torch.full((n,), self.label(label))
        if attributes is not None:
            if len(attributes) != facts.get("attributes", 0):
                raise UserError(f"{len(attributes)} attributes given: this run has {_told(facts) or 'none'}")
            condition = torch.tensor(list(attributes)).float().expand(n, -1)
        pieces = []
        for start in range(0, n, CHUNK):
            part = None if condition is None else Sample.wanted(condition[start : start + CHUNK])
            pieces.append(self.game.sample(min(CHUNK, n - start), given=part, noise=noise))
        return torch.cat(pieces), condition

    def label(self, label: int | str) -> int:
        """A class's number from its number or its name; raises UserError for none of the run's."""
        facts = self.record["facts"]
        classes, names = facts.get("classes", 0), facts.get("names", [])
        number = names.index(label) if label in names else int(label) if str(label).isdecimal() else -1
        if not 0 <= number < classes:
            known = f"labels 0 to {classes - 1}" + (f" ({_told(facts)})" if names else "") if classes else "no labels"
            raise UserError(f"label {label}: this run has {known}")
        return number

    def score(self, samples: Sample | Iterable[Path | str]) -> list[Score]:
        """D(x) and the probability "real" of each sample, or of each file."""
        if not self._scores():
            raise UserError(f"{self.run}: nothing in it judges single files: try rivals evaluate, or --anomaly if it encodes")
        batch = samples if isinstance(samples, Sample) else self.task.read([Path(each) for each in samples], self.record["facts"])
        scores = torch.cat([self.game.score(part) for part in batch.split(CHUNK)])
        chance = self._calibration().probability(scores)
        return [Score(*pair) for pair in zip(scores.tolist(), chance.tolist(), strict=True)]

    def score_files(self, files: Iterable[Path | str]) -> list[Scored]:
        """`score` of each file, all together; of one that holds several samples, as a table holds rows, of each of them."""
        paths, facts = [Path(file) for file in files], self.record["facts"]
        parts = [self.task.read([path], facts) for path in paths]
        places = [(path, row) for path, part in zip(paths, parts, strict=True) for row in range(len(part))]
        scores, several = self.score(Sample(torch.cat([part.data for part in parts]))), {f for f, row in places if row}
        return [Scored(f, row + 1 if f in several else 0, score) for (f, row), score in zip(places, scores, strict=True)]

    def _kept(self) -> dict[str, Any]:
        """What `judge` kept for these weights; {} where it is missing, of other weights or damaged."""
        try:
            kept: dict[str, Any] = json.loads((self.run / "quality.json").read_bytes())
            return kept if self.record.get("weights") and kept["weights"] == self.record["weights"] else {}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _kept_cards(self) -> dict[str, MetricCard]:
        try:
            return {name: MetricCard.from_dict(card) for name, card in self._kept().get("cards", {}).items()}
        except (UserError, AttributeError):
            return {}

    def _calibration(self) -> Calibration:
        """The one that `judge` kept for these weights, or a fresh one."""
        try:
            return Calibration(**self._kept()["calibration"])
        except (KeyError, TypeError):
            return self._calibrated()

    def _scores(self) -> bool:
        """Whether the game judges single samples: a VAE has no discriminator, a translation's judges pairs."""
        return type(self.game).score is not Game.score

    def _calibrated(self) -> Calibration:
        real = self.task.held_out(self.record)
        fake = Sample(self.sample(len(real), seed=1))
        return calibrate(self.game.score(Sample(real.data)), self.game.score(fake))

    def evaluate(self, judging: Judging | None = None) -> dict[str, MetricCard]:
        """The task's measures of generated samples against held-out real data, each as a card."""
        judging = judging or Judging()
        within(0, 2**63 - 1, seed=judging.seed)
        if judging.samples < 20:
            raise UserError(f"{judging.samples} samples are too few to judge: give at least 20")
        cards: dict[str, MetricCard] = self.task.evaluate(self.game, self.record, judging)
        return cards

    def judge(self, judging: Judging | None = None) -> dict[str, MetricCard]:
        """`evaluate`, kept in the run folder: quality.json, judged/*.png (a moving one: .webp), samples.webp, report.html.

        Returns the cards that were asked for. Others that were kept before, of the same weights, stay in the file, and what
        depends on the weights alone (calibration, pictures) is not made again.
        """
        cards, known = self.evaluate(judging), bool(self._kept())
        quality = {
            "cards": {name: card.as_dict() for name, card in (self._kept_cards() | cards).items()},
            "calibration": self._calibration()._asdict() if self._scores() else {},
            "weights": self.record.get("weights"),
        }
        Store(self.run).write("quality.json", lambda file: file.write(json.dumps(quality, indent=1).encode()))
        for name, image in ({} if known else self.task.illustrate(self.game, self.record)).items():
            kind, how = ("webp", {"save_all": True}) if getattr(image, "is_animated", False) else ("png", {})
            Store(self.run).write(f"judged/{name}.{kind}", partial(image.save, format=kind.upper(), **how))
        report.animate(self.run)
        report.write(self.run)
        return cards


def _told(facts: Mapping[str, Any]) -> str:
    """The names of a run's classes or attributes, the first ten."""
    names = facts.get("names", [])
    return ", ".join(map(str, names[:10])) + (", ..." if len(names) > 10 else "")


def _weights_of_state(store: Store, game: Game[Any], best: bool) -> dict[str, dict[str, Tensor]]:
    """The players of the newest state, or of the best, averaged where there is an average."""
    return averaged_weights(store.load_best() if best else store.load(), game.players())


def load(run: Path | str, task: Any = None, *, best: bool = False) -> Model:
    """The model of a run folder, finished or not.

    task: the module that trained it, where it is your own file. best: of the best state that the recipe's measure found,
    not of the last.
    """
    return Model(run, task, best=best)
