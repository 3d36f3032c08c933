"""BiGAN: who minimises what, and a penalty that sees a pair as one."""

import pytest
import torch
from torch import nn
from torch.nn.functional import softplus

from rivals.core.errors import UserError
from rivals.core.objectives import least_squares, non_saturating, relativistic
from rivals.core.penalties import r1, r2
from rivals.core.types import Tensor
from rivals.games.bidirectional import BiGAN
from rivals.games.gan import Sample


class Pairs(nn.Module):
    """D(x, z) = <a, x>^2 + <b, z>, whose slope is known."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor([1.0, -2.0, 0.5])), nn.Parameter(torch.tensor([3.0, 4.0]))

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        scores: Tensor = (x @ self.a).square() + z @ self.b
        return scores


def begun(objective: object = relativistic) -> tuple[BiGAN, Sample]:
    torch.manual_seed(0)
    game = BiGAN(nn.Linear(3, 2), nn.Linear(2, 3), Pairs(), latent=2, objective=objective)  # type: ignore[arg-type]
    return game, Sample(torch.randn(16, 3))


def test_encoder_and_generator_pull_the_same_way_in_a_relativistic_game() -> None:
    game, batch = begun()
    torch.manual_seed(1)
    real, fake = game._scores(batch)
    for loss in (game.encoder_loss, game.generator_loss):
        torch.manual_seed(1)
        assert torch.allclose(loss(batch)["adversarial"], softplus(real - fake).mean())


def test_each_minimises_its_own_flipped_logarithm_in_the_paper_s_game() -> None:
    game, batch = begun(non_saturating)
    torch.manual_seed(1)
    real, fake = game._scores(batch)
    torch.manual_seed(1)
    assert torch.allclose(game.encoder_loss(batch)["adversarial"], softplus(real).mean())
    torch.manual_seed(1)
    assert torch.allclose(game.generator_loss(batch)["adversarial"], softplus(-fake).mean())


@pytest.mark.parametrize(("mover", "other"), [("encoder", "generator"), ("generator", "encoder")])
def test_a_loss_moves_its_own_player_alone(mover: str, other: str) -> None:
    game, batch = begun()
    getattr(game, f"{mover}_loss")(batch)["adversarial"].backward()
    assert getattr(game, mover).weight.grad is not None and getattr(game, other).weight.grad is None


def test_an_objective_without_sides_that_change_is_refused() -> None:
    with pytest.raises(UserError, match="least-squares"):
        begun(least_squares)


def test_penalties_flatten_the_score_over_sample_and_code() -> None:
    game, batch = begun()
    game.penalties, game.penalty_every = {"r1": r1(2.0), "r2": r2(2.0)}, 3
    torch.manual_seed(1)
    found = game.penalty_loss(batch)
    judge = game.discriminator
    torch.manual_seed(1)
    for name, x in (("r1", batch.data), ("r2", game.sample(16))):
        by_hand = (2 * (x @ judge.a)).square() * judge.a.square().sum() + judge.b.square().sum()  # type: ignore[operator, union-attr]
        assert torch.allclose(found[name], 3 * by_hand.mean()), name  # gamma / 2 = 1, three times as strong every third round
