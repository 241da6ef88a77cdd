"""The moving average of the weights, which the agent uses instead of the current weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """An exponential moving average of a state dict.

    After n updates the decay is at most (1 + n) / (10 + n), so that the average also helps short
    runs. (The published TRM uses a constant decay of 0.999; this one reaches 0.999 after 9,000 of
    its 65,104 steps.)

    The update is PyTorch's ``get_ema_multi_avg_fn``. ``AveragedModel``, which PyTorch puts around
    it, is not used: it counts updates on the device and copies the count in every step, which makes
    the host wait, and its state dict has another layout than the checkpoints.

    Args:
        decay: The largest decay.

    Attributes:
        weights: The average; empty before the first update.
        updates: Number of updates so far.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.weights: dict[str, Tensor] = {}
        self.updates = 0

    @torch.no_grad()
    def update(self, live: Mapping[str, Tensor]) -> None:
        """Update the average with the current weights; integer buffers are not averaged."""
        if not self.weights:
            self.weights = {name: value.clone() for name, value in live.items()}
        names = [name for name, value in live.items() if value.is_floating_point()]
        average = get_ema_multi_avg_fn(min(self.decay, (1 + self.updates) / (10 + self.updates)))
        average([self.weights[name] for name in names], [live[name] for name in names], None)
        self.updates += 1
