"""A stand-in for chain of thought: a decoder that writes a solver's steps, then the answer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import ChainAgent as ChainAgent
    from .train import train_chain as train_chain

EXPORTS = {"ChainAgent": "agent", "train_chain": "train"}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{EXPORTS[name]}", __name__), name)
