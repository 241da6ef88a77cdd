"""What changes over a run: the learning rate, the depth, and when weights are averaged.

Everything is a function of ``progress``, the share of the run that is over, so that a run by steps
and one by seconds follow the same course.
"""

from __future__ import annotations

import math

from ..train_config import TrainConfig


def learning_rate(config: TrainConfig, progress: float) -> float:
    """Return the factor on every peak learning rate: a linear rise, then level or a cosine."""
    rise = min(1.0, progress / config.warmup) if config.warmup else 1.0
    fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
    return rise * fall


def depth(config: TrainConfig, full: tuple[int, int], progress: float) -> tuple[int, int]:
    """Return (H, L) cycles now; ``full`` is the model's own, for after the curriculum."""
    for share, H_cycles, L_cycles in config.curriculum:
        if progress <= share:
            return H_cycles, L_cycles
    return full


def averages(config: TrainConfig, progress: float) -> bool:
    """Return whether this step goes into the moving average of the weights."""
    return config.ema is not None and progress >= config.ema_start
