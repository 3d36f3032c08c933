"""AC-GAN: what each loss minimises, that it learns to name the condition, and the contract of a game."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot, softplus

from rivals.core.objectives import non_saturating, relativistic
from rivals.core.penalties import r1
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Tensor
from rivals.games.auxiliary import AuxiliaryGAN, naming_loss
from rivals.games.gan import Sample
from rivals.nn.format import Format
from rivals.nn.head import Head
from rivals.nn.normalise import plain
from rivals.testing import check_game

CENTRES = torch.tensor([[2.0, 0.0], [-1.0, 1.7], [-1.0, -1.7]])
ROUNDS = 120


class Generator(nn.Module):
    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.layers = nn.Sequential(nn.Linear(2 + inputs, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        code = condition if condition.is_floating_point() else one_hot(condition, self.inputs)
        return self.layers(torch.cat([z, code.float()], 1))


class Discriminator(nn.Module):
    def __init__(self, form: Format) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 32), nn.Softplus())
        self.head = Head(form, 32, "auxiliary", wrap=plain)

    def features(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.head(self.features(x), condition)

    def classify(self, h: Tensor) -> Tensor:
        return self.head.classify(h)


def points(kind: str, count: int = 512) -> Sample:
    """Three clouds; the condition is the cloud, or two signs, or the place itself with noise."""
    noise = torch.Generator().manual_seed(0)
    cloud = torch.randint(3, (count,), generator=noise)
    data = CENTRES[cloud] + 0.3 * torch.randn(count, 2, generator=noise)
    return Sample(data, {"class": cloud, "binary": (data > 0).float(), "squared": 3 * data + 1}[kind])


def game(kind: str, **more: object) -> AuxiliaryGAN:
    form = Format(1, 8, 8, classes=3) if kind == "class" else Format(1, 8, 8, attributes=2)
    attributes = None if kind == "class" else points(kind).condition
    players = Generator(form.classes + form.attributes), Discriminator(form)
    return AuxiliaryGAN(*players, latent=2, classes=form.classes, attributes=attributes, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["class", "binary", "squared"])
def test_the_naming_follows_the_conditions(kind: str) -> None:
    assert game(kind).naming == kind


def test_naming_loss_values() -> None:
    logits = torch.tensor([[0.0, math.log(3)], [2.0, -1.0]])
    classes = naming_loss("class", logits, torch.tensor([1, 0]))
    torch.testing.assert_close(classes, torch.tensor([math.log(4 / 3), math.log(1 + math.exp(-3))]))
    yes = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    expected = [(math.log(2) + math.log(4)) / 2, (softplus(torch.tensor(2.0)) + softplus(torch.tensor(1.0))).item() / 2]
    torch.testing.assert_close(naming_loss("binary", logits, yes), torch.tensor(expected))
    torch.testing.assert_close(naming_loss("squared", logits, logits + torch.tensor([1.0, 3.0])), torch.tensor([5.0, 5.0]))


def test_losses_are_the_gans_and_the_naming() -> None:
    torch.manual_seed(0)
    batch, ours = points("class", 16), game("class", weight=2.0, penalties={"r1": r1(1.0)})
    torch.manual_seed(1)
    found = ours.discriminator_loss(batch)
    torch.manual_seed(1)
    plain_losses = super(AuxiliaryGAN, ours).discriminator_loss(batch)
    assert found.keys() == {"adversarial", "r1", "naming"} and plain_losses.keys() == {"adversarial", "r1"}
    for name, term in plain_losses.items():
        torch.testing.assert_close(found[name], term)
    torch.manual_seed(1)
    real_only = game("class", on_fakes=False, weight=2.0)
    real_only.load_state_dict(ours.state_dict())
    logits = ours.discriminator.classify(ours.discriminator.features(batch.data))
    expected = 2 * naming_loss("class", logits, batch.condition).mean()  # type: ignore[arg-type]
    torch.testing.assert_close(real_only.discriminator_loss(batch)["naming"], expected)
    assert found["naming"] > expected


def test_a_paired_objective_reads_the_real_scores() -> None:
    torch.manual_seed(0)
    batch, ours = points("class", 16), game("class", objective=relativistic)
    torch.manual_seed(1)
    found = ours.generator_loss(batch)
    torch.manual_seed(1)
    torch.testing.assert_close(found["adversarial"], super(AuxiliaryGAN, ours).generator_loss(batch)["adversarial"])
    assert found.keys() == {"adversarial", "naming"}


@pytest.mark.parametrize("kind", ["class", "binary", "squared"])
def test_it_learns_to_name_real_samples_and_to_make_what_is_asked_for(kind: str) -> None:
    torch.manual_seed(0)
    real, ours = points(kind), game(kind, optimizer=lambda p: torch.optim.Adam(p, lr=2e-2, betas=(0.5, 0.99)))
    trainer = Trainer(ours, Stream.over(real), samples=2 * 64 * ROUNDS, batch=64, device="cpu")
    key = "named error" if kind == "squared" else "named right"
    before = ours.observe(real)[key].item()
    for _ in range(ROUNDS):
        trainer.play()
    after = ours.observe(real)[key].item()
    with torch.no_grad():
        fakes = ours.sample(512, given=real, noise=torch.Generator().manual_seed(0))
    if kind == "class":
        asked = torch.cdist(fakes, CENTRES).argmin(1) == real.condition
        assert before < 0.9 and after > 0.97 and asked.float().mean() > 0.9
    elif kind == "binary":
        assert before < 0.9 and after > 0.95 and ((fakes > 0) == real.condition.bool()).float().mean() > 0.85
    else:
        spread = real.condition.var(0).mean()
        error = (3 * fakes + 1 - real.condition).square().mean()
        assert before > 0.5 * spread and after < 0.1 * spread and error < 0.3 * spread


@pytest.mark.parametrize("more", [{}, {"objective": non_saturating, "penalties": {"r1": r1(0.1)}, "penalty_every": 2}])
def test_the_contract(more: dict[str, object]) -> None:
    check_game(lambda: game("class", **more), Stream.over(points("class", 64)))


def test_a_head_without_classifier_cannot_classify() -> None:
    head = Head(Format(1, 8, 8), 4, "auxiliary", wrap=plain)
    with pytest.raises(ValueError, match="only a conditional head"):
        head.classify(torch.randn(2, 4))
