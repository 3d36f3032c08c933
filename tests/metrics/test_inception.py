"""Inception-v3: sizes that are publicly known, and the pooling that tells the graph of 2015 from the later release."""

import pytest
import torch
from torch import nn

from rivals.metrics.inception import Inception, Mixed5, Mixed7


@pytest.fixture(scope="module")
def network() -> Inception:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Inception().eval().requires_grad_(False)


def test_it_has_as_many_weights_as_the_public_one(network: Inception):
    state = network.state_dict()
    counts = [key for key in state if key.endswith("num_batches_tracked")]
    assert len(counts) == 94, "convolutions"
    assert len(state) - len(counts) == 94 * 5 + 2
    # torchvision's 27,161,264 without the 3,326,696 of the auxiliary classifier, and eight classes more.
    assert sum(each.numel() for each in network.parameters()) == 27_161_264 - 3_326_696 + 8 * 2049
    assert sum(value.numel() for key, value in state.items() if "running" in key) == 34_432


def test_the_names_are_those_of_the_public_file(network: Inception):
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Mixed_5b.branch5x5_2.conv.weight"] == (64, 48, 5, 5)
    assert shapes["Mixed_6a.branch3x3.bn.running_var"] == (384,)
    assert shapes["Mixed_6b.branch7x7dbl_5.conv.weight"] == (192, 128, 1, 7)
    assert shapes["Mixed_6e.branch7x7_3.conv.weight"] == (192, 192, 7, 1)
    assert shapes["Mixed_7a.branch7x7x3_4.conv.weight"] == (192, 192, 3, 3)
    assert shapes["Mixed_7c.branch3x3dbl_3b.conv.weight"] == (384, 384, 3, 1)
    assert shapes["Mixed_7c.branch_pool.conv.weight"] == (192, 2048, 1, 1)
    assert shapes["fc.weight"] == (1008, 2048)


def test_the_sizes_inside_are_those_of_the_paper(network: Inception):
    sizes: dict[str, tuple[int, ...]] = {}
    hooks = [
        child.register_forward_hook(lambda _, __, out, name=name: sizes.update({name: tuple(out.shape[1:])}))
        for name, child in network.named_children()
    ]
    found = network(torch.zeros(1, 3, 299, 299))
    for hook in hooks:
        hook.remove()
    assert found.shape == (1, 2048) and network.fc(found).shape == (1, 1008)
    assert sizes["Conv2d_1a_3x3"] == (32, 149, 149) and sizes["Conv2d_4a_3x3"] == (192, 71, 71)
    assert sizes["Mixed_5d"] == (288, 35, 35) and sizes["Mixed_6e"] == (768, 17, 17) and sizes["Mixed_7c"] == (2048, 8, 8)


def through(block: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What the pooling branch of a block makes where its convolution passes the first channel on."""
    with torch.no_grad():
        block.branch_pool.conv.weight.zero_()
        block.branch_pool.conv.weight[0, 0] = 1
    return block.eval()(x)[0, -block.branch_pool.conv.out_channels]


def test_padding_is_left_out_of_the_mean_and_the_last_block_takes_the_maximum():
    x = torch.zeros(1, 2048, 3, 3)
    x[0, 0] = torch.arange(9.0).view(3, 3)
    scale = (1 + 1e-3) ** -0.5
    mean = through(Mixed5(192, 32), x[:, :192])
    assert mean[0, 0].item() == pytest.approx(scale * (0 + 1 + 3 + 4) / 4) and mean[1, 1].item() == pytest.approx(scale * 4)
    assert through(Mixed7(1280, last=False), x[:, :1280])[0, 0].item() == pytest.approx(scale * 2)
    assert through(Mixed7(2048, last=True), x)[0, 0].item() == pytest.approx(scale * 4)
