"""Small tables for the judging tests: one by arithmetic alone, the same everywhere, and one by seed."""

import numpy as np
import pandas as pd

from rivals.tasks.tables.data.schema import Column, Schema

FIXED = Schema(
    (
        Column("x", "number"),
        Column("y", "number"),
        Column("count", "integer"),
        Column("letter", "category"),
        Column("word", "category"),
        Column("flag", "boolean"),
        Column("day", "datetime"),
        Column("code", "id"),
    )
)


def fixed(shift: int, rows: int = 60) -> pd.DataFrame:
    """No random numbers, so that any environment makes the same table; missing cells in x, letter and day."""
    k = (np.arange(rows) * 37 + 11 * shift) % 101
    x = np.where(k % 9 == 0, np.nan, k / 7.0 + shift)
    table = pd.DataFrame({"x": x, "y": k / 6.0 + (k % 5), "count": (k * k) % 13 + shift})
    table["letter"] = pd.Series([None if i % 8 == 3 else "abc"[(i // 40 + i % 2 * shift) % 3] for i in k], dtype=object)
    table["word"] = pd.Series(["low" if i < 50 + 10 * shift else "high" for i in k], dtype=object)
    table["flag"] = k % 3 == shift
    table["day"] = (pd.Timestamp("2020-01-01") + pd.to_timedelta(k * 86_400 * 3, unit="s")).where(k % 10 != 1)
    table["code"] = [f"{i:04d}" for i in range(rows)]
    return table


PEOPLE = Schema(
    (
        Column("age", "integer"),
        Column("pay", "number"),
        Column("weight", "number"),
        Column("work", "category"),
        Column("grade", "category"),
        Column("level", "integer"),
        Column("rich", "category"),
    )
)


def people(rows: int, seed: int) -> pd.DataFrame:
    """Columns that hang together; grade and level determine each other; work and pay are missing now and then."""
    draw = np.random.default_rng(seed)
    level = draw.integers(1, 5, rows)
    age = np.clip(draw.normal(30 + 5 * level, 8).round(), 18, 80).astype(int)
    pay = np.exp(draw.normal(0.3 * level + age / 40, 0.3)).round(2)
    table = pd.DataFrame({"age": age, "pay": pay, "weight": draw.gamma(9, 8, rows)})
    chance = np.array([[0.7, 0.2, 0.1], [0.2, 0.6, 0.2], [0.1, 0.4, 0.5], [0.05, 0.15, 0.8]])[level - 1]
    place = (draw.random((rows, 1)) > chance.cumsum(1)).sum(1).clip(0, 2)
    table["work"] = np.array(["hand", "desk", "head"], dtype=object)[place]
    table["grade"] = np.array(["A", "B", "C", "D"], dtype=object)[level - 1]
    table["level"] = level
    table["rich"] = np.where(pay + draw.normal(0, 1, rows) > 5.5, "yes", "no").astype(object)
    table.loc[draw.random(rows) < 0.1, "work"] = None
    table.loc[draw.random(rows) < 0.05, "pay"] = np.nan
    return table
