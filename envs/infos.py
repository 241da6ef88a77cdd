"""Infos: NumPy scalars in a single environment, arrays with masks in a vector."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SCALARS: dict[type, Any] = {bool: np.bool_, int: np.int64, float: np.float64}
"""The NumPy type of each scalar type of Python."""


def with_scalars(info: dict[str, Any]) -> dict[str, Any]:
    """Return an info whose numbers and truth values are NumPy scalars."""
    found = {name: SCALARS.get(type(value)) for name, value in info.items()}
    return {name: kind(info[name]) if kind else info[name] for name, kind in found.items()}


def with_masks(values: dict[str, Any], rows: Any) -> dict[str, Any]:
    """Return infos with their masks ``_name``, as Gymnasium builds them.

    Args:
        values: Infos by name, ``(B, ...)`` each.
        rows: ``(B,)`` bool, an array or a tensor: the rows in which the values hold. Every mask is
            a copy of it.
    """
    return {**values, **{f"_{name}": _copy(rows) for name in values}}


def final_infos(observations: Any, infos: dict[str, Any], ended: Any) -> dict[str, Any]:
    """Return what the infos of a ``SameStep`` step add when episodes have ended.

    Args:
        observations: The last observations of the episodes, ``(B, ...)``.
        infos: The last infos of the episodes, with masks.
        ended: ``(B,)`` bool, the rows whose episodes have ended: an array, or a tensor where
            ``final_obs`` is to stay a batch of tensors.

    Returns:
        ``final_obs`` and ``final_info`` with their masks.
    """
    if isinstance(ended, np.ndarray):
        observations = last_rows(observations, ended)
    return with_masks({"final_obs": observations, "final_info": infos}, ended)


def last_rows(observations: Any, ended: NDArray[np.bool_]) -> NDArray[Any]:
    """Return observations in the form of Gymnasium's ``final_obs``.

    That is an array of objects, one for each row, and ``None`` where no episode has ended.

    Args:
        observations: ``(B, ...)``, an array or a dictionary of arrays.
        ended: ``(B,)`` bool.
    """
    rows = np.flatnonzero(ended)
    values: list[Any]
    if isinstance(observations, dict):
        values = [{} for _ in rows]
        for name, part in observations.items():
            for value, row in zip(values, part[rows], strict=True):
                value[name] = row
    else:
        values = list(observations[rows])
    # A new array of objects is filled with None.
    final = np.empty(len(ended), object)
    final[rows] = np.fromiter(values, object, len(rows))
    return final


def _copy(array: Any) -> Any:
    """Return a copy of an array or a tensor."""
    return array.copy() if isinstance(array, np.ndarray) else array.clone()
