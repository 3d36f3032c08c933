"""Players for points: three dense layers each."""

from itertools import pairwise

from torch import nn

from rivals.core.types import Float, Tensor


class Dense(nn.Module):
    """Three hidden layers; the condition is not used. scale: of the input, so that what matters in it is some units apart."""

    def __init__(self, inputs: int, outputs: int, *, width: int, scale: float = 1.0) -> None:
        super().__init__()
        sizes = [inputs, width, width, width]
        # Leaky: a discriminator of ReLUs can die on the line, and then says one half of everything whatever G makes.
        hidden = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.LeakyReLU(0.2))]
        self.scale, self.layers = scale, nn.Sequential(*hidden, nn.Linear(width, outputs))

    def forward(self, x: Float[Tensor, "n inputs"], condition: Tensor | None = None) -> Float[Tensor, "n *outputs"]:
        return self.layers(x * self.scale)


class Judge(Dense):
    """Points (n, d) -> scores (n,)."""

    def forward(self, x: Float[Tensor, "n inputs"], condition: Tensor | None = None) -> Float[Tensor, "n"]:
        return super().forward(x).squeeze(1)
