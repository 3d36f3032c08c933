"""A ResNet-18 for `images.projected`, trained on the classes of labelled pictures, where published weights cannot be had.

python benchmarks/backbone.py cifar10_jpeg.npz backbone.safetensors [--samples 250000] [--width 32] [--least 64] [--seed 0]
python benchmarks/backbone.py cifar10_jpeg.npz random.safetensors --samples 0   # the control: it never saw a picture

Pictures are mirrored, and shifted by up to an eighth of their side. Last line: the share of 2,000 held-out ones that it names.
"""

import argparse
import time
from pathlib import Path

import safetensors.torch
import torch
from torch import nn
from torch.nn.functional import cross_entropy, interpolate, pad

from rivals.core.types import Tensor
from rivals.media.collection import load
from rivals.nn.frozen import MEAN, SPREAD, ResNet, enlarged

BATCH = 64


class Classifier(nn.Module):
    def __init__(self, classes: int, width: int, least: int) -> None:
        super().__init__()
        self.resnet, self.least = ResNet(width=width), least
        self.fc = nn.Linear(self.resnet.channels[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        mean, spread = (torch.tensor(each)[:, None, None] for each in (MEAN, SPREAD))
        size = enlarged(x.shape[2], x.shape[3], self.least)
        x = interpolate((x.expand(-1, 3, -1, -1) + 1) / 2, size, mode="bilinear", align_corners=False)
        logits: Tensor = self.fc(self.resnet((x - mean) / spread)[-1].mean((2, 3)))
        return logits


def moved(x: Tensor) -> Tensor:
    """Pictures, half of them mirrored, all shifted alike."""
    x = torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(3), x)
    height, width = x.shape[2:]
    down, right = (int(torch.randint(2 * (side // 8) + 1, ())) for side in (height, width))
    wide = pad(x, [width // 8] * 2 + [height // 8] * 2, mode="reflect")
    return wide[:, :, down : down + height, right : right + width]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    for name, value in {"samples": 250_000, "width": 32, "least": 64, "seed": 0}.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    pictures = load(options.data)
    network, steps, began = Classifier(pictures.form.classes, options.width, options.least), options.samples // BATCH, time.time()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.05)
    rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=max(steps, 1))
    for step in range(steps):
        batch = pictures.fetch(torch.randint(pictures.count, (BATCH,)))
        assert batch.condition is not None
        loss = cross_entropy(network(moved(batch.data.float())), batch.condition, label_smoothing=0.1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        rate.step()
        if step % 200 == 0:
            print(f"{step * BATCH:,} samples  loss {loss:.3f}  {time.time() - began:.0f} s", flush=True)
    network.to(memory_format=torch.contiguous_format).eval()  # type: ignore[call-overload]
    safetensors.torch.save_file({key: each.contiguous() for key, each in network.resnet.state_dict().items()}, options.out)
    aside = pictures.held_out
    right = 0
    with torch.no_grad():
        for part in torch.arange(min(len(aside), 2000)).split(250):
            few = aside.map(lambda each, part=part: each[part])
            right += int((network(few.data.float()).argmax(1) == few.condition).sum())
    print(f"{options.out}: {right / min(len(aside), 2000):.1%} of held-out pictures named rightly, {time.time() - began:.0f} s")


if __name__ == "__main__":
    main()
