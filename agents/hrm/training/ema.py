"""The moving average of the weights, which the agent uses in their place."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """An exponential moving average of a state dict.

    A young average follows the weights closely: its decay after n updates is at most
    (1 + n) / (10 + n), so that short runs profit too. (The published TRM keeps its decay from the
    start; ours reaches 0.999 after 9,000 of its 65,104 steps, and then nothing tells them apart.)

    The update is PyTorch's own. Its ``AveragedModel`` around the update is not used, since it
    copies its count of updates to the device in every step, which waits for the device.

    Args:
        decay: Largest decay.

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
        """Move towards the live weights; buffers of integers are not averaged."""
        if not self.weights:
            self.weights = {name: value.clone() for name, value in live.items()}
        names = [name for name, value in live.items() if value.is_floating_point()]
        average = get_ema_multi_avg_fn(min(self.decay, (1 + self.updates) / (10 + self.updates)))
        average([self.weights[name] for name in names], [live[name] for name in names], None)
        self.updates += 1
