"""The command line, made from the recipes' signatures; torch is imported only by the commands that need it."""

import functools
import inspect
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from rivals import __version__
from rivals.core.errors import UserError

if TYPE_CHECKING:
    from rivals.core.trainer import Trainer
    from rivals.metrics import MetricCard
    from rivals.model import Model

EXITS = "Exit codes: 0 done; 2 a mistake that you can mend; 3 stopped at NaN or infinity; 130, 143 stopped by a signal, saved."
Recipe = Annotated[Path | None, Parameter(help="Your own Python file, where the run was trained by one.")]
Run = Annotated[Path, Parameter(help="The run folder.")]
AsJson = Annotated[bool, Parameter(name="--json", negative="", help="One JSON object on standard output, nothing else.")]
DryRun = Annotated[bool, Parameter(negative="", help="Play a few rounds, say what the run would cost, write nothing.")]
Board = Annotated[bool, Parameter(negative="", help="Log for TensorBoard too, into RUN/tensorboard.")]
Threads = Annotated[int, Parameter(help="CPU threads; 0 for min(cores, 4), or what OMP_NUM_THREADS says.")]


def _app(tokens: Sequence[str]) -> App:
    """All commands; of the recipes, only the one that `tokens` name is imported."""
    app = App("rivals", help="Train, judge and explore generative adversarial networks on your own data.",
              help_epilogue=EXITS, version=__version__, help_format="plaintext", result_action="return_value")  # fmt: skip
    app.command(_train_app(tokens[1:2] if tokens[:1] == ["train"] else ()), name="train")
    for command in (resume, sample, score, evaluate):
        app.command(command)
    app.command(list_, name="list")
    app.register_install_completion_command(name="--install-completion")
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Runs one command line and exits with its code."""
    warnings.showwarning = lambda message, *_, **__: print(f"rivals: warning: {message}", file=sys.stderr)
    tokens = list(sys.argv[1:] if tokens is None else tokens)
    try:
        code = _app(tokens)(tokens or ["--help"], exit_on_error=False, print_error=False)
    except CycloptsError as error:
        code = _told(" ".join(str(error).split()))
    except UserError as error:
        code = _told(str(error))
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        code = _told(f"{error.filename or 'a file'}: {error.strerror}")
    except FloatingPointError as error:
        code = _told(str(error), 3)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        code = 0
    sys.exit(code or 0)


def _told(message: str, code: int = 2) -> int:
    print(f"rivals: {message}", file=sys.stderr)
    return code


# train and resume
def _train_app(wanted: Sequence[str]) -> App:
    """`train` with a command for each recipe; only the wanted one is imported."""
    from rivals import tasks

    train = App("train", help="Train a recipe, or your own: rivals train my_gan.py.", result_action="return_value")
    for name, line in tasks.names().items():
        if name in wanted:
            train.command(_command(tasks.find(name)[1]), name=name)
        else:
            task, _, variant = name.partition(".")
            train.command(f"rivals.tasks.{task}:{variant or 'recipe'}", name=name, help=line)
    for name in wanted:
        if name.endswith(".py"):
            from rivals.tasks.own import own

            train.command(_command(own(Path(name)).recipe, Path(name)), name=name)
    return train


def _command(recipe: Callable[..., "Trainer[Any]"], file: Path | None = None) -> Callable[..., int]:
    """A recipe as a command: its own options and those of every training."""
    from rivals.core.recipe import COMMON

    @functools.wraps(recipe)
    def train(*args: Any, dry_run: bool = False, tensorboard: bool = False, threads: int = 0, **kwargs: Any) -> int:
        set_threads(threads)
        trainer = recipe(*args, **kwargs)
        return dry(trainer) if dry_run else _play(trainer, tensorboard, file)

    own = inspect.signature(recipe).parameters
    shared = {name: Annotated[own[name].annotation, Parameter(help=line)] for name, line in COMMON.items()}
    extra = {"dry_run": DryRun, "tensorboard": Board, "threads": Threads}
    keyword = inspect.Parameter.KEYWORD_ONLY
    added = [inspect.Parameter(k, keyword, default=0 if k == "threads" else False, annotation=a) for k, a in extra.items()]
    told = [parameter.replace(annotation=shared.get(name, parameter.annotation)) for name, parameter in own.items()]
    vars(train)["__signature__"] = inspect.Signature([*told, *added])
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in [*told, *added]}
    del vars(train)["__wrapped__"]
    return train


def set_threads(threads: int) -> None:
    """The CPU threads of this process; a waiting OpenMP thread spins, so more than there are free cores is far slower."""
    import torch

    if not threads and "OMP_NUM_THREADS" in os.environ:
        return
    torch.set_num_threads(threads or min(os.cpu_count() or 1, 4))


def _play(trainer: "Trainer[Any]", tensorboard: bool, file: Path | None) -> int:
    """Trains to the end, judges, and says where everything is."""
    from rivals.core.ranks import launch_key, restarted

    assert trainer.store is not None
    if restarted():
        for record in Path.cwd().glob("runs/*/run.json") if not (trainer.store.folder / "run.json").exists() else ():
            if json.loads(record.read_text()).get("launch") == launch_key():
                trainer.store.folder = record.parent
        if (trainer.store.folder / "run.json").exists():
            trainer.resume()
    return _go_on(trainer, tensorboard, file)


def _go_on(trainer: "Trainer[Any]", tensorboard: bool, file: Path | None) -> int:
    assert trainer.store is not None
    run, first = trainer.store.folder, trainer.ranks.rank == 0
    watchers = []
    if tensorboard:
        from rivals.report.tensorboard import tensorboard as board

        watchers.append(board(run))
    trainer.fit(*watchers)
    if trainer.stopped:
        if first:
            print(f"rivals: stopped and saved; go on with: rivals resume {run}", file=sys.stderr)
        return 128 + trainer.stopped
    if first and file is None:
        _closing(run)
    return 0


def _closing(run: Path) -> None:
    """Judges a finished run and says how good it is, where everything lies, and what to try next."""
    from rivals.model import load

    _print_cards(load(run).judge())
    if pictures := sorted((run / "samples").glob("*.png")):
        print(f"\nPictures: {pictures[-1]}, over time in {run / 'samples.webp'}")
    print(f"Report:   {run / 'report.html'}\n\nNext:")
    for command, what in [
        (f"rivals sample {run} -n 100 -o out/", "a hundred samples as files"),
        (f"rivals score {run} out/00*.png", "how real each one looks to the discriminator"),
        ("rivals train digits --objective hinge --seed 1", "another game on the same data"),
    ]:
        print(f"  {command:<52} # {what}")


def _print_cards(cards: "dict[str, MetricCard]") -> None:
    """One line a measure: value, 95 % interval, what real data would reach, and what it means."""
    from rivals.report.meaning import figure, meaning

    for name, card in cards.items():
        told = meaning(name)
        value, low, high = (figure(number, told.share) for number in (card.value, card.low, card.high))
        bound = card.extra.get("bound", card.extra.get("expected"))
        real = f"real data: {figure(bound, told.share)}" if isinstance(bound, float) else ""
        print(f"{told.title:<17} {value:>8}  [{low}, {high}]".ljust(48) + f"{real:<20} {told.plain}")


def resume(run: Run, *, recipe: Recipe = None, tensorboard: Board = False, threads: Threads = 0) -> int:
    """Go on with a run that was stopped, from its newest whole state, to the same bits as if it never had been."""
    from rivals import tasks
    from rivals.core.store import Store

    set_threads(threads)
    record = Store(run).record()
    if recipe:
        from rivals.tasks.own import own

        build = own(recipe).recipe
    elif record["recipe"].endswith(".py"):
        raise UserError(f"{run} was trained by your own {record['recipe']}: give that file with --recipe")
    else:
        build = tasks.find(record["recipe"])[1]
    trainer = build(**record["arguments"], out=run)
    if trainer.origin["recipe"] != record["recipe"]:
        raise UserError(f"{run} was trained by {record['recipe']}, not by {trainer.origin['recipe']}")
    return _go_on(trainer.resume(), tensorboard, recipe)


def dry(trainer: "Trainer[Any]", *, seconds: float = 3.0) -> int:
    """Plays real rounds for some seconds and says what the whole run would take."""
    import resource
    import time

    import torch

    trainer.play()  # the first round also allocates
    first, start = trainer.seen, time.monotonic()
    while time.monotonic() - start < seconds and trainer.seen < trainer.samples:
        trainer.play()
    rate = max(trainer.seen - first, 1) / (time.monotonic() - start)
    used = (
        torch.cuda.max_memory_allocated()
        if trainer.device.type == "cuda"
        else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    print(f"recipe      {trainer.origin['recipe']}")
    for name, value in trainer.origin["arguments"].items():
        print(f"  --{name.replace('_', '-'):<14} {value}")
    for name, player in trainer.players.items():
        print(f"player      {name}: {sum(p.numel() for p in player.parameters()):,} parameters")
    place = f"{trainer.device}, {torch.get_num_threads()} threads"
    print(f"time        {trainer.samples / rate / 60:.1f} minutes at {rate:,.0f} samples/s ({place})")
    print(f"memory      {used / 2**20:,.0f} MiB")
    print(f"stop        after {trainer.samples:,} samples; Ctrl-C saves and stops, rivals resume goes on")
    return 0


# What a trained run can do.
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
    label: Annotated[int | None, Parameter(help="Only of this class.")] = None,
    seed: Annotated[int, Parameter(help="The same seed gives the same samples.")] = 0,
    out: Annotated[Path, Parameter(name=["-o", "--out"], help="The folder for the files.")] = Path("out"),
    recipe: Recipe = None,
) -> None:
    """Draw samples from a run: files of the task's kind and samples.npz, with a grid where they are pictures."""
    if out.is_file():
        raise UserError(f"{out} is a file: give -o a folder")
    model = _load(run, recipe)
    made = model.task.write(*model.labelled(n, label=label, seed=seed), out)
    print(f"{n} samples in {out} ({', '.join(path.name for path in made[:2])}{', ...' if len(made) > 2 else ''})")


def score(
    run: Run, files: Annotated[list[Path], Parameter(help="What to score.")], *, recipe: Recipe = None, as_json: AsJson = False
) -> None:
    """How real each file looks to the discriminator: its score D(x), and the calibrated probability "real"."""
    scores = _load(run, recipe).score(files)
    if as_json:
        rows = [{"file": str(file), **found._asdict()} for file, found in zip(files, scores, strict=True)]
        print(json.dumps({"run": str(run), "scores": rows}))
        return
    print(f"{'D(x)':>9} {'P(real)':>8}  file")
    for file, found in zip(files, scores, strict=True):
        print(f"{found.score:9.3f} {found.probability:8.3f}  {file}")


def evaluate(
    run: Run,
    *,
    samples: Annotated[int, Parameter(help="Samples to draw and judge.")] = 1000,
    seed: Annotated[int, Parameter(help="Seed of the samples and of the intervals.")] = 0,
    recipe: Recipe = None,
    as_json: AsJson = False,
) -> None:
    """Judge a run against held-out real data, keep the figures in it, and write its report anew."""
    cards = _load(run, recipe).judge(samples=samples, seed=seed)
    if as_json:
        print(json.dumps({"run": str(run), "cards": {name: card.as_dict() for name, card in cards.items()}}))
        return
    _print_cards(cards)


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
            "recipe": record["recipe"],
            "seen": seen,
            "state": "finished" if record.get("weights") else "not finished",
        }
    except (ValueError, KeyError, OSError):
        return {"run": str(run), "recipe": "?", "seen": 0, "state": "damaged run.json"}
