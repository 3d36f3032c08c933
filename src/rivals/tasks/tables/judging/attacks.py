"""Attacks on synthetic rows: was a person's row used for training (membership), and what is their secret (attribute)?

Members are training rows, non-members held-out ones. The attacker sees the synthetic rows and, for two attacks, other real rows:
distance:  -d(x, nearest synthetic row), after Chen et al. 2020, "GAN-Leaks", arXiv:1909.03935;
density:   log p_synthetic(x) - log p_real(x) = d (log r_real - log r_synthetic), r the distance to the nearest row of each, after
           van Breugel et al. 2023, "Membership inference attacks against synthetic data" (DOMIAS), arXiv:2302.12580;
detector:  the odds of a classifier between synthetic and other real rows, after Hayes et al. 2019, "LOGAN", arXiv:1705.07663.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from rivals.core.errors import UserError
from rivals.metrics import proportion
from rivals.metrics.roc import Roc, roc
from rivals.tasks.tables.data.schema import Schema
from rivals.tasks.tables.judging.cells import choices, sample
from rivals.tasks.tables.judging.features import features
from rivals.tasks.tables.judging.privacy import aligned, chunks, distances, nearest

PEOPLE = 2000  # members, and non-members, that are attacked
OTHERS = 10_000  # synthetic rows, and other real ones, that the attacker looks at
BLUR = 1e-3  # added to distances, so that their logarithm exists; more neighbours or more blur find fewer members
MOST_AUC, MOST_HITS = 0.55, 0.02  # beyond either an attack has caught the generator


class Secret(NamedTuple):
    """How often the nearest synthetic row names a category of members and of non-members rightly, and of how many at least."""

    members: float
    others: float
    people: int

    @property
    def advantage(self) -> float:
        return self.members - self.others

    @property
    def deviation(self) -> float:
        """The standard deviation of the advantage."""
        return float(((self.members * (1 - self.members) + self.others * (1 - self.others)) / self.people) ** 0.5)


class Membership(NamedTuple):
    """Each attack's ROC, and how many members and as many non-members were attacked."""

    attacks: dict[str, Roc]
    people: int

    @property
    def strongest(self) -> str:
        """The membership attack of the greatest AUC."""
        return max(self.attacks, key=lambda name: self.attacks[name].auc)

    @property
    def verdict(self) -> str:
        """ "no sign" up to an AUC of 0.55 and 2 % of the members found at 1 % false alarms, by every attack; "caught" where one
        goes beyond by more than chance would; else "unclear"."""
        found = self.attacks.values()
        if all(each.auc <= MOST_AUC and each.hits <= MOST_HITS for each in found):
            return "no sign"
        sure = [proportion(round(each.hits * self.people), self.people).low > MOST_HITS for each in found]
        sure += [each.auc > MOST_AUC and each.low > 0.5 for each in found]
        return "caught" if any(sure) else "unclear"


def membership(train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, seed: int) -> Membership:
    """Attacks on up to 2,000 members and as many non-members, all drawn by `seed`.

    Half of the held-out rows at most are the non-members; the attacker's other real rows are the rest. It looks at 10,000 of
    them at most, and at as many synthetic rows.
    """
    people, asked, others = _asked(train, held, seed)
    made = sample(synthetic, OTHERS, seed)
    _, people_rows, fake, real = aligned([train, asked, made, others], schema)
    near, usual = (nearest(people_rows, rows)[0] for rows in (fake, real))
    scores = {
        "distance": -near,
        "density": np.log(usual + BLUR) - np.log(near + BLUR),
        "detector": _odds(made, others, asked, schema, seed),
    }
    return Membership({name: roc(score[:people], score[people:]) for name, score in scores.items()}, people)


def attributes(
    train: pd.DataFrame, held: pd.DataFrame, synthetic: pd.DataFrame, schema: Schema, *, seed: int
) -> dict[str, Secret]:
    """Each category of the same people guessed as in the synthetic row that is nearest by all other columns; people whose own
    is missing are left out."""
    people, asked, _ = _asked(train, held, seed)
    _, rows, fake = aligned([train, asked, sample(synthetic, OTHERS, seed)], schema)
    right = {name: np.full(len(rows), np.nan) for name in choices(schema)}
    for where in chunks(rows, fake):
        part = rows.at(where)
        whole = distances(part, fake)
        for column, name in enumerate(right):
            mine, theirs = part.codes[:, column], fake.codes[:, column]
            guess = theirs[(whole - (mine[:, None] != theirs)).argmin(1)]
            right[name][where] = np.where(mine < 0, np.nan, guess == mine)
    both = {name: [each[~np.isnan(each)] for each in (hits[:people], hits[people:])] for name, hits in right.items()}
    return {
        name: Secret(float(one.mean()), float(other.mean()), min(len(one), len(other)))
        for name, (one, other) in both.items()
        if len(one) and len(other)
    }


def _asked(train: pd.DataFrame, held: pd.DataFrame, seed: int) -> tuple[int, pd.DataFrame, pd.DataFrame]:
    """How many members there are, they and as many non-members below each other, and the attacker's other real rows."""
    if len(held) < 4 or len(train) < 2:
        raise UserError(
            f"{len(train)} training rows and {len(held)} held-out ones are too few to attack: give at least 4 of each"
        )
    draw = np.random.default_rng(seed).permutation(len(held))
    people = min(PEOPLE, len(held) // 2, len(train))
    asked = pd.concat([sample(train, people, seed), held.iloc[draw[:people]]], ignore_index=True)
    return people, asked, held.iloc[draw[people:][:OTHERS]]


def _odds(made: pd.DataFrame, others: pd.DataFrame, asked: pd.DataFrame, schema: Schema, seed: int) -> np.ndarray:
    from sklearn.ensemble import HistGradientBoostingClassifier

    found = features([made, others, asked], schema)
    model = HistGradientBoostingClassifier(
        categorical_features=found.categorical or None, early_stopping=False, class_weight="balanced", random_state=seed
    )
    model.fit(np.concatenate(found.tables[:2]), np.repeat([1, 0], [len(made), len(others)]))
    odds: np.ndarray = model.decision_function(found.tables[2])
    return odds
