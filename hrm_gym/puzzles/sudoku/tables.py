"""The shapes of boxes, and tables of the rows, columns and boxes of a board."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

BOXES = {
    4: (2, 2),
    6: (2, 3),
    8: (2, 4),
    9: (3, 3),
    10: (2, 5),
    12: (3, 4),
    16: (4, 4),
    25: (5, 5),
}
"""Rows and columns of a box, by size."""


class Tables:
    """Tables of a board.

    Attributes:
        units: ``(3n, n)`` int64, the cells of every row, column and box.
        box_of: ``(n*n,)`` int64, the box of every cell.
    """

    def __init__(self, box_rows: int, box_cols: int) -> None:
        n = box_rows * box_cols
        cells = np.arange(n * n).reshape(n, n)
        boxes = [
            cells[r : r + box_rows, c : c + box_cols].ravel()
            for r in range(0, n, box_rows)
            for c in range(0, n, box_cols)
        ]
        self.units = np.array([*cells, *cells.T, *boxes])
        self.box_of = np.empty(n * n, np.int64)
        for number, box in enumerate(boxes):
            self.box_of[box] = number


@lru_cache
def tables(box_rows: int, box_cols: int) -> Tables:
    """Return the tables of a board, which are shared."""
    return Tables(box_rows, box_cols)
