"""Shapes in signatures: documentation for readers, checked while the tests run (where jaxtyping is installed)."""

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from jaxtyping import Float, Int
else:
    try:
        from jaxtyping import Float, Int
    except ImportError:

        class _Unchecked:
            def __class_getitem__(cls, item):
                return item[0]

        Float = Int = _Unchecked

Scalar = Float[Tensor, ""]
Scores = Float[Tensor, "n *patch"]
__all__ = ["Float", "Int", "Scalar", "Scores", "Tensor"]
