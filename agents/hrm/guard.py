"""A step that would spoil the weights is undone, without the host asking whether it would."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .optimizers import SignSGD


class Diverged(ValueError):
    """Too many steps in a row were skipped, and there was nothing to go back to."""


class Guard:
    """Counts skipped steps on the device.

    Attributes:
        in_a_row: 0-d int64, skipped steps since the last good one.
        skipped: 0-d int64, skipped steps in all.
    """

    def __init__(self, device: torch.device) -> None:
        self.in_a_row = torch.zeros((), dtype=torch.int64, device=device)
        self.skipped = self.in_a_row.clone()

    @torch.no_grad()
    def step(self, optimizers: Sequence[torch.optim.Optimizer], good: Tensor) -> None:
        """Step every optimiser where ``good`` (0-d bool) holds; else leave weights and moments.

        A copy from before is put back where it does not hold: the device decides, nobody waits.
        (The optimisers' own counts of steps, on the host, go on.)
        """
        self.in_a_row = torch.where(good, 0, self.in_a_row + 1)
        self.skipped = self.skipped + ~good
        for optimizer in optimizers:
            if isinstance(optimizer, SignSGD):  # a table may be large; it masks touched rows alone
                optimizer.found_inf = (~good).float()  # type: ignore[attr-defined]
                optimizer.step()
                continue
            before = {id(t): (t, t.clone()) for t in _tensors(optimizer, good.device)}
            optimizer.step()
            for tensor in _tensors(optimizer, good.device):
                # Moments that this very step created start from zero again.
                _, old = before.get(id(tensor), (tensor, torch.zeros_like(tensor)))
                torch.where(good, tensor, old, out=tensor)


def _tensors(optimizer: torch.optim.Optimizer, device: torch.device) -> list[Tensor]:
    """Return the weights and the moments, in place."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    moments = [
        value
        for state in optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor) and value.ndim and value.device.type == device.type
    ]
    return [*weights, *moments]
