"""What changes during a run: the learning rates, the depth, and when weights are averaged.

Everything is a function of ``progress``, the share of the run that is over, so that runs limited by
steps and runs limited by time follow the same schedule.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch.optim import Optimizer

from ..train_config import TrainConfig


def learning_rate(config: TrainConfig, progress: float) -> float:
    """Return the factor on every peak learning rate: a linear warm-up times the schedule."""
    rise = min(1.0, progress / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return rise * fall


def set_learning_rates(
    optimizers: Iterable[Optimizer], config: TrainConfig, progress: float
) -> None:
    """Set the learning rate of every group of parameters from its ``peak``.

    Args:
        optimizers: Optimizers of ``make_optimizers``.
        config: Configuration of the run.
        progress: Share of the run that is over.
    """
    factor = learning_rate(config, progress)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * factor


def depth(config: TrainConfig, full: tuple[int, int], progress: float) -> tuple[int, int]:
    """Return the current number of (H, L) cycles; ``full`` applies after the curriculum."""
    for share, H_cycles, L_cycles in config.curriculum:
        if progress <= share:
            return H_cycles, L_cycles
    return full


def averages(config: TrainConfig, progress: float) -> bool:
    """Return whether the moving average of the weights includes this step."""
    return config.ema is not None and progress >= config.ema_start
