"""Where and how precisely a game is played, and what its bits depend on for that."""

import os
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch

from rivals.core.errors import UserError

Precision = Literal["auto", "fp32", "bf16"]


def check_torch(found: str = torch.__version__) -> None:
    """Raises UserError for a torch below 2.11: older ones load foreign files unsafely and lack what the trainer calls."""
    if tuple(int(part) for part in found.split("+")[0].split(".")[:2]) < (2, 11):
        raise UserError(f"torch {found} is too old, rivals needs 2.11 to 2.13: pip install 'torch>=2.11,<2.14'")


def pick_device(device: str) -> torch.device:
    """ "auto": the accelerator if there is one (this rank's, under torchrun), else the CPU."""
    check_torch()
    if device == "cuda" or (device == "auto" and torch.cuda.is_available()):
        device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
    if device != "auto":
        try:
            torch.empty(0, device=device)
            if not device.startswith(("cpu", "cuda", "mps")):
                raise RuntimeError("rivals plays on cpu, cuda and mps")
            if device.startswith("cuda"):
                torch.cuda.set_device(device)  # what is seeded and drawn from is the current device
        except (RuntimeError, AssertionError) as error:
            raise UserError(f"device {device!r} cannot be used here ({str(error).splitlines()[0]}): try auto or cpu") from None
        return torch.device(device)
    return torch.device("cpu")


def pick_precision(precision: Precision, device: torch.device) -> torch.dtype:
    """ "auto" is bf16 on CUDA that has it, else fp32: a CPU without bf16 instructions is 10 to 70 times slower with it."""
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" and torch.cuda.is_bf16_supported() else torch.float32
    if precision == "bf16" and device.type == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        warnings.warn("this CPU has no bf16 instructions: bf16 will be 10 to 70 times slower than fp32", stacklevel=3)
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]


def environment(device: torch.device, dtype: torch.dtype, processes: int) -> dict[str, Any]:
    """What the bits of a run depend on besides its arguments and data."""
    place = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
    return {
        "rivals": version("rivals"),
        "torch": torch.__version__,
        "device": f"{device.type} {place}",
        "threads": torch.get_num_threads(),
        "precision": str(dtype).removeprefix("torch."),
        "processes": processes,
    }


def same_terms(record: Mapping[str, Any], here: Mapping[str, Any], facts: Mapping[str, Any], folder: Path) -> None:
    """Warns where a run would go on to other bits than those promised; raises UserError where its data is another."""
    for key, was in record["environment"].items():
        if here.get(key) != was:
            warnings.warn(f"{key} was {was} and is {here.get(key)}: the run goes on, but not to the same bits", stacklevel=3)
    if record["facts"] != facts:
        changed = [key for key in {**record["facts"], **facts} if record["facts"].get(key) != facts.get(key)]
        raise UserError(f"the data is not what {folder} was trained on (changed: {', '.join(changed)}); restore it")
