"""Test puzzles that are also training puzzles; the splits of files may overlap."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task

from .puzzle_set import PuzzleSet


def overlap(task: Task, train: PuzzleSet, test: PuzzleSet) -> NDArray[np.bool_]:
    """Return which test puzzles occur among the training puzzles, up to symmetry.

    Args:
        task: The task of the puzzles.
        train: Training puzzles; copies of the same puzzle are checked only once.
        test: Test puzzles.

    Returns:
        ``(len(test),)`` bool.
    """
    known = {task.digest(train.inputs[row], train.labels[row]) for row in train.originals}
    pairs = zip(test.inputs, test.labels, strict=True)
    return np.array([task.digest(question, answer) in known for question, answer in pairs], bool)
