"""Tables of a box shape for the Sudoku solver, and the state of the solver.

A *band* is a row of boxes, and a *stack* is a column of boxes. A *lane* is the part of a row or
column in one box (a minirow or minicolumn); see ``search.py``.
"""

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLE_LIMIT = 5
"""Groups of m by m lanes have tables only if m is lower; 2^25 entries would be too many."""


class Board(NamedTuple):
    """Tables of a box shape, in the form that the kernels use.

    The kernels take the number of bands and of stacks from the lengths of ``bands`` and ``stacks``.
    Numba knows these lengths at compile time, so that it unrolls the loops for every size. Tables
    that are indexed by a mask of lanes (bit row * stacks + stack in a band, bit band * columns +
    column in a stack) are empty if they would be too large; see ``TABLE_LIMIT``.
    """

    bands: tuple[int, ...]
    """The first row of every band; there are as many bands as a box has columns."""
    stacks: tuple[int, ...]
    """The first column of every stack; there are as many stacks as a box has rows."""
    touched: NDArray[np.int64]
    """(2^n,) the boxes that contain cells of a row, by the mask of the cells."""
    row_cells: NDArray[np.int64]
    """The cells of lanes of a band, by the mask of the lanes."""
    row_orders: NDArray[np.int64]
    """The permutations of the lanes of a band, as masks of lanes."""
    row_closed: NDArray[np.int64]
    """The union of all permutations within a mask of lanes of a band."""
    row_ways: NDArray[np.int64]
    """The number of permutations within a mask of lanes of a band."""
    column_orders: NDArray[np.int64]
    """As ``row_orders``, for the lanes of a stack."""
    column_closed: NDArray[np.int64]
    """As ``row_closed``, for the lanes of a stack."""
    column_ways: NDArray[np.int64]
    """As ``row_ways``, for the lanes of a stack."""
    kept: NDArray[np.int64]
    """(n*n, bands) the places in every band that remain for a digit once it is in a cell."""


class Position(NamedTuple):
    """The state of the solver: bit masks for every digit, which the kernels change in place."""

    places: NDArray[np.int64]
    """(n, bands) the cells that may contain the digit."""
    fixed: NDArray[np.int64]
    """(n, bands) the cells that must contain the digit."""
    lanes: NDArray[np.int64]
    """(n, bands + stacks) the lanes that may contain the digit."""


def _orders(m: int, by_box: bool) -> NDArray[np.int64]:
    """Return the m! ways to give every box its own line, as masks of lanes.

    Even permutations come first.
    """

    def parity(order: tuple[int, ...]) -> int:
        return sum(order[i] > order[j] for i in range(m) for j in range(i + 1, m)) % 2

    orders = sorted(itertools.permutations(range(m)), key=lambda order: (parity(order), order))
    return np.array(
        [
            sum(1 << (box * m + line if by_box else line * m + box) for box, line in enumerate(o))
            for o in orders
        ]
    )


def _by_mask(m: int, orders: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the union and the number of the permutations within every mask of lanes."""
    masks = np.arange(1 << (m * m) if m < TABLE_LIMIT else 0)
    union, ways = np.zeros_like(masks), np.zeros_like(masks)
    for order in orders:
        within = masks & order == order
        union |= np.where(within, order, 0)
        ways += within
    return union, ways


@lru_cache
def board(box_rows: int, box_cols: int) -> Board:
    """Return the tables of a box shape, which are shared."""
    n = box_rows * box_cols
    rows, columns = _orders(box_rows, False), _orders(box_cols, True)
    masks, lanes = np.arange(1 << n), np.arange(1 << (box_rows * box_rows))
    touched, row_cells = np.zeros_like(masks), np.zeros_like(lanes)
    part = (1 << box_cols) - 1
    for row, stack in itertools.product(range(box_rows), repeat=2):
        touched |= np.where(masks >> (stack * box_cols) & part, 1 << stack, 0)
        cells = part << (row * n + stack * box_cols)
        row_cells |= np.where(lanes >> (row * box_rows + stack) & 1, cells, 0)
    r, c = np.divmod(np.arange(n * n), n)
    box = r // box_rows * n + c // box_cols
    sees = (r[:, None] == r) | (c[:, None] == c) | (box[:, None] == box)
    np.fill_diagonal(sees, False)
    bits = 1 << np.arange(box_rows * n)
    return Board(
        tuple(range(0, n, box_rows)),
        tuple(range(0, n, box_cols)),
        touched,
        row_cells,
        rows,
        *_by_mask(box_rows, rows),
        columns,
        *_by_mask(box_cols, columns),
        (~sees).reshape(n * n, box_cols, -1) @ bits,
    )
