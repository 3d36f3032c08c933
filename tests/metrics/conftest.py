"""What the tests of the measures share."""

from collections.abc import Iterator

import jaxtyping
import pytest
import torch


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shapes in signatures go unchecked, as they do for a user, so that a mistake reaches the library's own message."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """The test leaves the global random state as it was."""
    before = torch.get_rng_state()
    yield
    assert torch.equal(before, torch.get_rng_state())
