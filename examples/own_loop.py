"""The trainer in a loop of one's own: `for report in trainer` is the supported hook.

python examples/own_loop.py
"""

import torch

from rivals import GAN, Sample, Stream, Trainer
from rivals.core.penalties import r1, r2
from rivals.tasks.digits.data import load
from rivals.tasks.digits.networks import Discriminator, Generator


def main(samples: int = 100_000) -> Trainer[Sample]:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    digits = load()
    gan = GAN(Generator(32, 128), Discriminator(128), latent=32, classes=10, penalties={"r1": r1(0.1), "r2": r2(0.1)})
    trainer = Trainer(gan, Stream.over(digits.train), samples=samples)
    for report in trainer:
        if report.observed and report.round % 100 == 0:
            print(f"{report.progress:4.0%}", *(f"{name} {value:.3f}" for name, value in report.observed.items()))
    with trainer.averaged() as game:
        print("samples:", tuple(game.sample(4).shape))
    return trainer


if __name__ == "__main__":
    main()
