"""TensorBoard's event files from a run, beside its own log: the same values at the same numbers of samples."""

from pathlib import Path
from typing import Any

from rivals.core.errors import UserError
from rivals.core.trainer import Report, Trainer, Watcher


def tensorboard(run: Path) -> Watcher:
    """A watcher that writes losses ("player/loss") and what the game observes ("observed/name") to run/tensorboard.

    The step is the number of samples seen. It writes at the log's interval; a run that is resumed goes on where its
    state was, and what was written beyond that is purged. Raises UserError as `installed` does.
    """
    return _Events(run / "tensorboard", installed())


def installed() -> Any:
    """The writer's class; raises UserError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise UserError("TensorBoard is not installed: pip install 'rivals[tensorboard]'") from None
    return SummaryWriter


class _Events:
    """Writes scalars; opens its file at the first report, since only then it is known from where the run goes on."""

    def __init__(self, folder: Path, kind: Any) -> None:
        self.folder, self.kind = folder, kind
        self.writer: Any = None
        self.seen = 0

    def __call__(self, trainer: Trainer[Any], report: Report) -> None:
        if self.writer is None or report.seen <= self.seen:  # a start, or a step back to a state
            self.close()
            self.writer = self.kind(str(self.folder), purge_step=report.seen)
        ended = report.seen >= report.samples
        # A game that observes nothing is due by the clock alone.
        if report.observed or ended or report.seen // trainer.log_every > report.before // trainer.log_every:
            for name, term in report.losses.items():
                self.writer.add_scalar(name.replace(".", "/", 1), term.item(), report.seen)
            for name, term in report.observed.items():
                self.writer.add_scalar(f"observed/{name}", term.item(), report.seen)
            self.writer.flush()  # a killed run must not have logged less than its state holds
        self.seen = report.seen
        if ended or trainer.stopped:
            self.close()

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
            self.writer = None
