"""A whole GAN without rivals: the demo's game in one plain loop, to read beside the library and to time it against.

python examples/from_scratch.py [samples]
"""

import copy
import sys
import time

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn.functional import softplus

from rivals.tasks.digits.networks import Discriminator, Generator


def players(latent: int = 32, width: int = 256, seed: int = 0) -> tuple[nn.Module, nn.Module]:
    """The demo's generator and discriminator."""
    torch.manual_seed(seed)
    return Generator(latent, width), Discriminator(width)


def rounds(generator: nn.Module, discriminator: nn.Module, images: torch.Tensor, labels: torch.Tensor, *,
           count: int, batch: int = 64, latent: int = 32, gamma: float = 0.3, rate: float = 1e-3) -> nn.Module:  # fmt: skip
    """`count` rounds of the relativistic game with r1 and r2; returns the averaged generator."""
    average = copy.deepcopy(generator)
    mine, theirs = list(average.parameters()), list(generator.parameters())
    g_step = torch.optim.Adam(generator.parameters(), lr=rate, betas=(0.0, 0.99), fused=True)
    d_step = torch.optim.Adam(discriminator.parameters(), lr=rate, betas=(0.0, 0.99), fused=True)
    half_life = count * 2 * batch / 100
    for _ in range(count):
        # The discriminator moves: real above fake, pair by pair, and flat where it looks.
        rows = torch.randint(len(images), (batch,))
        real, label = images[rows].requires_grad_(), labels[rows]
        with torch.no_grad():
            fake = generator(torch.randn(batch, latent), label)
        fake.requires_grad_()
        r, f = discriminator(real, label), discriminator(fake, label)
        (slope_r,) = torch.autograd.grad(r.sum(), real, create_graph=True)
        (slope_f,) = torch.autograd.grad(f.sum(), fake, create_graph=True)
        penalty = slope_r.square().flatten(1).sum(1).mean() + slope_f.square().flatten(1).sum(1).mean()
        loss = softplus(f - r).mean() + gamma / 2 * penalty
        d_step.zero_grad()
        loss.backward(inputs=list(discriminator.parameters()))
        d_step.step()

        # The generator moves: fake above real.
        rows = torch.randint(len(images), (batch,))
        label = labels[rows]
        f = discriminator(generator(torch.randn(batch, latent), label), label)
        with torch.no_grad():
            r = discriminator(images[rows], label)
        g_step.zero_grad()
        softplus(r - f).mean().backward(inputs=list(generator.parameters()))
        g_step.step()
        with torch.no_grad():
            torch._foreach_lerp_(mine, theirs, 1 - 0.5 ** (2 * batch / half_life))
    return average


def main() -> None:
    torch.set_flush_denormal(True)
    torch.set_num_threads(1)
    samples = int(sys.argv[1]) if len(sys.argv) > 1 else 900_000
    pixels, digits = load_digits(return_X_y=True)
    images, labels = torch.tensor(pixels, dtype=torch.float32).view(-1, 1, 8, 8) / 8 - 1, torch.tensor(digits)
    start = time.perf_counter()
    average = rounds(*players(), images, labels, count=samples // 128)
    print(f"{samples:,} samples in {time.perf_counter() - start:.1f} s")
    shades = " .:-=+*#%@"
    with torch.no_grad():
        drawn = average(torch.randn(10, 32), torch.arange(10))[:, 0]
    for row in range(8):
        print("  ".join("".join(shades[int((v + 1) * 4.99)] * 2 for v in digit[row].tolist()) for digit in drawn))


if __name__ == "__main__":
    main()
