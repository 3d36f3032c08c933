"""A frozen backbone from a file: names and shapes of the public releases, refusals in one line, features for any channels."""

from collections.abc import Callable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.core.types import Tensor
from rivals.nn.frozen import Frozen, ResNet, enlarged, groups_of, read_resnet

Tensors = dict[str, Tensor]


def resnet18(width: int = 4) -> ResNet:
    torch.manual_seed(0)
    return ResNet((2, 2, 2, 2), width=width)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "resnet18.pth"
    classifier = {"fc.weight": torch.zeros(10, 32), "fc.bias": torch.zeros(10)}
    torch.save(resnet18().state_dict() | classifier, path)
    return path


@pytest.mark.parametrize(
    ("blocks", "bottleneck", "millions"),
    [((2, 2, 2, 2), False, 11.177), ((3, 4, 6, 3), False, 21.285), ((3, 4, 6, 3), True, 23.508)],
)
def test_parameters_are_as_many_as_published(blocks: tuple[int, ...], bottleneck: bool, millions: float) -> None:
    """11.69, 21.80 and 25.56 million with the classifier of 512 or 2,048 features for 1,000 classes."""
    with torch.device("meta"):
        network = ResNet(blocks, bottleneck=bottleneck)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(1e6 * millions, abs=600)


def test_names_are_those_of_the_public_releases() -> None:
    names = set(ResNet((1, 2, 1, 1), bottleneck=True, width=2).state_dict())
    wanted = ["conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.bn3.bias", "layer1.0.downsample.0.weight",
              "layer1.0.downsample.1.running_var", "layer2.1.conv3.weight", "layer4.0.bn2.num_batches_tracked"]  # fmt: skip
    assert set(wanted) <= names and "layer2.1.downsample.0.weight" not in names


@pytest.mark.parametrize("size", [(64, 64), (65, 83), (32, 32)])
def test_maps_shrink_to_a_32nd_rounded_up(size: tuple[int, int]) -> None:
    maps = resnet18()(torch.randn(2, 3, *size))
    for level, (found, channels) in enumerate(zip(maps, (4, 8, 16, 32), strict=True), start=2):
        assert found.shape == (2, channels, -(-size[0] // 2**level), -(-size[1] // 2**level))


@pytest.mark.parametrize(("blocks", "bottleneck"), [((2, 2, 2, 2), False), ((1, 2, 3, 1), True)])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
def test_a_file_round_trips(tmp_path: Path, blocks: tuple[int, ...], bottleneck: bool, suffix: str) -> None:
    network, path = ResNet(blocks, bottleneck=bottleneck, width=2).eval(), tmp_path / f"own{suffix}"
    if suffix == ".safetensors":
        safetensors.torch.save_file(network.state_dict(), path)
    else:
        torch.save(network.state_dict(), path)
    state = torch.default_generator.get_state()
    read, x = read_resnet(path), torch.randn(2, 3, 40, 40)
    torch.default_generator.set_state(state)
    torch.randn(2, 3, 40, 40)
    assert all(torch.equal(*pair) for pair in zip(read(x), network(x), strict=True)) and read.channels == network.channels
    assert not read.training and not any(p.requires_grad for p in read.parameters())


def test_reading_draws_no_random_numbers(weights: Path) -> None:
    state = torch.default_generator.get_state()
    read_resnet(weights)
    assert torch.equal(state, torch.default_generator.get_state())


def test_releases_without_counts_and_in_half_precision_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pth"
    old = {key: t.half() for key, t in resnet18().state_dict().items() if not key.endswith("num_batches_tracked")}
    torch.save(old, path)
    assert read_resnet(path).conv1.weight.dtype is torch.float32


def without(key: str) -> Callable[[Tensors], object]:
    return lambda tensors: {name: t for name, t in tensors.items() if name != key}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without("layer3.1.conv2.weight"), "layer3.1.conv2.weight is missing and should be 16x16x3x3"),
        (without("bn1.running_var"), "bn1.running_var is missing"),
        (lambda t: t | {"head.weight": torch.zeros(3)}, "head.weight is 3 and should be missing"),
        (lambda t: t | {"layer2.0.bn1.bias": torch.zeros(9)}, "layer2.0.bn1.bias is 9 and should be 8"),
        (lambda t: t | {"bn1.weight": torch.full((4,), float("nan"))}, "bn1.weight holds NaN"),
        (lambda t: {"encoder.conv1.weight": t["conv1.weight"]}, "holds no ResNet"),
        (lambda t: {"state_dict": t}, "holds more than named tensors"),
        (lambda t: list(t.values()), "holds more than named tensors"),
    ],
)
def test_other_weights_are_refused_in_one_line(weights: Path, change: Callable[[Tensors], object], told: str) -> None:
    torch.save(change(torch.load(weights, weights_only=True)), weights)
    with pytest.raises(UserError, match=told) as raised:
        read_resnet(weights)
    assert "\n" not in str(raised.value) and "torchvision" in str(raised.value)


@pytest.mark.parametrize("name", ["cut.pth", "cut.safetensors", "resnet.onnx", "none.pth"])
def test_files_that_hold_no_weights_are_refused(weights: Path, name: str) -> None:
    path = weights.with_name(name)
    if name != "none.pth":
        path.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(UserError, match=name) as raised:
        read_resnet(path)
    assert "\n" not in str(raised.value)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "whole.pth"
    torch.save(resnet18(), path)  # the module, which only unpickling with code would give
    with pytest.raises(UserError, match="cannot be read as weights"):
        read_resnet(path)


def test_frozen_is_no_part_of_the_module_that_holds_it(weights: Path) -> None:
    layer = nn.Sequential(Frozen(weights, sha256(weights), least=32))
    layer(torch.randn(1, 3, 8, 8))
    layer.train()
    assert not list(layer.parameters()) and not layer.state_dict() and not list(layer.buffers())
    assert not layer[0].network().training


@pytest.mark.parametrize("channels", [1, 3, 4, 7])
def test_features_of_any_channels_and_size(weights: Path, channels: int) -> None:
    frozen, x = Frozen(weights, sha256(weights), least=32), torch.randn(2, channels, 13, 10)
    maps = frozen(x)
    groups = {1: 1, 3: 1, 4: 2, 7: 3}[channels]
    assert groups_of(channels) == groups and enlarged(13, 10, 32) == (42, 32)
    assert [m.shape for m in maps] == [
        (2, groups * 4, 11, 8),
        (2, groups * 8, 6, 4),
        (2, groups * 16, 3, 2),
        (2, groups * 32, 2, 1),
    ]
    if channels == 4:
        colours, opacity = frozen(x[:, :3]), frozen(x[:, 3:])
        assert all(torch.allclose(m, torch.cat(pair, 1), atol=1e-5)
                   for m, *pair in zip(maps, colours, opacity, strict=True))  # fmt: skip
    if channels == 1:
        assert all(torch.equal(*pair) for pair in zip(maps, frozen(x.expand(-1, 3, -1, -1)), strict=True))


def test_gradients_reach_the_pictures(weights: Path) -> None:
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    Frozen(weights, sha256(weights), least=32)(x)[3].square().sum().backward()
    assert x.grad is not None and x.grad.abs().sum() > 0


def test_a_changed_or_missing_file_is_refused_at_first_use(weights: Path) -> None:
    frozen = Frozen(weights, sha256(weights))
    weights.write_bytes(weights.read_bytes() + b" ")
    with pytest.raises(UserError, match=r"was changed: put back"):
        frozen(torch.randn(1, 3, 8, 8))
    weights.unlink()
    with pytest.raises(UserError, match=r"is missing: put back"):
        frozen(torch.randn(1, 3, 8, 8))
