"""Scenes of whole answers, as models give them. Nothing here needs pygame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_gym.puzzles import Puzzle, Task

from ..puzzles.maze.scene import MazeScene
from ..puzzles.sudoku.scene import SudokuScene
from .grids import GridScene
from .scene import Scene

Pairs = Sequence[tuple[np.ndarray, np.ndarray]]


def answer_scene(
    task: Task,
    inputs: np.ndarray,
    answer: np.ndarray,
    confidence: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    demos: Pairs = (),
    caption: str = "",
) -> Scene:
    """Return the scene of a whole answer, its mistakes marked where the solution is known.

    Args:
        task: what the puzzle is of.
        inputs: uint8 (seq_len,), the question.
        answer: uint8 (seq_len,).
        confidence: float (seq_len,), the probability of each of its tokens.
        labels: uint8 (seq_len,), the solution; without it a Sudoku marks what breaks its rules, a
            given that the answer changed among it.
        demos: demonstration pairs of an ARC task.
        caption: one line under it.
    """
    kind: Any = task
    if task.family == "sudoku":
        given = inputs > 1
        wrong = None if labels is None else (answer != labels) & (answer > 1)
        changed = given & (answer != inputs)
        clash = kind.conflicts(answer) | changed if labels is None else None
        sure = None if confidence is None else np.where(given, 1.0, confidence)
        return SudokuScene(
            answer,
            given & ~changed,
            kind.box,
            conflicts=clash,
            wrong=wrong,
            confidence=sure,
            caption=caption,
        )
    if task.family == "maze":
        from hrm_gym.puzzles.maze import PATH

        # Any shortest path is right; the label's is one of them.
        shortest = None
        if labels is not None:
            solved = task.is_solved(Puzzle(inputs, labels), answer)
            shortest = (answer if solved else labels) == PATH
        return MazeScene(
            inputs, shortest=shortest, answer=answer == PATH, confidence=confidence, caption=caption
        )
    from hrm_gym.puzzles.arc import to_grid

    grid = to_grid(answer)
    if grid.size == 0:
        return GridScene(demos, to_grid(inputs), caption=f"{caption}, no grid".strip(", "))
    rows, columns = grid.shape
    side = math.isqrt(answer.size)
    wrong, sure = None, None
    if confidence is not None:
        sure = confidence.reshape(side, side)[:rows, :columns]
    if labels is not None:
        corner = labels.reshape(side, side)[:rows, :columns]
        wrong = corner != grid + 2
        if grid.shape != to_grid(labels).shape:
            caption = f"{caption}, the size is wrong".strip(", ")
    return GridScene(demos, to_grid(inputs), grid, wrong=wrong, confidence=sure, caption=caption)
