"""One run on several processes: each rank has its share of the rows, and gradients are summed.

Gradients are summed in one collective after the backward pass, as in the published HRM. A backward
pass covers only two updates, so DistributedDataParallel could overlap little; its hooks also do not
support the second pass, which has no gradients, or sparse tables.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass
class World:
    """The processes of a run; with a single process every method returns its argument.

    Attributes:
        rank: Number of this process.
        size: Number of processes.
        hosts: The gloo group for values on the host, which does not wait for the devices.
    """

    rank: int = 0
    size: int = 1
    hosts: Any = None

    @classmethod
    def from_environment(cls) -> World:
        """Return the world that ``torchrun`` describes; call ``join`` to connect the processes."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        return cls(int(os.environ["RANK"]) if size > 1 else 0, size)

    def device(self, device: str) -> str:
        """Return the device of this rank."""
        own = self.size > 1 and device.startswith("cuda")
        return f"cuda:{os.environ['LOCAL_RANK']}" if own else device

    def join(self, device: torch.device) -> None:
        """Connect to the other processes; this waits for all of them."""
        if self.size == 1:
            return
        cuda = device.type == "cuda"
        if cuda:
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if cuda else "gloo")
        self.hosts = dist.new_group(backend="gloo")
        if not cuda:
            # Also if an error ends the process. (NCCL might then wait for the other ranks.)
            atexit.register(self.leave)

    def leave(self) -> None:
        """Close the connections; no method may be called afterwards.

        The threads of gloo end with the last reference to its groups. A thread that still runs
        while the interpreter shuts down, and then frees a tensor, aborts the process.
        """
        if self.size > 1 and dist.is_initialized():
            self.hosts = None
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this rank writes and prints."""
        return self.rank == 0

    def rows(self, batch: int) -> slice:
        """Return the rows of this rank in a global batch.

        Raises:
            ValueError: if the batch cannot be divided evenly among the ranks.
        """
        if batch % self.size:
            raise ValueError(f"batch_size: {self.size} ranks do not divide {batch}")
        share = batch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def sum_(self, tensors: Iterable[Tensor]) -> None:
        """Sum tensors of one dtype over the ranks, in place, in one collective."""
        tensors = list(tensors)
        if self.size == 1 or not tensors:
            return
        flat = torch.cat([tensor.detach().flatten() for tensor in tensors])
        dist.all_reduce(flat)
        parts = flat.split([tensor.numel() for tensor in tensors])
        with torch.no_grad():
            for tensor, part in zip(tensors, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def gather_sparse(self, gradient: Tensor) -> Tensor:
        """Return the concatenated sparse gradients of all ranks; equal rows are not summed."""
        if self.size == 1:
            return gradient
        ids = self.gather(gradient._indices()[0].contiguous())
        values = self.gather(gradient._values().contiguous())
        return torch.sparse_coo_tensor(ids[None], values, gradient.shape, check_invariants=False)

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows of all ranks, in the order of the global batch."""
        if self.size == 1:
            return rows
        if rows.dtype == torch.bool:  # gloo does not support bool
            return self.gather(rows.to(torch.uint8)).bool()
        rows = rows.contiguous()
        parts = [torch.empty_like(rows) for _ in range(self.size)]
        dist.all_gather(parts, rows)
        return torch.cat(parts)

    def maximum(self, *values: float) -> list[float]:
        """Return the maximum of every value over the hosts, so that all make equal decisions."""
        if self.size == 1:
            return list(values)
        shared = torch.tensor(values, dtype=torch.float64)
        dist.all_reduce(shared, dist.ReduceOp.MAX, group=self.hosts)
        return shared.tolist()
