"""Trainer: the one loop. It alone draws data, calls backward, steps, averages, saves, and knows devices and ranks.

Reading order: `fit` iterates `__iter__`, which plays `play`, where the game's `round` calls `move`, which calls a loss.
"""

import contextlib
import json
import math
import operator
import os
import signal
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, Generic, Self, cast

import torch
from torch import nn

from rivals.core.average import Averages
from rivals.core.device import Precision, environment, pick_device, pick_precision, same_terms
from rivals.core.errors import UserError, within
from rivals.core.game import B, Game, Losses, evaluating
from rivals.core.ranks import join, launch_key
from rivals.core.rollback import SLOWER, Diverged, NotFinite, go_back, heed, keep
from rivals.core.stop import Stopped, listening
from rivals.core.store import State, Store, first_not_finite, going_on
from rivals.core.stream import Data, mix

Watcher = Callable[["Trainer[Any]", "Report"], None]
__all__ = ["NotFinite", "Precision", "Report", "Trainer", "Watcher"]
LONGEST = 600.0  # seconds between two saves; how often a run is saved changes none of its bits


@dataclass(frozen=True)
class Report:
    """One round, after it was played: the losses by "player.loss", and now and then the values that a game observes."""

    round: int
    before: int  # samples drawn since the run's start, up to this round
    seen: int  # and with it
    samples: int  # the run's length
    losses: Losses
    observed: Losses

    @property
    def progress(self) -> float:
        return min(self.seen / self.samples, 1.0)


class Trainer(Generic[B]):
    """Plays a game on data for `samples` samples; satisfies Play.

    samples, batch: real samples drawn in all, and for each move (over all ranks). micro: samples per backward, None for
    the whole batch. half_life: of the weight averages, in samples; None for samples / 100. schedules: "player.setting"
    or "setting" -> Schedule, set in the optimisers' groups before each round. save_every, log_every: in samples. facts:
    what the game was built from besides its arguments, JSON-able, kept in run.json. measure: a quality of the averaged
    game, lower is better, taken at each save; the best state is kept. Raises UserError for settings that do not fit.
    """

    def __init__(
        self,
        game: Game[B],
        data: Data[B],
        *,
        samples: int,
        batch: int = 64,
        micro: int | None = None,
        seed: int = 0,
        half_life: float | None = None,
        precision: Precision = "auto",
        device: str = "auto",
        schedules: Mapping[str, Callable[[float], Any]] | None = None,
        store: Store | None = None,
        save_every: int | None = None,
        log_every: int | None = None,
        watchers: Sequence[Watcher] = (),
        facts: Mapping[str, Any] | None = None,
        measure: Callable[[Game[B]], float] | None = None,
    ) -> None:
        torch.set_flush_denormal(True)  # denormals make a small relativistic game on a CPU 15 times slower
        self.device = pick_device(device)
        self.ranks = join(self.device)
        self.dtype = pick_precision(precision, self.device)
        within(1, samples=samples, batch=batch, micro=1 if micro is None else micro)
        if batch % self.ranks.world:
            raise UserError(f"a batch of {batch} does not divide among {self.ranks.world} processes: change --batch")
        self.game, self.data = game.to(self.device), data
        self.samples, self.batch, self.micro, self.seed = samples, batch, micro, seed
        self.schedules, self.store, self.watchers, self.measure = dict(schedules or {}), store, watchers, measure
        self.save_every, self.log_every = save_every or max(samples // 10, 1), log_every or max(samples // 300, 1)
        self.facts, self.origin = json.loads(json.dumps(dict(facts or {}))), State()  # as run.json will give them back
        self.players = game.players()
        for player in self.players.values():
            player.train()
        self._parameters = {name: [p for p in player.parameters() if p.requires_grad] for name, player in self.players.items()}
        self.optimizers = dict(game.optimizers())
        self._refuse_misfits()
        self.ranks.same_([*game.parameters(), *game.buffers()])
        self.averages = Averages(game, samples / 100 if half_life is None else half_life)
        self.round = self.seen = self.stopped = self._asked = 0
        self.best, self.rollbacks = float("inf"), list[State]()
        self.suspect, self.trouble = False, cast(Diverged | None, None)  # a watcher's word: no state to go back to; go back
        self._started: float | None = None
        self._run, self._saved = "", 0.0
        self._stream: Iterator[B] | None = None
        self._last: B | None = None
        self._losses: Losses = {}
        self._failures = 0

    def _refuse_misfits(self) -> None:
        if self.optimizers.keys() != self.players.keys():
            raise UserError(f"optimizers() must name the players {list(self.players)}, got {list(self.optimizers)}")
        if unknown := [key for key in self.schedules if not self._scheduled(key)]:
            raise UserError(f"schedules: no optimiser has {unknown}: write a setting (lr) or player.setting (generator.lr)")

    # What a game may ask for: round, progress, draw, move.
    @property
    def progress(self) -> float:
        return min(self.seen / self.samples, 1.0)

    def draw(self) -> B:
        if self._stream is None:
            share = self.batch // self.ranks.world
            self._stream = self.data(self.seen + self.ranks.rank * share, share, self.batch)
        self._last = next(self._stream).to(self.device)
        self.seen += self.batch
        return self._last

    def move(self, player: nn.Module, loss: Callable[[B], Losses], batch: B | None = None) -> Losses:
        batch = self.draw() if batch is None else batch
        name = next((name for name, child in self.players.items() if child is player), "")
        if not name:
            raise UserError(
                f"move: the player must be a child of the game, one of {list(self.players)}: a part cannot move alone"
            )
        parameters = self._parameters[name]
        self.optimizers[name].zero_grad(set_to_none=True)
        total: Losses = {}
        for part in batch.split(self.micro or len(batch)):
            with self._autocast():
                losses = loss(part)
            if not losses:
                continue
            whole = len(part) == len(batch)
            loss_sum = reduce(operator.add, losses.values())
            # inputs=: nobody else's gradient is touched, and a third of the generator's backward is saved.
            torch.autograd.backward(loss_sum if whole else loss_sum * (len(part) / len(batch)), inputs=parameters)
            for key, term in losses.items():
                total[key] = term.detach() if whole else total.get(key, 0) + term.detach() * (len(part) / len(batch))
        if total:
            self._step(name, parameters, total)
        return total

    def _step(self, name: str, parameters: list[nn.Parameter], losses: Losses) -> None:
        gradients = [p.grad for p in parameters if p.grad is not None]
        self.ranks.mean_([*gradients, *losses.values()])
        if gradients and not math.isfinite(torch.stack([*torch._foreach_norm(gradients), *losses.values()]).sum()):
            bad = [key for key, term in losses.items() if not term.isfinite()]
            what = f"loss {' and '.join(map(repr, bad))}" if bad else "gradient (every loss is finite)"
            raise NotFinite(
                f"round {self.round}, {self.seen} samples: the {name}'s {what} is NaN or infinite; the step was not taken. "
                "Start again with a lower learning rate, a higher gamma, or --precision fp32"
            )
        self.optimizers[name].step()
        self._losses |= {f"{name}.{key}": term for key, term in losses.items()}

    def _autocast(self) -> AbstractContextManager[Any]:
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    # The loop.
    def fit(self, *watchers: Watcher, progress: bool = True) -> Self:
        """Plays to the end, calling each watcher after each round (on rank 0), with a progress bar or plain lines.

        Raises Stopped, a SystemExit, after a SIGINT or SIGTERM: the run is saved, and a script ends there.
        """
        from rivals.core.watch import Progress  # rich is needed only here

        rounds, first = iter(self), self.ranks.rank == 0
        with Progress(self) if progress and first else contextlib.nullcontext() as bar:
            watching: list[Watcher] = [*watchers, *([bar] if bar else [])]
            for report in rounds:
                self._show(report, watching)
        if self.stopped:
            raise Stopped(128 + self.stopped)
        return self

    def _show(self, report: Report, watchers: Sequence[Watcher]) -> None:
        for watch in watchers if self.ranks.rank == 0 else ():
            with going_on():
                watch(self, report)

    def __iter__(self) -> Iterator[Report]:
        """Yields a Report after each round, which the trainer's own watchers have seen.

        On SIGINT or SIGTERM it saves and ends after the round, `stopped` telling which.
        """
        self.begin()
        return self._rounds()

    def _rounds(self, stopped: int = 0) -> Iterator[Report]:
        try:
            with listening(self._ask):
                while self.seen < self.samples and not stopped:
                    try:
                        report = self.play()
                        self._show(report, self.watchers)
                        yield report
                        # Read once a round: a signal after a second look would end the run with its last rounds unsaved.
                        stopped, regular = self.stopped, self.regular(report)
                        if regular or stopped or time.monotonic() - self._saved > LONGEST:
                            keep(self, regular)
                        heed(self)
                    except Diverged as trouble:
                        go_back(self, trouble)
            self._end()
        finally:
            if self.store:
                self.store.close()

    def play(self) -> Report:
        """One round: re-seeded from (seed, round, rank), so that nothing of the random state needs saving."""
        before = self.seen
        tries = len(self.rollbacks)  # each has noise of its own
        self._reseed(mix(self.seed, self.round, self.ranks.rank, *([tries] if tries else [])))
        self.game.progress, self.suspect = self.progress, False
        for setting, schedule in self.schedules.items():
            for group, key in self._scheduled(setting):
                group[key] = schedule(self.progress) * SLOWER**tries if key == "lr" and tries else schedule(self.progress)
        self._losses = {}
        self.game.round(self)
        if self.seen == before:
            raise UserError(f"round {self.round} drew no data: the run's length is counted in the samples of play.draw()")
        self._agree()
        self.averages.update(self.seen - before, self.seen)
        due = self._due(self.log_every, before) or self.seen >= self.samples
        report = Report(self.round, before, self.seen, self.samples, self._losses, self._observe() if due else {})
        self.round += 1
        if due and self.store and self.ranks.rank == 0 and self._started is not None:
            values = {key: round(term.item(), 6) for key, term in (report.losses | report.observed).items()}
            self.store.append({"round": report.round, "seen": self.seen} | values)
        return report

    def _scheduled(self, setting: str) -> list[tuple[dict[str, Any], str]]:
        """The optimiser groups that have a setting, written as "lr" or "generator.lr"."""
        player, _, key = setting.rpartition(".")
        mine = [optimizer for name, optimizer in self.optimizers.items() if player in ("", name)]
        return [(group, key) for optimizer in mine for group in optimizer.param_groups if key in group]

    def _reseed(self, seed: int) -> None:
        # Not torch.manual_seed: without a GPU in use that queues a call with its stack, 0.3 ms and a leak each time.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            getattr(torch, self.device.type).manual_seed(seed)

    def _agree(self) -> None:
        """One small collective a round: equal running statistics, and all ranks stop after the same round."""
        if self.ranks.world > 1:
            stop = torch.tensor(float(self._asked), device=self.device)
            self.ranks.mean_([stop, *(b for b in self.game.buffers() if b.is_floating_point())])
            self.stopped = int(self._asked or signal.SIGTERM) if stop > 0 else 0

    def _due(self, interval: int, before: int) -> bool:
        return self.seen // interval > before // interval

    def regular(self, report: Report) -> bool:
        """Whether the round's state is one of those saved every `save_every` samples, or the last."""
        return self._due(self.save_every, report.before) or self.seen >= self.samples

    def _observe(self) -> Losses:
        with evaluating(self.game):
            return {} if self._last is None else self.game.observe(self._last)

    def _ask(self, number: int) -> None:
        self._asked = number
        if self.ranks.world == 1:  # else a rank that stops by itself leaves the others waiting: see _agree
            self.stopped = number

    @contextmanager
    def averaged(self) -> Iterator[Game[B]]:
        """The game with its averaged weights, in eval mode, without gradients; training goes on from its own."""
        with self.averages.within(self.game) as game:
            yield game

    # The run folder.
    def begin(self) -> None:
        """Makes or takes the run folder; `fit` and iteration call it themselves."""
        if self.store and self.ranks.rank == 0 and self._started is not None:
            self.store.open()
        elif self.store and self.ranks.rank == 0:
            self._run = os.urandom(8).hex()
            kept = {
                "run": self._run,
                "facts": self.facts,
                "environment": self._bits(),
                "launch": launch_key(),
            }
            self.store.create({"recipe": "", "arguments": {}} | self.origin | kept)
        self._started = self._saved = time.monotonic()
        self.stopped = self._asked = 0

    def _bits(self) -> dict[str, Any]:
        """What the run's bits depend on besides its arguments and data."""
        settings = {"samples": self.samples, "batch": self.batch, "micro": self.micro, "seed": self.seed}
        return environment(self.device, self.dtype, self.ranks.world) | settings | {"half-life": self.averages.half_life}

    def _end(self) -> None:
        if not self.store or self.ranks.rank or self._started is None:
            return
        record = self.store.record()
        seconds = record.get("seconds", 0) + time.monotonic() - self._started
        self.store.write_record(record | {"seconds": round(seconds, 1)})
        if self.seen >= self.samples:
            with self.averaged() as game:
                self.store.write_weights({name: getattr(game, name).state_dict() for name in self.players})

    def state_dict(self) -> State:
        """All that the run depends on: players, averages, optimisers, the clock."""
        return {
            "seen": self.seen,
            "round": self.round,
            "best": self.best,
            "rollbacks": self.rollbacks,
            "game": self.game.state_dict(),
            "averages": self.averages.state_dict(),
            "optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
        }

    def load_state_dict(self, state: State) -> None:
        """Goes back to a state; raises UserError where it is another game's."""
        try:
            self.game.load_state_dict(state["game"])
            self.averages.load_state_dict(state["averages"])
            for name, optimizer in self.optimizers.items():
                optimizer.load_state_dict(state["optimizers"][name])
        except (RuntimeError, KeyError, ValueError) as error:
            raise UserError(f"the state does not fit this game: {str(error).splitlines()[0]}") from None
        self.seen, self.round, self.best = state["seen"], state["round"], state["best"]
        self.rollbacks = list(state.get("rollbacks", []))
        self._stream = None

    def save(self, *, regular: bool = True) -> None:
        """Writes a state; a full disk is told, tried again at the next save, and stops the run at the third failure."""
        if not self.store or self.ranks.rank:
            return
        healthy = regular and not self.suspect
        quality = self._quality() if healthy else float("inf")
        best = quality < self.best  # never where it is NaN
        self.best = quality if best else self.best
        state = self.state_dict() | {"run": self._run, "log": self.store.log_mark()}
        if (bad := first_not_finite(state)) is not None:
            raise NotFinite(f"round {self.round}: {bad} is NaN or infinite; not saved, the last good state stays")
        self._saved = time.monotonic()
        try:
            self.store.save(state, best=best, healthy=healthy)
            self._failures = 0
        except OSError as error:
            self._failures += 1
            told = f"{self.store.folder}: the state was not saved ({error.strerror}); the last good state stays"
            if self._failures >= 3 or self.stopped or self.seen >= self.samples:
                raise UserError(f"{told}. Make room, then rivals resume {self.store.folder}") from None
            warnings.warn(told, stacklevel=2)

    def _quality(self) -> float:
        if self.measure is None:
            return float("inf")
        with self.averaged() as game:
            return float(self.measure(game))

    def resume(self) -> Self:
        """Goes on from the run folder's newest whole state; warns where the same bits cannot be promised."""
        if self.store is None:
            raise UserError("this trainer has no run folder: give it store=Store(folder) to resume from")
        record = self.store.record()
        same_terms(record, self._bits(), self.facts, self.store.folder)
        self._run, self._started = record["run"], time.monotonic()
        with contextlib.ExitStack() as refused:
            refused.callback(self.store.close)
            if self.ranks.rank == 0:
                self.store.open()
            state = self.store.load() if self.store.begun() else None  # none yet: it goes on from the very beginning
            if state:
                self.load_state_dict(state)
            if self.ranks.rank == 0:
                self.store.rewind_log(state["log"] if state else self.store.log_mark())
            refused.pop_all()
        found = torch.tensor(float(self.round), device=self.device)
        self.ranks.mean_([found])
        if found != self.round:
            raise UserError(f"the processes found different states: {self.store.folder} must be the same folder on all nodes")
        return self
