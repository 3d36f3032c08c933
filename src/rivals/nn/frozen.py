"""Frozen: the features of pictures by a trained ResNet whose weights lie in a file of the user's, and never change.

ResNet of any depth (He et al. 2016, arXiv:1512.03385), its tensors named as torchvision's public releases name them: block
x + W2 a(W1 x), or x + W3 a(W2 a(W1 x)) with a bottleneck, a = ReLU, each W with batch norm.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import interpolate, max_pool2d, relu

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.core.types import Float, Tensor
from rivals.nn.tensors import read_tensors

WHERE = (
    "a ResNet-18, -34, -50, -101 or -152 trained on ImageNet, as torchvision's public releases have it "
    "(https://download.pytorch.org/models/resnet18-f37072fd.pth), or the same tensors as .safetensors"
)
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's red, green and blue in [0, 1]


def _conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, side, stride=stride, padding=side // 2, bias=False)


class Block(nn.Module):
    """A residual block that ends with `channels`, of four times as many where it has a bottleneck."""

    def __init__(self, inputs: int, channels: int, *, stride: int, bottleneck: bool) -> None:
        super().__init__()
        outputs = 4 * channels if bottleneck else channels
        first = 1 if bottleneck else 3
        self.conv1, self.bn1 = _conv(inputs, channels, first, 1 if bottleneck else stride), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = _conv(channels, channels, 3, stride if bottleneck else 1), nn.BatchNorm2d(channels)
        self.conv3 = _conv(channels, outputs, 1) if bottleneck else None
        self.bn3 = nn.BatchNorm2d(outputs) if bottleneck else None
        fits = inputs == outputs and stride == 1
        self.downsample = None if fits else nn.Sequential(_conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x: Float[Tensor, "n c h w"]) -> Float[Tensor, "n cc hh ww"]:
        y = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.conv3 is not None and self.bn3 is not None:
            y = self.bn3(self.conv3(relu(y)))
        return relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    """Pictures (n, 3, h, w), normalised -> four maps, at a 4th, 8th, 16th and 32nd of the resolution, rounded up.

    blocks: of each of the four layers. width: channels of the first. channels: of each map.
    """

    def __init__(self, blocks: Sequence[int] = (2, 2, 2, 2), *, bottleneck: bool = False, width: int = 64) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(width)
        self.channels, inputs = [width * 2**level * (4 if bottleneck else 1) for level in range(4)], width
        layers = []
        for level, count in enumerate(blocks):
            inner, outputs = width * 2**level, self.channels[level]
            stride = 1 if level == 0 else 2
            each = [(inputs, stride)] + [(outputs, 1)] * (count - 1)
            layers.append(nn.Sequential(*(Block(i, inner, stride=s, bottleneck=bottleneck) for i, s in each)))
            inputs = outputs
        self.layer1, self.layer2, self.layer3, self.layer4 = layers

    def forward(self, x: Float[Tensor, "n 3 h w"]) -> list[Tensor]:
        maps = [max_pool2d(relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)]
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            maps.append(layer(maps[-1]))
        return maps[1:]


def read_resnet(path: Path) -> ResNet:
    """The trained ResNet in a .safetensors, .pt or .pth file, of the depth that its tensors tell, in evaluation mode.

    Raises UserError where the file is missing, damaged, or holds anything else: nothing is loaded in part.
    """
    tensors = {key: tensor for key, tensor in _read(path).items() if not key.startswith("fc.")}  # the classifier is not used
    counts = [len({key.split(".")[1] for key in tensors if key.startswith(f"layer{level}.")}) for level in range(1, 5)]
    if "conv1.weight" not in tensors or 0 in counts:
        raise UserError(f"{path} holds no ResNet: give {WHERE}")
    with torch.device("meta"):  # no memory, and no random numbers drawn for weights that are replaced
        network = ResNet(counts, bottleneck="layer1.0.conv3.weight" in tensors, width=len(tensors["conv1.weight"]))
    wanted = network.state_dict()
    for key in wanted:
        if key.endswith("num_batches_tracked"):  # older releases lack it, and evaluation does not read it
            tensors.setdefault(key, torch.zeros((), dtype=torch.long))
    if wrong := [key for key in {**wanted, **tensors} if _shape(wanted, key) != _shape(tensors, key)]:
        told = f"{wrong[0]} is {_shape(tensors, wrong[0])} and should be {_shape(wanted, wrong[0])}"
        raise UserError(f"{path} does not fit a ResNet, {told}: give {WHERE}")
    if bad := [key for key, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise UserError(f"{path} is damaged, {bad[0]} holds NaN or infinity: give {WHERE}")
    whole = {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in tensors.items()}
    network.load_state_dict(whole, assign=True)
    return network.eval().requires_grad_(False)


def _shape(tensors: dict[str, Tensor], key: str) -> str:
    return "x".join(map(str, tensors[key].shape)) or "a number" if key in tensors else "missing"


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path} is no file: give {WHERE}")
    if path.suffix not in (".safetensors", ".pt", ".pth"):
        raise UserError(f"{path}: weights end in .safetensors, .pt or .pth: give {WHERE}")
    try:
        return read_tensors(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{error}: it is damaged or of another kind; give {WHERE}") from None


class Frozen(nn.Module):
    """Pictures in [-1, 1], of any channels -> four feature maps by the ResNet in the file `weights`, of SHA-256 `digest`.

    The file is read at first use: sampling never needs it. Raises UserError where it is missing or was changed since.
    Pictures are enlarged until no side is below `least` pixels. Channels go three at a time, the last one repeated, so grey
    is grey, and the opacity of RGBA is a grey picture of its own; the maps of all lie side by side.
    """

    def __init__(self, weights: Path, digest: str, *, least: int = 64) -> None:
        super().__init__()
        self.weights, self.digest, self.least = weights, digest, least
        self._held: list[ResNet] = []  # a list, and no child: neither trained, nor saved, nor ever in training mode

    def network(self) -> ResNet:
        """The ResNet, read and checked."""
        if not self._held:
            if not self.weights.is_file() or sha256(self.weights) != self.digest:
                state = "was changed" if self.weights.is_file() else "is missing"
                raise UserError(f"{self.weights} {state}: put back the backbone's weights of SHA-256 {self.digest}")
            self._held.append(read_resnet(self.weights))
        return self._held[0]

    def forward(self, x: Float[Tensor, "n c h w"]) -> list[Tensor]:
        network = self.network().to(x.device)
        groups, (height, width) = groups_of(x.shape[1]), enlarged(x.shape[2], x.shape[3], self.least)
        if (height, width) != tuple(x.shape[2:]):
            x = interpolate(x, (height, width), mode="bilinear", align_corners=False)
        channels = [min(channel, x.shape[1] - 1) for channel in range(3 * groups)]
        colours = x[:, channels].reshape(-1, 3, height, width)
        mean, spread = (torch.tensor(each, device=x.device)[:, None, None] for each in (MEAN, SPREAD))
        maps = network(((colours + 1) / 2 - mean) / spread)
        return [each.reshape(len(x), -1, *each.shape[2:]) for each in maps]


def groups_of(channels: int) -> int:
    """How many pictures of three channels hold so many."""
    return -(-channels // 3)


def enlarged(height: int, width: int, least: int) -> tuple[int, int]:
    """The size whose shorter side is at least `least`, of the same shape."""
    shorter = min(height, width)
    return (height, width) if shorter >= least else (-(-height * least // shorter), -(-width * least // shorter))
