"""Published backbones: Inception-v3 with its public weights, and the two conventions that bring a picture to its size.

`inception` resizes as TensorFlow 1 did, bilinear, without antialias, pixel i of the result at i * (old / new) of the
source, corners not aligned (Heusel et al. 2017; torch-fidelity keeps to it). `inception-clean` resizes each channel in
floating point by Pillow's antialiased bicubic filter (clean-fid, Parmar et al. 2022, arXiv:2104.11222). Both start from
8 bits a channel and end as (x - 128) / 128. Written from these definitions; parity with the figures of torch-fidelity and
clean-fid on the public weights was not measured where this was written, since no weights were at hand.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn

from rivals.core.errors import UserError
from rivals.core.store import sha256
from rivals.core.types import Float, Tensor
from rivals.metrics.backbone import Backbone
from rivals.metrics.download import download
from rivals.metrics.inception import LOGITS, SIZE, WIDTH, Inception
from rivals.nn.tensors import read_tensors


class Weights(NamedTuple):
    """A public file: where it is released, its SHA-256, and the most bytes that it may have."""

    url: str
    digest: str
    limit: int


INCEPTION = Weights(
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    100_000_000,  # the file has 95,628,359
)


def eight_bits(samples: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 h w"]:
    """Pictures in [-1, 1] -> RGB in whole numbers 0 to 255: grey three times, RGBA over white, 16 bits rounded to 8.

    Raises:
        UserError: a number of channels other than 1, 3 and 4.
    """
    channels = samples.shape[1]
    if channels not in (1, 3, 4):
        raise UserError(f"pictures have {channels} channels, Inception takes 1, 3 or 4: use --backbone own")
    x = samples.float().clamp(-1, 1)
    if channels == 4:
        alpha = (x[:, 3:] + 1) / 2
        x = x[:, :3] * alpha + (1 - alpha)
    return ((x + 1) * 127.5).round().expand(-1, 3, -1, -1)


def resize_legacy(x: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c size size"]:
    """Bilinear as TensorFlow 1's resize_bilinear with its defaults: weights from the two pixels about i * (old / new)."""
    for axis in (2, 3):
        length = x.shape[axis]
        place = torch.arange(size, device=x.device, dtype=torch.float32) * (length / size)
        low = place.long().clamp(max=length - 1)
        high = (low + 1).clamp(max=length - 1)
        share = (place - low).view(-1, *[1] * (3 - axis))
        first, second = x.index_select(axis, low), x.index_select(axis, high)
        x = first + (second - first) * share
    return x


def resize_clean(x: Float[Tensor, "n c h w"], size: int) -> Float[Tensor, "n c size size"]:
    """Bicubic with antialias, each channel in floating point, cut to 0 to 255; never rounded."""
    planes = x.detach().cpu().numpy().astype(np.float32).reshape(-1, *x.shape[2:])
    made = [np.asarray(Image.fromarray(each).resize((size, size), Image.Resampling.BICUBIC)) for each in planes]
    return torch.from_numpy(np.stack(made)).clamp(0, 255).view(*x.shape[:2], size, size).to(x.device)


RESIZES: dict[str, Callable[[Tensor, int], Tensor]] = {"inception": resize_legacy, "inception-clean": resize_clean}


class _Sees(nn.Module):
    """Pictures (n, 1, 3 or 4 channels, h, w) in [-1, 1], resized by a convention -> features (n, 2048)."""

    def __init__(self, network: nn.Module, resize: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.network, self.resize = network, resize

    def forward(self, samples: Tensor) -> Tensor:
        features: Tensor = self.network((self.resize(eight_bits(samples), SIZE) - 128) / 128)
        return features


def published(name: str, weights: Path | None = None) -> Backbone:
    """Inception-v3 under the convention `name` of `RESIZES`; the weights from `weights`, else from the user's cache folder,
    where they are downloaded to if they are not there yet.

    Its head has no bias, as the Inception score was first measured (Salimans et al. 2016, arXiv:1606.03498).

    Raises:
        UserError: an unknown name, a file that cannot be read or fetched, or one that does not hold these weights.
    """
    if name not in RESIZES:
        raise UserError(f"unknown backbone {name!r}: give own, {' or '.join(RESIZES)}")
    file = weights or download(INCEPTION.url, cache() / Path(INCEPTION.url).name, INCEPTION.digest, limit=INCEPTION.limit)
    network = inception(file)
    head = nn.Linear(WIDTH, LOGITS, bias=False)
    head.weight = network.fc.weight
    public = weights is None or sha256(weights) == INCEPTION.digest
    return Backbone(name if public else f"{name}[{file.name}]", _Sees(network, RESIZES[name]).eval(), head.eval(), batch=32)


def inception(file: Path) -> Inception:
    """The network with the weights of a .pth file (read as tensors alone, never as code) or a .safetensors file."""
    try:
        state = read_tensors(file)
        with torch.device("meta"):  # the random weights of a fresh network would be thrown away
            network = Inception()
        counts = {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
        network.load_state_dict(counts | state, assign=True)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}): give --weights the file of Inception's weights") from None
    except (ValueError, RuntimeError):
        told = f"{file} does not hold Inception's weights of 2015-12-05: get them from {INCEPTION.url}"
        raise UserError(told) from None
    return network.float().eval().requires_grad_(False)


def cache() -> Path:
    """Where downloaded weights are kept: rivals in XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rivals"
