"""Gymnasium environments over puzzles: step by step, or one whole answer a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hrm_gym.sb3 import SB3VecEnv

__all__ = ["SB3VecEnv"]


def __getattr__(name: str) -> Any:
    """Load what needs Stable-Baselines3 when it is asked for."""
    if name != "SB3VecEnv":
        raise AttributeError(f"module {__name__} has no attribute {name}")
    from hrm_gym.sb3 import SB3VecEnv

    return SB3VecEnv
