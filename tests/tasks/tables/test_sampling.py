"""Sampling tables: conditions and constraints on every row, reproducible, whole files, each with its note."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from rivals.cli import main
from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.core.store import write_file
from rivals.games.gan import Sample
from rivals.media import export
from rivals.media.export import escaped, note_of, place
from rivals.media.wanted import Wanted
from rivals.tasks import tables
from rivals.tasks.tables import sampling
from rivals.tasks.tables.data import Column, Form, Schema, format_table, infer, parse, read_table
from rivals.tasks.tables.sampling import Draws, Seen, draw, read_rows, rows


def text(n: int = 400) -> pd.DataFrame:
    """Cells of text of each kind, some missing; income goes with pay."""
    random = np.random.default_rng(0)
    pay = random.gamma(2, 900, n).round(2)
    table = pd.DataFrame(
        {
            "name": [f"p{i:05d}" for i in range(n)],
            "age": random.integers(18, 80, n).astype(str),
            "pay": [f"{each:.2f}" for each in pay],
            "income": np.where(pay > 2500, ">50K", "<=50K"),
            "since": (pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 200, n), "D")).strftime("%d.%m.%Y"),
            "note": random.choice(["=cmd|x", "-7", "plain", "@home", 'a "b", c'], n),
        }
    )
    for name in ("pay", "note"):
        table.loc[random.random(n) < 0.1, name] = None
    return table


class Rows(Game[Sample]):
    """Gives rows of a tensor at random; asked for a level, rows that have it."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table, self.generator, self.asked = table, nn.Linear(1, 1), list[torch.Tensor]()

    def round(self, play: Any) -> None: ...

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {}

    def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> torch.Tensor:
        table = self.table
        if given is not None and given.condition is not None:
            self.asked.append(given.condition)
            block, level = given.condition[0].long().tolist()
            table = table[table[:, block] == level]
        return table[torch.randint(len(table), (n,), generator=noise)]


class Run:
    """Stands for a rivals.Model."""

    def __init__(self, form: Form, game: Rows) -> None:
        self.run, self.game, self.task = Path("runs/0001-tables"), game, None
        self.record = {"facts": {"form": form.as_dict()}, "recipe": "tables", "weights": {"generator": "abc"}}

    def labelled(self, n: int, **_: Any) -> tuple[torch.Tensor, None]:
        raise AssertionError


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "CHUNK", 50)
    monkeypatch.setattr(sampling, "PATIENCE", 20)
    monkeypatch.setattr(sampling, "LEAST", 0.05)


@pytest.fixture(scope="module")
def form() -> Form:
    schema = infer(text())
    fitted = Form.fit(parse(text(), schema), schema)
    return Form.from_dict(json.loads(json.dumps(fitted.as_dict())))


@pytest.fixture
def game(form: Form) -> Rows:
    return Rows(form.encode(parse(text(), form.schema)))


@pytest.fixture
def model(form: Form, game: Rows) -> Run:
    return Run(form, game)


def test_rows_have_the_original_columns_and_dtypes(form: Form, game: Rows) -> None:
    made, real = rows(game, form, 120), parse(text(), form.schema)
    assert len(made) == 120 and made.dtypes.equals(real.dtypes) and made.index.equals(pd.RangeIndex(120))
    assert made["name"].is_unique and made["income"].isin(["<=50K", ">50K"]).all() and made["pay"].isna().any()
    assert made.attrs["acceptance"] == 1.0


def test_the_first_rows_are_the_same_however_many_are_asked_for(form: Form, game: Rows) -> None:
    for where in ([], ["age>=40", "pay<2000"]):
        few, many = rows(game, form, 30, seed=3, where=where), rows(game, form, 170, seed=3, where=where)
        pd.testing.assert_frame_equal(few, many[:30])
        assert not few.drop(columns="name").equals(rows(game, form, 30, seed=4, where=where).drop(columns="name"))


def test_conditions_hold_on_every_row(form: Form, game: Rows) -> None:
    made = rows(game, form, 60, where=["income=>50K", "age=30..50", "since<2024-05"])
    assert len(made) == 60 and (made["income"] == ">50K").all() and made["age"].between(30, 50).all()
    assert (made["since"] < "2024-05-01").all() and 0 < made.attrs["acceptance"] < 0.5
    assert rows(game, form, 60, where=["pay="])["pay"].isna().all()
    assert not game.asked, "what is no rarity is left to rejection"


def test_a_level_that_is_rare_is_told_to_the_generator(form: Form, game: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "RARE", 1.1)
    monkeypatch.setattr(sampling, "PIECE", 300)  # in pieces, each told
    made = rows(game, form, 60, where=["income=>50K"])
    block, level = map(int, game.asked[0][0])
    assert form.blocks[block].column == "income" and form.levels(form.blocks[block])[level] == ">50K"
    assert made.attrs["acceptance"] == 1.0 and (made["income"] == ">50K").all() and len(game.asked[0]) < 50
    rows(game, form, 10, where=["income=<=50K", "note=plain"])
    assert form.blocks[int(game.asked[-1][0, 0])].column == "note", "it is told what is rarer"


def test_a_condition_that_next_to_no_row_meets_is_given_up(form: Form, game: Rows, model: Run, tmp_path: Path) -> None:
    real = parse(text(), form.schema)
    top = real["pay"].max()
    with pytest.raises(UserError, match=r"only \d+ of 1,000 rows drawn are pay>=.*, and 50 are asked for"):
        rows(game, form, 50, where=[f"pay>={top}"])
    with pytest.raises(UserError, match="asked for"):
        draw(model, Wanted(1000, 0, tmp_path / "new" / "s.csv", where=(f"pay>={top}",)))
    assert list(tmp_path.iterdir()) == []
    few = Draws(game, form, 2, 0, sampling.conditions([f"pay>={top}"], form.schema))
    assert sum(map(len, few)) == 2 and few.drawn <= 1000


def test_a_file_as_the_input_was_written_with_its_note(form: Form, model: Run, tmp_path: Path) -> None:
    told = draw(model, Wanted(130, 5, tmp_path / "synth.csv", where=("age>=40",)))
    assert "130 synthetic rows" in told and "%" in told and "synth.csv.card.json" in told
    back = parse(read_table(tmp_path / "synth.csv"), form.schema)
    pd.testing.assert_frame_equal(back, rows(model.game, form, 130, seed=5, where=["age>=40"]), check_dtype=True)
    lines = (tmp_path / "synth.csv").read_text().splitlines()
    assert lines[0] == "name,age,pay,income,since,note" and len(lines) == 131
    note = json.loads(note_of(tmp_path / "synth.csv").read_text())
    assert note["synthetic"] is True and note["run"] == "0001-tables" and note["weights"] == {"generator": "abc"}
    assert (note["seed"], note["rows"], note["where"]) == (5, 130, ["age>=40"]) and 0 < note["acceptance"] < 1
    assert note["sha256"] == hashlib.sha256((tmp_path / "synth.csv").read_bytes()).hexdigest()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["synth.csv", "synth.csv.card.json"]


def test_every_ending_holds_the_same_rows(form: Form, model: Run, tmp_path: Path) -> None:
    expected = format_table(rows(model.game, form, 70), form.schema)
    for ending in export.ENDINGS:
        out = tmp_path / f"s{ending}"
        draw(model, Wanted(70, 0, out))
        again = format_table(parse(read_table(out), form.schema), form.schema) if ending != ".parquet" else None
        assert again is None or again.equals(expected), ending
        assert json.loads(note_of(out).read_text())["synthetic"] is True
    draw(model, Wanted(70, 0, tmp_path / "folder"))
    assert (tmp_path / "folder" / "synth.csv").read_bytes() == (tmp_path / "s.csv").read_bytes()
    assert gzip.decompress((tmp_path / "s.csv.gz").read_bytes()) == (tmp_path / "s.csv").read_bytes()
    assert (tmp_path / "s.tsv").read_text().splitlines()[0].count("\t") == 5
    assert (tmp_path / "s.csv.gz").read_bytes()[4:8] == bytes(4), "no clock in it: the same bytes again"


def test_parquet_has_types_and_says_what_it_is(form: Form, model: Run, tmp_path: Path) -> None:
    draw(model, Wanted(120, 0, tmp_path / "s.parquet"))
    table = pq.read_table(tmp_path / "s.parquet")
    kinds = {name: str(table.schema.field(name).type) for name in table.column_names}
    assert kinds == {
        "name": "string",
        "age": "int64",
        "pay": "double",
        "income": "string",
        "since": kinds["since"],
        "note": "string",
    }
    assert kinds["since"].startswith("timestamp") and table.num_rows == 120 and table["pay"].null_count > 0
    metadata = pq.read_metadata(tmp_path / "s.parquet").metadata
    assert metadata[b"synthetic"] == b"true" and json.loads(metadata[b"rivals"])["seed"] == 0


def test_cells_that_a_spreadsheet_would_run(model: Run, tmp_path: Path) -> None:
    draw(model, Wanted(200, 0, tmp_path / "plain.csv"))
    draw(model, Wanted(200, 0, tmp_path / "safe.csv", safe=True))
    plain, safe = read_table(tmp_path / "plain.csv"), read_table(tmp_path / "safe.csv")
    assert set(plain["note"].dropna()) == {"=cmd|x", "-7", "plain", "@home", 'a "b", c'}
    assert set(safe["note"].dropna()) == {"'=cmd|x", "-7", "plain", "'@home", 'a "b", c'}
    assert safe.drop(columns="note").equals(plain.drop(columns="note"))
    cells = {
        "=1": "'=1",
        "+1-1": "'+1-1",
        "+1.5e-3": "+1.5e-3",
        "-": "'-",
        "@a": "'@a",
        "\ta": "'\ta",
        "\ra": "'\ra",
        "a=1": "a=1",
        "": "",
    }
    assert {cell: escaped(cell) for cell in cells} == cells
    odd = Schema((Column("=a", "integer", "integer"), Column("b", "category")))
    parts = [pd.DataFrame({"=a": [-1, 2], "b": ["@x", None]})]
    export.write(tmp_path / "odd.csv", parts, lambda part: format_table(part, odd), dict, safe=True)
    assert (tmp_path / "odd.csv").read_text() == "'=a,b\n-1,'@x\n2,\n", "a column's name is a cell too"
    with pytest.raises(UserError, match="--safe-csv is for CSV"):
        draw(model, Wanted(20, 0, tmp_path / "s.parquet", safe=True))


def test_rows_that_must_differ_differ_across_parts() -> None:
    def table(a: list[int | None], b: list[str | None], c: list[int]) -> pd.DataFrame:
        return pd.DataFrame({"a": pd.array(a, dtype="Int64"), "b": pd.Series(b, dtype=object), "c": c})

    seen = Seen([("a",), ("b", "c")])
    first = seen.new(table([1, 2, 2, 3], list("xxyx"), [1, 2, 3, 1]))
    assert first["a"].tolist() == [1, 2], "3 repeats (x, 1)"
    again = seen.new(table([2, 4, 5, None, None], ["z", "x", "x", "q", None], [9, 1, 3, 1, 1]))
    assert again["a"].tolist()[:1] == [5] and len(again) == 3, "a missing cell repeats nothing"
    assert len(seen.new(again)) == 1


def test_a_unique_constraint_holds_across_parts() -> None:
    schema = infer(text())
    real = parse(text(), schema)
    unique = Form.fit(real, schema, constraints=["unique age pay"])
    made = rows(Rows(unique.encode(real)), unique, 250)
    assert len(made) == 250 and not made.dropna(subset="pay").duplicated(["age", "pay"]).any()
    with pytest.raises(UserError, match="rows drawn are all different, and 900 are asked for"):
        rows(Rows(unique.encode(real[real["pay"].notna()])), unique, 900)


def test_a_fault_leaves_nothing(model: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stops(Rows):
        def sample(self, n: int, *, given: Sample | None = None, noise: torch.Generator | None = None) -> torch.Tensor:
            if self.asked:
                raise KeyboardInterrupt
            self.asked.append(torch.zeros(1))
            return super().sample(n, noise=noise)

    whole = model.game
    for ending in (".csv", ".csv.gz", ".parquet"):
        model.game = Stops(whole.table)
        with pytest.raises(KeyboardInterrupt):
            draw(model, Wanted(500, 0, tmp_path / "new" / f"s{ending}"))
        assert list(tmp_path.iterdir()) == []
    model.game = whole

    def full(path: Path, write: Any) -> str:
        if path.name.endswith(".json"):
            raise OSError(28, "No space left on device", str(path))
        return write_file(path, write)

    monkeypatch.setattr(export, "write_file", full)
    with pytest.raises(OSError, match="No space"):
        draw(model, Wanted(20, 0, tmp_path / "new" / "s.csv"))
    assert list(tmp_path.iterdir()) == [], "no rows without their note"


def test_the_weights_of_a_run_that_has_not_ended_are_named(model: Run, tmp_path: Path) -> None:
    del model.record["weights"]
    model.game.requires_grad_(False)
    draw(model, Wanted(20, 0, tmp_path / "s.csv"))
    assert len(json.loads(note_of(tmp_path / "s.csv").read_text())["weights"]["generator"]) == 64


def test_a_private_run_says_so_in_the_note(model: Run, tmp_path: Path) -> None:
    model.record["facts"]["private"] = {"epsilon": 2.9, "delta": 1e-5, "unit": "one row", "noise": 1.1}
    draw(model, Wanted(20, 0, tmp_path / "s.csv"))
    assert json.loads(note_of(tmp_path / "s.csv").read_text())["private"] == {"epsilon": 2.9, "delta": 1e-5, "unit": "one row"}


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def run(*tokens: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as left:
            main(list(tokens))
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out + told.err

    data, folder, out = tmp_path / "t.csv", tmp_path / "run", str(tmp_path / "s.csv")
    text().to_csv(data, index=False)
    tables.recipe(data=data, samples=640, width=16, out=folder).fit(progress=False)
    code, told = run("sample", str(folder), "-n", "60", "-o", out, "--where", "income=>50K", "--where", "age>=30", "--safe-csv")
    assert code == 0 and "60 synthetic rows" in told and "rows drawn met the conditions" in told
    made = read_table(Path(out))
    assert set(made["income"]) == {">50K"} and made["age"].astype(int).min() >= 30 and "=cmd|x" not in set(made["note"])
    code, told = run("sample", str(folder), "-o", out)
    assert code == 2 and "s.csv is a file" in told and len(told.splitlines()) == 1
    code, told = run("sample", str(folder), "-o", str(tmp_path / "none"), "--where", "colour=red")
    assert code == 2 and "there is no column 'colour'" in told and not (tmp_path / "none").exists()
    code, told = run("score", str(folder), out, str(data), "--json")
    scores = json.loads(told)["scores"]
    assert code == 0 and len(scores) == 460 and (scores[59]["row"], scores[60]["row"]) == (60, 1)
    assert {Path(each["file"]).name for each in scores} == {"s.csv", "t.csv"} and all(
        0 <= each["probability"] <= 1 for each in scores
    )
    code, told = run("score", str(folder), out)
    assert code == 0 and told.splitlines()[1].endswith("s.csv, row 1")


def test_mistakes(model: Run, tmp_path: Path) -> None:
    (tmp_path / "there.csv").write_text("kept")
    (tmp_path / "new.csv.card.json").write_text("kept")
    new = tmp_path / "s.csv"
    for wanted, hint in [
        (Wanted(5, 0, tmp_path / "there.csv"), "there.csv exists"),
        (Wanted(5, 0, tmp_path / "new.csv"), "new.csv.card.json exists"),
        (Wanted(5, 0, tmp_path / "s.xlsx"), "tables are written as .csv"),
        (Wanted(5, 0, new, label="3"), "--label is not for tables, whose conditions are --where"),
        (Wanted(5, 0, new, given=new), "--given is not for tables"),
        (Wanted(5, 0, new, where=("incme=>50K",)), "did you mean 'income'"),
        (Wanted(5, 0, new, where=("pay>=1e9",)), "no row can meet it"),
    ]:
        with pytest.raises(UserError, match=hint):
            draw(model, wanted)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.csv.card.json", "there.csv"]
    for bad in ({"n": 0}, {"seed": -1}):
        with pytest.raises(UserError, match=r"at least one|give 0 to"):
            Wanted(**{"n": 1, "seed": 0, "out": new} | bad)
    assert place(tmp_path, "synth.csv") == tmp_path / "synth.csv" and place(Path("a/B.CSV"), "synth.csv") == Path("a/B.CSV")


def test_files_to_score_become_compact_rows(form: Form, tmp_path: Path) -> None:
    text()[["note", "income", "since", "pay", "age", "name"]].to_csv(tmp_path / "moved.csv", index=False)
    text(3).to_csv(tmp_path / "three.csv", index=False)
    batch = read_rows([tmp_path / "moved.csv", tmp_path / "three.csv"], form)
    assert batch.data.shape == (403, len(form.blocks)) and torch.equal(batch.data[:400], form.encode(parse(text(), form.schema)))
    text(3).drop(columns="pay").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(UserError, match="pay"):
        read_rows([tmp_path / "less.csv"], form)
