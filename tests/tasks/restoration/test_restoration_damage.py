"""What is done to good pictures: a function of picture and seed, of the strength that is asked for."""

import numpy as np
import pytest
import torch
from good_files import good
from PIL import Image

from rivals.core.errors import UserError
from rivals.tasks.restoration.aged import _sinc, aged
from rivals.tasks.restoration.damage import JOBS, STRENGTHS, Damage, blurred, compressed, covered, larger, noisy, smaller


def of(job: str, scale: int = 2) -> Damage:
    return Damage(job, scale if job == "super-resolution" else 1, STRENGTHS.get(job, 0.0))  # type: ignore[arg-type]


@pytest.mark.parametrize("job", JOBS)
def test_a_function_of_the_seed(job: str) -> None:
    damage, pixels = of(job), [good(0), good(1)]
    one, again, other = (damage.pair(pixels, seeds) for seeds in ((1, 2), (1, 2), (3, 4)))
    assert torch.equal(one.source, again.source) and torch.equal(one.target, other.target)
    assert torch.equal(one.source, other.source) == (job in ("super-resolution", "jpeg", "colour"))
    assert one.source.shape[1] == damage.sources
    assert torch.allclose(damage.shown(one.target), torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2) / 127.5 - 1, atol=1e-4)
    assert one.source.abs().max() <= 1.001 and one.source.isfinite().all()


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_small_pictures_are_pillows(scale: int) -> None:
    pixels = good(0, 24, 36)
    small = Image.fromarray(pixels).resize((36 // scale, 24 // scale), Image.Resampling.BICUBIC)
    assert np.array_equal(smaller(pixels, scale), np.asarray(small))
    assert larger(smaller(pixels, scale), scale).shape == pixels.shape


def test_noise_has_its_deviation_and_stays_in_a_file() -> None:
    grey = np.full((64, 64, 3), 128, np.uint8)
    found = noisy(grey, 25, np.random.default_rng(0))
    assert found.dtype == np.uint8 and found.astype(float).std() == pytest.approx(25, rel=0.05)


def test_blur_keeps_flat_pictures_and_softens_edges() -> None:
    flat = np.full((9, 9, 3), 77, np.uint8)
    assert np.array_equal(blurred(flat, 1.6), flat)
    point = np.zeros((21, 21, 1), np.uint8)
    point[10, 10] = 255
    spread = blurred(point, 1.6)[..., 0].astype(float)
    rows = np.arange(21) - 10
    assert np.sqrt((spread.sum(1) * rows**2).sum() / spread.sum()) == pytest.approx(1.6, abs=0.25)


def test_a_lower_quality_loses_more() -> None:
    pixels = good(0)
    error = [np.abs(compressed(pixels, quality).astype(int) - pixels).mean() for quality in (5, 20, 90)]
    assert error[0] > error[1] > error[2] > 0
    assert compressed(pixels[..., :1], 20).shape == (*pixels.shape[:2], 1)


def test_the_judged_hole_is_a_square_in_the_middle() -> None:
    damage = Damage("inpaint", 1, 12.0)
    hole = damage.hole((32, 32), 5, True)[0]
    assert hole.sum() == 144 and hole[10:22, 10:22].all()
    trained = [damage.hole((32, 32), seed, False)[0] for seed in range(60)]
    assert all(0 < each.sum() < 32 * 32 for each in trained) and len({each.tobytes() for each in trained}) > 50
    target = torch.rand(1, 3, 32, 32)
    source = covered(target, torch.from_numpy(hole)[None, None])
    assert (source[:, :3, 10:22, 10:22] == 0).all() and torch.equal(source[:, :3, :10], target[:, :, :10])


@pytest.mark.parametrize("channels", [1, 3])
def test_old_photos_wear_in_many_ways_and_keep_their_size(channels: int) -> None:
    pixels = good(0, 31, 23, channels)
    worn = [aged(pixels, 1.0, np.random.default_rng(seed)) for seed in range(12)]
    assert all(each.shape == pixels.shape and each.dtype == np.uint8 for each in worn)
    errors = [np.abs(each.astype(int) - pixels).mean() for each in worn]
    assert min(errors) > 0.5 and max(errors) > 2 * min(errors)
    mild = np.mean([np.abs(aged(pixels, 0.1, np.random.default_rng(s)).astype(int) - pixels).mean() for s in range(12)])
    assert mild < np.mean(errors)


def test_a_sinc_rings_and_keeps_the_mean() -> None:
    kernel = _sinc(np.random.default_rng(0))
    assert kernel.sum() == pytest.approx(1, abs=1e-5) and kernel.min() < 0 and kernel.max() == kernel[10, 10]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Damage("super-resolution", 5), "scale is 5"),
        (Damage("denoise", 1, 0.0), "above 0, at most 255"),
        (Damage("jpeg", 1, 100.0), "at most 95"),
        (Damage("colour", 1, 0.0, 1), "leave out --channels"),
    ],
)
def test_settings_that_mean_nothing(damage: Damage, words: str) -> None:
    with pytest.raises(UserError, match=words):
        damage.refuse()
