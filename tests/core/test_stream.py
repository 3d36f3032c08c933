"""Stream: an endless, seeded order that can start anywhere."""

from collections.abc import Iterator
from itertools import islice
from multiprocessing.reduction import ForkingPickler

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rivals.core.errors import UserError
from rivals.core.stream import Stream, mix
from rivals.core.types import Tensor
from rivals.games.gan import Sample

lengths, seeds = st.integers(1, 40), st.integers(-3, 2**70)


def table(length: int) -> Sample:
    return Sample(torch.arange(length)[:, None] * torch.ones(2), torch.arange(length))


def stream(length: int, *, seed: int = 0, workers: int = 0) -> Stream[Sample]:
    return Stream.over(table(length), seed=seed, workers=workers)


def rows(batches: Iterator[Sample], n: int) -> list[int]:
    """The items of the first n batches, one after another."""
    return [item for batch in islice(batches, n) for item in batch.condition.tolist()]


@given(length=lengths, seed=seeds, epoch=st.integers(0, 5))
def test_every_epoch_is_a_permutation(length: int, seed: int, epoch: int) -> None:
    items = stream(length, seed=seed).items(epoch * length, length)
    assert sorted(items.tolist()) == list(range(length))


@given(length=lengths, seen=st.integers(0, 200), size=st.integers(1, 50))
def test_starting_anywhere_equals_skipping(length: int, seen: int, size: int) -> None:
    order = stream(length)
    straight = rows(order(0, 1, 1), seen + 2 * size)
    assert rows(order(seen, size, size), 2) == straight[seen:]


@given(length=lengths, share=st.integers(1, 6), world=st.integers(1, 4))
def test_the_strides_of_the_ranks_interleave_to_the_order_of_one_process(length: int, share: int, world: int) -> None:
    order, batch = stream(length), share * world
    ranks = [order(rank * share, share, batch) for rank in range(world)]
    together = [item for _ in range(5) for rank in ranks for item in next(rank).condition.tolist()]
    assert together == rows(order(0, batch, batch), 5)


def test_epochs_and_seeds_differ() -> None:
    order = stream(50)
    assert rows(order(0, 50, 50), 1) != rows(order(50, 50, 50), 1)
    assert rows(order(0, 50, 50), 1) != rows(stream(50, seed=1)(0, 50, 50), 1)


def test_data_and_condition_stay_together() -> None:
    batch = next(stream(30)(7, 16, 16))
    assert torch.equal(batch.data[:, 0], batch.condition.float()) and batch.data.shape == (16, 2)


def test_one_sample_repeats_and_a_batch_may_be_longer_than_the_data() -> None:
    assert rows(stream(1)(3, 4, 4), 2) == [0] * 8
    batch = next(stream(3)(0, 10, 10)).condition
    assert len(batch) == 10 and sorted(batch[:9].tolist()) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_no_sample_is_a_users_mistake() -> None:
    with pytest.raises(UserError, match="at least one"):
        Stream(lambda items: table(1), 0)
    with pytest.raises(UserError, match="no sample"):
        Stream.over(Sample(torch.zeros(0, 2)))


@pytest.fixture(scope="module")
def of_processes() -> list[Sample]:
    return list(islice(stream(23, seed=5, workers=2)(9, 8, 16), 7))


def test_worker_processes_change_neither_order_nor_content(of_processes: list[Sample]) -> None:
    for one, other in zip(islice(stream(23, seed=5)(9, 8, 16), 7), of_processes, strict=True):
        assert torch.equal(one.data, other.data) and torch.equal(one.condition, other.condition)


def test_workers_do_not_draw_from_the_global_random_state() -> None:
    before = torch.default_generator.get_state()
    next(stream(5, workers=1)(0, 2, 2))
    assert torch.equal(before, torch.default_generator.get_state())


def test_what_workers_need_can_be_sent_to_a_process_that_is_spawned() -> None:
    assert len(ForkingPickler.dumps(stream(5).fetch)) > 0


def test_a_fetch_that_changes_its_items_does_not_change_the_order() -> None:
    def fetch(items: Tensor) -> Sample:
        items += 1  # say, files that are numbered from one
        return Sample(items[:, None].float(), items)

    counted = Stream(fetch, 6)
    assert rows(counted(0, 6, 6), 1) == rows(counted(0, 6, 6), 1) == [item + 1 for item in rows(stream(6)(0, 6, 6), 1)]


@given(parts=st.lists(st.integers(-5, 2**64), min_size=1, max_size=4))
def test_mix_is_a_seed_that_torch_takes_and_tells_its_parts_apart(parts: list[int]) -> None:
    seed = mix(*parts)
    assert 0 <= seed < 2**63 and seed == mix(*parts)
    assert mix(*parts, 0) != mix(*parts, 1) and mix(*parts) != mix(parts[0] + 1, *parts[1:])


def test_mix_has_no_collisions_on_a_grid() -> None:
    assert len({mix(seed, round, rank) for seed in range(20) for round in range(50) for rank in range(8)}) == 8000
