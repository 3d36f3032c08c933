"""Players for points: three dense layers each."""

from itertools import pairwise

from torch import nn

from rivals.core.types import Float, Tensor


class Dense(nn.Module):
    """Three hidden layers; the condition is not used. scale: of the input, so that what matters in it is some units apart.
    leak: of a unit's negative side.
    """

    def __init__(self, inputs: int, outputs: int, *, width: int, scale: float = 1.0, leak: float = 0.0) -> None:
        super().__init__()
        sizes = [inputs, width, width, width]
        hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.LeakyReLU(leak))]
        self.scale, self.layers = scale, nn.Sequential(*hidden, nn.Linear(width, outputs))

    def forward(self, x: Float[Tensor, "n inputs"], condition: Tensor | None = None) -> Float[Tensor, "n *outputs"]:
        return self.layers(x * self.scale)


class Judge(Dense):
    """Points (n, d) -> scores (n,). On the line it is leaky: of ReLUs it can die there, and then says one half whatever G makes;
    in the plane ReLUs make the finer modes."""

    def __init__(self, inputs: int, *, width: int) -> None:
        line = inputs == 1
        super().__init__(inputs, 1, width=width, scale=2.0 if line else 4.0, leak=0.2 if line else 0.0)

    def forward(self, x: Float[Tensor, "n inputs"], condition: Tensor | None = None) -> Float[Tensor, "n"]:
        return super().forward(x).squeeze(1)
