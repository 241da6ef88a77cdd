"""What a puzzle is: rules, solvers, generators, ratings, symmetries and tokens."""

from __future__ import annotations

import re
from functools import lru_cache

from .base import PAD, SPLITS, Puzzle, Split, Symmetry, Task, Tokens, same_answer

__all__ = [
    "PAD",
    "SPLITS",
    "Puzzle",
    "Split",
    "Symmetry",
    "Task",
    "Tokens",
    "get_task",
    "same_answer",
]

_SIZED = re.compile(r"(sudoku|maze)-(\d+)x(\d+)")


@lru_cache
def get_task(task_id: str, kind: str | None = None) -> Task:
    """Return the task of an id: ``sudoku-9x9``, ``maze-30x30``, ``arc`` and so on.

    Args:
        task_id: Family and size.
        kind: For mazes, ``perfect``, ``braided`` or ``hard``.

    Raises:
        ValueError: The id names no task.
    """
    if kind is not None and not task_id.startswith("maze-"):
        raise ValueError(f"kind: only mazes have one, got {kind!r} for {task_id}")
    if task_id == "arc":
        from .arc import Arc

        return Arc()
    match = _SIZED.fullmatch(task_id)
    if match is None or match[2] != match[3]:
        raise ValueError(f"task: expected sudoku-NxN, maze-NxN or arc, got {task_id!r}")
    if match[1] == "sudoku":
        from .sudoku import Sudoku

        return Sudoku(int(match[2]))
    from .maze import Maze

    return Maze(int(match[2]), kind)
