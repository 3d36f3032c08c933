"""The command line, made from the recipes' signatures; torch is imported only by the commands that need it."""

import functools
import inspect as signatures
import io
import os
import shlex
import shutil
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from rivals import __version__
from rivals.augment import augment
from rivals.classify import classify
from rivals.commands import Recipe, Run, doctor, encode, evaluate, inspect, list_, pack, print_cards, sample, score
from rivals.compare import compare
from rivals.core.errors import UserError, within
from rivals.restore import restore
from rivals.translate import translate

if TYPE_CHECKING:
    from rivals.core.trainer import Trainer

EXITS = "Exit codes: 0 done; 2 a mistake that you can mend; 3 the game diverged; 130, 143 stopped by a signal, saved."
EXTRAS = {
    "pandas": "tables",
    "pyarrow": "tables",
    "sklearn": "tables",
    "opacus": "dp",
    "tensorboard": "tensorboard",
    "av": "video",
    "gymnasium": "control",
}
NEXT = (
    ("sample {run} -n 100 -o out/", "a hundred samples as files"),
    ("score {run} out/00*.png", "how real each one looks to the discriminator"),
    ("evaluate {run} --samples 2000", "judge more of them"),
)
"""What to do with a finished run, and what it is for; a task may have its own NEXT."""
MOST_THREADS = 1024  # with tens of thousands OpenMP ends the process without a word
DryRun = Annotated[bool, Parameter(negative="", help="Play a few rounds, say what the run would cost, write nothing.")]
Board = Annotated[bool, Parameter(negative="", help="Log for TensorBoard too, into RUN/tensorboard.")]
Compile = Annotated[bool, Parameter(negative="", help="Compile the players by torch.compile; for GPUs. Penalties stay eager.")]
Threads = Annotated[int, Parameter(help="CPU threads; 0 for min(cores, 4), or what OMP_NUM_THREADS says.")]


def _app(tokens: Sequence[str]) -> App:
    """All commands; of the recipes, only the one that `tokens` name is imported."""
    app = App("rivals", help="Train, judge and explore generative adversarial networks on your own data.",
              help_epilogue=EXITS, version=__version__, help_format="plaintext", result_action="return_value")  # fmt: skip
    app.command(_train_app(tokens[1:2] if tokens[:1] == ["train"] else ()), name="train")
    for command in (
        resume,
        sample,
        translate,
        restore,
        classify,
        encode,
        score,
        evaluate,
        compare,
        augment,
        doctor,
        inspect,
        pack,
    ):
        app.command(command)
    app.command(list_, name="list")
    app.register_install_completion_command(name="--install-completion")
    return app


def main(tokens: Sequence[str] | None = None) -> None:
    """Runs one command line and exits with its code."""
    warnings.showwarning = lambda message, *_, **__: print(f"rivals: warning: {message}", file=sys.stderr)
    tokens = list(sys.argv[1:] if tokens is None else tokens)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file's name may hold what the terminal cannot show
    try:
        code = _app(tokens)(tokens or ["--help"], exit_on_error=False, print_error=False)
        print(end="", flush=True)  # to nowhere, where standard output is closed
    except BrokenPipeError:  # whoever read our output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except CycloptsError as error:
        code = _told(" ".join(str(error).split()))
    except UserError as error:
        code = _told(str(error))
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        code = _told(f"this needs {error.name}, which is not installed: pip install 'rivals[{EXTRAS[error.name]}]'")
    except OSError as error:
        if error.filename is None and error.errno is None:
            raise
        code = _told(f"{error.filename or 'a file'}: {error.strerror}")
    except FloatingPointError as error:
        code = _told(str(error), 3)
    except (RuntimeError, MemoryError) as error:
        if not _out_of_memory(error):
            raise
        code = _told(
            "this needs more memory than there is: ask for fewer samples, or a smaller --batch, --micro, --size or --width"
        )
    except KeyboardInterrupt:
        code = 130
    sys.exit(code or 0)


def parse(tokens: Sequence[str]) -> None:
    """Raises UserError or CycloptsError where a command line does not parse; nothing is run."""
    _app(tokens).parse_args(list(tokens), exit_on_error=False, print_error=False)


def _out_of_memory(error: Exception) -> bool:
    """Whether the memory of this machine or of its GPU was too small: PyTorch says so by name or in words alone."""
    return type(error).__name__ in ("MemoryError", "OutOfMemoryError") or "can't allocate memory" in str(error)


def _told(message: str, code: int = 2) -> int:
    print(f"rivals: {message}", file=sys.stderr)
    return code


# train and resume
def _train_app(wanted: Sequence[str]) -> App:
    """`train` with a command for each recipe; only the wanted one is imported."""
    from rivals import tasks

    train = App("train", help="Train a recipe, or your own: rivals train my_gan.py.", result_action="return_value")
    known = tasks.names()
    for name in wanted:
        if not name.startswith("-") and not name.endswith(".py") and name not in known:
            tasks.find(name)  # says so at once: to look for a similar name, all recipes would be imported
    for name, line in known.items():
        if name in wanted:
            module, recipe = tasks.find(name)
            train.command(_command(recipe, options=vars(module).get("OPTIONS", {})), name=name)
        else:
            train.command(f"rivals.tasks.{name}:recipe", name=name, help=line)
    for name in wanted:
        if name.endswith(".py"):
            from rivals.tasks.own import own

            task = own(Path(name))
            train.command(_command(task.recipe, task), name=name)
    return train


def _command(
    recipe: Callable[..., "Trainer[Any]"], task: Any = None, *, options: Mapping[str, str] | None = None
) -> Callable[..., int]:
    """A recipe as a command: its own options, those of its task (name -> help) and those of every training."""
    from rivals.core.ranks import launch_key
    from rivals.core.recipe import COMMON
    from rivals.core.store import Store

    @functools.wraps(recipe)
    def train(
        *args: Any, dry_run: bool = False, tensorboard: bool = False, threads: int = 0, compile: bool = False, **kwargs: Any
    ) -> int:
        set_threads(threads)
        if not launch_key():  # a launch that starts again goes on with its own run
            Store(kwargs.get("out"), name=kwargs.get("name", "run")).refuse_taken()  # before the data are read
        trainer = recipe(*args, **kwargs)
        if compile:
            compiled(trainer)
        return dry(trainer) if dry_run else _play(trainer, tensorboard, task)

    own = signatures.signature(recipe, eval_str=True).parameters
    lines = COMMON | dict(options or {})
    short = {"out": ["-o", "--out"]}
    shared = {k: Annotated[own[k].annotation, Parameter(short.get(k), help=lines[k])] for k in own if k in lines}
    extra = {"dry_run": DryRun, "tensorboard": Board, "threads": Threads, "compile": Compile}
    keyword = signatures.Parameter.KEYWORD_ONLY
    added = [signatures.Parameter(k, keyword, default=0 if k == "threads" else False, annotation=a) for k, a in extra.items()]
    told = [parameter.replace(annotation=shared.get(name, parameter.annotation)) for name, parameter in own.items()]
    vars(train)["__signature__"] = signatures.Signature([*told, *added])
    train.__annotations__ = {parameter.name: parameter.annotation for parameter in [*told, *added]}
    del vars(train)["__wrapped__"]
    return train


def compiled(trainer: "Trainer[Any]") -> None:
    """The trainer with its players compiled in place, if two rounds of theirs go well; else they run as they are. What
    only a later round compiles is not tried.

    Not tried where there are several ranks: one that failed alone would play out of step with the others ever after.
    """
    import torch

    torch._dynamo.config.suppress_errors = True
    for player in trainer.players.values():
        player.compile()
    if trainer.ranks.world > 1:
        return
    began = io.BytesIO()  # not on the GPU, which may have no room for two
    torch.save(trainer.state_dict(), began)
    try:
        for _ in range(2):
            trainer.play()
    except UserError:
        raise
    except Exception as error:  # what a compiler's code may raise as it runs is anybody's guess
        if _out_of_memory(error):
            raise
        for player in trainer.players.values():
            player._compiled_call_impl = None
        print(f"--compile: the compiled players fail ({type(error).__name__}), so they run as they are", file=sys.stderr)
    began.seek(0)
    trainer.load_state_dict(torch.load(began, map_location="cpu", weights_only=True))


def set_threads(threads: int) -> None:
    """The CPU threads of this process; a waiting OpenMP thread spins, so more than there are free cores is far slower."""
    import torch

    within(0, MOST_THREADS, threads=threads)
    if not threads and "OMP_NUM_THREADS" in os.environ:
        return
    torch.set_num_threads(threads or min(os.cpu_count() or 1, 4))


def _play(trainer: "Trainer[Any]", tensorboard: bool, task: Any) -> int:
    """Trains from the beginning, or, where torchrun has started the processes again, from the last state."""
    assert trainer.store is not None
    begun = trainer.ranks.same_text(_begun(trainer) if trainer.ranks.rank == 0 else "", trainer.device)
    if begun:
        trainer.store.folder = Path(begun)
        trainer.resume()
    return _go_on(trainer, tensorboard, task)


def _begun(trainer: "Trainer[Any]") -> str:
    """The folder of the run that this very launch has begun before one of its processes died; "" for none."""
    from rivals.core.ranks import launch_key
    from rivals.core.store import Store

    assert trainer.store is not None
    for folder in [trainer.store.folder, *Path("runs").glob("*")] if launch_key() else []:
        with suppress(UserError):
            record = Store(folder).record()
            if record.get("launch") == launch_key() and trainer.origin.items() <= record.items():
                return str(folder)
    return ""


def _go_on(trainer: "Trainer[Any]", tensorboard: bool, task: Any) -> int:
    assert trainer.store is not None
    from rivals.core.stop import Stopped

    if tensorboard:
        from rivals.report.tensorboard import installed
        from rivals.report.tensorboard import tensorboard as board

        installed()  # or nothing is begun
    trainer.begin()
    run, first = trainer.store.folder, trainer.ranks.rank == 0
    watchers = [board(run)] if tensorboard else []
    try:
        trainer.fit(*watchers)
    except Stopped as stopped:
        if first:
            print(f"rivals: stopped and saved; go on with: {called()} resume {shlex.quote(str(run))}", file=sys.stderr)
        raise stopped
    except FloatingPointError:
        if first:
            _report(run)
        raise
    if first:
        _closing(run, task)
    return 0


def _report(run: Path) -> None:
    """The report of a run that has broken down, which says why."""
    from rivals import report

    with suppress(UserError, OSError):
        report.write(run)
        print(f"rivals: the report says since when and why: {run / 'report.html'}", file=sys.stderr)


def _judged(run: Path, task: Any) -> None:
    """Prints a finished run's figures and writes its report; says why where it cannot be judged: the run is whole even so."""
    from rivals import report
    from rivals.model import load
    from rivals.tasks.own import unjudged

    if task is None or task.evaluate is not unjudged:
        try:
            print_cards(load(run, task).judge())
            return
        except UserError as error:
            print(f"rivals: trained, but not judged: {error}", file=sys.stderr)
    report.animate(run)
    report.write(run)


def called() -> str:
    """How this program can be called: its name, or where it is when that is not on the path."""
    if shutil.which("rivals"):
        return "rivals"
    return f"{shlex.quote(sys.executable)} -m rivals" if sys.argv[0].endswith("__main__.py") else shlex.quote(sys.argv[0])


def _closing(run: Path, task: Any) -> None:
    """Judges a finished run where its task can, writes its report, and says where everything lies and what to try next."""
    from rivals.model import load

    _judged(run, task)
    if pictures := sorted((run / "samples").glob("*.png")):
        print(f"\nPictures: {pictures[-1]}, over time in {run / 'samples.webp'}")
    print(f"Report:   {run / 'report.html'}")
    if (run / "lab.html").is_file():
        print(f"The game: {run / 'lab.html'}")
    if task is not None:
        return
    call, folder = called(), shlex.quote(str(run))
    print("\nNext:")
    for command, what in vars(load(run).task).get("NEXT", NEXT):
        print(f"  {f'{call} {command.format(run=folder)}':<52} # {what}")


def resume(run: Run, *, recipe: Recipe = None, tensorboard: Board = False, threads: Threads = 0, compile: Compile = False) -> int:
    """Go on with a run that was stopped, from its newest whole state, to the same bits as if it never had been."""
    from rivals import tasks
    from rivals.core.store import Store

    record = Store(run).record()
    set_threads(threads or record["environment"]["threads"])  # the bits depend on it
    task: Any = None
    if recipe:
        from rivals.tasks.own import own

        task = own(recipe)
    elif record["recipe"].endswith(".py"):
        raise UserError(f"{run} was trained by your own {record['recipe']}: give that file with --recipe")
    if recipe and recipe.name != record["recipe"]:
        raise UserError(f"{run} was trained by {record['recipe'] or 'no recipe'}, not by {recipe.name}")
    build = task.recipe if task else tasks.find(record["recipe"])[1]
    trainer = build(**record["arguments"], out=run)
    if compile:
        compiled(trainer)
    return _go_on(trainer.resume(), tensorboard, task)


def dry(trainer: "Trainer[Any]", *, seconds: float = 3.0) -> int:
    """Plays real rounds for some seconds and says what the whole run would take."""
    import torch

    from rivals.metrics.pace import pace

    found = pace(trainer, seconds=seconds)
    if trainer.ranks.rank:
        return 0
    print(f"recipe      {trainer.origin['recipe']}")
    for name, value in trainer.origin["arguments"].items():
        print(f"  --{name.replace('_', '-'):<14} {value}")
    for name, player in trainer.players.items():
        print(f"player      {name}: {sum(p.numel() for p in player.parameters()):,} parameters")
    place = f"{trainer.device}, {torch.get_num_threads()} threads"
    print(f"time        {trainer.samples / found.rate / 60:.1f} minutes at {found.rate:,.0f} samples/s ({place})")
    print(f"memory      {found.memory / 2**20:,.0f} MiB")
    print(f"stop        after {trainer.samples:,} samples; Ctrl-C saves and stops, rivals resume goes on")
    return 0
