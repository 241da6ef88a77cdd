"""Muon for the matrices of a policy, AdamW for its other weights, as one optimizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

SMALLEST = 16
"""Rows and columns of a matrix that Muon updates, at least. Token tables and last layers have
fewer."""


class MuonAdamW(Optimizer):
    """Muon for all matrices of at least 16 rows and columns, AdamW for the rest.

    Both have the same learning rate; the updates of Muon are scaled to those of AdamW.

    Args:
        params: Parameters, as Stable-Baselines3 passes them.
        lr: Learning rate.
        eps: ``eps`` of AdamW.
        momentum: ``momentum`` of Muon.
    """

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float = 1e-3,
        eps: float = 1e-5,
        momentum: float = 0.95,
    ) -> None:
        every = list(params)
        matrices = [p for p in every if p.ndim == 2 and min(p.shape) >= SMALLEST]
        chosen = set(map(id, matrices))
        other = [p for p in every if id(p) not in chosen]
        super().__init__([{"params": matrices}, {"params": other}], {"lr": lr})
        muon = torch.optim.Muon(
            matrices, lr=lr, weight_decay=0.0, momentum=momentum, adjust_lr_fn="match_rms_adamw"
        )
        adam = torch.optim.AdamW(other, lr=lr, weight_decay=0.0, eps=eps, fused=True)
        self.parts: tuple[Optimizer, Optimizer] = (muon, adam)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Update all parameters that have a gradient, with the learning rates of the groups."""
        for part, group in zip(self.parts, self.param_groups, strict=True):
            part.param_groups[0]["lr"] = group["lr"]
            part.step()


OPTIMIZERS: dict[str, type[Optimizer]] = {"muon": MuonAdamW}
"""Optimizers that hyperparameters name as ``optimizer`` in ``policy_kwargs``."""
