"""A model of chain of thought: a decoder that writes the steps of a solver, then the answer."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agent import ChainAgent as ChainAgent
    from .train import train_chain as train_chain

EXPORTS = {"ChainAgent": "agent", "train_chain": "train"}
__all__ = list(EXPORTS)


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in EXPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{EXPORTS[name]}", __name__), name)
