"""Actions in the forms that people send: NumPy arrays, and scalars and tensors of any library."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


def host(values: Any) -> NDArray[Any]:
    """Return an array, or a tensor on any device, as a NumPy array."""
    return values.detach().cpu().numpy() if hasattr(values, "detach") else np.asarray(values)


def as_integer(action: Any) -> int:
    """Return an integer action, or -1 for anything else, so that no action raises.

    Args:
        action: An integer, anything that is usable as an index (an integer scalar of NumPy, PyTorch
            or JAX), or an array or a tensor with one integer.
    """
    if isinstance(action, bool):
        return -1
    if isinstance(action, (int, np.integer)):
        return int(action)
    if getattr(action, "shape", None) is not None:
        values = as_array(action)
        if values is not None and values.size == 1 and values.dtype.kind in "iu":
            return int(values.item())
        return -1
    try:
        return operator.index(action)
    except TypeError:
        return -1


def as_integers(action: Any, shape: tuple[int, ...]) -> NDArray[np.int64] | None:
    """Return an action of several integers, or ``None`` for anything else."""
    values = as_array(action)
    if values is None or values.shape != shape or values.dtype.kind not in "iu":
        return None
    return values.astype(np.int64)


def as_array(action: Any) -> NDArray[Any] | None:
    """Return an action as an array; ``None`` for anything else, such as lists of other lengths."""
    try:
        return host(action)
    except (ValueError, TypeError):
        return None


def is_float(action: Any) -> bool:
    """Return whether an action consists of floating-point numbers."""
    values = as_array(action)
    return values is not None and values.dtype.kind == "f"
