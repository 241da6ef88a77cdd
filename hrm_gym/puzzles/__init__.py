"""Puzzles: tokens, rules, solvers, generators, ratings and symmetries, with a folder per family."""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import lru_cache
from typing import Any

from hrm_gym.compiled import find_cache
from hrm_gym.registration import FAMILIES, Family

from .base import Task
from .puzzle import PAD, SPLITS, TARGETS, Puzzle, Split, Symmetry, Tokens, wrong_cells

__all__ = [
    "PAD",
    "SPLITS",
    "TARGETS",
    "Puzzle",
    "Split",
    "Symmetry",
    "Task",
    "Tokens",
    "family_task",
    "get_task",
    "task_of_file",
    "wrong_cells",
]

# This package is loaded before all modules with compiled functions.
find_cache()

_SIZED = re.compile(r"(.+?)(?:-(\d+)x(\d+))?")


@lru_cache
def get_task(task_id: str, kind: str | None = None) -> Task:
    """Return the task of an id: ``sudoku-9x9``, ``maze-30x30``, ``arc`` and so on.

    A custom task is named by the place of its class: ``module:Class``, or ``module:Class:JSON``
    with its arguments (``examples.latin_square:LatinSquare:6``; a JSON object gives keywords).

    Args:
        task_id: Family and size, or an import path.
        kind: For families with several kinds of puzzles, such as ``perfect``, ``braided`` or
            ``hard`` mazes.

    Raises:
        ValueError: if the id names no task, or the task has no such kind.
    """
    if not isinstance(task_id, str):
        raise ValueError(f"task: expected a name such as sudoku-9x9, got {task_id!r}")
    if ":" in task_id:
        made = _custom_task(task_id)
    else:
        made = _family_task(task_id, kind)
    if kind is not None and not made.kinds:
        raise ValueError(f"kind: {task_id} has only one kind of puzzle, got {kind!r}")
    return made


def family_task(family: str) -> Task:
    """Return the task of a family at its first size.

    Raises:
        ValueError: if there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"task: expected {', '.join(FAMILIES)} or module:Class, got {family!r}")
    entry = FAMILIES[family]
    size = entry.sizes[0]
    return get_task(family if entry.bare else f"{family}-{size}x{size}")


def _family_task(task_id: str, kind: str | None) -> Task:
    """Return a task of a registered family."""
    families = _families()
    match = _SIZED.fullmatch(task_id)
    family = families.get(match[1]) if match else None
    if match is None or family is None or match[2] != match[3]:
        raise _unknown(task_id, families)
    if match[2] is None and not family.bare:
        raise _unknown(task_id, families)
    module, _, name = family.task.partition(":")
    task: Any = getattr(importlib.import_module(module), name)
    size = int(match[2]) if match[2] else family.sizes[0]
    made: Task = task(size, kind) if kind is not None and task.kinds else task(size)
    return made


def _families() -> dict[str, Family]:
    """Return the families and their variants, by the beginning of the ids of their tasks."""
    found = dict(FAMILIES)
    for name, family in FAMILIES.items():
        found |= {f"{name}-{variant}": entry for variant, entry in family.variants.items()}
    return found


def _unknown(task_id: str, families: dict[str, Family]) -> ValueError:
    """Return the error for an id that no family has; it lists the forms of all known ids."""
    known = []
    for name, family in families.items():
        known += [name, f"{name}-NxN"] if family.bare else [f"{name}-NxN"]
    return ValueError(f"task: expected {', '.join(known)} or module:Class, got {task_id!r}")


def task_of_file(task_id: str, asked: str | None = None) -> Task:
    """Return the task with the id that a file contains.

    A file alone never causes code to be imported.

    Args:
        task_id: The id in the file.
        asked: The task that the caller expects, if any.

    Raises:
        ValueError: if there is no such task, or if the id is a ``module:Class`` that is neither
            ``asked`` for nor imported already.
    """
    if ":" in task_id and task_id != asked and task_id.split(":")[0] not in sys.modules:
        raise ValueError(
            f"its task {task_id} is code; expected task={task_id!r}, or its module imported before"
        )
    return get_task(task_id)


def _custom_task(path: str) -> Task:
    """Return the task of ``module:Class`` or ``module:Class:JSON``."""
    module, name, *rest = path.split(":", 2)
    try:
        found: Any = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(f"task: cannot import {module!r}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise ValueError(f"task: {module}:{name} is not a subclass of hrm_gym.puzzles.Task")
    try:
        values: Any = json.loads(rest[0]) if rest else {}
    except json.JSONDecodeError:
        raise ValueError(f"task: expected JSON after {module}:{name}:, got {rest[0]!r}") from None
    try:
        make: Any = found
        made: Task = make(**values) if isinstance(values, dict) else make(values)
    except TypeError as error:
        raise ValueError(f"task: {path}: {error}") from None
    made._spec = path
    return made
