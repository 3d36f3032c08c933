"""Inception-v3 (Szegedy et al. 2016, arXiv:1512.00567) as the graph of 2015-12-05 that the Frechet inception distance is
defined by (Heusel et al. 2017, arXiv:1706.08500): 2,048 features after the last pooling, 1,008 logits.

That graph differs from the later release in two ways: average pooling leaves the padding out of the mean, and the last
block pools by the maximum. Entries of the state are named as in the public port of its weights to PyTorch.
"""

import torch
from torch import nn
from torch.nn.functional import avg_pool2d, max_pool2d

from rivals.core.types import Float, Tensor

SIZE, WIDTH, LOGITS = 299, 2048, 1008


class Conv(nn.Module):
    """A convolution without bias, normalised, rectified. kernel: (height, width); the padding keeps the size unless `valid`."""

    def __init__(self, inputs: int, outputs: int, kernel: tuple[int, int], *, stride: int = 1, valid: bool = False) -> None:
        super().__init__()
        padding = (0, 0) if valid else (kernel[0] // 2, kernel[1] // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.bn(self.conv(x))
        return y.relu()


def _point(inputs: int, outputs: int) -> Conv:
    return Conv(inputs, outputs, (1, 1))


def _mean(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _halve(x: Tensor) -> Tensor:
    return max_pool2d(x, 3, stride=2)


class Mixed5(nn.Module):
    """Figure 5: 1x1, 5x5, two 3x3, pooling; at 35x35. -> 224 + pooled channels."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = _point(inputs, 64)
        self.branch5x5_1, self.branch5x5_2 = _point(inputs, 48), Conv(48, 64, (5, 5))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _point(inputs, 64), Conv(64, 96, (3, 3))
        self.branch3x3dbl_3 = Conv(96, 96, (3, 3))
        self.branch_pool = _point(inputs, pooled)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.branch5x5_2(self.branch5x5_1(x))
        twice = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), wide, twice, self.branch_pool(_mean(x))], 1)


class Mixed6a(nn.Module):
    """Figure 10: from 35x35 to 17x17, 288 -> 768 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = Conv(288, 384, (3, 3), stride=2, valid=True)
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _point(288, 64), Conv(64, 96, (3, 3))
        self.branch3x3dbl_3 = Conv(96, 96, (3, 3), stride=2, valid=True)

    def forward(self, x: Tensor) -> Tensor:
        twice = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), twice, _halve(x)], 1)


class Mixed6(nn.Module):
    """Figure 6 with n = 7: 7x7 as 1x7 and 7x1, once and twice; at 17x17, 768 -> 768 channels."""

    def __init__(self, narrow: int) -> None:
        super().__init__()
        row, column = (1, 7), (7, 1)
        self.branch1x1 = _point(768, 192)
        self.branch7x7_1, self.branch7x7_2 = _point(768, narrow), Conv(narrow, narrow, row)
        self.branch7x7_3 = Conv(narrow, 192, column)
        self.branch7x7dbl_1, self.branch7x7dbl_2 = _point(768, narrow), Conv(narrow, narrow, column)
        self.branch7x7dbl_3, self.branch7x7dbl_4 = Conv(narrow, narrow, row), Conv(narrow, narrow, column)
        self.branch7x7dbl_5 = Conv(narrow, 192, row)
        self.branch_pool = _point(768, 192)

    def forward(self, x: Tensor) -> Tensor:
        once = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        twice = self.branch7x7dbl_5(self.branch7x7dbl_4(twice))
        return torch.cat([self.branch1x1(x), once, twice, self.branch_pool(_mean(x))], 1)


class Mixed7a(nn.Module):
    """From 17x17 to 8x8, 768 -> 1,280 channels."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1, self.branch3x3_2 = _point(768, 192), Conv(192, 320, (3, 3), stride=2, valid=True)
        self.branch7x7x3_1, self.branch7x7x3_2 = _point(768, 192), Conv(192, 192, (1, 7))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1))
        self.branch7x7x3_4 = Conv(192, 192, (3, 3), stride=2, valid=True)

    def forward(self, x: Tensor) -> Tensor:
        long = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([self.branch3x3_2(self.branch3x3_1(x)), long, _halve(x)], 1)


class Mixed7(nn.Module):
    """Figure 7: 3x3 split into 1x3 and 3x1 side by side; at 8x8, -> 2,048 channels. last: pool by the maximum."""

    def __init__(self, inputs: int, *, last: bool) -> None:
        super().__init__()
        self.last = last
        self.branch1x1 = _point(inputs, 320)
        self.branch3x3_1 = _point(inputs, 384)
        self.branch3x3_2a, self.branch3x3_2b = Conv(384, 384, (1, 3)), Conv(384, 384, (3, 1))
        self.branch3x3dbl_1, self.branch3x3dbl_2 = _point(inputs, 448), Conv(448, 384, (3, 3))
        self.branch3x3dbl_3a, self.branch3x3dbl_3b = Conv(384, 384, (1, 3)), Conv(384, 384, (3, 1))
        self.branch_pool = _point(inputs, 192)

    def forward(self, x: Tensor) -> Tensor:
        once, twice = self.branch3x3_1(x), self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = max_pool2d(x, 3, stride=1, padding=1) if self.last else _mean(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(once), self.branch3x3_2b(once)]
        parts += [self.branch3x3dbl_3a(twice), self.branch3x3dbl_3b(twice), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Pictures (n, 3, 299, 299) in [-1, 1) -> features (n, 2048); `fc` turns them into logits (n, 1008)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, (3, 3), stride=2, valid=True)
        self.Conv2d_2a_3x3 = Conv(32, 32, (3, 3), valid=True)
        self.Conv2d_2b_3x3 = Conv(32, 64, (3, 3))
        self.Conv2d_3b_1x1 = _point(64, 80)
        self.Conv2d_4a_3x3 = Conv(80, 192, (3, 3), valid=True)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = Mixed5(192, 32), Mixed5(256, 64), Mixed5(288, 64)
        self.Mixed_6a = Mixed6a()
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = Mixed6(128), Mixed6(160), Mixed6(160), Mixed6(192)
        self.Mixed_7a = Mixed7a()
        self.Mixed_7b, self.Mixed_7c = Mixed7(1280, last=False), Mixed7(2048, last=True)
        self.fc = nn.Linear(WIDTH, LOGITS)

    def forward(self, x: Float[Tensor, "n 3 299 299"]) -> Float[Tensor, "n 2048"]:
        x = _halve(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))))
        x = _halve(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)))
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))
        return x.mean((2, 3))
