"""check_game: the contract that every game passes, by assertions that name what is broken.

A game that passes has resume, averaging, previews, multi-process training, sampling and scoring.
"""

import copy
import hashlib
import tempfile
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import dropout, gumbel_softmax
from torch.overrides import TorchFunctionMode

from rivals.core.batch import Batch
from rivals.core.game import Game, Losses
from rivals.core.store import State, Store
from rivals.core.stream import Data, mix
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor

Make = Callable[[], Game[Any]]


def check_game(make: Make, data: Data[Any], *, batch: int = 8, rounds: int = 4, folder: Path | None = None) -> None:
    """Asserts the whole contract for the game that `make()` builds, on `data`.

    make: builds the game anew, in the same way each time. batch: samples a move. rounds: rounds to play in each check,
    at least as many as the game needs until each player has moved. folder: where the runs go (default: a temporary one).
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        check_moves(_trainer(make, data, batch, rounds))
        check_sampling(_trainer(make, data, batch, rounds), next(data(0, batch, batch)))
        check_state(make, data, batch, rounds)
        check_resume(lambda run: _trainer(make, data, batch, rounds, store=Store(run)), place)
        check_micro(make, data, batch)
        check_bf16(make, data, batch, rounds)
        check_ranks(make, data, batch, place)


def build(make: Make, seed: int = 0) -> Game[Any]:
    """`make()` with its weights drawn from `seed`."""
    torch.default_generator.manual_seed(seed)
    return make()


def _trainer(make: Make, data: Data[Any], batch: int, rounds: int, **settings: Any) -> Trainer[Any]:
    game = build(make)
    probe = Trainer(copy.deepcopy(game), data, samples=10**9, batch=batch, device="cpu")
    move = probe.move
    probe.move = lambda player, loss, batch=None: move(player, lambda part: _scalars(loss(part)), batch)  # type: ignore[method-assign]
    for _ in range(rounds):
        probe.play()  # how many samples a round draws is the game's to say
    return Trainer(game, data, samples=probe.seen, batch=batch, device="cpu", log_every=1, save_every=batch, **settings)


def _scalars(losses: Any) -> Losses:
    assert isinstance(losses, dict), f"a loss returns named scalars in a dict, got {type(losses).__name__}"
    for name, term in losses.items():
        assert isinstance(name, str) and name, f"a loss needs a name, got {name!r}"
        assert isinstance(term, Tensor) and term.ndim == 0, f"loss {name!r} must be a scalar tensor, got {term}"
        assert term.isfinite(), f"loss {name!r} must be finite, got {term}"
    return losses


def fingerprint(tree: Any) -> str:
    """SHA-256 over every leaf of nested dicts and lists, tensors byte for byte."""
    sha = hashlib.sha256()

    def add(node: Any) -> None:
        if isinstance(node, Tensor):
            sha.update(f"{node.dtype}{tuple(node.shape)}".encode())
            sha.update(node.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        elif isinstance(node, dict):
            for key, item in node.items():
                sha.update(f"[{key}".encode())
                add(item)
        elif isinstance(node, list | tuple):
            for item in node:
                sha.update(b",")
                add(item)
        else:
            sha.update(repr(node).encode())

    add(tree)
    return sha.hexdigest()


def check_moves(trainer: Trainer[Any]) -> None:
    """A move changes its player alone; nobody else gets a gradient; everyone moves."""
    moved, move = set[str](), trainer.move

    def watched(player: nn.Module, loss: Callable[[Any], Losses], batch: Any = None) -> Losses:
        for child in trainer.players.values():
            child.zero_grad(set_to_none=True)
        before = {name: fingerprint(list(child.parameters())) for name, child in trainer.players.items()}
        losses = move(player, loss, batch)
        for name, child in trainer.players.items():
            changed = fingerprint(list(child.parameters())) != before[name]
            if child is player:
                assert changed or not losses, f"{name} made a move that changed nothing"
                moved.update([name] if changed else [])
            else:
                assert not changed, f"the move of another player changed {name}"
                touched = [key for key, p in child.named_parameters() if p.grad is not None]
                assert not touched, f"the move of another player left a gradient on {name}: {touched}"
        return losses

    trainer.move = watched  # type: ignore[method-assign]
    for _ in trainer:
        pass
    missing = set(trainer.players) - moved
    assert not missing, f"these players never moved: {sorted(missing)} (do they need more rounds?)"
    assert set(trainer.game.averaged) <= set(trainer.players), f"averaged names no player: {trainer.game.averaged}"


def check_sampling(trainer: Trainer[Any], real: Batch) -> None:
    """Samples depend on the noise alone (in a deterministic game not at all), are shaped like real data, and leave the training
    state untouched."""
    trainer.play()
    before = fingerprint(trainer.state_dict()), fingerprint(torch.default_generator.get_state())
    modes = [module.training for module in trainer.game.modules()]

    def draw(seed: int) -> Tensor:
        with trainer.averaged() as game:
            return game.sample(len(real), given=real, noise=torch.Generator().manual_seed(seed))

    samples, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(samples, again), "the same noise must give the same samples"
    if trainer.game.deterministic:
        assert torch.equal(samples, other), "samples of a deterministic game must not depend on the noise"
    else:
        assert not torch.equal(samples, other), "other noise must give other samples"
    shape = next(tensor for _, tensor in real._tensors()).shape
    assert samples.shape == shape, f"samples have shape {tuple(samples.shape)}, real data {tuple(shape)}"
    assert samples.isfinite().all() and not samples.requires_grad, "samples must be finite and without gradient"
    after = fingerprint(trainer.state_dict()), fingerprint(torch.default_generator.get_state())
    assert after == before, "sampling changed the training state or the global random state"
    assert modes == [module.training for module in trainer.game.modules()], "sampling left modules in another mode"


def check_state(make: Make, data: Data[Any], batch: int, rounds: int) -> None:
    """A state survives a round trip, and from each one a game built anew plays the round that the unbroken run played."""
    whole = _trainer(make, data, batch, rounds)
    samples, states = whole.samples, [copy.deepcopy(whole.state_dict())]
    states += [copy.deepcopy(whole.state_dict()) for _ in whole]
    for index, state in enumerate(states[:-1]):
        later = Trainer(build(make, seed=1), data, samples=samples, batch=batch, device="cpu")
        later.load_state_dict(state)
        assert fingerprint(later.state_dict()) == fingerprint(state), "a state does not survive a round trip"
        later.play()
        same = fingerprint(later.state_dict()) == fingerprint(states[index + 1])
        assert same, f"going on from the state after round {index} gives other bits: the game keeps state that is not saved"


def final_digest(run: Path) -> str:
    """What a run ended with: every leaf of its newest state but the run's own name, and its log byte for byte."""
    store = Store(run)
    state = store.load()
    return fingerprint({key: value for key, value in state.items() if key != "run"}) + fingerprint(
        (run / "log.jsonl").read_bytes().hex()
    )


def check_resume(make: Callable[[Path], Trainer[Any]], place: Path) -> None:
    """A run that stops and is resumed from its folder ends with the unbroken run's bits, the log included."""
    for _ in make(place / "whole"):
        pass
    broken = make(place / "broken")
    for report in broken:
        if report.progress >= 0.5:
            break
    if broken.store:
        broken.store.close()
    resumed = make(place / "broken").resume()
    for _ in resumed:
        pass
    assert final_digest(place / "whole") == final_digest(place / "broken"), "stop + resume gives other bits"


class _RowNoise(TorchFunctionMode):
    """Randomness as a function of the row: parts of a batch draw the rows that the whole batch would have drawn.

    rows, first: how many rows the present part has, and where in the whole batch they start. calls counts the draws.
    """

    NEW = (torch.randn, torch.rand, torch.randn_like, torch.rand_like)
    OF_ROWS = (torch.randint, torch.randint_like, torch.normal, torch.bernoulli, torch.multinomial, torch.poisson,
               dropout, torch.dropout, gumbel_softmax, Tensor.bernoulli, Tensor.multinomial)  # fmt: skip
    IN_PLACE = (Tensor.normal_, Tensor.uniform_, Tensor.random_, Tensor.bernoulli_, Tensor.exponential_)

    def __init__(self, rows: int, first: int) -> None:
        super().__init__()
        self.rows, self.first, self.calls = rows, first, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in (*self.NEW, *self.OF_ROWS, *self.IN_PLACE) or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        self.calls += 1
        kept = torch.default_generator.get_state()
        try:
            return self._draw(func, args, kwargs)
        finally:
            torch.default_generator.set_state(kept)

    def _draw(self, func: Any, args: Any, kwargs: Any) -> Tensor:
        torch.default_generator.manual_seed(mix(self.calls))
        whole: Tensor = func(*args, **kwargs)  # one draw for all parts, where its first axis is not the rows
        if whole.shape[:1] != (self.rows,):
            return whole
        pieces = []
        for row in range(self.rows):
            torch.default_generator.manual_seed(mix(self.calls, self.first + row))
            if func in self.NEW:
                like = whole[row : row + 1]
                pieces.append(torch.randn_like(like) if func in (torch.randn, torch.randn_like) else torch.rand_like(like))
            else:
                pieces.append(func(*[self._of(arg, row) for arg in args], **{k: self._of(v, row) for k, v in kwargs.items()}))
        return whole if func in self.IN_PLACE else torch.cat(pieces)

    def _of(self, arg: Any, row: int) -> Any:
        """One row of an argument: of a tensor its slice, of a shape the same with one row."""
        if isinstance(arg, Tensor):
            return arg[row : row + 1] if arg.shape[:1] == (self.rows,) else arg
        return (1, *arg[1:]) if isinstance(arg, tuple | list) and arg[:1] in ((self.rows,), [self.rows]) else arg


def _one_round(make: Make, data: Data[Any], batch: int, *, seed: int = 0, micro: int | None = None) -> State:
    """The game's state after a round with noise by row.

    Plain gradient descent: adaptive steps turn the rounding of a tiny gradient into a step of full size.
    """
    trainer = Trainer(build(make, seed), data, samples=10**9, batch=batch, micro=micro, device="cpu")
    trainer.optimizers = {name: torch.optim.SGD(p.parameters(), lr=0.1) for name, p in trainer.players.items()}
    share, move = batch // trainer.ranks.world, trainer.move
    start = trainer.ranks.rank * share
    noise = _RowNoise(share, start)

    def moved(player: nn.Module, loss: Callable[[Any], Losses], batch: Any = None) -> Losses:
        calls, noise.first = noise.calls, start

        def with_noise(part: Any) -> Losses:
            noise.calls, noise.rows = calls, len(part)  # each part draws the same numbers, in its own rows
            losses = loss(part)
            noise.first += len(part)
            return losses

        losses = move(player, with_noise, batch)
        noise.rows, noise.first = share, start
        return losses

    trainer.move = moved  # type: ignore[method-assign]
    with noise:
        trainer.play()
    return trainer.game.state_dict()


def check_micro(make: Make, data: Data[Any], batch: int) -> None:
    """Micro-batches make the step of the full batch, to rounding, unless the game declares `coupled`."""
    if build(make).coupled:
        return
    whole, parts = _one_round(make, data, batch), _one_round(make, data, batch, micro=batch // 2)
    if name := _apart(whole, parts, 1e-5):
        raise AssertionError(f"{name} differs between a batch and its micro-batches: declare `coupled` if the loss mixes samples")


def _apart(one: State, other: State, tolerance: float) -> str | None:
    """The name of the first tensor that differs."""
    near = {name: torch.allclose(one[name], other[name], rtol=10 * tolerance, atol=tolerance) for name in one}
    return next((name for name, same in near.items() if not same), None)


def check_bf16(make: Make, data: Data[Any], batch: int, rounds: int) -> None:
    """A round in bf16 leaves every weight finite (the trainer itself stops at the first loss that is not)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a CPU without bf16 instructions is slow at it: no matter here
        trainer = _trainer(make, data, batch, rounds, precision="bf16")
    trainer.play()
    bad = [name for name, tensor in trainer.game.state_dict().items() if not tensor.isfinite().all()]
    assert not bad, f"bf16 left {bad} not finite"


def check_ranks(make: Make, data: Data[Any], batch: int, place: Path) -> None:
    """Two gloo processes, each on half of the batch, end with the same bits; and, unless the game is `coupled`, with
    the weights of one process on the whole batch, to rounding."""
    context = torch.multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        workers = [context.Process(target=_rank, args=(rank, make, data, batch, Path(folder))) for rank in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join(120)
            worker.kill()
        files = [Path(folder, f"rank-{rank}.pt") for rank in range(2)]
        assert all(file.exists() for file in files), "a process died or waits for the other: do they make the same moves?"
        found = [torch.load(file, weights_only=True) for file in files]
    failed = [result["failed"] for result in found if "failed" in result]
    assert not failed, f"a process failed: {failed[0]}"
    assert found[0]["digest"] == found[1]["digest"], "two processes hold different weights after the same rounds"
    if not build(make).coupled and (name := _apart(_one_round(make, data, batch), found[0]["state"], 1e-5)):
        raise AssertionError(f"{name} differs between one process and two: is a loss no mean over samples, or a rank's own?")


def _rank(rank: int, make: Make, data: Data[Any], batch: int, folder: Path) -> None:
    torch.set_num_threads(1)
    try:
        wait = timedelta(seconds=60)
        meeting = f"file://{folder}/meeting"
        torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2, timeout=wait)
        trainer = Trainer(build(make, seed=rank), data, samples=10**9, batch=batch, device="cpu")
        for _ in range(2):
            trainer.play()
        state = trainer.state_dict()
        digest = fingerprint([state["game"], state["averages"], state["optimizers"]])
        found = {"digest": digest, "state": _one_round(make, data, batch, seed=rank)}
        torch.distributed.destroy_process_group()
    except Exception as error:  # told to the parent, which asserts
        found = {"failed": repr(error)}
    torch.save(found, folder / f"rank-{rank}.pt")
