"""Are test puzzles among the training ones? What the splits of a task promise, files do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task

from .puzzle_set import PuzzleSet


def overlap(task: Task, train: PuzzleSet, test: PuzzleSet) -> NDArray[np.bool_]:
    """Say which test puzzles are among the training ones, as they are or as a symmetric copy.

    Args:
        task: Hashes a puzzle's canonical form.
        train: Copies of one puzzle are looked at once.
        test: Any puzzles of the task.

    Returns:
        ``(len(test),)`` bool.
    """
    known = {task.digest(train.inputs[row], train.labels[row]) for row in train.originals}
    pairs = zip(test.inputs, test.labels, strict=True)
    return np.array([task.digest(question, answer) in known for question, answer in pairs], bool)
