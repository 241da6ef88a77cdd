"""Skipping optimizer steps that are not finite, without making the host wait for the device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ...base import Diverged


def check_finite(network: nn.Module) -> None:
    """Check that all weights are finite; those of Q-learning may diverge without an error.

    Raises:
        Diverged: if a weight is not finite.
    """
    for name, weight in network.named_parameters():
        if not torch.isfinite(weight).all():
            raise Diverged(f"after training {name} is not finite")


class Guard:
    """Skips bad optimizer steps, and counts them on the device.

    Attributes:
        in_a_row: 0-d int64, steps skipped since the last good step.
        skipped: 0-d int64, total number of skipped steps.
    """

    def __init__(self, device: torch.device) -> None:
        self.in_a_row = torch.zeros((), dtype=torch.int64, device=device)
        self.skipped = self.in_a_row.clone()

    @torch.no_grad()
    def step(self, optimizers: Sequence[torch.optim.Optimizer], good: Tensor) -> None:
        """Step every optimizer if ``good`` holds; otherwise keep weights and optimizer state.

        The device decides, and the host does not wait for it. Optimizers that support
        ``found_inf``, which ``torch.amp.GradScaler`` also sets, skip the step themselves; for Muon
        a copy of weights and state is restored.

        Args:
            optimizers: The optimizers.
            good: 0-d bool on the device.
        """
        self.in_a_row = torch.where(good, 0, self.in_a_row + 1)
        self.skipped = self.skipped + ~good
        for optimizer in optimizers:
            if not isinstance(optimizer, torch.optim.Muon):
                optimizer.found_inf = (~good).float()  # type: ignore[attr-defined]
                optimizer.step()
                continue
            before = {id(t): (t, t.clone()) for t in _tensors(optimizer)}
            optimizer.step()
            for tensor in _tensors(optimizer):
                # Moments that this step created are reset to zero.
                _, old = before.get(id(tensor), (tensor, torch.zeros_like(tensor)))
                torch.where(good, tensor, old, out=tensor)


def _tensors(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return the weights and moments themselves; Muon has no step counts."""
    weights = [p for group in optimizer.param_groups for p in group["params"]]
    return [*weights, *(v for state in optimizer.state.values() for v in state.values())]
