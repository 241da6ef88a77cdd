"""A step that would spoil the weights is undone, without the host asking whether it would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ...base import Diverged

# Only newer versions of PyTorch have it; ``make_optimizers`` says so where it is asked for.
MUON: Any = getattr(torch.optim, "Muon", ())


def check_finite(network: nn.Module) -> None:
    """Refuse weights that ran away, as those of Q-learning may without an error.

    Raises:
        Diverged: A weight is not finite.
    """
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight).all():
            raise Diverged(f"after training {name} is not finite")


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
        """Step every optimiser where ``good`` (0-d bool) holds; else leave weights and state.

        The device decides, nobody waits: an optimiser that knows ``found_inf``, as
        ``torch.amp.GradScaler`` sets it, is told; of Muon a copy from before is put back.
        """
        self.in_a_row = torch.where(good, 0, self.in_a_row + 1)
        self.skipped = self.skipped + ~good
        for optimizer in optimizers:
            if not isinstance(optimizer, MUON):
                optimizer.found_inf = (~good).float()  # type: ignore[attr-defined]
                optimizer.step()
                continue
            before = {id(t): (t, t.clone()) for t in _tensors(optimizer)}
            optimizer.step()
            for tensor in _tensors(optimizer):
                # Moments that this very step created start from zero again.
                _, old = before.get(id(tensor), (tensor, torch.zeros_like(tensor)))
                torch.where(good, tensor, old, out=tensor)


def _tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the weights and the moments, in place; Muon keeps no count of steps."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    return [*weights, *(v for state in optimizer.state.values() for v in state.values())]
