"""Ranks: the processes of one run under torchrun; PyTorch distributed is the engine, and no module is wrapped.

A flat all-reduce of the gradients that exist, after each backward, equals one process on the whole batch to rounding.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import distributed
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from rivals.core.types import Tensor


class Ranks(NamedTuple):
    """This process's place among `world` of them."""

    rank: int = 0
    world: int = 1

    @torch.no_grad()
    def mean_(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes its mean over the ranks, in place, in one collective."""
        if self.world == 1 or not tensors:
            return
        dtype = torch.float64 if any(tensor.dtype is torch.float64 for tensor in tensors) else torch.float32
        flat = torch.cat([tensor.reshape(-1).to(dtype) for tensor in tensors])
        distributed.all_reduce(flat)
        flat /= self.world
        for tensor, piece in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(piece.view_as(tensor))

    @torch.no_grad()
    def same_(self, tensors: Sequence[Tensor]) -> None:
        """Each tensor becomes rank 0's."""
        if self.world > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, 0)

    def same_text(self, text: str, device: torch.device) -> str:
        """Rank 0's text, of at most 4,096 bytes, on every rank."""
        letters = torch.zeros(4096, dtype=torch.uint8, device=device)
        letters[: len(text.encode())] = torch.tensor(list(text.encode()), dtype=torch.uint8)
        self.same_([letters])
        return bytes(letters.tolist()).rstrip(b"\0").decode()


def join(device: torch.device) -> Ranks:
    """This process's ranks as torchrun's environment tells them, joining the group once; one rank without torchrun."""
    if not distributed.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return Ranks()
        # torchrun keeps one key store over its restarts: without a prefix a new process may wait for one that has died.
        store, rank, world = next(iter(rendezvous("env://")))
        store = PrefixStore(f"restart-{os.environ.get('TORCHELASTIC_RESTART_COUNT', '0')}", store)
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", store=store, rank=rank, world_size=world)
        if device.type != "cuda":
            distributed.barrier()  # rank 0 keeps the key store: it must not end, on a mistake, while another still joins
    return Ranks(distributed.get_rank(), distributed.get_world_size())


def launch_key() -> str:
    """A name for this launch that its elastic restarts share; empty without torchrun.

    It is the rendezvous id, or where nobody gave one, the agent's process and when that began: numbers come again.
    """
    run = os.environ.get("TORCHELASTIC_RUN_ID", "")
    if run != "none":
        return run
    stat = Path(f"/proc/{os.getppid()}/stat")
    born = stat.read_text().rpartition(")")[2].split()[19] if stat.is_file() else ""
    return f"agent-{os.getppid()}-{born}"
