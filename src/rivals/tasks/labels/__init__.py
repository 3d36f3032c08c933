"""Few labels, many pictures: a classifier that learns from both, by a game."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rivals.core.device import Precision
from rivals.core.errors import UserError, positive, within
from rivals.core.recipe import trainable
from rivals.core.schedules import Schedule, cosine
from rivals.core.store import Store
from rivals.core.trainer import Trainer
from rivals.core.watch import every
from rivals.media.previews import previews
from rivals.nn.format import Format
from rivals.tasks.labels.data import Few, opened
from rivals.tasks.labels.game import Partly, SemiSupervised, Variant
from rivals.tasks.labels.judging import classify, draw, evaluate, held_out, illustrate, read, write
from rivals.tasks.labels.networks import Discriminator, Generator

__all__ = ["NEXT", "OPTIONS", "classify", "draw", "evaluate", "game", "held_out", "illustrate", "read", "recipe", "write"]

OPTIONS = {
    "data": "Labelled pictures: a folder with a sub-folder for each class, .zip, .npz, or a set that rivals pack made.",
    "labels": "CSV with the columns file and label, which may be empty; by default the sub-folders' names.",
    "pool": "More pictures, without labels; by default those of --data whose labels are not used.",
    "size": "Pixels, as 28 or 32x24 (height x width); by default as the pictures are.",
    "channels": "1, 3 or 4; as most of the pictures have, by default.",
    "allow_bad": "Train although more than 5 % of the files cannot be read.",
    "micro": "Pictures in each backward pass; all of the batch by default. Another micro is another game here.",
}
NEXT = (
    ("classify {run} photo1.png photo2.png", "name the class of your own pictures"),
    ("evaluate {run}", "the error on held-out pictures, beside what the labels give alone"),
    ("sample {run} -n 100 -o out/", "what the generator draws"),
)

HALF_LIFE = 693  # of the averages, in rounds: a decay of 0.999 each
BATCH = 50
STEADY = 0.25  # part of the run before the rates fall


@trainable
def recipe(
    *,
    data: Path,
    labelled: int = 100,
    unlabelled: int | None = None,
    pool: Path | None = None,
    labels: Path | None = None,
    size: str | None = None,
    channels: int | None = None,
    allow_bad: bool = False,
    variant: Variant = "feature-matching",
    unlabelled_weight: float = 1.0,
    minibatch_features: int = 0,
    rate: float = 3e-3,
    discriminator_rate: float = 3e-3,
    generator_moves: int = 3,
    samples: int = 240_000,
    batch: int = BATCH,
    micro: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: Precision = "auto",
    workers: int = 0,
    out: Path | None = None,
    name: str = "labels",
) -> Trainer[Partly]:
    """Few labels, many pictures: a classifier that also learns what real pictures look like (Salimans et al. 2016).

    Parameters
    ----------
    labelled
        How many labels to use, as many of each class as can be; 0 for all that there are.
    unlabelled
        At most so many pictures without labels; all by default.
    variant
        feature-matching; complement: with the entropy and pull-away terms of Dai et al. 2017.
    unlabelled_weight
        Of the pictures without labels; 0 to learn from the labelled ones alone.
    minibatch_features
        Similarities to the rest of the batch that the discriminator sees, 0 for none: prettier samples, a worse classifier.
    rate
        Adam's learning rate for the generator; after a quarter of the run it falls to a hundredth. Its betas are 0.5 and 0.999.
    discriminator_rate
        The discriminator's.
    generator_moves
        Moves of the generator for each of the discriminator; with 1 it does not match the features in a short run.
    """
    positive(rate=rate, discriminator_rate=discriminator_rate, generator_moves=generator_moves)
    within(0, labelled=labelled, unlabelled=unlabelled or 0)
    within(0, unlabelled_weight=unlabelled_weight, minibatch_features=minibatch_features)
    found = opened({"data": data, "labels": labels, "pool": pool, "size": size, "channels": channels, "allow_bad": allow_bad,
                    "labelled": labelled, "unlabelled": unlabelled, "seed": seed})  # fmt: skip
    enough(found, batch)
    facts = facts_of(found) | {"minibatch": minibatch_features, "variant": variant, "weight": unlabelled_weight}
    semi = begun(facts, found)
    semi.generator_moves, semi.rates = generator_moves, {"generator": rate, "discriminator": discriminator_rate}
    return Trainer(
        semi,
        found.stream(seed, workers),
        samples=samples,
        batch=batch,
        micro=micro,
        seed=seed,
        device=device,
        precision=precision,
        half_life=HALF_LIFE * batch,
        schedules=falling(semi.rates),
        watchers=[every(max(samples // 40, 1), previews(0, scale=2))],
        facts=facts,
        store=Store(out, name=name),
    )


def enough(found: Few, batch: int) -> None:
    """Raises UserError where the pictures without labels do not fill a batch."""
    few = len(found.pool)
    if few < batch:
        raise UserError(f"{few} pictures without labels are fewer than a batch of {batch}: give more, or a smaller --batch")


def facts_of(found: Few) -> dict[str, Any]:
    """What run.json keeps of the data."""
    pictures = found.pictures
    return {"data": pictures.digest, "names": pictures.names, "form": pictures.form._asdict(), "latent": 100}


def falling(rates: Mapping[str, float]) -> dict[str, Schedule]:
    """Steady for a part of the run, then down to a hundredth along half a cosine: the error falls fastest on the way down."""

    def schedule(rate: float) -> Schedule:
        down = cosine(rate, rate / 100)
        return lambda progress: down(max(progress - STEADY, 0) / (1 - STEADY))

    return {f"{player}.lr": schedule(rate) for player, rate in rates.items()}


def begun(facts: Mapping[str, Any], found: Few) -> SemiSupervised:
    """The game with its discriminator's scales set from the first unlabelled pictures."""
    semi = game(facts)
    assert isinstance(semi.discriminator, Discriminator)
    semi.discriminator.start(found.unlabelled(500))
    return semi


def game(facts: Mapping[str, Any]) -> SemiSupervised:
    """The game of a run, untrained: what sampling, scoring and naming need."""
    form = Format(**facts["form"])
    players = Generator(form, latent=facts["latent"]), Discriminator(form, minibatch=facts["minibatch"])
    return SemiSupervised(*players, latent=facts["latent"], weight=facts["weight"], variant=facts["variant"])
