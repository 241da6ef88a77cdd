"""ARC grids: colours, their tokens on a square canvas, and one test input of an ARC task."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..puzzle import Puzzle, Symmetry, Tokens

SIDE = 30
"""Cells along one side of the largest canvas."""
MARKER = 1
"""Token of the row below a grid and of the column to the right of it."""
COLOURS = 10
"""Number of colours; colour c is token c + 2."""
Grid = NDArray[np.uint8]
Pair = tuple[Grid, Grid]


def to_canvas(grid: Grid, side: int = SIDE, row: int = 0, column: int = 0) -> Tokens:
    """Write a grid of colours 0-9, up to side x side, as ``(side * side,)`` tokens.

    An empty grid, such as an output that is hidden, is padding alone.

    Args:
        grid: The grid.
        side: Cells along one side of the canvas.
        row: Row of the top left corner of the grid.
        column: Column of the top left corner of the grid.

    Raises:
        ValueError: if the grid does not fit on the canvas.
    """
    canvas = np.zeros((side, side), np.uint8)
    if grid.size == 0:
        return canvas.ravel()
    bottom, right = row + grid.shape[0], column + grid.shape[1]
    if max(bottom, right) > side:
        rows, columns = grid.shape
        raise ValueError(f"a {rows}x{columns} grid does not fit on a canvas of {side}x{side}")
    canvas[row:bottom, column:right] = grid + 2
    if bottom < side:
        canvas[bottom, column:right] = MARKER
    if right < side:
        canvas[row:bottom, right] = MARKER
    return canvas.ravel()


def to_grid(canvas: Tokens) -> Grid:
    """Return the largest rectangle of colours in the top left corner of a square canvas."""
    side = math.isqrt(canvas.size)
    colours = canvas.reshape(side, side) >= 2
    # The number of coloured cells at the start of each row. A rectangle of r rows is as wide as
    # the shortest of its runs.
    runs = np.minimum.accumulate(np.cumprod(colours, axis=1).sum(axis=1))
    rows = int(np.argmax(runs * np.arange(1, side + 1))) + 1
    return canvas.reshape(side, side)[:rows, : runs[rows - 1]] - np.uint8(2)


def grid_size(canvas: Tokens) -> tuple[int, int]:
    """Return the rows and columns of the grid on a square canvas, 0 and 0 if there is no grid.

    They are the lengths of the runs of colours down the first column and along the first row. If a
    cell of the rectangle between them is not coloured, the canvas contains no grid. The size of a
    transposed canvas is the transposed size, whatever tokens it contains; ``ArcSymmetry`` relies on
    this.
    """
    side = math.isqrt(canvas.size)
    colours = canvas.reshape(side, side) >= 2
    rows, columns = (int(np.cumprod(run).sum()) for run in (colours[:, 0], colours[0]))
    return (rows, columns) if colours[:rows, :columns].all() else (0, 0)


def read_grid(rows: Any) -> Grid:
    """Return JSON rows as a grid.

    Raises:
        ValueError: if the rows are not a rectangle of 1 to 30 cells per side with colours 0-9.
    """
    try:
        grid = np.array(rows)
    except ValueError:
        grid = np.empty(0)
    if grid.ndim != 2 or not 1 <= min(grid.shape) <= max(grid.shape) <= SIDE:
        raise ValueError("an ARC grid is a rectangle of rows, 1 to 30 cells per side")
    if grid.dtype.kind not in "iu" or grid.min() < 0 or grid.max() >= COLOURS:
        raise ValueError("an ARC grid contains whole numbers 0 to 9")
    return grid.astype(np.uint8)


@dataclass(frozen=True, eq=False)
class ArcSymmetry(Symmetry):
    """A symmetry of the square and of the colours that keeps a grid in the corner of its canvas.

    ``positions`` transposes the canvas or not. Then the grid in its corner is flipped within its
    own rectangle, so that the markers stay below it and to the right of it. The inputs and outputs
    of a task may differ in size, so that a single permutation of the canvas is not enough.

    Attributes:
        flip_rows: Whether the transposed grid is flipped upside down.
        flip_columns: Whether the transposed grid is flipped left to right.
    """

    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, values: Tokens) -> Tokens:
        """Transform canvases ``(..., seq_len)``; the result is always a new array.

        A canvas without a grid (padding, or a malformed answer) is only transposed and recoloured,
        so that the inverse restores it too.
        """
        turned = np.ascontiguousarray(super().apply(values))
        side = math.isqrt(turned.shape[-1])
        for canvas in turned.reshape(-1, side, side):
            rows, columns = grid_size(canvas)
            grid = canvas[:rows, :columns]
            grid[:] = grid[:: 1 - 2 * self.flip_rows, :: 1 - 2 * self.flip_columns].copy()
        return turned

    def inverse(self) -> ArcSymmetry:
        """Return the symmetry that undoes this one."""
        undone = super().inverse()
        flips = self.flip_rows, self.flip_columns
        # A transposition turns a flip of rows into a flip of columns.
        if self.positions[1] > 1:
            flips = flips[::-1]
        return ArcSymmetry(undone.positions, undone.tokens, *flips)


@dataclass(frozen=True, eq=False)
class ArcPuzzle(Puzzle):
    """One test input of one ARC task.

    Attributes:
        task_id: Name of the ARC task, eight hex digits in the public sets.
        test_index: Number of the test input within the task.
        demos: All demonstration pairs of the task, as colour grids.
    """

    task_id: str = ""
    test_index: int = 0
    demos: tuple[Pair, ...] = ()

    @property
    def group(self) -> str:
        """Name of the ARC task, whose test inputs belong together."""
        return self.task_id
