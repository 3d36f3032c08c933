"""The game of two generators that undo each other: its contract, its terms, and the pool of made pictures."""

from pathlib import Path

import pytest
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.objectives import relativistic
from rivals.core.store import Store
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.cycle import Cycle, Domains, Judged, Pool
from rivals.nn.patch import Patch
from rivals.testing import check_game, check_moves, check_resume, check_state

DATA = Stream.over(Domains(torch.rand(32, 3, 16, 16) * 2 - 1, torch.rand(32, 3, 16, 16) * 2 - 1))


def game(a: int = 3, b: int = 3, *, pool: int = 0, **options: object) -> Cycle:
    generator = nn.ModuleDict({"ab": nn.Conv2d(a, b, 3, 1, 1), "ba": nn.Conv2d(b, a, 3, 1, 1)})
    discriminator = nn.ModuleDict(
        {side: Patch(count, 0, width=4, layers=2, bounded=False) for side, count in (("a", a), ("b", b))}
    )
    pools = {"a": Pool(pool, a, 16, 16), "b": Pool(pool, b, 16, 16)} if pool else None
    return Cycle(generator, discriminator, pools=pools, **options)  # type: ignore[arg-type]


def test_the_contract() -> None:
    check_game(game, DATA)


def test_the_contract_with_an_objective_of_pairs_and_without_the_way_back() -> None:
    check_game(lambda: game(cycle=0.0, objective=relativistic), DATA, rounds=2)


def test_with_a_pool_moves_and_resume_hold_too(tmp_path: Path) -> None:
    def trainer(run: Path | None = None) -> Trainer[Domains]:
        torch.manual_seed(0)
        return Trainer(game(pool=5), DATA, samples=64, batch=4, device="cpu", log_every=1, save_every=4,
                       store=Store(run) if run else None)  # fmt: skip

    assert game(pool=5).coupled and not game().coupled
    check_moves(trainer())
    check_state(lambda: game(pool=5), DATA, 4, 4)
    check_resume(trainer, tmp_path)


def test_a_pool_shows_what_it_was_given() -> None:
    torch.manual_seed(0)
    pool = Pool(4, 1, 2, 2)
    given = torch.arange(40).reshape(40, 1, 1, 1).expand(-1, 1, 2, 2) / 127.5 - 1
    first = pool(given[:4])
    assert torch.equal(first, given[:4]), "while it fills, what comes in is shown"
    later = torch.cat([pool(given[start : start + 4]) for start in range(4, 40, 4)])
    shown = ((later[:, 0, 0, 0] + 1) * 127.5).round().long()
    old = shown < torch.arange(4, 40)
    assert (shown <= torch.arange(4, 40)).all(), "nothing is shown before it was given"
    assert 8 <= int(old.sum()) <= 28, "about half of what is shown is older"
    assert torch.allclose((later[:, 0, 0, 0] + 1) * 127.5, shown.float(), atol=1e-3)
    assert given[0, 0, 0, 0] == -1, "what came in is left as it was"


def test_what_the_discriminators_see_with_a_pool() -> None:
    played = game(pool=2)
    batch = next(DATA(0, 8, 8))
    first = played.judged(batch)
    assert isinstance(first, Judged) and not first.made_a.requires_grad
    assert torch.equal(first.made_a[:2], played.generator["ba"](batch.b)[:2])


def test_generators_that_undo_each_other_cost_nothing() -> None:
    played = game()
    played.generator = nn.ModuleDict({"ab": nn.Identity(), "ba": nn.Identity()})
    losses = played.generator_loss(next(DATA(0, 4, 4)))
    assert set(losses) == {"a", "b", "cycle", "identity"} and losses["cycle"] == 0 and losses["identity"] == 0

    class Inverse(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return -x

    played.generator = nn.ModuleDict({"ab": Inverse(), "ba": Inverse()})
    losses = played.generator_loss(next(DATA(0, 4, 4)))
    assert losses["cycle"] == 0 and losses["identity"] > 0, "a photograph's negative comes back too: only identity tells"


def test_terms_weigh_as_they_are_told() -> None:
    batch = next(DATA(0, 4, 4))
    played, heavier = game(), game()
    heavier.load_state_dict(played.state_dict())
    heavier.cycle, heavier.identity = 20.0, 0.25
    one, other = played.generator_loss(batch), heavier.generator_loss(batch)
    assert torch.allclose(other["cycle"], 2 * one["cycle"]) and torch.allclose(other["identity"], one["identity"])


def test_domains_of_other_channels() -> None:
    played, batch = game(1, 3), Domains(torch.randn(4, 1, 16, 16), torch.randn(4, 3, 16, 16))
    assert "identity" not in played.generator_loss(batch), "a grey picture cannot be left alone as a coloured one"
    assert played.sample(2, given=batch).shape == (2, 3, 16, 16) and played.back(2, given=batch).shape == (2, 1, 16, 16)


def test_each_way_needs_its_own_domain_alone() -> None:
    pictures = torch.randn(3, 3, 16, 16)
    made, back = game().sample(2, given=Domains.wanted(a=pictures)), game().back(3, given=Domains.wanted(b=pictures))
    assert made.shape == (2, 3, 16, 16) and back.shape == (3, 3, 16, 16)
    for call in (game().sample, game().back):
        with pytest.raises(UserError, match="give pictures"):
            call(2)


def test_what_is_observed() -> None:
    found = game().observe(next(DATA(0, 8, 8)))
    assert set(found) == {"D(x)", "D(G(s))", "V(D,G)"}
    assert all(0 <= found[name] <= 1 for name in ("D(x)", "D(G(s))"))
