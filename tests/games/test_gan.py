"""GAN: augmentation reaches every training loss, vector conditions are drawn from, and compiled players keep their penalties."""

import copy

import pytest
import torch
from torch import nn

from rivals.cli import compiled
from rivals.core.penalties import r1, r2
from rivals.core.stream import Stream
from rivals.core.trainer import Trainer
from rivals.core.types import Scores, Tensor
from rivals.games.gan import GAN, Augment, Sample
from rivals.testing import fingerprint


class Dense(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 8), nn.Softplus(), nn.Linear(8, outputs))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return self.layers(x)


class Doubled(Augment):
    coupled = True

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[tuple[Tensor, Tensor]] = []

    def forward(self, samples: Tensor) -> Tensor:
        return 2 * samples

    def hear(self, real: Scores, fake: Scores) -> None:
        self.heard.append((real, fake))


def test_the_discriminator_sees_augmented_samples_and_the_penalty_flattens_through_them() -> None:
    torch.manual_seed(0)
    plain = GAN(Dense(2, 3), Dense(3, 1), latent=2, penalties={"r1": r1(1.0)})
    changed = copy.deepcopy(plain)
    changed.augment = Doubled()
    batch = Sample(torch.randn(6, 3))
    with torch.no_grad():
        changed.discriminator.layers[0].weight /= 2  # undoes the doubling
    torch.manual_seed(1)
    expected = plain.discriminator_loss(batch)
    torch.manual_seed(1)
    found = changed.discriminator_loss(batch)
    assert torch.allclose(expected["r1"], found["r1"]) and torch.allclose(expected["adversarial"], found["adversarial"])
    assert changed.coupled and not plain.coupled
    ((real, fake),) = changed.augment.heard
    assert real.shape == (6, 1) and torch.allclose(real + fake, torch.ones(6, 1)), "relativistic: D(x) and D(G(z)) add to one"


def test_attributes_are_drawn_from_the_given_rows() -> None:
    class Echo(Dense):
        def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
            assert condition is not None
            return condition

    rows = torch.tensor([[0.0, 1.0], [1.0, 0.0], [5.0, 5.0]])
    gan = GAN(Echo(2, 2), Dense(2, 1), latent=2, attributes=rows)
    drawn = gan.sample(50, noise=torch.Generator().manual_seed(0))
    assert {tuple(row) for row in drawn.tolist()} == {tuple(row) for row in rows.tolist()}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("every", [1, 2])
def test_compiled_players_play_the_same_game(every: int) -> None:
    """aot_eager refuses double backward as inductor does, so it shows whether a penalty goes through it."""

    def played(compiled: bool) -> dict[str, Tensor]:
        torch.manual_seed(0)
        gan = GAN(Dense(2, 3), Dense(3, 1), latent=2, penalties={"r1": r1(1.0), "r2": r2(1.0)}, penalty_every=every)
        trainer = Trainer(gan, Stream.over(Sample(torch.randn(32, 3))), samples=1000, batch=8)
        if compiled:
            for player in trainer.players.values():
                player.compile(backend="aot_eager")
        for _ in range(4):
            trainer.play()
        return gan.state_dict()

    plain, other = played(False), played(True)
    assert all(torch.allclose(plain[name], other[name], atol=1e-6) for name in plain)


@pytest.mark.parametrize("sound", [True, False])
def test_players_that_fail_when_compiled_run_as_they_are(
    sound: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As they run, too, and not only while they are compiled; the game begins where it was, and one line says so."""

    def broken(self: nn.Module) -> None:
        self._compiled_call_impl = self.forward if sound else lambda *_: 1 // 0

    def played(compile_: bool) -> str:
        torch.manual_seed(0)
        gan = GAN(Dense(2, 3), Dense(3, 1), latent=2)
        trainer = Trainer(gan, Stream.over(Sample(torch.randn(32, 3))), samples=1000, batch=8)
        if compile_:
            compiled(trainer)
        for _ in range(4):
            trainer.play()
        assert trainer.seen == 4 * 2 * 8
        return fingerprint(trainer.state_dict())

    monkeypatch.setattr(nn.Module, "compile", broken)
    assert played(False) == played(True), "players, averages, optimisers and random numbers"
    assert ("ZeroDivisionError" in capsys.readouterr().err) == (not sound)
