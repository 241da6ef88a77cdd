"""Textbook backtracking over a Sudoku with a time limit.

The solver in ``search.py`` is much faster. This one shows what a search without any propagation
achieves in a given time.
"""

from __future__ import annotations

import time

import numpy as np
from numba import njit
from numpy.typing import NDArray

SLICE = 20_000
"""Number of cells that the search visits between two checks of the time, in under a millisecond."""


def backtrack(
    grid: NDArray[np.int8], box_of: NDArray[np.int64], seconds: float
) -> NDArray[np.int8]:
    """Fill in a grid until it is complete, no solution is left or the time is up.

    In reading order, every blank cell takes the smallest digit that its row, column and box allow.
    If there is none, the previous cell takes its next digit.

    Args:
        grid: ``(n*n,)`` digits, 0 = blank.
        box_of: ``(n*n,)``, the box of every cell.
        seconds: Time limit.

    Returns:
        ``(n*n,)`` digits; 0 in cells that are still blank.
    """
    grid = grid.copy()
    size = int(box_of.max()) + 1
    used = np.zeros((3, size), np.int64)
    for cell in np.flatnonzero(grid):
        for unit, place in enumerate((cell // size, cell % size, box_of[cell])):
            used[unit, place] |= 1 << int(grid[cell])
    cells = np.flatnonzero(grid == 0)
    # The first call compiles the kernel, which does not count as search time.
    filled = _backtrack(grid, cells, box_of, used, 0, 0)
    end = time.perf_counter() + seconds
    while 0 <= filled < len(cells) and time.perf_counter() < end:
        filled = _backtrack(grid, cells, box_of, used, filled, SLICE)
    return grid


@njit(cache=True)
def _backtrack(grid, cells, box_of, used, k, budget):  # type: ignore[no-untyped-def]
    """Continue a search at the k-th blank cell. All arrays are changed in place.

    Args:
        grid: (n*n,) int8, digits, 0 = blank.
        cells: (K,) int64, the blank cells in reading order.
        box_of: (n*n,) int64, the box of every cell.
        used: (3, n) int64, the digits of every row, column and box as bits.
        k: The current cell; it is blank or contains the last digit that was tried.
        budget: Number of cells to visit at most.

    Returns:
        The current cell afterwards: K if all cells are filled, -1 if there is no solution.
    """
    n = used.shape[1]
    while 0 <= k < cells.size and budget > 0:
        budget -= 1
        cell = cells[k]
        row, column, box = cell // n, cell % n, box_of[cell]
        digit = grid[cell]
        if digit:
            used[0, row] ^= 1 << digit
            used[1, column] ^= 1 << digit
            used[2, box] ^= 1 << digit
        taken = used[0, row] | used[1, column] | used[2, box]
        digit += 1
        while digit <= n and taken >> digit & 1:
            digit += 1
        if digit > n:
            grid[cell] = 0
            k -= 1
            continue
        grid[cell] = digit
        used[0, row] |= 1 << digit
        used[1, column] |= 1 << digit
        used[2, box] |= 1 << digit
        k += 1
    return k
