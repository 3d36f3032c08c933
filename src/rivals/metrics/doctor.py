"""The doctor: what is wrong with a game, since when, by what figure, and what to change; thresholds from benchmarks/doctor.py.

Overfitting is the share of the way from training to generated samples that D's score falls on held-out ones, r_v in
Karras et al. 2020, arXiv:2006.06676: r_v = (E[D_train] - E[D_held out]) / (E[D_train] - E[D_fake]).
"""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from rivals.core.game import Game
from rivals.core.rollback import Diverged
from rivals.core.trainer import Report, Trainer
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.metrics.looks import Examiner, Look

LOOKS = 40  # of a run
YOUNG = 20_000  # samples: until then a slow generator may have little variety
RISING = 1.1  # times the variety of three looks before
GROWN = 0.4  # distance of two samples, in that of two real ones
LEAST = 5000  # samples between two looks: one costs about as much as a round


class Verdict(NamedTuple):
    """What is wrong. since, until: samples seen; until is None where it still holds. `value` is above `limit`, and is named
    by `figure`; change: what to do about it."""

    name: str
    since: int
    until: int | None
    figure: str
    value: float
    limit: float
    change: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: null there."""
        return self._asdict() | {"value": self.value if math.isfinite(self.value) else None}

    def told(self) -> str:
        when = f"since {self.since:,} samples" if self.until is None else f"from {self.since:,} to {self.until:,} samples"
        return f"{self.name} {when}: {self.figure} {self.value:.3g} (healthy: at most {self.limit:.3g}). {self.change}"


class Sign(NamedTuple):
    """A verdict to be: it holds once `measure` of the looks so far has been above `limit` at `patience` looks in a row."""

    name: str
    figure: str
    limit: float
    patience: int
    change: str
    measure: Callable[[Sequence[Look]], float]


def overfitting(looks: Sequence[Look]) -> float:
    now = looks[-1]
    if not {"train", "fake", "held out"} <= now.keys():
        return 0.0
    # Where D hardly tells the two apart their distance is noise.
    return float((now["train"] - now["held out"]) / max(now["train"] - now["fake"], now["spread"] / 2, 1e-12))


def _grown(look: Look) -> bool:
    """Whether samples differ among themselves already: of those of a new generator every figure is a matter of chance."""
    return float(look.get("variety", 0.0)) >= GROWN


def losing_modes(looks: Sequence[Look]) -> float:
    """What share of its best the coverage or the variety has lost, where there was some."""
    lost = [0.0]
    for name, least in (("coverage", 0.15), ("variety", 0.5)):
        best = max((min(look.get(name, 0.0), 1.0) for look in looks if _grown(look)), default=0.0)
        if best >= least and name in looks[-1]:
            lost.append(1 - looks[-1][name] / best)
    return max(lost)


def diverging(looks: Sequence[Look]) -> float:
    """How many times its best the distance of the samples is; infinite where a figure is."""
    now = looks[-1]
    if now["bad"]:
        return math.inf
    best = min((look["distance"] for look in looks if "distance" in look), default=0.0)
    return float(now.get("distance", 0.0) / max(best, 0.2))


def exploding(looks: Sequence[Look]) -> float:
    """The range of the scores over its median so far."""
    ranges = sorted(look["range"] for look in looks if "range" in look)
    return float(looks[-1].get("range", 0.0) / max(ranges[len(ranges) // 2], 1.0)) if ranges else 0.0


def dead(looks: Sequence[Look]) -> float:
    now = looks[-1]
    return 1.0 if "range" in now and now["range"] <= 1e-6 * (1 + abs(now["train"])) else 0.0


def won(looks: Sequence[Look]) -> float:
    return float(looks[-1].get("value", -math.inf))


def alike(looks: Sequence[Look]) -> float:
    return 1.0 if looks[-1].get("variety", 1.0) < 0.01 else 0.0


def collapsed(looks: Sequence[Look]) -> float:
    """What the samples, or those of a class, lack of the differences among real ones; nothing while the game is young, or they
    come to differ.
    """
    now, before = (min(look.get("variety", 1.0), look.get("variety in a class", 1.0)) for look in (looks[-1], looks[-4:][0]))
    young = looks[-1]["seen"] < YOUNG or now > RISING * before
    return 0.0 if young or alike(looks) else 1.0 - now


def _artefact(name: str) -> Callable[[Sequence[Look]], float]:
    return lambda looks: float(looks[-1].get(name, 0.0)) if _grown(looks[-1]) else 0.0


def copying(looks: Sequence[Look]) -> float:
    return float(looks[-1].get("copies", 0.0) - looks[-1].get("fresh copies", 0.0))


DIVERGENCE = "divergence"
SIGNS = [
    Sign(DIVERGENCE, "distance of the samples from real ones, in its best so far", 2.5, 2,
         "Lower the learning rate, raise gamma, or train in fp32.", diverging),
    Sign("scores explode", "range of D's scores, in its usual range", 100.0, 2,
         "Lower the discriminator's learning rate or raise gamma.", exploding),
    Sign("discriminator overfits", "share of the way to generated samples that D's score falls on held-out real ones", 0.5, 2,
         "Get more data, augment (pictures: --augment diff or ada-adaptive), raise gamma, or train for fewer samples.",
         overfitting),
    Sign("modes are being lost", "share of its best coverage or variety that the samples have lost", 0.5, 2,
         "Raise gamma, lower the generator's learning rate, or train for fewer samples.", losing_modes),
    Sign("mode collapse", "share of real samples' differences, in all or in a class, that generated ones lack", 0.55, 3,
         "Raise gamma, give the discriminator more moves, or lower the generator's rate; judge it by recall.", collapsed),
    Sign("dead discriminator", "all scores are the same (1: yes)", 0.5, 2,
         "Lower the discriminator's learning rate and start again.", dead),
    Sign("discriminator has won", "V(D, G), of which 0 is its full victory", -0.1, 3,
         "Raise gamma or lower the discriminator's learning rate: the generator learns nothing any more.", won),
    Sign("constant samples", "all samples are alike (1: yes)", 0.5, 2,
         "Raise gamma, or give the generator's output layer smaller weights.", alike),
    Sign("checkerboard", "energy that alternates from pixel to pixel, in that of real pictures", 40.0, 3,
         "Upsample with a filter and then convolve, without strides in transposed convolutions.", _artefact("checkerboard")),
    Sign("blocks", "difference of steps between even and odd pixels, beside real pictures", 0.6, 3,
         "Convolve after the last upsampling, or smooth it.", _artefact("blocks")),
    Sign("colour shift", "difference of the mean colour, in deviations of real pixels", 0.4, 3,
         "Lower the generator's learning rate; look for augmented colours that leak into the samples.", _artefact("colour")),
    Sign("copies of training samples", "share of samples that are copies, beyond that of held-out ones", 0.1, 2,
         "Get more data, augment, raise gamma, or stop earlier.", copying),
]  # fmt: skip


def diagnose(looks: Sequence[Look]) -> list[Verdict]:
    """The verdicts over the looks of a run, in the order in which they began; those that ended too."""
    found = [verdict for sign in SIGNS for verdict in _episodes(sign, looks)]
    return sorted(found, key=lambda verdict: (verdict.since, verdict.name))


def _episodes(sign: Sign, looks: Sequence[Look]) -> list[Verdict]:
    found, row = list[Verdict](), list[tuple[int, float]]()
    for i, look in enumerate(looks):
        value = sign.measure(looks[: i + 1])
        if value > sign.limit:
            row.append((int(look["seen"]), value))
        elif row:
            found += _verdict(sign, row, int(look["seen"]))
            row = []
    return found + _verdict(sign, row, None)


def _verdict(sign: Sign, row: list[tuple[int, float]], until: int | None) -> list[Verdict]:
    if len(row) < sign.patience:
        return []
    return [Verdict(sign.name, row[0][0], until, sign.figure, max(value for _, value in row), sign.limit, sign.change)]


def looks_of(lines: Sequence[Mapping[str, Any]]) -> list[Look]:
    """The looks in a run's log."""
    return [{"round": line["round"], "seen": line["seen"]} | line["look"] for line in lines if "look" in line]


class Findings(NamedTuple):
    """What a run's log tells: its looks, the verdicts over them, its rollbacks, and what stopped it ("" for nothing)."""

    looks: list[Look]
    verdicts: list[Verdict]
    rollbacks: list[dict[str, Any]]
    stopped: str

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]]) -> "Findings":
        looks = looks_of(lines)
        rollbacks = [line["rollback"] for line in lines if "rollback" in line]
        return cls(looks, diagnose(looks), rollbacks, next((str(line["stopped"]) for line in lines if "stopped" in line), ""))

    def as_dict(self) -> dict[str, Any]:
        told = [verdict.as_dict() for verdict in self.verdicts]
        return {"looks": len(self.looks), "verdicts": told, "rollbacks": self.rollbacks, "stopped": self.stopped or None}

    def told(self) -> list[str]:
        """One line each."""
        found = [verdict.told() for verdict in self.verdicts]
        for each in self.rollbacks:
            way = f"from {each['from']:,} to {each['to']:,} samples, learning rates x {each['rate']:g}"
            found.append(f"rollback {each['number']} {way}: {each['why']}")
        found += [f"stopped: {self.stopped}"] if self.stopped else []
        if not self.looks:
            return [*found, "no looks: this run was trained without a doctor, or ended before its first look"]
        return found or [f"healthy: nothing found, {len(self.looks)} looks"]


class Doctor:
    """A watcher that looks at the game now and then and says, in the log and once as a warning, what is wrong.

    A run has about 40 looks, and one at each regular save; `every`: samples up to the first and between two, by default as
    that makes, 5,000 at least. It keeps nothing: the looks so far are the log's, so a resumed run has the same ones. Where
    the game diverges it asks the trainer to roll back, if there is a state to go back to. held_out, fetch, count, seed: see
    Examiner.
    """

    def __init__(
        self, held_out: Sample, fetch: Callable[[Tensor], Sample], count: int, *, every: int | None = None, seed: int = 0
    ) -> None:
        self.held_out, self.fetch, self.count, self.every, self.seed = held_out, fetch, count, every, seed
        self.examiner: Examiner | None = None
        self.latest: Look = {}  # of this round, where it was looked at
        self.looks: list[Look] = []  # where there is no log

    def distance(self, game: Game[Sample]) -> float:
        """How far samples are from training ones in the looks' plain features (Frechet): a trainer's `measure` for the best."""
        figures = self.latest or self._examiner().look(game)  # at a regular save it has just looked
        return float(figures.get("distance", "inf"))

    def _examiner(self) -> Examiner:
        if self.examiner is None:
            self.examiner = Examiner(self.held_out, self.fetch, self.count, seed=self.seed)
        return self.examiner

    def __call__(self, trainer: Trainer[Any], report: Report) -> None:
        every = self.every or max(trainer.samples // LOOKS, LEAST)
        self.latest = {}
        if report.seen < every or not (report.seen // every > report.before // every or trainer.regular(report)):
            return
        with trainer.averaged() as game:
            self.latest = figures = self._examiner().look(game)
        when = {"round": report.round, "seen": report.seen}
        earlier = (
            looks_of(trainer.store.lines()) if trainer.store else [each for each in self.looks if each["seen"] < report.seen]
        )
        self.looks = [*earlier, when | figures]
        if trainer.store:
            trainer.store.append(when | {"look": figures})
        self._tell(trainer, when, {_key(each): each for each in diagnose(earlier)})

    def _tell(self, trainer: Trainer[Any], when: Look, earlier: dict[tuple[str, int], Verdict]) -> None:
        """Writes what begins and what ends with this look, and has the trainer act on it."""
        known = {name for name, _ in earlier}
        for each in diagnose(self.looks):
            before = earlier.get(_key(each))
            if before is None and each.name not in known:
                warnings.warn(each.told(), stacklevel=3)
            if trainer.store and (before is None or before.until != each.until):
                kept = {name: value for name, value in each.as_dict().items() if name not in ("figure", "change")}
                trainer.store.append(when | {"verdict": kept})
            if each.name == DIVERGENCE and each.until is None and trainer.store and trainer.store.healthy(trainer.seen):
                trainer.trouble = Diverged(each.told())
        divergence = SIGNS[0]
        trainer.suspect = divergence.measure(self.looks) > divergence.limit


def _key(verdict: Verdict) -> tuple[str, int]:
    return verdict.name, verdict.since
