"""Generators by job and the judge: sizes, where they start, and what they must not touch."""

import pytest
import torch
from torch.nn.functional import interpolate

from rivals.tasks.restoration.networks.gated import Gated
from rivals.tasks.restoration.networks.judge import Judge
from rivals.tasks.restoration.networks.light import Light
from rivals.tasks.restoration.networks.rrdb import RRDB
from rivals.tasks.restoration.networks.unet import Cleaner, Colourist


@pytest.mark.parametrize("kind", [Light, RRDB])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlargers_start_as_bicubic(kind: type, scale: int) -> None:
    x = torch.rand(2, 3, 5, 7)
    made = kind(3, scale, width=8, blocks=1)(x)
    assert torch.allclose(made, interpolate(x, scale_factor=scale, mode="bicubic"), atol=1e-5)


@pytest.mark.parametrize("kind", [Light, RRDB])
def test_every_weight_of_an_enlarger_learns(kind: type) -> None:
    network = kind(1, 2, width=4, blocks=1)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    network(torch.rand(1, 1, 6, 6)).square().sum().backward()
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in network.parameters())


def test_a_cleaner_starts_as_the_picture() -> None:
    network, x = Cleaner(3, 3, width=4, blocks=1), torch.rand(2, 3, 8, 16)
    assert network.multiple == 4 and torch.equal(network(x), x)


def test_a_colourist_keeps_the_light() -> None:
    network = Colourist(1, 2, width=4, step=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    light = torch.rand(2, 1, network.multiple, 2 * network.multiple) * 2 - 1
    made = network(light)
    assert made.shape[1] == 3 and torch.equal(made[:, :1], light) and made[:, 1:].abs().max() > 0


def test_a_filler_touches_the_hole_alone() -> None:
    network = Gated(3, width=4, blocks=2)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    source = torch.rand(2, 4, 8, 12) * 2 - 1
    source[:, 3] = -1
    assert torch.equal(network(source), source[:, :3]), "no hole, no change"
    source[:, 3, 2:5, 3:7] = 1
    changed = (network(source) != source[:, :3]).any(1)
    assert torch.equal(changed, source[:, 3] > 0)


def test_a_judge_scores_places() -> None:
    torch.manual_seed(0)
    judge = Judge(3, 1, width=4)
    target, source = torch.rand(2, 3, 18, 14), torch.rand(2, 4, 18, 14)
    (opinion,) = judge(target, source)
    assert opinion.score.shape == (2, 9, 7) and len(opinion.features) == 6
    elsewhere = source.clone()
    elsewhere[:, :3] += 1
    assert torch.equal(judge.eval()(target, elsewhere)[0].score, judge(target, source)[0].score), "the mask alone is looked at"
    elsewhere[:, 3] += 1
    assert not torch.equal(judge(target, elsewhere)[0].score, judge(target, source)[0].score)
