"""Each verdict is given where its fault was planted, and not where it was not; the log is the same after stop and resume."""

import json
import math
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rivals.core.errors import UserError
from rivals.core.objectives import non_saturating
from rivals.core.rollback import Diverged
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.gan import GAN, Sample
from rivals.metrics import Doctor, Findings, diagnose
from rivals.metrics.doctor import SIGNS
from rivals.metrics.looks import Examiner, copies, form, pooled
from rivals.testing import check_resume, fingerprint

WELL = {"bad": 0.0, "coverage": 0.8, "distance": 0.15, "variety": 0.95, "copies": 0.0, "fresh copies": 0.0, "colour": 0.02,
        "contrast": 0.03, "checkerboard": 1.5, "blocks": 0.02, "train": 0.6, "fake": 0.2, "held out": 0.55, "spread": 0.2,
        "range": 1.5, "value": -1.1}  # fmt: skip

ILLS: dict[str, dict[str, float]] = {
    "divergence": {"distance": 9.0},
    "scores explode": {"range": 1e4},
    "discriminator overfits": {"held out": 0.25},
    "modes are being lost": {"coverage": 0.1},
    "mode collapse": {"variety in a class": 0.3},
    "dead discriminator": {"train": 1.0, "fake": 1.0, "held out": 1.0, "spread": 0.0, "range": 0.0},
    "discriminator has won": {"value": -0.001},
    "constant samples": {"variety": 1e-4},
    "checkerboard": {"checkerboard": 500.0},
    "blocks": {"blocks": 0.9},
    "colour shift": {"colour": 1.2},
    "copies of training samples": {"copies": 0.6},
}


def course(*changes: dict[str, float], every: int = 2000) -> list[dict[str, Any]]:
    """Looks, every 2,000 samples, healthy but for the changes; ten healthy ones come first."""
    return [{"round": i, "seen": every * (i + 1)} | WELL | each for i, each in enumerate([{}] * 10 + list(changes))]


def names(looks: list[dict[str, Any]]) -> set[str]:
    return {verdict.name for verdict in diagnose(looks) if verdict.until is None}


def test_every_sign_has_a_planted_ill() -> None:
    assert {sign.name for sign in SIGNS} == ILLS.keys()


@pytest.mark.parametrize("name", ILLS)
def test_each_ill_is_named_since_when_and_by_what(name: str) -> None:
    """After as many looks as the sign asks for and not before; since the first of them; over when it is over."""
    sign = next(sign for sign in SIGNS if sign.name == name)
    assert names(course(*[ILLS[name]] * (sign.patience - 1))) == set()
    looks = course(*[ILLS[name]] * sign.patience)
    (verdict,) = [verdict for verdict in diagnose(looks) if verdict.name == name]
    assert verdict.since == 22_000 and verdict.until is None and verdict.value > verdict.limit == sign.limit
    assert verdict.told().startswith(f"{name} since 22,000 samples: {sign.figure}") and sign.change in verdict.told()
    healed = diagnose([*looks, course()[0] | {"seen": looks[-1]["seen"] + 2000}])
    (verdict,) = [verdict for verdict in healed if verdict.name == name]
    assert verdict.until == looks[-1]["seen"] + 2000 and "from 22,000 to" in verdict.told()


def test_a_healthy_course_has_no_verdict() -> None:
    """Nor one whose figures get better from nothing, one look that is off, looks with few figures, and no looks."""
    rising = [WELL | {"coverage": 0.04 * i, "distance": 3.0 / (i + 1), "variety": min(0.1 + 0.05 * i, 1)} for i in range(20)]
    assert names(course()) == names(course(*rising)[10:]) == names(course({"distance": 9.0, "colour": 3.0}, {})) == set()
    assert diagnose([]) == [] and diagnose([{"round": i, "seen": i, "bad": 0.0} for i in range(9)]) == []


def test_a_number_that_is_not_finite_is_divergence() -> None:
    looks = course()[:5] + [{"round": 9 + i, "seen": 20_000 + i, "bad": 3.0} for i in range(2)]
    (verdict,) = diagnose(looks)
    assert verdict.name == "divergence" and math.isinf(verdict.value) and verdict.as_dict()["value"] is None


def test_findings_of_a_log() -> None:
    lines = [{"round": look["round"], "seen": look["seen"], "look": {k: v for k, v in look.items() if k in WELL}}
             for look in course()]  # fmt: skip
    assert Findings.of(lines).told() == ["healthy: nothing found, 10 looks"]
    assert Findings.of([{"round": 0, "seen": 64, "g.loss": 1.0}]).told()[0].startswith("no looks")
    back = {"number": 1, "from": 900, "to": 640, "rate": 0.5, "why": "NaN"}
    found = Findings.of([*lines, {"round": 9, "seen": 640, "rollback": back}, {"round": 9, "seen": 900, "stopped": "again"}])
    assert found.told() == ["rollback 1 from 900 to 640 samples, learning rates x 0.5: NaN", "stopped: again"]
    assert json.loads(json.dumps(found.as_dict())) == {"looks": 10, "verdicts": [], "rollbacks": [back], "stopped": "again"}


# The figures.


def scene(n: int, seed: int, size: int = 12) -> Tensor:
    """Smooth random pictures (n, 3, size, size)."""
    noise = torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return nn.functional.interpolate(noise, size=(size, size), mode="bicubic", antialias=False).tanh()


class Fixed(GAN):
    """A game whose samples are given, and whose discriminator knows the pictures that it is told."""

    def __init__(self, made: Tensor, known: Tensor | None = None) -> None:
        super().__init__(nn.Linear(1, 1), nn.Linear(1, 1), latent=1, objective=non_saturating)
        self.made, self.known, self.given = made, known, 0

    def sample(self, n: int, *, given: Any = None, noise: Any = None) -> Tensor:
        self.given += n
        return self.made[(torch.arange(n) + self.given - n) % len(self.made)]

    def score(self, batch: Sample) -> Tensor:
        if self.known is None:
            return batch.data.flatten(1).mean(1)
        exact = "donot_use_mm_for_euclid_dist"
        return (torch.cdist(batch.data.flatten(1), self.known.flatten(1), compute_mode=exact).amin(1) < 1e-3).float()


TRAIN, HELD, FRESH = scene(300, 1), scene(100, 2), scene(256, 3)


def look(made: Tensor, known: Tensor | None = None, train: Tensor = TRAIN) -> dict[str, Any]:
    examiner = Examiner(Sample(HELD), lambda rows: Sample(train[rows]), len(train))
    with torch.no_grad():
        return examiner.look(Fixed(made, known))


def test_real_samples_look_well() -> None:
    """Fresh samples of the same source: full coverage and variety, no distance, no copy, no pattern, no shift."""
    found = look(FRESH)
    assert found["coverage"] > 0.9 and abs(found["variety"] - 1) < 0.05 and found["distance"] < 0.4
    assert found["copies"] == found["fresh copies"] == found["bad"] == 0
    assert found["colour"] < 0.1 and found["contrast"] < 0.1 and found["checkerboard"] < 2 and found["blocks"] < 0.1


def test_planted_faults_show_in_their_figure() -> None:
    """Each fault moves its own figure beyond its sign's limit, and fresh samples do not."""
    limit = {sign.name: sign.limit for sign in SIGNS}
    well, sign = look(FRESH), (-1.0) ** torch.arange(12)
    assert look(TRAIN + 0.01 * torch.randn_like(TRAIN))["copies"] > 0.9 > limit["copies of training samples"]
    assert look(FRESH[:1].expand(256, -1, -1, -1) + 0.0)["variety"] < 1e-3 and look(FRESH[:3])["coverage"] < well["coverage"] / 5
    assert look(FRESH + 0.2 * sign * sign[:, None])["checkerboard"] > limit["checkerboard"] > well["checkerboard"]
    assert look(FRESH + 0.2 * sign)["checkerboard"] > limit["checkerboard"]
    blocky = nn.functional.interpolate(nn.functional.avg_pool2d(FRESH, 2), scale_factor=2)
    assert look(blocky)["blocks"] > limit["blocks"] > well["blocks"]
    tint = torch.tensor([0.5, 0.0, 0.0])[:, None, None]
    assert look(FRESH + tint)["colour"] > limit["colour shift"] > well["colour"]
    assert look(10 * FRESH)["distance"] > 10
    assert look(torch.full_like(FRESH, math.nan)).keys() >= {"bad"} and look(FRESH / 0)["bad"] > 0


def test_a_picture_for_each_class_is_mode_collapse() -> None:
    """Classes that differ and pictures of a class that do not: variety over all is as it should be, in a class there is none."""
    centres, kinds = 2 * scene(4, 7), torch.arange(300) % 4
    train = Sample((centres[kinds] + TRAIN).clamp(-1, 1), kinds)
    examiner = Examiner(Sample(HELD), lambda rows: train.map(lambda t: t[rows]), 300)
    given = torch.cat([each.condition for each in examiner.train if each.condition is not None])
    collapsed, fresh = (examiner.look(Fixed(centres[given] + few)) for few in (0.1 * FRESH, FRESH))
    assert collapsed["variety"] > 0.6 and collapsed["variety in a class"] < 0.2 and fresh["variety in a class"] > 0.8
    looks = [{"round": i, "seen": 5000 * i} | collapsed for i in range(9)]
    assert "mode collapse" in names(looks) and "mode collapse" not in names(looks[:6])  # a young game may have little
    assert "mode collapse" not in names([{"round": i, "seen": 5000 * i} | fresh for i in range(9)])
    rising = [{"round": i, "seen": 20_000 + 5000 * i, "variety": 0.05 * 1.2**i, "bad": 0.0} for i in range(9)]
    assert "mode collapse" not in names(rising), "a large batch makes few rounds of so many samples"
    one = Sample(centres[kinds], kinds)  # a class of one picture has no variety to lose
    alike = Examiner(Sample(HELD), lambda rows: one.map(lambda t: t[rows]), 300).look(Fixed(centres[given]))
    assert "variety in a class" not in look(FRESH) | look(50 * FRESH, train=50 * TRAIN) | alike


def test_overfitting_is_the_score_of_what_is_held_out() -> None:
    """A discriminator that knows the training pictures by heart: held-out ones score as generated ones do."""
    found = look(FRESH, TRAIN)
    assert found["train"] == 1 and found["held out"] == found["fake"] == 0
    assert names([{"round": i, "seen": i} | found for i in range(3)]) >= {"discriminator overfits"}
    assert "discriminator overfits" not in names([{"round": i, "seen": i} | look(FRESH) for i in range(3)])


def test_a_blurred_sample_near_to_many_is_no_copy() -> None:
    """The mean of the training samples is nearer to each of them than fresh samples are, and copies none."""
    rows = torch.randn(500, 40, generator=torch.Generator().manual_seed(0))
    assert copies(rows.mean(0, keepdim=True).expand(9, -1), rows) == 0 and copies(rows[:9], rows) == 1
    assert copies(rows[:10] + 5 * torch.eye(10, 40), rows) < 0.5


@pytest.mark.parametrize("shape", [(3,), (2, 50), (1, 7, 9), (4, 30, 20), (2, 3, 4, 5)], ids=str)
def test_any_kind_of_data_can_be_looked_at(shape: tuple[int, ...]) -> None:
    """Rows, series, odd pictures, volumes: at most 1,024 numbers each, and a look without an error."""
    rows = torch.randn(40, *shape, generator=torch.Generator().manual_seed(0))
    assert pooled(rows).ndim == 2 and pooled(rows).shape[1] <= 1024 and pooled(torch.randn(2, 3, 64, 80)).shape == (2, 768)
    found = (
        look(rows, train=rows)
        if shape == HELD.shape[1:]
        else Examiner(Sample(rows[:20]), lambda r: Sample(rows[r]), 40).look(Fixed(rows))
    )
    assert found["bad"] == 0 and found["copies"] == 1 and found["coverage"] == 1
    assert bool(form(rows)) == (rows.ndim == 4 and min(shape[1:]) >= 4)


def test_few_samples() -> None:
    """Nothing held out leaves out what needs it; fewer than 8 training samples are refused in one line."""
    examiner = Examiner(Sample(HELD[:0]), lambda rows: Sample(TRAIN[rows]), 9)
    found = examiner.look(Fixed(FRESH))
    assert not {"held out", "fresh copies"} & found.keys() and found["coverage"] >= 0
    with pytest.raises(UserError, match="8 training samples"):
        Examiner(Sample(HELD), lambda rows: Sample(TRAIN[rows]), 7)


# The watcher.


class Net(nn.Module):
    def __init__(self, inputs: int, outputs: int, *, gain: float = 1.0, shift: float = 0.0) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 16), nn.LeakyReLU(0.2), nn.Linear(16, outputs))
        self.gain, self.shift = gain, shift

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x) * self.gain + self.shift


class Knowing(Net):
    """A discriminator that knows already: real points lie near 0, generated ones near 1000."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return torch.where(x[:, :1].abs() < 100, 9.0, -9.0) + super().forward(x.clamp(-1, 1))


def trainer(generator: nn.Module, discriminator: nn.Module, folder: Path | None = None) -> Trainer[Sample]:
    points = Sample(torch.randn(256, 2, generator=torch.Generator().manual_seed(0)))
    held = Sample(torch.randn(64, 2, generator=torch.Generator().manual_seed(1)))
    gan = GAN(generator, discriminator, latent=4, objective=non_saturating)
    doctor = Doctor(held, lambda rows: points.map(lambda t: t[rows]), len(points), every=128)
    return Trainer(gan, Stream.over(points), samples=1280, batch=32, log_every=64, half_life=1.0, watchers=[doctor],
                   store=Store(folder) if folder else None)  # fmt: skip


def play(generator: nn.Module, discriminator: nn.Module) -> Trainer[Sample]:
    torch.manual_seed(0)
    return trainer(generator, discriminator).fit(progress=False)


def test_a_healthy_game_is_left_alone() -> None:
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        played = play(Net(4, 2), Net(2, 1))
    (doctor,) = played.watchers
    assert isinstance(doctor, Doctor) and len(doctor.looks) == 10 and diagnose(doctor.looks) == []


@pytest.mark.parametrize(
    ("generator", "discriminator", "name"),
    [
        (Net(4, 2, shift=1000.0), Knowing(2, 1), "discriminator has won"),
        (Net(4, 2), Net(2, 1, gain=0.0), "dead discriminator"),
        (Net(4, 2, gain=0.0), Net(2, 1), "constant samples"),
    ],
    ids=["won", "dead", "constant"],
)
def test_a_fault_is_warned_of_once(generator: nn.Module, discriminator: nn.Module, name: str) -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        play(generator, discriminator)
    assert len([each for each in found if str(each.message).startswith(f"{name} since")]) == 1


def test_the_log_is_the_same_after_stop_and_resume(tmp_path: Path) -> None:
    """Looks and verdicts are functions of the state and the log: a resumed run has the same bytes; and the doctor changes
    no bit of the game."""

    def make(run: Path) -> Trainer[Sample]:
        torch.manual_seed(0)
        return trainer(Net(4, 2), Net(2, 1, gain=0.0), run)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_resume(make, tmp_path)
        alone = make(tmp_path / "alone")
        alone.watchers = []
        for _ in alone:
            pass
    lines = [json.loads(line) for line in (tmp_path / "whole/log.jsonl").read_text().splitlines()]
    assert len([line for line in lines if "look" in line]) == 10
    begun = {line["verdict"]["name"]: line["verdict"] for line in lines if "verdict" in line}["dead discriminator"]
    assert begun["since"] == 128 and begun["until"] is None
    assert "dead discriminator" in {verdict.name for verdict in Findings.of(lines).verdicts}
    assert fingerprint(Store(tmp_path / "whole").load()["game"]) == fingerprint(alone.game.state_dict())


def test_divergence_rolls_back(tmp_path: Path) -> None:
    """A generator that runs away after half of the run, unless it is slowed: rolled back to a state from before it, shown
    in the log; and with no state to go back to it is a warning alone."""

    def make(run: Path | None) -> Trainer[Sample]:
        torch.manual_seed(0)
        made = trainer(Net(4, 2), Net(2, 1), run)
        loss = made.game.generator_loss  # type: ignore[operator]
        away = [next(iter(made.game.generator.layers)).bias, made.game.generator.layers[2].bias]  # type: ignore

        def run_away(part: Any) -> Any:
            if made.seen > 700 and len(made.rollbacks) < 1:
                away[1].data += 3.0
            return loss(part)

        made.game.generator_loss = run_away  # type: ignore[assignment]
        return made

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        check_resume(make, tmp_path)  # type: ignore[arg-type]
    assert any("rollback 1 of 3" in str(each.message) for each in told)
    lines = [json.loads(line) for line in (tmp_path / "whole/log.jsonl").read_text().splitlines()]
    (back,) = Findings.of(lines).rollbacks
    assert back["to"] == 640 and "divergence since" in back["why"]
    assert "divergence" not in {verdict.name for verdict in Findings.of(lines).verdicts}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in make(None):
            pass
    assert any(str(each.message).startswith("divergence since") for each in told)


def test_the_error_is_one_that_the_command_line_knows() -> None:
    assert issubclass(Diverged, FloatingPointError)
