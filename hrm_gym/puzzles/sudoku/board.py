"""What the solver of Sudokus knows of a box shape before it sees a grid: tables, by ``board``."""

import itertools
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TABLED = 5
"""Lanes of m by m have tables below this m; 2^25 entries would be too many."""


class Board(NamedTuple):
    """Tables of a box shape, as the kernels want them.

    The kernels take the counts from the lengths of ``bands`` and ``stacks``, which numba knows when
    it compiles, so that every size gets unrolled loops of its own. Tables by a mask of lanes (bit
    row * stacks + stack in a band, band * columns + column in a stack) are empty where they would
    be huge.
    """

    bands: tuple[int, ...]
    """The first row of every band: as many as a box has columns."""
    stacks: tuple[int, ...]
    """The first column of every stack: as many as a box has rows."""
    touched: NDArray[np.int64]
    """(2^n,) the boxes that the cells of a row touch."""
    row_cells: NDArray[np.int64]
    """The cells of a band's lanes."""
    row_orders: NDArray[np.int64]
    """The permutations of a band's lanes; ``column_orders`` of a stack's."""
    row_closed: NDArray[np.int64]
    """The lanes that some permutation within the mask uses; ``column_closed`` likewise."""
    row_ways: NDArray[np.int64]
    """How many permutations lie within the mask; ``column_ways`` likewise."""
    column_orders: NDArray[np.int64]
    column_closed: NDArray[np.int64]
    column_ways: NDArray[np.int64]
    kept: NDArray[np.int64]
    """(n*n, bands) what a digit in a cell leaves of its places in every band."""


class Position(NamedTuple):
    """What is known of a grid; arrays of masks by digit, which the kernels change in place."""

    places: NDArray[np.int64]
    """(n, bands) the cells where the digit may stand."""
    fixed: NDArray[np.int64]
    """(n, bands) the cells where it must."""
    lanes: NDArray[np.int64]
    """(n, bands + stacks) the lanes it may take."""


def _orders(m: int, by_box: bool) -> NDArray[np.int64]:
    """Return the m! ways to give every box a line of its own, as lane masks, even ones first."""

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
    masks = np.arange(1 << (m * m) if m < TABLED else 0)
    union, ways = np.zeros_like(masks), np.zeros_like(masks)
    for order in orders:
        within = masks & order == order
        union |= np.where(within, order, 0)
        ways += within
    return union, ways


@lru_cache
def board(box_rows: int, box_cols: int) -> Board:
    """Return the shared tables of a box shape."""
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
