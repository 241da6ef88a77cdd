"""Result files: JSON with the machine and one row a measurement."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .files import write_text


def write_json(
    path: Path | str, machine: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> None:
    """Write a result file for programs: ``{"machine": {...}, "rows": [...]}``.

    Args:
        path: The file, which is written atomically; its folder is created if needed.
        machine: The result of ``hrm_gym.machine.machine()``.
        rows: Each has ``name``, ``value`` and ``unit``, and ``target`` if the value has a target.

    Raises:
        ValueError: if a row lacks one of the required keys, or a value is not a finite number.
    """
    for row in rows:
        for key in ("name", "value", "unit"):
            if key not in row:
                raise ValueError(f"rows: expected name, value and unit in every row, got {row!r}")
        value = row["value"]
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"rows: {row['name']} is {value}, which JSON cannot hold")
    content = {"machine": dict(machine), "rows": [dict(row) for row in rows]}
    write_text(path, json.dumps(content, indent=1, allow_nan=False, default=_plain) + "\n")


def read_rows(path: Path, budget: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of an interrupted run, so that it can be resumed.

    Args:
        path: A file written by ``write_json``. If it does not exist, there are no rows.
        budget: The value that ``budget`` must have in every row, so that rows can be compared.

    Raises:
        ValueError: if the file is damaged, or a row has another budget.
    """
    if not path.exists():
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
        other = any(row["budget"] != budget for row in rows)
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{path}: damaged, expected the rows of an earlier run") from None
    if other:
        raise ValueError(f"{path}: holds rows of another budget; give another --out")
    return rows


def _plain(value: Any) -> Any:
    """Convert a NumPy scalar to a Python number for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is not a JSON value")
