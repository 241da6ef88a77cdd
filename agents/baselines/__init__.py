"""Reinforcement-learning baselines from Stable-Baselines3 and sb3-contrib."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .algorithms import ALGORITHMS

if TYPE_CHECKING:
    from .sb3 import SB3Agent
    from .training import train_rl

ALGORITHM_NAMES = tuple(ALGORITHMS)
POLICY_NAMES = ("mlp", "cnn", "transformer", "structured", "hrm", "relations")

__all__ = ["ALGORITHM_NAMES", "POLICY_NAMES", "SB3Agent", "train_rl"]


def __getattr__(name: str) -> Any:
    # Imported on first use, because torch and Stable-Baselines3 take seconds to import.
    modules = {"SB3Agent": ".sb3", "train_rl": ".training"}
    if name in modules:
        return getattr(importlib.import_module(modules[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
