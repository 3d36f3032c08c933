"""Watchers: what looks on while a trainer plays. A watcher is a function of (trainer, report)."""

import sys
import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from rivals.core.device import environment
from rivals.core.trainer import Report, Trainer, Watcher


def every(samples: int, watch: Watcher) -> Watcher:
    """Calls `watch` once per `samples` samples, and at the run's end."""

    def watcher(trainer: Trainer[Any], report: Report) -> None:
        if report.seen // samples > report.before // samples or report.seen >= report.samples:
            watch(trainer, report)

    return watcher


class Progress:
    """A bar on a terminal or in a notebook, plain lines elsewhere, on standard error; a context manager and a watcher.

    Shows samples seen, samples/s, the time left, what the game observes (D(x), D(G(z))...) and the named losses.
    """

    def __init__(self, trainer: Trainer[Any], *, seconds: float = 10.0) -> None:
        self.console = Console(stderr=True)
        self.plain = not (self.console.is_terminal or self.console.is_jupyter)
        self.pause = seconds if self.plain else 0.2
        self.first, self.start = trainer.seen, time.monotonic()
        self.last = self.start
        self.observed = ""
        here = environment(trainer.device, trainer.dtype, trainer.ranks.world)
        threads = f", {here['threads']} threads" if trainer.device.type == "cpu" else ""
        place = f"{here['device']}{threads}, {here['precision']}"
        self.heading = f"{trainer.store.folder if trainer.store else 'training'}: {trainer.samples:,} samples on {place}"
        columns = [BarColumn(24), TextColumn("{task.percentage:3.0f} %"), TextColumn("{task.description}"), TimeRemainingColumn()]
        self.bar = Bar(*columns, console=self.console, disable=self.plain)
        self.task = self.bar.add_task("", total=trainer.samples, completed=trainer.seen)

    def __enter__(self) -> Self:
        print(self.heading, file=sys.stderr, flush=True)
        self.bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.stop()

    def __call__(self, trainer: Trainer[Any], report: Report) -> None:
        if report.observed:
            self.observed = "  ".join(f"{name} {term.item():.3f}" for name, term in report.observed.items())
        now = time.monotonic()
        if now - self.last < self.pause and report.seen < report.samples:
            return
        self.last = now
        speed = (report.seen - self.first) / max(now - self.start, 1e-9)
        losses = "  ".join(f"{name} {term.item():.3f}" for name, term in report.losses.items())
        text = f"{report.seen:,}/{report.samples:,} samples  {speed:,.0f}/s  {self.observed}  [{losses}]"
        self.bar.update(self.task, completed=report.seen, description=text.replace("[", r"\["))
        if self.plain:
            left = max(report.samples - report.seen, 0) / max(speed, 1e-9)
            print(f"{report.progress:4.0%}  {text}  {left:,.0f} s left", file=sys.stderr, flush=True)
