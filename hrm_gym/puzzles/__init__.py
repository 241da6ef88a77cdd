"""What a puzzle is: rules, solvers, generators, ratings, symmetries and tokens."""

from __future__ import annotations

import importlib
import json
import re
import sys
from functools import lru_cache
from typing import Any

from .base import PAD, SPLITS, TARGETS, Puzzle, Split, Symmetry, Task, Tokens, wrong_cells

__all__ = [
    "PAD",
    "SPLITS",
    "TARGETS",
    "Puzzle",
    "Split",
    "Symmetry",
    "Task",
    "Tokens",
    "get_task",
    "task_of_file",
    "wrong_cells",
]

_SIZED = re.compile(r"(sudoku|maze|arc)-(\d+)x(\d+)")


@lru_cache
def get_task(task_id: str, kind: str | None = None) -> Task:
    """Return the task of an id: ``sudoku-9x9``, ``maze-30x30``, ``arc`` and so on.

    A task of one's own is named by where its class is: ``module:Class``, or ``module:Class:JSON``
    with its arguments (``examples.latin_square:LatinSquare:6``; an object gives keywords).

    Args:
        task_id: Family and size, or an import path.
        kind: For mazes, ``perfect``, ``braided`` or ``hard``.

    Raises:
        ValueError: The id names no task.
    """
    if not isinstance(task_id, str):
        raise ValueError(f"task: expected a name such as sudoku-9x9, got {task_id!r}")
    if kind is not None and not task_id.startswith("maze-"):
        raise ValueError(f"kind: only mazes have one, got {kind!r} for {task_id}")
    if ":" in task_id:
        return _own_task(task_id)
    if task_id == "arc":
        from .arc import Arc

        return Arc()
    match = _SIZED.fullmatch(task_id)
    if match is None or match[2] != match[3]:
        raise ValueError(
            f"task: expected sudoku-NxN, maze-NxN, arc, arc-NxN or module:Class, got {task_id!r}"
        )
    size = int(match[2])
    if match[1] == "sudoku":
        from .sudoku import Sudoku

        return Sudoku(size)
    if match[1] == "arc":
        from .arc import Arc

        return Arc(size)
    from .maze import Maze

    return Maze(size, kind)


def task_of_file(task_id: str, asked: str | None = None) -> Task:
    """Return the task that a file names; the word of a file alone imports no code.

    Args:
        task_id: What the file says.
        asked: The task that the caller expects, where one does.

    Raises:
        ValueError: The id names no task, or a ``module:Class`` that nobody but the file asked for.
    """
    if ":" in task_id and task_id != asked and task_id.split(":")[0] not in sys.modules:
        raise ValueError(
            f"its task {task_id} is code; expected task={task_id!r}, or its module imported before"
        )
    return get_task(task_id)


def _own_task(path: str) -> Task:
    """Make the task that ``module:Class`` or ``module:Class:JSON`` names."""
    module, name, *rest = path.split(":", 2)
    try:
        found: Any = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        raise ValueError(f"task: cannot import {module!r}: {error}") from None
    if not (isinstance(found, type) and issubclass(found, Task)):
        raise ValueError(f"task: {module}:{name} is no subclass of hrm_gym.puzzles.Task")
    try:
        values: Any = json.loads(rest[0]) if rest else {}
    except json.JSONDecodeError:
        raise ValueError(f"task: expected JSON after {module}:{name}:, got {rest[0]!r}") from None
    try:
        made: Any = found
        return made(**values) if isinstance(values, dict) else made(values)
    except TypeError as error:
        raise ValueError(f"task: {path}: {error}") from None
