"""The Hierarchical Reasoning Model and its training; names load torch when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import HRMAgent as HRMAgent
    from .exchange.onnx import OnnxAgent as OnnxAgent
    from .inference.thinking import Segment as Segment
    from .inference.thinking import Solution as Solution
    from .model.config import HRMConfig as HRMConfig
    from .model.network import HRM as HRM
    from .model.network import Carry as Carry
    from .model.network import Output as Output
    from .training.optimizers import AdamAtan2 as AdamAtan2

EXPORTS = {
    "HRM": "model.network",
    "HRMConfig": "model.config",
    "Carry": "model.network",
    "Output": "model.network",
    "HRMAgent": "agent",
    "OnnxAgent": "exchange.onnx",
    "Segment": "inference.thinking",
    "Solution": "inference.thinking",
    "AdamAtan2": "training.optimizers",
}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{EXPORTS[name]}", __name__), name)
