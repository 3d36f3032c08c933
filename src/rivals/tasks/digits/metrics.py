"""How good generated digits are, by the features of a classifier trained on the real training digits."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from PIL.Image import Image
from torch import nn
from torch.nn.functional import cross_entropy

from rivals.core.errors import UserError
from rivals.core.game import Game
from rivals.games.gan import Sample
from rivals.media import pictures
from rivals.metrics import Backbone, Judging, Labelled, MetricCard, Plan, nearest, quality
from rivals.tasks.digits.data import load


@cache
def backbone() -> Backbone:
    """digits-cnn-v1: 64 features and ten logits; trained here on the training split, in seconds, from seed 0."""
    return train_backbone(load().train)


def train_backbone(train: Sample, *, epochs: int = 20, seed: int = 0) -> Backbone:
    """A small convolutional classifier of pictures (n, 1, 8, 8); the global random state is left as it was."""
    assert train.condition is not None
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(512, 64), nn.ReLU(),
        )  # fmt: skip
        head = nn.Linear(64, 10)
        optimizer = torch.optim.Adam([*features.parameters(), *head.parameters()], lr=1e-3, weight_decay=1e-5)
        steps = epochs * (len(train) // 64)
        rate = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
        for _ in range(steps):
            rows = torch.randint(len(train), (64,))
            loss = cross_entropy(head(features(train.data[rows])), train.condition[rows], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            rate.step()
    return Backbone("digits-cnn-v1", features.eval(), head.eval())


def evaluate(game: Game[Sample], record: Mapping[str, Any], judging: Judging) -> dict[str, MetricCard]:
    """Cards of generated digits, as many of each class as can be, against the held-out digits."""
    if judging.metric or judging.backbone != "own":
        raise UserError("digits are judged by their own classifier and measures alone: leave out --metric and --backbone")
    digits, features = load(), backbone()
    wanted = torch.arange(judging.samples) % 10
    with torch.no_grad():
        noise = torch.Generator().manual_seed(judging.seed)
        images = game.sample(judging.samples, given=Sample.wanted(wanted), noise=noise)
    fake = features(images.cpu())
    labelled = Labelled(features.classify(fake), wanted)
    train, test = features(digits.train.data), features(digits.test.data)
    cards = quality(train, test, fake, backbone=features, labelled=labelled, plan=Plan(seed=judging.seed))
    return {"labels": cards.pop("labels"), **cards}


def illustrate(game: Game[Sample], record: Mapping[str, Any]) -> dict[str, Image]:
    """ "neighbours": two samples of each digit, and below each the training digit nearest to it in pixels."""
    train = load().train.data
    with torch.no_grad():
        samples = game.sample(20, given=Sample.wanted(torch.arange(20) % 10), noise=torch.Generator().manual_seed(0))
    closest = train[nearest(samples.flatten(1), train.flatten(1)).row]
    rows = [samples[:10], closest[:10], samples[10:], closest[10:]]
    return {"neighbours": pictures.grid(torch.cat(rows), 10, scale=6)}
