"""The Hierarchical Reasoning Model as an agent: model, halting, losses, optimisers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .model import HRM, Carry, HRMConfig, Output
    from .optimizers import AdamAtan2

# Public name -> the module that holds it. Imported on first use, since torch takes seconds.
_HOMES = {
    "HRM": "model",
    "AdamAtan2": "optimizers",
    "Carry": "model",
    "HRMConfig": "config",
    "Output": "model",
}

__all__ = ["HRM", "AdamAtan2", "Carry", "HRMConfig", "Output"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
