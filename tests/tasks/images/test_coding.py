"""VAE, VAE-GAN and BiGAN: the contract, codes, reconstructions and anomalies of small pictures."""

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from rivals import cli
from rivals.core.errors import UserError
from rivals.core.stream import Stream
from rivals.games.autoencoding import Code
from rivals.games.gan import Sample
from rivals.metrics import Judging
from rivals.metrics.roc import roc
from rivals.model import load
from rivals.testing import check_game

NAMES = ("vae", "vaegan", "bigan")


def module(name: str) -> Any:
    return importlib.import_module(f"rivals.tasks.images.{name}")


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels, labels = load_digits(return_X_y=True)
    pixels = np.minimum(pixels * 16, 255).astype(np.uint8).reshape(-1, 8, 8)
    file = tmp_path_factory.mktemp("digits") / "digits.npz"
    np.savez(file, x_train=pixels[:1400], y_train=labels[:1400], x_test=pixels[1400:], y_test=labels[1400:])
    return file


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("vae") / "run"
    module("vae").recipe(data=digits, latent=8, width=16, samples=30_000, out=out).fit(progress=False)
    return out


@pytest.mark.parametrize("name", NAMES)
def test_the_contract_at_an_odd_size(name: str) -> None:
    facts = {"channels": 3, "height": 9, "width": 7, "classes": 0, "attributes": 0, "beta": 1.0, "gamma": 1.0, "deviation": 0.2}
    facts |= {"network": {"latent": 4, "width": 4, "widest": 8}}
    data = Sample(torch.rand(40, 3, 9, 7, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    check_game(lambda: module(name).game(facts), Stream.over(data, seed=0))


def test_the_divergence_is_that_of_gaussians() -> None:
    normal = torch.distributions.Normal(torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0, 0.3]]))
    code = Code(normal.mean, normal.variance.log())
    wanted = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum(1)
    assert torch.allclose(code.divergence(), wanted)
    torch.manual_seed(0)
    drawn = Code(*(each.expand(20_000, 2) for each in code)).draw()
    assert torch.allclose(drawn.mean(0), normal.mean[0], atol=0.05)
    assert torch.allclose(drawn.std(0), normal.stddev[0], rtol=0.05)


def test_a_vae_rebuilds_what_it_saw_and_not_noise(run: Path) -> None:
    model = load(run)
    held = model.task.held_out(model.record).data
    apart = (model.game.reconstruct(held) - held).square().mean()
    mean = held.mean(0, keepdim=True)
    assert apart < 0.6 * (held - mean).square().mean()
    strange = held.flatten(1)[:, torch.randperm(64, generator=torch.Generator().manual_seed(0))].view_as(held)
    assert roc(model.game.anomaly(strange).numpy(), model.game.anomaly(held).numpy()).auc > 0.95


def test_a_bigan_s_encoder_inverts_without_having_been_told_to(digits: Path, tmp_path: Path) -> None:
    module("bigan").recipe(data=digits, latent=8, width=16, samples=8_000, out=tmp_path / "run").fit(progress=False)
    model = load(tmp_path / "run")
    game, data = model.game, model.task.held_out(model.record).data
    mean = (data - data.mean(0, keepdim=True)).square().mean()
    again = game.reconstruct(data)
    assert (again - data).square().mean() < 0.8 * mean
    assert (again.roll(1, 0) - data).square().mean() > mean  # of another picture: no better than the mean one


def test_its_report_tells_of_reconstructions(run: Path) -> None:
    cards = load(run).judge(Judging(samples=200))
    assert "labels" not in cards
    with pytest.raises(UserError, match="--metric labels"):
        load(run).evaluate(Judging(samples=200, metric="labels"))
    assert cards["reconstructed-class"].value > 0.5
    assert 0 < cards["sharpness"].value < 1.3
    assert (run / "judged" / "reconstructions.png").exists()


def test_codes_and_anomalies_by_command(run: Path, digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with np.load(digits) as arrays:
        held = arrays["x_test"]
    noise = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    for name, pixels in (("digit", held[0]), ("noise", noise)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    files = [str(tmp_path / "digit.png"), str(tmp_path / "noise.png")]
    for command in (["encode", str(run), *files, "-o", str(tmp_path / "z.npz")], ["score", str(run), *files, "--anomaly"]):
        with pytest.raises(SystemExit) as done:
            cli.main(command)
        assert not done.value.code
    with np.load(tmp_path / "z.npz") as codes:
        assert codes["codes"].shape == (2, 8)
        assert codes["files"].tolist() == files
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert float(lines[0].split()[0]) < float(lines[1].split()[0])


def test_mistakes_and_hints(digits: Path, tmp_path: Path) -> None:
    for name, option in (("vae", "beta"), ("vaegan", "beta"), ("vaegan", "gamma")):
        with pytest.raises(UserError, match=f"{option} is -1.0: give at least 0"):
            module(name).recipe(data=digits, out=tmp_path / "run", **{option: -1.0})
    assert not (tmp_path / "run").exists()
    for name in NAMES:  # a VAE has no discriminator to score files with
        hints = " ".join(command for command, _ in module(name).NEXT)
        assert "encode" in hints and "--anomaly" in hints


def test_a_run_without_an_encoder_is_refused(digits: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    module("dcgan").recipe(data=digits, width=8, samples=128, out=tmp_path / "run").fit(progress=False)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "a.png")
    for command in (["encode", str(tmp_path / "run")], ["score", "--anomaly", str(tmp_path / "run")]):
        with pytest.raises(SystemExit) as done:
            cli.main([*command, str(tmp_path / "a.png")])
        assert done.value.code == 2
        assert "has no encoder" in capsys.readouterr().err
