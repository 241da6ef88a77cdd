"""Reinforcement-learning baselines: PPO, DQN and MaskablePPO of the Stable-Baselines3 family."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .sb3 import SB3Agent, train_rl

ALGORITHM_NAMES = ("ppo", "dqn", "maskable-ppo")

__all__ = ["ALGORITHM_NAMES", "SB3Agent", "train_rl"]


def __getattr__(name: str) -> Any:
    # Imported on first use, since torch and Stable-Baselines3 take seconds.
    if name in ("SB3Agent", "train_rl"):
        return getattr(importlib.import_module(".sb3", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
