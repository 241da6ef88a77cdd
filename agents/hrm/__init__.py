"""The Hierarchical Reasoning Model and its training; names load torch when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import HRMAgent as HRMAgent
    from .config import HRMConfig as HRMConfig
    from .model import HRM as HRM
    from .model import Carry as Carry
    from .model import Output as Output
    from .onnx import OnnxAgent as OnnxAgent
    from .optimizers import AdamAtan2 as AdamAtan2
    from .thinking import Segment as Segment
    from .thinking import Solution as Solution

EXPORTS = {
    "HRM": "model",
    "HRMConfig": "config",
    "Carry": "model",
    "Output": "model",
    "HRMAgent": "agent",
    "OnnxAgent": "onnx",
    "Segment": "thinking",
    "Solution": "thinking",
    "AdamAtan2": "optimizers",
}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{EXPORTS[name]}", __name__), name)
