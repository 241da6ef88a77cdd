"""Checks of numbers that several parts of the package share."""

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
