"""Batch: aligned tensors."""

from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rivals.core.batch import Batch
from rivals.core.errors import UserError
from rivals.core.types import Tensor


@dataclass(frozen=True)
class Pair(Batch):
    data: Tensor
    label: Tensor | None = None
    source: str = "memory"


def pair(n: int) -> Pair:
    return Pair(torch.arange(2.0 * n).view(n, 2), torch.arange(n))


def test_length_is_the_first_axis() -> None:
    assert len(pair(5)) == 5
    assert len(Pair(torch.zeros(3, 1))) == 3


@pytest.mark.parametrize("label", [torch.zeros(4), torch.zeros(0), torch.zeros(())])
def test_tensors_that_do_not_align_are_told_by_name_and_size(label: Tensor) -> None:
    with pytest.raises(UserError, match=r"Pair: every tensor needs the same first axis .* data \[3\], label \["):
        Pair(torch.zeros(3, 2), label)


def test_a_lone_tensor_without_axes_is_refused() -> None:
    with pytest.raises(UserError, match="first axis"):
        Pair(torch.zeros(()))


def test_map_reaches_every_tensor_and_nothing_else() -> None:
    doubled = pair(3).map(lambda tensor: 2 * tensor)
    assert torch.equal(doubled.data, 2 * pair(3).data) and torch.equal(doubled.label, torch.tensor([0, 2, 4]))
    assert doubled.source == "memory" and isinstance(doubled, Pair)
    assert Pair(torch.ones(2, 1)).map(lambda tensor: 2 * tensor).label is None


def test_map_leaves_the_batch_as_it_was() -> None:
    batch = pair(4)
    half = batch.map(lambda tensor: tensor[:2])
    assert len(half) == 2 and len(batch) == 4 and batch.data.shape == (4, 2)


def test_to_is_itself_where_it_is_there_already() -> None:
    batch = pair(2)
    assert batch.to("cpu") is batch
    moved = batch.to("meta")
    assert moved.data.device.type == moved.label.device.type == "meta" and moved.source == "memory"
    assert batch.data.device.type == "cpu"


def test_a_batch_is_frozen() -> None:
    with pytest.raises(AttributeError):
        pair(2).data = torch.zeros(2, 2)


@given(n=st.integers(1, 20), size=st.integers(1, 25))
def test_split_keeps_order_and_leaves_the_rest_to_the_last(n: int, size: int) -> None:
    whole = pair(n)
    parts = whole.split(size)
    assert [len(part) for part in parts] == [min(size, n - start) for start in range(0, n, size)]
    assert torch.equal(torch.cat([part.data for part in parts]), whole.data)
    assert torch.equal(torch.cat([part.label for part in parts]), whole.label)


def test_split_keeps_fields_without_tensors() -> None:
    parts = Pair(torch.zeros(5, 1), source="disk").split(2)
    assert [(part.label, part.source) for part in parts] == [(None, "disk")] * 3
    whole = pair(3)
    assert whole.split(3) == [whole]
