"""The network that turns samples into features to compare: one that a task trains itself, named by its digest."""

import hashlib
from dataclasses import dataclass

import torch
from torch import nn

from rivals.core.errors import UserError
from rivals.core.game import evaluating
from rivals.core.types import Float, Tensor


@dataclass(frozen=True)
class Backbone:
    """A feature extractor, used in evaluation mode and without gradients; nothing is ever downloaded.

    Attributes:
        name: what reports call it, such as "digits-cnn".
        module: samples (n, ...) -> features (n, d).
        head: features (n, d) -> logits (n, classes), for measures that need a classifier; None where there is none.
        batch: samples to take at a time. Features depend on it by float rounding, so compare at one value.
    """

    name: str
    module: nn.Module
    head: nn.Module | None = None
    batch: int = 256

    def __call__(self, samples: Tensor) -> Float[Tensor, "n d"]:
        """Features (n, d) of samples (n, ...), computed on the module's device, returned on that of the samples.

        Raises:
            UserError: no samples, or a module that does not return (n, d).
        """
        return _batched(self.module, samples, self.batch, f"backbone {self.name}")

    def classify(self, features: Float[Tensor, "n d"]) -> Float[Tensor, "n classes"]:
        """Logits (n, classes) of features (n, d) that this backbone computed.

        Raises:
            UserError: the backbone has no head, or one that does not return (n, classes).
        """
        if self.head is None:
            raise UserError(f"backbone {self.name} has no head; give it one, or measure without labels")
        return _batched(self.head, features, self.batch, f"the head of backbone {self.name}")

    @property
    def digest(self) -> str:
        """`module_digest` of the weights as they are now: of the module, and of the head too where there is one."""
        return module_digest(nn.ModuleList([self.module] if self.head is None else [self.module, self.head]))


def identity(name: str = "identity") -> Backbone:
    """The backbone for data that are features already (points, table rows): flattens each sample, learns nothing."""
    return Backbone(name, nn.Flatten())


def module_digest(module: nn.Module) -> str:
    """SHA-256, 64 hex digits, over name, dtype, shape and bytes of each entry of the state, sorted by name.

    Equal on every device. Says nothing of the code: an identity and a sigmoid, both without weights, share a digest.

    Raises:
        UserError: the state holds something other than tensors.
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if not isinstance(value, Tensor):
            raise UserError(f"state entry {name} is a {type(value).__name__}; only tensors have a digest")
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _batched(module: nn.Module, rows: Tensor, batch: int, name: str) -> Tensor:
    if len(rows) == 0:
        raise UserError(f"{name} was given no samples")
    weight = next(module.parameters(), None)
    device = rows.device if weight is None else weight.device
    with evaluating(module):
        parts = [module(part.to(device)).to(rows.device) for part in torch.split(rows, batch)]
    found = torch.cat(parts)
    if found.ndim != 2 or len(found) != len(rows):
        raise UserError(f"{name} returned shape {tuple(found.shape)} for {len(rows)} samples; give (n, width)")
    return found
