"""The rules that choose settings are the stated ones."""

from pathlib import Path

import pytest
from PIL import Image

from rivals.media.collection import load
from rivals.nn.format import Format
from rivals.tasks.images.choose import augmentation_of, choose, gamma_of, size_of, strength_of
from rivals.tasks.images.r3gan import Plain


@pytest.mark.parametrize(("height", "width", "gpu", "cpu"), [(32, 32, 0.5, 3.2), (64, 64, 2.0, 6.4), (28, 28, 0.383, 2.8)])
def test_gamma_grows_with_the_pixels(height: int, width: int, gpu: float, cpu: float) -> None:
    form = Format(3, height, width)
    assert (gamma_of(form, gpu=True), gamma_of(form, gpu=False)) == (gpu, cpu)


def test_few_pictures_are_augmented_more() -> None:
    assert augmentation_of(50_000, gpu=False) == augmentation_of(50_000, gpu=True) == "none"
    for augment in (augmentation_of(400, gpu=False), augmentation_of(400, gpu=True)):
        assert strength_of(augment, 400, small=False) > strength_of(augment, 6_000, small=False) > 0
    assert strength_of("diff", 400, small=True) == 0.5


def test_an_augmentation_that_is_asked_for_has_its_own_strength() -> None:
    form = Format(3, 40, 30)
    for count, said, gpu, strength in (
        (60_000, "diff", False, 0.5),
        (60_000, "ada", False, 0.3),
        (300, "ada", False, 0.6),
        (300, "ada-adaptive", False, 0.0),
        (300, "diff", True, 1.0),
    ):
        chosen = choose(form, count, gpu=gpu, augment=said)  # type: ignore[arg-type]
        assert (chosen.plan.augment, chosen.plan.strength) == (said, strength)
        assert chosen.reasons["augment"] == f"{said}, strength {strength:g}, as you said"
    assert choose(form, 300, gpu=False, strength=0.2).plan.strength == 0.2


def test_a_cpu_gets_less_and_a_tiny_set_a_tiny_batch() -> None:
    form = Format(1, 28, 28, 10)
    cpu, gpu = choose(form, 60_000, gpu=False), choose(form, 60_000, gpu=True)
    assert cpu.plan.shape.width < gpu.plan.shape.width and cpu.samples < gpu.samples and isinstance(cpu.plan.shape, Plain)
    assert choose(form, 9, gpu=False).batch == 9
    large = choose(Format(3, 64, 64), 60_000, gpu=False)
    assert (cpu.plan.shape.width, cpu.samples, cpu.plan.penalty_every) == (32, 800_000, 4)
    assert (large.plan.shape.width, large.samples, large.plan.gamma) == (24, 400_000, 6.4)
    assert (cpu.plan.rate, large.plan.rate) == (1.5e-3, 1e-3)
    assert set(cpu.reasons) == {"network", "gamma", "penalty_every", "rate", "batch", "augment", "samples"}


def save(folder: Path, *sizes: tuple[int, int]) -> Path:
    folder.mkdir()
    for i, size in enumerate(sizes):
        Image.new("RGB", size, (i, 0, 0)).save(folder / f"{i}.png")
    return folder


def test_a_batch_is_compared_where_nothing_is_augmented_or_pictures_are_small() -> None:
    form = Format(3, 40, 30)
    plans = [choose(form, count, gpu=False, augment=said).plan for count, said in ((300, None), (300, "none"), (60_000, None))]
    plans.append(choose(Format(1, 28, 28), 300, gpu=False).plan)
    assert [plan.shape.compares for plan in plans if isinstance(plan.shape, Plain)] == [False, True, True, True]


def test_small_pictures_of_one_size_stay_as_they_are(tmp_path: Path) -> None:
    assert size_of(save(tmp_path / "a", (40, 30), (40, 30)), None, most=64)[0] is None


def test_large_ones_shrink_and_keep_their_middle_shape(tmp_path: Path) -> None:
    size, why = size_of(save(tmp_path / "b", (200, 100), (400, 200), (300, 290)), None, most=64)
    assert size == "32x64" and "3 sizes" in why
    assert size_of(tmp_path / "b", "20", most=64)[0] == "20"


def test_a_size_is_chosen_where_any_picture_has_another(tmp_path: Path) -> None:
    """Whatever `load` would refuse for want of a size: here the last of many pictures differ."""
    folder = save(tmp_path / "c", *[(20, 24)] * 1000, *[(20, 28)] * 100)
    size, why = size_of(folder, None, most=64)
    assert size == "24x20" and "2 sizes" in why
    assert load(folder, size=size).form[1:3] == (24, 20)


def test_a_chosen_size_enlarges_no_more_than_half_of_the_pictures(tmp_path: Path) -> None:
    folder = save(tmp_path / "d", (20, 20), (30, 20), (40, 20), (50, 25), (60, 20))
    assert size_of(folder, None, most=64)[0] == "20x40" and size_of(folder, None, most=32)[0] == "16x32"
