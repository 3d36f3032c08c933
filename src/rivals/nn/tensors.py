"""Named tensors of a weights file, read without running anything that the file says."""

from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from rivals.core.device import check_torch
from rivals.core.types import Tensor


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors in a .safetensors, .pt or .pth file, on the CPU.

    Raises:
        OSError: the file cannot be opened. ValueError: it holds anything but named tensors, or is damaged.
    """
    check_torch()
    path.open("rb").close()
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # what a damaged or foreign file makes the readers raise has no bounds
        raise ValueError(f"{path} cannot be read as weights") from None
    if not isinstance(found, dict) or not all(isinstance(t, Tensor) and isinstance(key, str) for key, t in found.items()):
        raise ValueError(f"{path} holds more than named tensors")
    return found
