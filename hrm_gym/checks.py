"""Checks of argument values that several parts of the package share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def check_whole(name: str, value: Any, least: int = 1) -> int:
    """Return a whole number of at least ``least``.

    Args:
        name: Name of the argument, for the error.
        value: The number.
        least: The smallest that is allowed.

    Raises:
        ValueError: if it is not an integer, or is smaller.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise ValueError(f"{name}: expected an integer of at least {least}, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: expected at least {least}, got {value}")
    return int(value)


def check_positive(name: str, value: Any) -> float:
    """Return a positive, finite number.

    Args:
        name: Name of the argument, for the error.
        value: The number.

    Raises:
        ValueError: if it is not a number, not finite, or not above 0.
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return float(value)


def check_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite number between two bounds.

    Args:
        name: Name of the argument, for the error.
        value: The number.
        low: The smallest that is allowed.
        high: The largest that is allowed.

    Raises:
        ValueError: if it is not a number, not finite, or out of bounds.
    """
    number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        wanted = "a finite number" if low == -math.inf else f"a number in {low:g}..{high:g}"
        raise ValueError(f"{name}: expected {wanted}, got {value!r}")
    return float(value)


def check_flag(name: str, value: Any) -> bool:
    """Return a truth value.

    Args:
        name: Name of the argument, for the error.
        value: The truth value.

    Raises:
        ValueError: if it is neither ``True`` nor ``False``.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}: expected true or false, got {value!r}")
    return value
