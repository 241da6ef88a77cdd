"""Pairs of ARC tasks under the eight symmetries of the square, each a puzzle id of its own.

This is what a model with a puzzle embedding is trained on, in memory instead of in a dataset
folder: the symmetry ``which`` of task k has the id ``8 * k + which``. The colours are not permuted,
since a model with interchangeable colours has nothing to learn from that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .augment import Augmentation
from .grids import Pair, to_canvas

if TYPE_CHECKING:
    from hrm_gym.data.puzzle_set import PuzzleSet

TURNS = 8
"""Number of symmetries of the square."""


def turned_names(names: Sequence[str]) -> list[str]:
    """Return the name of every puzzle id, as in ``identifiers.json`` of dataset folders."""
    return [Augmentation(which).name(name) for name in names for which in range(TURNS)]


def turned_set(pairs: Sequence[Sequence[Pair]], side: int, origin: str) -> PuzzleSet:
    """Return pairs of input and output under all symmetries, as puzzles on a canvas.

    Args:
        pairs: The pairs of each task; a task may have none.
        side: Cells along one side of the canvas.
        origin: Where the tasks come from.

    Raises:
        ValueError: if a grid does not fit on the canvas.
    """
    from hrm_gym.data.puzzle_set import PuzzleSet

    turns = [Augmentation(which) for which in range(TURNS)]
    inputs, labels, ratings, ids = [], [], [], []
    for task, own in enumerate(pairs):
        for question, answer in own:
            for which, turn in enumerate(turns):
                inputs.append(to_canvas(turn.apply(question), side))
                labels.append(to_canvas(turn.apply(answer), side))
                ratings.append(question.size)
                ids.append(TURNS * task + which)
    return PuzzleSet(
        np.stack(inputs),
        np.stack(labels),
        np.array(ratings, np.float32),
        np.array(ids, np.int32),
        origin,
        TURNS * len(pairs),
        groups=np.repeat(np.arange(len(inputs) // TURNS), TURNS),
    )
