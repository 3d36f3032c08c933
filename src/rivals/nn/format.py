"""Format: what a picture network makes or judges, and the sizes that its stages pass through."""

from typing import NamedTuple


class Format(NamedTuple):
    """Pictures (n, channels, height, width) in [-1, 1] and their condition.

    classes: number of class labels, the condition is (n,) whole numbers. attributes: length of a condition (n, attributes)
    of any numbers: several labels at once (0 or 1 each), or continuous ones. Both 0: the condition is None.
    """

    channels: int
    height: int
    width: int
    classes: int = 0
    attributes: int = 0

    @property
    def conditional(self) -> bool:
        return self.classes + self.attributes > 0

    @property
    def small(self) -> bool:
        """Whether no side has more than 32 pixels: recipes choose some settings by that."""
        return max(self.height, self.width) <= 32


def ladder(height: int, width: int, least: int = 4) -> list[tuple[int, int]]:
    """The (height, width) of each stage, smallest first: halves, rounded up, until no side is above `least` pixels.

    28x28 is 4, 7, 14, 28; 112x92 is 4x3, 7x6, 14x12, 28x23, 56x46, 112x92: any size works, not only powers of two.
    """
    sizes = [(height, width)]
    while max(sizes[0]) > least:
        sizes.insert(0, ((sizes[0][0] + 1) // 2, (sizes[0][1] + 1) // 2))
    return sizes


def stage_widths(stages: int, width: int, widest: int) -> list[int]:
    """Channels of each stage, smallest resolution first: `width` at full size, twice as many a stage down, at most `widest`."""
    return [min(width * 2 ** (stages - 1 - level), widest) for level in range(stages)]
