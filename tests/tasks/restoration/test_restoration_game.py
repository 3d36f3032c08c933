"""The game of two stages: its contract, who moves when, and the networks between its two."""

import copy

import pytest
import torch

from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.games.translation import Pair
from rivals.tasks.restoration.game import Restoration, absolute, consistent, in_the_hole, interpolate
from rivals.tasks.restoration.networks.gated import Gated
from rivals.tasks.restoration.networks.judge import Judge
from rivals.tasks.restoration.networks.light import Light
from rivals.testing import build, check_game, check_micro, check_moves, check_sampling

SMALL = torch.rand(16, 1, 4, 4, generator=torch.Generator().manual_seed(0)) * 2 - 1
PAIRS = Pair(SMALL.repeat_interleave(2, 2).repeat_interleave(2, 3), SMALL)


def enlarge(warm_up: float) -> Restoration:
    finer = {"consistency": consistent(10.0)}
    return Restoration(Light(1, 2, width=4, blocks=1), Judge(1, width=4), error=absolute, finer=finer, warm_up=warm_up)


@pytest.mark.parametrize("warm_up", [0.5, 0.0])
def test_the_game_keeps_the_contract(warm_up: float) -> None:
    if warm_up:
        check_game(lambda: enlarge(warm_up), Stream.over(PAIRS))
        return
    game = enlarge(warm_up)  # where the first stage is left out the faithful network never moves
    before = copy.deepcopy(game.faithful.state_dict())
    Trainer(game, Stream.over(PAIRS), samples=16, batch=8, device="cpu").fit(progress=False)
    assert all(torch.equal(each, before[name]) for name, each in game.faithful.state_dict().items())


def test_the_game_of_holes_keeps_the_contract() -> None:
    torch.manual_seed(0)
    hole = torch.zeros(16, 1, 8, 8)
    hole[:, :, 2:5, 3:6] = 1
    target = torch.rand(16, 1, 8, 8) * 2 - 1
    data = Stream.over(Pair(target, torch.cat([target * (1 - hole), 2 * hole - 1], 1)))

    def fill(warm_up: float = 0.5) -> Restoration:
        return Restoration(Gated(1, width=4, blocks=1), Judge(1, 1, width=4), error=in_the_hole, warm_up=warm_up)

    check_moves(Trainer(build(fill), data, samples=32, batch=8, device="cpu"))
    check_sampling(Trainer(build(fill), data, samples=32, batch=8, device="cpu"), next(data(0, 8, 8)))
    check_micro(lambda: fill(0.0), data, 8)


def test_the_generator_follows_and_then_goes_its_own_way() -> None:
    trainer = Trainer(enlarge(0.5), Stream.over(PAIRS), samples=64, batch=8, half_life=0, device="cpu")
    game = trainer.game

    def apart() -> float:
        pairs = zip(game.faithful.parameters(), game.generator.parameters(), strict=True)
        return sum(float((f - g).abs().sum().detach()) for f, g in pairs)

    said: list[set[str]] = []
    for report in trainer:
        said.append({name.split(".")[0] for name in report.losses})
        assert (apart() == 0) == (report.progress <= 0.5)
    assert said == [{"faithful"}] * 4 + [{"discriminator", "generator"}] * 4
    with trainer.averaged() as average:
        assert any(
            (f - g).abs().max() > 0 for f, g in zip(average.faithful.parameters(), average.generator.parameters(), strict=True)
        )


def test_the_discriminator_has_a_head_start() -> None:
    said = []
    for report in Trainer(enlarge(0.5), Stream.over(PAIRS), samples=320, batch=8, device="cpu", log_every=1):
        said.append({name.split(".")[0] for name in report.losses})
    assert said[20:23] == [{"discriminator"}] * 3 and said[23:] == [{"discriminator", "generator"}] * 17


def test_stage_two_holds_to_all_its_terms() -> None:
    game = enlarge(0.0)
    assert game.generator_loss(PAIRS).keys() == {"error", "consistency", "adversarial", "matching"}
    assert game.faithful_loss(PAIRS).keys() == {"error"}


def test_networks_between_the_stages() -> None:
    torch.manual_seed(0)
    f, g, between = (Light(1, 2, width=4, blocks=1) for _ in range(3))
    for sharpness, weight in ((0.0, 0.0), (0.25, 0.25), (1.0, 1.0)):
        interpolate(between, f, g, sharpness)
        for mine, one, other in zip(between.parameters(), f.parameters(), g.parameters(), strict=True):
            assert torch.allclose(mine, one + weight * (other - one), atol=1e-6)


def test_consistency_is_nothing_where_nothing_is_invented() -> None:
    flat = Pair(torch.full((1, 1, 8, 8), 0.3), torch.full((1, 1, 4, 4), 0.3))
    assert consistent(10.0)(flat.target, flat).item() == pytest.approx(0, abs=1e-5)
    assert consistent(10.0)(flat.target + 0.1, flat).item() == pytest.approx(1.0, abs=1e-4)


def test_the_error_of_a_hole_is_a_mean_over_the_hole() -> None:
    source = torch.full((2, 2, 4, 4), -1.0)
    source[0, 1, :1, :1], source[1, 1] = 1.0, 1.0
    pair = Pair(torch.zeros(2, 1, 4, 4), source)
    assert in_the_hole(torch.full((2, 1, 4, 4), 0.5), pair).item() == pytest.approx(0.5), "small holes count as much as large"
