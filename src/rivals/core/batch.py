"""Batch: tensors that belong together, row by row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Self

import torch

from rivals.core.errors import UserError
from rivals.core.types import Tensor


@dataclass(frozen=True)
class Batch:
    """Aligned tensors: subclass it as a frozen dataclass whose Tensor fields have the sample axis first.

    A field may be None (no label, say); fields of other types are carried along untouched.
    Raises UserError where two fields differ in their number of samples.
    """

    def __post_init__(self) -> None:
        sizes = {name: tensor.shape[:1] for name, tensor in self._tensors()}
        if len(set(sizes.values())) > 1 or torch.Size() in sizes.values():
            told = ", ".join(f"{name} {list(size)}" for name, size in sizes.items())
            raise UserError(f"{type(self).__name__}: every tensor needs the same first axis (samples), got {told}")

    def _tensors(self) -> Iterator[tuple[str, Tensor]]:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor):
                yield field.name, value

    def map(self, f: Callable[[Tensor], Tensor]) -> Self:
        """The batch with `f` applied to every tensor."""
        return replace(self, **{name: f(tensor) for name, tensor in self._tensors()})

    def to(self, device: torch.device | str) -> Self:
        """The batch on `device`; itself where it is there already."""
        where = torch.device(device)
        if all(tensor.device == where for _, tensor in self._tensors()):
            return self
        return self.map(lambda tensor: tensor.to(where, non_blocking=True))

    def split(self, size: int) -> list[Self]:
        """The batch in pieces of `size` samples; the last may be smaller."""
        if size >= len(self):
            return [self]
        return [self.map(lambda t, a=start: t[a : a + size]) for start in range(0, len(self), size)]  # type: ignore[misc]

    def __len__(self) -> int:
        return next((len(tensor) for _, tensor in self._tensors()), 0)
