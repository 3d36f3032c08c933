"""The table games: rows to what networks see and back, drawn and told levels, and the contract of every game."""

import pytest
import torch

from rivals.core.objectives import OBJECTIVES
from rivals.core.penalties import Verdict, gradient_penalty, r1, r2
from rivals.core.stream import Stream
from rivals.core.types import Tensor
from rivals.games.gan import Sample
from rivals.tasks.tables import ctgan, tvae
from rivals.tasks.tables.data import Block
from rivals.tasks.tables.game import TableGAN, of_packs
from rivals.tasks.tables.layout import EDGE, Layout
from rivals.tasks.tables.networks import Discriminator, Generator, chosen, gumbel
from rivals.testing import check_game

BLOCKS = (
    Block("colour", "choice", 3, None),
    Block("length", "number", 1, None),
    Block("gain", "choice", 2, None),
    Block("gain", "number", 1, (2, 0)),  # there only where gain is at level 0
)


def rows(count: int = 64, *, most: float = EDGE) -> Tensor:
    noise = torch.Generator().manual_seed(0)
    colour, gain = (torch.randint(k, (count,), generator=noise).float() for k in (3, 2))
    length, amount = torch.randn(2, count, generator=noise).clamp(-most, most)
    return torch.stack([colour, length, gain, torch.where(gain == 0, amount, 0.0)], 1)


def game(*, told: float = 0.5) -> TableGAN:
    layout = Layout(BLOCKS, 8)
    made = TableGAN(Generator(layout, latent=4, width=16), Discriminator(layout, width=16), told=told)
    made.penalties, made.penalty_every = {"r1": r1(1.0), "r2": r2(1.0)}, 2
    return made


def published(*, named: bool = True) -> TableGAN:
    layout, real = Layout(BLOCKS, 0), rows(most=1.0)
    often = torch.tensor(ctgan.frequencies(real, layout)).double()
    players = ctgan.Generator(layout, latent=4, width=8), ctgan.Critic(layout, width=8, pack=2)
    made = TableGAN(*players, objective=OBJECTIVES["wasserstein"], frequencies=often, named=named)
    made.penalties = {"gradient": of_packs(gradient_penalty(10.0), 2)}
    return made


def test_the_default_keeps_the_contract() -> None:
    check_game(game, Stream.over(Sample(rows())))


def test_ctgan_keeps_the_contract() -> None:
    drawn = ctgan.Drawn(rows(most=1.0), Layout(BLOCKS, 0), seed=0)
    check_game(published, Stream(drawn.fetch, len(drawn)))


def test_tvae_keeps_the_contract() -> None:
    check_game(lambda: tvae.TVAE(tvae.Autoencoder(Layout(BLOCKS, 0), latent=4, width=8)), Stream.over(Sample(rows(most=1.0))))


@pytest.mark.parametrize("bins", [0, 1, 8])
def test_rows_come_back(bins: int) -> None:
    layout, real = Layout(BLOCKS, bins), rows()
    wide = layout.wide(real)
    assert wide.shape == (64, layout.width) and layout.levels == 5
    assert torch.equal(layout.compact(wide), real)


def test_a_number_is_its_bin_and_its_place_in_it() -> None:
    layout = Layout((Block("x", "number", 1, None),), 4)
    x = torch.tensor([[-3.5], [-0.2], [0.7], [3.5], [9.0]])
    bins, place, number = layout.wide(x).split([4, 1, 1], 1)
    assert bins.argmax(1).tolist() == [0, 1, 3, 3, 3]
    made = layout.number(bins, place)
    assert torch.allclose(made, x.clamp(-EDGE, EDGE), atol=1e-5) and torch.equal(number, x)


def test_a_number_that_is_not_there_is_zeros() -> None:
    layout, real = Layout(BLOCKS, 8), rows()
    gone = real[:, 2] == 1
    last = layout.wide(real)[:, -10:]
    assert (last[gone] == 0).all() and (last[~gone].abs().sum(1) > 0).all()
    made = layout.wide(game().sample(500, noise=torch.Generator().manual_seed(1)))
    gone = made[:, layout.widths[0] + layout.widths[1] + 1] == 1
    assert gone.any() and (made[gone][:, -10:] == 0).all()


def test_levels_are_drawn_by_their_probabilities_and_learn_by_the_softmax() -> None:
    logits = torch.tensor([[0.0, 1.0, -1.0]]).expand(20_000, 3).clone().requires_grad_()
    made = chosen(logits, torch.randn(20_000, 3, generator=torch.Generator().manual_seed(0)))
    assert ((made - made.round()).abs() < 1e-6).all() and torch.allclose(made.sum(1), torch.ones(20_000))
    assert torch.allclose(made.mean(0), logits[0].softmax(0), atol=0.015)
    made[:, 1].sum().backward()
    assert (logits.grad[:, 1] > 0).all() and (logits.grad[:, 0] < 0).all()


def test_gumbel_noise_has_its_mean_and_spread() -> None:
    noise = gumbel(torch.randn(200_000, generator=torch.Generator().manual_seed(0)))
    assert abs(noise.mean().item() - 0.5772) < 0.01 and abs(noise.std().item() - 1.2825) < 0.01


def test_a_row_has_the_level_it_was_told() -> None:
    asked = Sample.wanted(torch.tensor([[0.0, 2.0], [2.0, 1.0], [-1.0, -1.0]]).repeat(20, 1))
    made = game().sample(60, given=asked, noise=torch.Generator().manual_seed(0))
    assert (made[0::3, 0] == 2).all() and (made[1::3, 2] == 1).all()
    assert not (made[2::3, 0] == 2).all()


def test_rows_in_training_are_told_levels_of_their_own() -> None:
    real, gan = rows(2000), game(told=0.3)
    block, level = gan.seen(Sample(real)).condition.long().unbind(1)
    asked = block >= 0
    assert 0.25 < asked.float().mean() < 0.35 and set(block[asked].tolist()) == {0, 2}
    assert torch.equal(real[asked].gather(1, block[asked, None])[:, 0], level[asked].float())
    assert (game(told=0.0).seen(Sample(real)).condition == -1).all()


def test_levels_are_numbered_over_all_blocks() -> None:
    layout = Layout(BLOCKS, 8)
    asked = torch.tensor([[-1.0, -1.0], [0.0, 0.0], [0.0, 2.0], [2.0, 0.0], [2.0, 1.0]])
    assert layout.level(asked).tolist() == [0, 1, 3, 4, 5]


def test_packs_are_judged_as_one_and_rows_can_still_be_scored() -> None:
    gan = published()
    seen = gan.seen(Sample(rows(8, most=1.0)))
    assert gan.discriminator(seen.data, seen.condition).shape == (4,)
    assert gan.eval().score(Sample(rows(5, most=1.0))).shape == (5,)
    assert gan.coupled and not game().coupled


def test_drawn_conditions_fit_their_rows_and_favour_rare_levels() -> None:
    layout = Layout((Block("x", "choice", 3, None), Block("y", "choice", 2, None)), 0)
    real = torch.zeros(1000, 2)
    real[:10, 0], real[10:20, 0], real[::2, 1] = 1, 2, 1
    drawn = ctgan.Drawn(real, layout, seed=0)
    batch = drawn.fetch(torch.arange(len(drawn)))
    block, level = batch.condition.long().unbind(1)
    assert torch.equal(batch.data.gather(1, block[:, None])[:, 0].long(), level)
    assert abs((block == 0).float().mean().item() - 0.5) < 0.02
    share = level[block == 0].bincount(minlength=3) / (block == 0).sum()
    weights = torch.tensor([981.0, 11.0, 11.0]).log()
    assert torch.allclose(share, weights / weights.sum(), atol=0.02)


def test_ctgan_samples_are_told_levels_as_often_as_they_are() -> None:
    gan = published()
    asked = gan._usual(20_000, torch.Generator().manual_seed(0))
    share = gan.layout.level(asked).bincount(minlength=6)[1:] / 20_000
    often = torch.tensor(ctgan.frequencies(rows(most=1.0), gan.layout)).float()
    assert torch.allclose(share, often / often.sum(), atol=0.015)


def test_ctgan_learns_to_make_the_level_it_was_told() -> None:
    gan = published()
    condition = torch.tensor([[0.0, 2.0], [2.0, 1.0], [-1.0, -1.0], [0.0, 0.0]])
    loss = gan.generator_loss(Sample(rows(4, most=1.0), condition))["named"]
    assert 0.2 < loss.item() < 2.0  # three of four rows at about log 3 or log 2
    assert "named" not in published(named=False).generator_loss(Sample(rows(4, most=1.0), condition))


def test_the_penalty_is_of_packs() -> None:
    weight = torch.tensor([3.0, 4.0])
    verdict = Verdict(
        lambda x: (x.reshape(-1, 4) * weight.repeat(2)).sum(1),
        torch.zeros(6, 2),
        torch.ones(6, 2),
        torch.zeros(3),
        torch.zeros(3),
        0.0,
    )
    found = of_packs(gradient_penalty(10.0), 2)(verdict)
    assert torch.allclose(found, torch.full((3,), 10 * (50**0.5 - 1) ** 2), rtol=1e-4)


def test_tvae_scores_real_rows_above_nonsense_once_it_has_learnt() -> None:
    real = rows(256, most=1.0)
    real[:, 0] = (real[:, 1] > 0).float()
    vae = tvae.TVAE(tvae.Autoencoder(Layout(BLOCKS, 0), latent=4, width=32), rate=5e-3)
    optimizer = vae.optimizers()["autoencoder"]
    torch.manual_seed(0)
    for _ in range(300):
        optimizer.zero_grad()
        sum(vae.loss(Sample(real)).values()).backward()
        optimizer.step()
    wrong = real.clone()
    wrong[:, 0] = 1 - wrong[:, 0]
    with torch.no_grad():
        assert vae.score(Sample(real)).mean() > vae.score(Sample(wrong)).mean() + 1
        made = vae.sample(2000, noise=torch.Generator().manual_seed(0))
    assert ((made[:, 1] > 0).float() == made[:, 0]).float().mean() > 0.8
