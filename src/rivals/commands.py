"""What can be done with runs and data beside training: sample, score, encode, evaluate, doctor, list, inspect and pack."""

import json
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from rivals.core.errors import UserError
from rivals.media import TABLES

if TYPE_CHECKING:
    from rivals.metrics import MetricCard
    from rivals.model import Model

Recipe = Annotated[Path | None, Parameter(help="Your own Python file, where the run was trained by one.")]
Run = Annotated[Path, Parameter(help="The run folder.")]
WHERE = "Of tables: only rows where it holds: col=value, col=a|b, col=low..high, col>=x, col<x, col= (missing). Repeatable."
TYPES = "Of tables: kinds of columns where the found ones are wrong, as age=integer, or a JSON file. Repeatable."
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output, nothing else.")]


def print_cards(cards: "dict[str, MetricCard]") -> None:
    """One line a measure: value, 95 % interval, what real data reach; the report says what each means."""
    from rivals.report.meaning import figure, meaning

    width = max((len(meaning(name).title) for name in cards), default=0)
    for name, card in cards.items():
        told = meaning(name)
        value, low, high = (figure(number, told.share) for number in (card.value, card.low, card.high))
        bound = card.extra.get("bound", card.extra.get("expected"))
        real = f"real data: {figure(bound, told.share)}" if isinstance(bound, float) else ""
        print(f"{told.title:<{max(width, 17)}} {value:>8}  {f'[{low}, {high}]':<20} {real}")


def _load(run: Path, recipe: Path | None) -> "Model":
    from rivals.model import Model

    if recipe is None:
        return Model(run)
    from rivals.tasks.own import own

    return Model(run, own(recipe))


def sample(
    run: Run,
    *,
    n: Annotated[int, Parameter(name=["-n", "--n"], help="How many.")] = 100,
    label: Annotated[str | None, Parameter(help="Only of this class, by number or name.")] = None,
    attributes: Annotated[list[float] | None, Parameter(consume_multiple=True, help="The same attributes for all.")] = None,
    where: Annotated[list[str] | None, Parameter(negative="", help=WHERE)] = None,
    given: Annotated[Path | None, Parameter(help="Of series: a file that the samples go on from.")] = None,
    safe_csv: Annotated[bool, Parameter(negative="", help="Escape cells that a spreadsheet would run as a formula.")] = False,
    seed: Annotated[int, Parameter(help="The same seed gives the same samples.")] = 0,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="A new folder; of tables also a .csv or .parquet.")] = Path("out"),
    recipe: Recipe = None,
) -> None:
    """Draw samples from a run: files of the task's kind; of pictures a grid and samples.npz too."""
    from rivals.media.wanted import Wanted

    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise UserError(f"{out} is a file or a folder that is not empty: give -o a new one")
    wanted = Wanted(n, seed, out, label, attributes, tuple(where or ()), given, safe_csv)
    model, fresh = _load(run, recipe), not out.exists()
    try:
        told = model.task.draw(model, wanted)
    except BaseException as error:
        if fresh:  # a part of the samples would be taken for all of them
            shutil.rmtree(out, ignore_errors=True)
        if isinstance(error, OSError):
            error.filename = error.filename or str(out)
        raise
    print(told)


Anomaly = Annotated[bool, Parameter(negative="", help="How badly the run explains each file; of runs that encode.")]


def score(
    run: Run,
    files: Annotated[list[Path], Parameter(help="What to score.")],
    *,
    anomaly: Anomaly = False,
    recipe: Recipe = None,
    as_json: AsJson = False,
) -> None:
    """How real each file, or each row of a table, looks to the discriminator: D(x), and the calibrated probability "real"."""
    model = _load(run, recipe)
    if anomaly:
        strange = [float(each) for each in _coder(model).anomaly(model.game, model.record["facts"], files)]
        rows = [{"file": str(file), "anomaly": each} for file, each in zip(files, strange, strict=True)]
        print(json.dumps({"run": str(run), "scores": rows}) if as_json else _table(f"{'anomaly':>9}", files, strange))
        return
    scored = model.score_files(files)
    if as_json:
        rows = [{"file": str(each.file), "row": each.row, **each.score._asdict()} for each in scored]
        print(json.dumps({"run": str(run), "scores": rows}))
        return
    print(f"{'D(x)':>9} {'P(real)':>8}  file")
    for each in scored:
        print(f"{each.score.score:9.3f} {each.score.probability:8.3f}  {each.file}{f', row {each.row}' if each.row else ''}")


def _table(heading: str, files: list[Path], figures: list[float]) -> str:
    return "\n".join([f"{heading}  file", *(f"{each:9.4f}  {file}" for file, each in zip(files, figures, strict=True))])


def _coder(model: "Model") -> Any:
    """The task of a run that encodes; raises UserError for another."""
    if getattr(model.task, "encode", None) is None:
        raise UserError(f"{model.run} has no encoder: train images.vae, images.vaegan or images.bigan")
    return model.task


def encode(
    run: Run,
    files: Annotated[list[Path], Parameter(help="Pictures of the run's own size.")],
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="A new .npz of codes and files.")] = Path("codes.npz"),
) -> None:
    """Write the code z of each picture, by a run of images.vae, images.vaegan or images.bigan."""
    import io

    import numpy as np

    from rivals.core.store import write_file

    if out.exists() or out.suffix != ".npz":
        raise UserError(f"{out} exists or is no .npz: give -o a new file")
    model = _load(run, None)
    codes = _coder(model).encode(model.game, model.record["facts"], files).numpy()
    made = io.BytesIO()
    np.savez_compressed(made, codes=codes, files=np.array([str(each) for each in files]))
    write_file(out, lambda file: file.write(made.getvalue()))
    print(f"codes of {len(codes)} pictures, {codes.shape[1]} numbers each, in {out}")


def evaluate(
    run: Run,
    *,
    samples: Annotated[int, Parameter(help="Samples to draw and judge.")] = 1000,
    seed: Annotated[int, Parameter(help="Seed of the samples and of the intervals.")] = 0,
    metric: Annotated[str, Parameter(help="One measure by name; the task's usual ones by default.")] = "",
    backbone: Annotated[str, Parameter(help="own: trained on the run's data; inception, inception-clean: published.")] = "own",
    weights: Annotated[Path | None, Parameter(help="The backbone's weights, so that they are not downloaded.")] = None,
    recipe: Recipe = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run against held-out real data, keep the figures in it, and write its report anew."""
    from rivals.metrics import Judging

    if weights is not None and backbone == "own":
        raise UserError("--weights is the file of a published backbone: give --backbone inception too")
    cards = _load(run, recipe).judge(Judging(samples, seed, metric, backbone, weights))
    if as_json:
        print(json.dumps({"run": str(run), "cards": {name: card.as_dict() for name, card in cards.items()}}))
        return
    print_cards(cards)


def doctor(run: Run, *, as_json: AsJson = False) -> None:
    """What went wrong while a run trained: since when, by what figure, and what to change."""
    from rivals.metrics.doctor import Findings
    from rivals.report.folder import read
    from rivals.report.verdicts import sound

    lines = read(run).lines
    if not lines:
        raise UserError(f"{run / 'log.jsonl'} holds no whole line: the run ended before its first, or the file was damaged")
    found = Findings.of(sound(lines))
    print(json.dumps({"run": str(run), **found.as_dict()}) if as_json else "\n".join(found.told()))


def list_(*, root: Annotated[Path, Parameter(help="Where the runs are.")] = Path("runs"), as_json: AsJson = False) -> None:
    """The recipes that can be trained, and the runs that there are."""
    from rivals import tasks

    recipes = tasks.names()
    runs = [_row(path.parent) for path in sorted(root.glob("*/run.json"))]
    if as_json:
        print(json.dumps({"recipes": recipes, "runs": runs}))
        return
    print("Recipes (rivals train NAME --help):")
    for name, line in recipes.items():
        print(f"  {name:<12} {line}")
    print(f"\nRuns in {root}:" if runs else f"\nNo runs in {root} yet.")
    for row in runs:
        print(f"  {row['run']:<28} {row['recipe']:<12} {row['seen']:>12,} samples  {row['state']}")


def _row(run: Path) -> dict[str, Any]:
    try:
        record = json.loads((run / "run.json").read_text())
        seen = max((int(path.stem.removeprefix("state-").partition(".")[0]) for path in run.glob("state-*.pt")), default=0)
        return {
            "run": str(run),
            "recipe": str(record["recipe"]),
            "seen": seen,
            "state": "finished" if record.get("weights") else "not finished",
        }
    except (ValueError, KeyError, TypeError, AttributeError, OSError):
        return {"run": str(run), "recipe": "?", "seen": 0, "state": "damaged run.json"}


def inspect(
    data: Annotated[Path, Parameter(help="Pictures: folder, .zip, .npz, .npy, or a pack. A table: .csv, .tsv, .parquet.")],
    *,
    labels: Annotated[Path | None, Parameter(help="CSV with a column file, and label or several columns of numbers.")] = None,
    types: Annotated[list[str] | None, Parameter(negative="", help=TYPES)] = None,
    as_json: AsJson = False,
) -> None:
    """A look at data before training: pictures (sizes, classes, duplicates, what is broken), or a table's columns and kinds."""
    if data.name.lower().endswith(TABLES):
        if labels is not None:
            raise UserError("--labels is for pictures: leave it out")
        from rivals.tasks.tables.data.overrides import overrides
        from rivals.tasks.tables.data.survey import survey as table

        found: Any = table(data, overrides(types or ()))
    else:
        if types:
            raise UserError("--types is for tables: leave it out")
        from rivals.media.collection.survey import survey

        found = survey(data, labels=labels)
    print(json.dumps(found.as_dict()) if as_json else found.text())


def pack(
    data: Annotated[Path, Parameter(help="Folder, .zip, .npz or .npy.")],
    *,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="The pack: a new folder.")],
    size: Annotated[str | None, Parameter(help="Pixels, as 64 or 112x92 (height x width).")] = None,
    labels: Annotated[Path | None, Parameter(help="CSV with a column file, and label or several columns of numbers.")] = None,
    channels: Annotated[int | None, Parameter(help="1, 3 or 4; as most of the pictures have, by default.")] = None,
    bits: Annotated[int | None, Parameter(help="8 or 16 a channel; as most of the pictures have, by default.")] = None,
    allow_bad: Annotated[bool, Parameter(negative="", help="Go on although more than 5 % of the files are bad.")] = False,
) -> None:
    """Decode and resize pictures once, into a folder that training maps into memory, however large the set is."""
    from rivals.media.collection.pack import pack as write

    made = write(data, out, size=size, labels=labels, channels=channels, bits=bits, allow_bad=allow_bad)
    print(f"packed into {made}; train on it with: rivals train images --data {shlex.quote(str(made))}")
