"""check_game: the contract that every game passes, by assertions that name what is broken.

A game that passes has resume, averaging, previews, multi-process training, sampling and scoring.
"""

import copy
import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from rivals.core.batch import Batch
from rivals.core.game import Game, Losses
from rivals.core.store import State, Store
from rivals.core.stream import Data
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
        check_bf16(_trainer(make, data, batch, rounds, precision="bf16"))
        check_ranks(make, data, batch, place)


def build(make: Make, seed: int = 0) -> Game[Any]:
    """`make()` with its weights drawn from `seed`."""
    torch.default_generator.manual_seed(seed)
    return make()


def _trainer(make: Make, data: Data[Any], batch: int, rounds: int, **settings: Any) -> Trainer[Any]:
    game = build(make)
    probe = Trainer(copy.deepcopy(game), data, samples=10**9, batch=batch, device="cpu")
    for _ in range(rounds):
        probe.play()  # how many samples a round draws is the game's to say
    return Trainer(game, data, samples=probe.seen, batch=batch, device="cpu", log_every=1, save_every=batch, **settings)


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
    """A move changes its player alone; nobody else gets a gradient; losses are named, finite scalars; everyone moves."""
    moved, move = set[str](), trainer.move

    def watched(player: nn.Module, loss: Callable[[Any], Losses], batch: Any = None) -> Losses:
        for child in trainer.players.values():
            child.zero_grad(set_to_none=True)
        before = {name: fingerprint(list(child.parameters())) for name, child in trainer.players.items()}
        losses = move(player, loss, batch)
        for name, term in losses.items():
            assert isinstance(name, str) and name, f"a loss needs a name, got {name!r}"
            assert term.ndim == 0 and term.isfinite(), f"loss {name!r} must be a finite scalar, got {term}"
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
    """Samples depend on the noise alone, look like real data in shape, and leave the training state untouched."""
    trainer.play()
    before = fingerprint(trainer.state_dict()), fingerprint(torch.default_generator.get_state())
    modes = [module.training for module in trainer.game.modules()]

    def draw(seed: int, n: int = len(real)) -> Tensor:
        with trainer.averaged() as game:
            return game.sample(n, given=real if n == len(real) else None, noise=torch.Generator().manual_seed(seed))

    samples, again, other = draw(1), draw(1), draw(2)
    assert torch.equal(samples, again), "the same noise must give the same samples"
    assert not torch.equal(samples, other), "other noise must give other samples"
    shape = next(tensor for _, tensor in real._tensors()).shape
    assert samples.shape == shape, f"samples have shape {tuple(samples.shape)}, real data {tuple(shape)}"
    assert samples.isfinite().all() and not samples.requires_grad, "samples must be finite and without gradient"
    after = fingerprint(trainer.state_dict()), fingerprint(torch.default_generator.get_state())
    assert after == before, "sampling changed the training state or the global random state"
    assert modes == [module.training for module in trainer.game.modules()], "sampling left modules in another mode"


def check_state(make: Make, data: Data[Any], batch: int, rounds: int) -> None:
    """A state survives a round trip, and a run that goes on from it equals the run that never stopped."""
    whole, half = _trainer(make, data, batch, rounds), _trainer(make, data, batch, rounds)
    states = [copy.deepcopy(whole.state_dict()) for _ in whole]
    half.load_state_dict(states[rounds // 2])
    assert fingerprint(half.state_dict()) == fingerprint(states[rounds // 2]), "a state does not survive a round trip"
    for _ in half:
        pass
    assert fingerprint(half.state_dict()) == fingerprint(whole.state_dict()), "going on from a state gives other bits"


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
    """Randomness as a function of the row: parts of a batch draw the rows that the whole batch would have drawn."""

    RANDOM = (torch.randn, torch.rand, torch.randn_like, torch.rand_like, torch.randint)

    def __init__(self, whole: int, start: int = 0) -> None:
        super().__init__()
        self.whole, self.start, self.calls = whole, start, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in self.RANDOM:
            return func(*args, **kwargs)
        self.calls += 1
        like = func(*args, **kwargs)  # the shape and kind that the caller wants
        if like.ndim == 0 or not isinstance(like, Tensor):
            return like
        own = torch.Generator().manual_seed(self.calls)
        shape = (self.whole, *like.shape[1:])
        if func is torch.randint:
            high = next(arg for arg in args if isinstance(arg, int))
            return torch.randint(high, shape, generator=own)[self.start : self.start + len(like)]
        draw = torch.randn if func in (torch.randn, torch.randn_like) else torch.rand
        return draw(shape, generator=own)[self.start : self.start + len(like)]


@contextmanager
def _row_noise(trainer: Trainer[Any], whole: int, offset: int = 0) -> Iterator[None]:
    """Within, each loss of the trainer's game draws row noise that starts at its part's place in the whole batch."""
    move = trainer.move

    def moved(player: nn.Module, loss: Callable[[Any], Losses], batch: Any = None) -> Losses:
        start = offset

        def with_noise(part: Any) -> Losses:
            nonlocal start
            with _RowNoise(whole, start):
                losses = loss(part)
            start += len(part)
            return losses

        return move(player, with_noise, batch)

    trainer.move = moved  # type: ignore[method-assign]
    yield


def _one_round(make: Make, data: Data[Any], batch: int, *, micro: int | None = None) -> State:
    trainer = Trainer(build(make), data, samples=10**9, batch=batch, micro=micro, device="cpu")
    # Plain gradient descent: adaptive steps turn rounding of a tiny gradient into a step of full size.
    trainer.optimizers = {name: torch.optim.SGD(p.parameters(), lr=0.1) for name, p in trainer.players.items()}
    with _row_noise(trainer, batch // trainer.ranks.world, 0):
        trainer.play()
    return trainer.game.state_dict()


def check_micro(make: Make, data: Data[Any], batch: int) -> None:
    """Micro-batches make the step of the full batch, to rounding, unless the game declares `coupled`."""
    if build(make).coupled:
        return
    whole, parts = _one_round(make, data, batch), _one_round(make, data, batch, micro=batch // 2)
    for name, tensor in whole.items():
        assert torch.allclose(tensor, parts[name], rtol=1e-4, atol=1e-5), (
            f"{name} differs between the full batch and micro-batches: declare `coupled` if the loss mixes samples"
        )


def check_bf16(trainer: Trainer[Any]) -> None:
    """A round in bf16 leaves every weight finite (the trainer itself stops at the first loss that is not)."""
    trainer.play()
    bad = [name for name, tensor in trainer.game.state_dict().items() if not tensor.isfinite().all()]
    assert not bad, f"bf16 left {bad} not finite"


def check_ranks(make: Make, data: Data[Any], batch: int, place: Path) -> None:
    """Two gloo processes, each on half of the batch, end with the same bits."""
    context = torch.multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    meeting = place / f"meeting-{id(make)}"
    workers = [context.Process(target=_rank, args=(rank, make, data, batch, meeting, queue)) for rank in range(2)]
    for worker in workers:
        worker.start()
    found = dict(queue.get() for _ in workers)
    for worker in workers:
        worker.join()
    failed = [result for result in found.values() if result.startswith("failed")]
    assert not failed, f"a process {failed[0]}"
    assert found[0] == found[1], "two processes hold different weights after the same rounds"


def _rank(rank: int, make: Make, data: Data[Any], batch: int, meeting: Path, queue: Any) -> None:
    torch.set_num_threads(1)
    try:
        torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
        trainer = Trainer(build(make, seed=rank), data, samples=10**9, batch=batch, device="cpu")
        for _ in range(2):
            trainer.play()
        state = trainer.state_dict()
        queue.put((rank, fingerprint([state["game"], state["averages"], state["optimizers"]])))
        torch.distributed.destroy_process_group()
    except Exception as error:  # told to the parent, which asserts
        queue.put((rank, f"failed: {error!r}"))
