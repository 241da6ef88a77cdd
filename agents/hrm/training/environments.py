"""The environments that a training run learns in."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

from ..train_config import TrainConfig


def make_envs(config: TrainConfig, count: int, device: str) -> Any:
    """Return the vectorized Answer environment of a run, with its tensors on the device.

    Args:
        config: Configuration of the run.
        count: Number of environments.
        device: Device of the tensors.
    """
    return gym.make_vec(
        config.env,
        num_envs=count,
        task=config.task_id,
        device=device,
        autoreset_mode="SameStep",
        source=config.source,
        limit=config.limit,
        augment=config.augment,
        max_segments=config.max_segments,
        targets=config.targets,
    ).unwrapped
