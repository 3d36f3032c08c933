"""Pictures per second and memory of each picture network at 32, 64 and 128 pixels, beside a bare loop of the same network.

python benchmarks/images.py [--network NAME] [--size 32] [--batch 16] [--pairs 5] [--seconds 2] [--device cpu] [--loader]

A pair plays the same number of rounds by the trainer and by a bare loop (draw, losses, backward, step, weight average; no
clock, no log, no checks), in alternating order; the overhead is the median of the pairs' ratios. Real pictures shown to the
discriminator are counted. Memory is the process's peak so far, in a process of its own for each row. `--loader` times the draw of
the batches instead, from each kind of set.
"""

import argparse
import importlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from rivals.core.game import Game, Losses
from rivals.core.trainer import Trainer
from rivals.media.collection.pack import pack
from rivals.media.collection.pictures import load
from rivals.nn.frozen import ResNet

NETWORKS = ("r3gan", "dcgan", "sngan", "biggan", "stylegan2", "fastgan", "projected")


class Bare:
    """A Play without a trainer: what a hand-written loop does, and no more."""

    progress = 0.5

    def __init__(self, game: Game[Any], batches: list[Any]) -> None:
        self.game, self.batches, self.round = game, cycle(batches), 0
        players = game.players()
        self.optimizers = dict(zip(players.values(), game.optimizers().values(), strict=True))
        self.average = [p.detach().clone() for p in game.generator.parameters()]

    def draw(self) -> Any:
        return next(self.batches)

    def move(self, player: torch.nn.Module, loss: Callable[[Any], Losses], batch: Any = None) -> Losses:
        losses = loss(self.draw() if batch is None else batch)
        if losses:
            self.optimizers[player].zero_grad()
            torch.autograd.backward(sum(losses.values()), inputs=[p for p in player.parameters() if p.requires_grad])
            self.optimizers[player].step()
        return losses

    def play(self) -> None:
        self.game.round(self)
        torch._foreach_lerp_(self.average, list(self.game.generator.parameters()), 0.01)
        self.round += 1


def trainer_of(network: str, size: int, options: argparse.Namespace, folder: Path) -> Trainer[Any]:
    """The recipe's own trainer on random pictures; nothing is written."""
    file = folder / "pictures.npy"
    np.save(file, np.random.default_rng(0).integers(0, 256, (256, size, size, 3), dtype=np.uint8))
    recipe = importlib.import_module(f"rivals.tasks.images.{network}").recipe
    more = {}
    if network == "projected":  # a ResNet-18 that never saw a picture takes as long as a trained one
        more = {"backbone_weights": folder / "resnet18.safetensors"}
        torch.manual_seed(0)
        safetensors.torch.save_file(ResNet().state_dict(), more["backbone_weights"])
    trainer: Trainer[Any] = recipe(
        data=file, batch=options.batch, samples=10**9, device=options.device, out=folder / "run", **more
    )
    return trainer


def seconds(play: Callable[[], object], rounds: int, device: torch.device) -> float:
    start = time.perf_counter()
    for _ in range(rounds):
        play()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def row(network: str, size: int, options: argparse.Namespace) -> str:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        ours = trainer_of(network, size, options, Path(folder))
        other = trainer_of(network, size, options, Path(folder))
        stream = other.data(0, options.batch, options.batch)
        bare = Bare(other.game, [next(stream).to(other.device) for _ in range(8)])
        period = max(16 if network == "stylegan2" else 1, 1)  # lazy penalties: whole periods only
        seconds(ours.play, period, ours.device), seconds(bare.play, period, ours.device)
        one = seconds(ours.play, period, ours.device)
        rounds = max(round(options.seconds / one), 1) * period
        ratios, speeds = [], []
        for pair in range(options.pairs):
            plays = [ours.play, bare.play]
            took = [seconds(play, rounds, ours.device) for play in (plays if pair % 2 else plays[::-1])]
            mine, hand = took if pair % 2 else took[::-1]
            ratios.append(mine / hand)
            speeds.append(rounds * options.batch * getattr(ours.game, "discriminator_moves", 1) / mine)
    cuda = ours.device.type == "cuda"
    peak = torch.cuda.max_memory_allocated() if cuda else 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sizes = " + ".join(f"{sum(p.numel() for p in player.parameters()):,}" for player in ours.players.values())
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (ratios[0],) * 3
    told = f"{median(ratios) - 1:+.1%} ({low - 1:+.1%}, {high - 1:+.1%})"
    return f"| {network} | {size} | {sizes} | {median(speeds):.1f} | {told} | {peak / 2**20:,.0f} |"


def loader(size: int, options: argparse.Namespace, folder: Path) -> list[str]:
    """Pictures a second that a batch's draw gives, by the kind of set: an array, folders of files, a pack."""
    pictures = np.random.default_rng(0).integers(0, 256, (1024, size, size, 3), dtype=np.uint8)
    np.save(folder / "array.npy", pictures)
    for kind in ("png", "jpg"):
        (folder / kind).mkdir()
        for number, each in enumerate(pictures):
            Image.fromarray(each).save(folder / kind / f"{number:04}.{kind}")
    pack(folder / "png", folder / "packed")
    rows = []
    for kind in ("array.npy", "png", "jpg", "packed"):
        stream = load(folder / kind).train(0, options.batch, options.batch)
        draws = max(int(options.seconds * 50), 10)
        next(stream)
        speeds = [
            draws * options.batch / seconds(partial(next, stream), draws, torch.device("cpu")) for _ in range(options.pairs)
        ]
        rows.append(f"| {kind} | {size} | {median(speeds):,.0f} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--network", choices=NETWORKS)
    parser.add_argument("--size", type=int)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--loader", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.loader:
        print("| set | size | pictures/s |\n|---|---|---|")
        for size in [options.size] if options.size else (32, 64, 128):
            with tempfile.TemporaryDirectory() as folder:
                print("\n".join(loader(size, options, Path(folder))), flush=True)
        return
    if options.network and options.size:
        print(row(options.network, options.size, options), flush=True)
        return
    print("| network | size | parameters (G + D) | pictures/s | trainer over bare loop | peak MiB |\n|---|---|---|---|---|---|")
    for network in [options.network] if options.network else NETWORKS:
        for size in [options.size] if options.size else (32, 64, 128):
            given = ["--network", network, "--size", str(size), "--batch", str(options.batch), "--pairs", str(options.pairs)]
            command = [sys.executable, __file__, *given, "--seconds", str(options.seconds), "--device", options.device]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            print(done.stdout.strip() or f"| {network} | {size} | failed: {done.stderr.strip()[-200:]} |", flush=True)


if __name__ == "__main__":
    main()
