"""Networks: two hidden layers of tanh (Ho and Ermon 2016); observations are measured in the expert's deviations."""

import math

import torch
from torch import nn

from rivals.core.types import Float, Scores, Tensor
from rivals.tasks.control.environments import Space

FAR = 5.0  # deviations from the expert's mean: what lies further looks the same


class Scale(nn.Module):
    """(x - mean) / deviation of usual observations, cut at FAR: once the pole has fallen, numbers have no limit."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))

    def fit(self, rows: Float[Tensor, "n d"]) -> None:
        self.mean.copy_(rows.mean(0))
        spread = rows.std(0, correction=0)
        self.deviation.copy_(torch.where(spread > 1e-6, spread, torch.ones_like(spread)))

    def forward(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        return ((x - self.mean) / self.deviation).clamp(-FAR, FAR)


def dense(inputs: int, outputs: int, width: int, *, last: float = 1.0) -> nn.Sequential:
    """Orthogonal weights, the last layer's times `last`; biases of zero."""
    layers = [nn.Linear(inputs, width), nn.Linear(width, width), nn.Linear(width, outputs)]
    for layer, gain in zip(layers, (math.sqrt(2), math.sqrt(2), last), strict=True):
        nn.init.orthogonal_(layer.weight, gain)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(layers[0], nn.Tanh(), layers[1], nn.Tanh(), layers[2])


class Policy(nn.Module):
    """Observations -> how likely each action is: a categorical distribution, or a Gaussian whose deviation is the same
    everywhere. Actions are coded as in rollout.py."""

    def __init__(self, space: Space, width: int = 64) -> None:
        super().__init__()
        self.discrete, self.scale = space.discrete, Scale(space.observations)
        self.layers = dense(space.observations, space.actions, width, last=0.01)
        if not self.discrete:
            self.log_deviation = nn.Parameter(torch.full((space.actions,), -0.5))

    def forward(self, observation: Float[Tensor, "n d"]) -> Float[Tensor, "n k"]:
        """Logits of the choices, or the mean action."""
        told: Tensor = self.layers(self.scale(observation))
        return told.float()

    def log_probability(self, observation: Float[Tensor, "n d"], action: Float[Tensor, "n k"]) -> Float[Tensor, "n"]:
        """Of a continuous action its log density, before the limits."""
        told = self(observation)
        if self.discrete:
            return (told.log_softmax(1) * action).sum(1)
        away = (action - told) * (-self.log_deviation).exp()
        return -(away.square() / 2 + self.log_deviation + math.log(2 * math.pi) / 2).sum(1)

    def entropy(self, observation: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
        """In nats."""
        if self.discrete:
            told = self(observation).log_softmax(1)
            return -(told.exp() * told).sum(1)
        each = self.log_deviation + math.log(2 * math.pi * math.e) / 2
        return each.sum().expand(len(observation))

    def act(
        self, observation: Float[Tensor, "n d"], *, temperature: float = 1.0, noise: torch.Generator | None = None
    ) -> Float[Tensor, "n k"]:
        """Coded actions; temperature: 1 as likely as the policy has it, 0 the likeliest alone. noise: on the CPU."""
        told = self(observation)
        if self.discrete:
            uniform = torch.rand(told.shape, generator=noise).to(told.device).clamp(1e-6, 1 - 1e-6)
            chosen = (told - temperature * (-uniform.log()).log()).argmax(1)
            return nn.functional.one_hot(chosen, told.shape[1]).float()
        normal = torch.randn(told.shape, generator=noise).to(told.device)
        return told + temperature * self.log_deviation.exp() * normal


class Value(nn.Module):
    """Observations -> the discounted sum of what is to come, times 1 - gamma."""

    def __init__(self, space: Space, width: int = 64) -> None:
        super().__init__()
        self.scale, self.layers = Scale(space.observations), dense(space.observations, 1, width)

    def forward(self, observation: Float[Tensor, "n d"]) -> Float[Tensor, "n"]:
        told: Tensor = self.layers(self.scale(observation))
        return told[:, 0].float()


class Judge(nn.Module):
    """Observation and coded action -> a logit, above 0 where the expert is the likelier one to have done this."""

    def __init__(self, space: Space, width: int = 64) -> None:
        super().__init__()
        self.observations, self.scale = space.observations, Scale(space.observations)
        self.layers = dense(space.observations + space.actions, 1, width)

    def measure(self, pair: Float[Tensor, "n both"]) -> Float[Tensor, "n both"]:
        """The pair with its observation in the expert's deviations."""
        observation, action = pair.split([self.observations, pair.shape[1] - self.observations], 1)
        return torch.cat([self.scale(observation), action], 1)

    def measured(self, pair: Float[Tensor, "n both"]) -> Scores:
        """The logit of a pair that was measured: penalties flatten it there, whatever units the environment has."""
        told: Tensor = self.layers(pair)
        return told[:, 0].float()

    def forward(self, pair: Float[Tensor, "n both"]) -> Scores:
        return self.measured(self.measure(pair))
