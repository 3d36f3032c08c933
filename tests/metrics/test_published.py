"""Published backbones: the two ways to resize, against numbers worked out by hand, and weights from a file."""

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from rivals.core.errors import UserError
from rivals.metrics import published as module
from rivals.metrics.inception import Inception
from rivals.metrics.published import cache, eight_bits, inception, published, resize_clean, resize_legacy


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Inception]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        network = Inception().eval()
    path = tmp_path_factory.mktemp("weights") / "made.pth"
    torch.save(network.state_dict(), path)
    return path, network


def test_the_legacy_resize_is_tensorflows():
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0]]).view(1, 1, 2, 2)
    # Pixel i of four lies at i / 2 of two: 0, 0.5, 1, 1.5, and beyond the last pixel there is the last pixel.
    across = torch.tensor([0.0, 0.5, 1.0, 1.0])
    assert torch.equal(resize_legacy(x, 4)[0, 0], across[None] + 2 * across[:, None])
    down = torch.arange(6.0).expand(1, 1, 6, 6)
    assert resize_legacy(down, 4)[0, 0, 0].tolist() == [0.0, 1.5, 3.0, 4.5], "no antialias: two pixels each"
    assert torch.equal(resize_legacy(down, 6), down)


def test_the_clean_resize_antialiases_and_does_not_round():
    x = torch.zeros(2, 3, 8, 8)
    x[1, 2, :, ::2] = 255.0  # stripes of one pixel: half grey, once they are smaller than a pixel
    made = resize_clean(x, 2)
    assert made.shape == (2, 3, 2, 2) and made[0].abs().max() == 0
    assert ((made[1, 2] - 127.5).abs() < 30).all() and ((made[1, 2] % 1) > 0).all()
    assert (resize_legacy(x, 2)[1, 2] == 255).all(), "the legacy way sees white alone"
    one = Image.fromarray(x[1, 2].numpy()).resize((2, 2), Image.Resampling.BICUBIC)
    assert np.array_equal(made[1, 2].numpy(), np.asarray(one))


def test_any_picture_becomes_eight_bits_of_three_channels():
    grey = torch.tensor([-1.0, 0.0, 1.0, 2.0]).view(1, 1, 2, 2)
    assert eight_bits(grey)[0, 2].flatten().tolist() == [0.0, 128.0, 255.0, 255.0]
    clear = torch.full((1, 4, 1, 1), -1.0)
    assert eight_bits(clear).flatten().tolist() == [255.0] * 3, "nothing over white"
    half = torch.tensor([-1.0, -1.0, -1.0, 0.0]).view(1, 4, 1, 1)
    assert eight_bits(half).flatten().tolist() == [128.0] * 3
    deep = torch.tensor([(3 * 257 + 100) / 65535 * 2 - 1]).view(1, 1, 1, 1)
    assert eight_bits(deep).flatten().tolist() == [3.0] * 3
    with pytest.raises(UserError, match=r"5 channels.*--backbone own"):
        eight_bits(torch.zeros(1, 5, 4, 4))


def test_weights_come_from_a_file_and_the_card_can_name_it(weights: tuple[Path, Inception], tmp_path: Path):
    path, network = weights
    backbone = published("inception-clean", path)
    pictures = torch.rand(2, 1, 20, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1
    features = backbone(pictures)
    seen = (resize_clean(eight_bits(pictures), 299) - 128) / 128
    with torch.no_grad():
        assert torch.allclose(features, network(seen), atol=1e-5)
    assert torch.allclose(backbone.classify(features), features @ network.fc.weight.T.detach(), atol=1e-4)
    assert backbone.name == "inception-clean[made.pth]", "not the public file"
    other = tmp_path / "same.safetensors"
    state = {key: value for key, value in network.state_dict().items() if not key.endswith("num_batches_tracked")}
    safetensors.torch.save_file(state, other)
    assert published("inception", other).digest == backbone.digest


def test_other_files_are_refused_in_one_line(tmp_path: Path):
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "text.safetensors").write_text("no weights")
    for name in ("other.pth", "text.pth", "text.safetensors"):
        with pytest.raises(UserError, match=rf"{name} does not hold Inception's weights") as told:
            inception(tmp_path / name)
        assert "\n" not in str(told.value)
    with pytest.raises(UserError, match=r"gone\.pth cannot be read"):
        inception(tmp_path / "gone.pth")
    with pytest.raises(UserError, match=r"unknown backbone 'vgg': give own, inception or inception-clean"):
        published("vgg")


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path):
    class Bad:
        def __reduce__(self):
            return (Path(tmp_path / "ran").write_text, ("",))

    torch.save({"fc.weight": Bad()}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="does not hold"):
        inception(tmp_path / "bad.pth")
    assert not (tmp_path / "ran").exists()


def test_weights_are_looked_for_in_the_users_cache(
    weights: tuple[Path, Inception], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "rivals"
    asked = []

    def download(url: str, path: Path, digest: str, *, limit: int) -> Path:
        asked.append((url, path, digest, limit))
        return weights[0]

    monkeypatch.setattr(module, "download", download)
    assert published("inception").name == "inception"
    ((url, path, digest, limit),) = asked
    assert url.startswith("https://github.com/mseitzer/pytorch-fid/releases/") and digest.startswith("6726825d")
    assert path == tmp_path / "rivals" / "pt_inception-2015-12-05-6726825d.pth" and limit > 95_628_359
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache() == Path.home() / ".cache" / "rivals"
