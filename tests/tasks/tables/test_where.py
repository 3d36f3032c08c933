"""Conditions on rows: every form, every kind of column, and each mistake in one line."""

import numpy as np
import pandas as pd
import pytest

from rivals.core.errors import UserError
from rivals.tasks.tables.data import Column, Schema
from rivals.tasks.tables.where import conditions, holding, level

MAY = pd.Timestamp("2024-05-01").timestamp()
JULY = pd.Timestamp("2024-07-31 23:59:59").timestamp()
SCHEMA = Schema(
    (
        Column("income", "category", levels=("<=50K", ">50K")),
        Column("age", "integer", "integer", low=17, high=90),
        Column("pay", "number", "number", missing=0.1, low=-5.5, high=99.25, decimals=2),
        Column("size", "ordered", missing=0.1, levels=("small", "middle", "large"), token="?"),
        Column("member", "boolean", "boolean", missing=0.1, levels=("no", "yes")),
        Column("when", "datetime", "datetime", missing=0.1, low=MAY, high=JULY, format="%Y-%m-%d %H:%M"),
        Column("a=b", "category", levels=("x|y", "x", "y", "1..2")),
        Column("key", "id", distinct=6),
        Column("planet", "constant", levels=("Earth",), missing=0.5),
        Column("nothing", "empty", missing=1.0),
    )
)
FRAME = pd.DataFrame(
    {
        "income": ["<=50K", ">50K", "<=50K", ">50K", "<=50K", ">50K"],
        "age": [17, 30, 35, 40, 41, 90],
        "pay": [-5.5, 0.0, 1.25, 49.99, np.nan, 99.25],
        "size": ["small", "middle", "large", None, "small", "large"],
        "member": pd.array([True, False, None, True, False, True], dtype="boolean"),
        "when": pd.to_datetime(
            ["2024-05-01 00:00", "2024-05-31 23:59", "2024-06-01 00:00", None, "2024-07-04 12:30", "2024-07-31 00:00"]
        ),
        "a=b": ["x|y", "x", "y", "1..2", "x", "y"],
        "key": list("uvwxyz"),
        "planet": ["Earth", None, "Earth", None, "Earth", None],
        "nothing": [None] * 6,
    }
)

HOLD = {
    "income=>50K": [1, 3, 5],
    "income=<=50K": [0, 2, 4],
    " income = >50K ": [1, 3, 5],
    "income=<=50K|>50K": [0, 1, 2, 3, 4, 5],
    "age=30..40": [1, 2, 3],
    "age=..30": [0, 1],
    "age=41..": [4, 5],
    "age=17|30..35|90": [0, 1, 2, 5],
    "age>=40": [3, 4, 5],
    "age>40": [4, 5],
    "age<30": [0],
    "age<=30": [0, 1],
    "age=30": [1],
    "pay=-6..0": [0, 1],
    "pay=": [4],
    "pay>=1.25": [2, 3, 5],
    "pay<1e2": [0, 1, 2, 3, 5],
    "size>=middle": [1, 2, 5],
    "size<middle": [0, 4],
    "size=small..middle": [0, 1, 4],
    "size=large|small": [0, 2, 4, 5],
    "size=?": [3],
    "size=": [3],
    "member=yes": [0, 3, 5],
    "member=no": [1, 4],
    "member=": [2],
    "when=2024-05": [0, 1],
    "when=2024-05-31": [1],
    "when=2024-05-31 23:59": [1],
    "when=2024-05-31..2024-06-01": [1, 2],
    "when>2024-05": [2, 4, 5],
    "when>=2024-07-04 12:30": [4, 5],
    "when<2024-06": [0, 1],
    "when=": [3],
    "a=b=x|y": [0],
    "a=b=y|x": [1, 2, 4, 5],
    "a=b=1..2": [3],
    "planet=Earth": [0, 2, 4],
    "planet=": [1, 3, 5],
    "nothing=": [0, 1, 2, 3, 4, 5],
}


@pytest.mark.parametrize("text", HOLD)
def test_a_condition_holds_on_exactly_these_rows(text: str) -> None:
    assert holding(FRAME, conditions([text], SCHEMA)).nonzero()[0].tolist() == HOLD[text]


def test_all_conditions_hold_together_and_none_asks_for_nothing() -> None:
    both = conditions(["income=>50K", "age<90", "member=yes"], SCHEMA)
    assert holding(FRAME, both).nonzero()[0].tolist() == [3]
    assert holding(FRAME, []).all() and holding(FRAME[:0], both).shape == (0,)


VALUES = {
    "income": ["<=50K", ">50K"],
    "age": [17, 30, 90],
    "pay": [0.0, 1.5, None],
    "size": ["small", "middle", "large", None],
    "member": [False, True, None],
    "a=b": ["x", "x", "y"],
    "when": [pd.Timestamp("2024-05-01"), pd.Timestamp("2024-06-01"), pd.NaT],
}


LEVELS = {
    "income=>50K": 1,
    "size=large": 2,
    "size>=large": 2,
    "size=": 3,
    "member=yes": 1,
    "member=": 2,
    "age=30": 1,
    "age>60": 2,
    "pay=0": 0,
    "pay=": 2,
    "when=2024-06": 1,
    "a=b=y": 2,
    "a=b=x": None,  # two of its levels meet it
    "income=<=50K|>50K": None,
    "size>=middle": None,
    "planet=Earth": None,
}


@pytest.mark.parametrize("text", LEVELS)
def test_the_one_level_that_the_generator_can_be_told(text: str) -> None:
    asked = conditions([text], SCHEMA)[0]
    decided = (4, VALUES[asked.column.name]) if asked.column.name in VALUES else None
    assert level(asked, decided) == (None if LEVELS[text] is None else (4, LEVELS[text]))


def test_a_value_between_the_few_that_there_are_is_refused() -> None:
    with pytest.raises(UserError, match="--where 'age=31': no row can meet it: 'age' is one of 17, 30, 90"):
        level(conditions(["age=31"], SCHEMA)[0], (4, VALUES["age"]))


MISTAKES = {
    "incme=>50K": "there is no column 'incme': did you mean 'income'?",
    "zzz=1": "there is no column 'zzz': the columns are 'income', 'age', 'pay', 'size', 'member', 'when', 'a=b', 'key', ...",
    "income": "has no sign: write column=value",
    "income=50K": "'income' has no value '50K': did you mean",
    "income=rich": "'income' has no value 'rich': its values are '<=50K', '>50K'",
    "income>50K": "'income' is a category, which takes = alone; income=>50K asks for the value '>50K'",
    "income=>50K|poor": "'income' has no value 'poor'",
    "income=": "no cell of 'income' is missing",
    "age=old": "'age' holds numbers, and 'old' is none",
    "age=nan": "'age' holds numbers, and 'nan' is none",
    "age>90": "'age' reaches from 17 to 90, so that no row can meet it",
    "age=91..120": "'age' reaches from 17 to 90",
    "age=40|200": "'age' reaches from 17 to 90",
    "age=40..30": "40 is above 30",
    "age>=": "give a value after >=",
    "pay<-5.5": "'pay' reaches from -5.5 to 99.25",
    "size=huge": "'size' has no value 'huge'",
    "member=maybe": "'member' has no value 'maybe'",
    "member>no": "'member' is a boolean, which takes = alone",
    "when=soon": "'when' holds dates, and 'soon' is none",
    "when=2023": "'when' reaches from 2024-05-01 00:00:00 to 2024-07-31 23:59:59",
    "when=2024-13-01": "'when' holds dates",
    "key=u": "'key' is an id, made anew for each row",
    "planet=Mars": "'planet' has no value 'Mars': its values are 'Earth'",
    "nothing=x": "'nothing' has no values",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_in_one_line(text: str) -> None:
    with pytest.raises(UserError) as told:
        conditions([text], SCHEMA)
    assert MISTAKES[text] in str(told.value) and repr(text) in str(told.value) and "\n" not in str(told.value)
