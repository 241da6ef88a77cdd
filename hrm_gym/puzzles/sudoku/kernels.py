"""Numba kernels over whole grids: solving many grids, symmetries of keys.

A grid is a flat int8 array of n*n values, 0 = blank.
"""

import numpy as np
from numba import njit

from ..random_kernels import argsort_lanes, lane
from .search import search


@njit(cache=True, nogil=True)
def solve_all(grids, board, counts, guesses, solutions):
    """Write the number of solutions of each grid (N, cells), up to two, and the first solution.

    ``guesses`` receives the number of guesses to the first solution.
    """
    for row in range(grids.shape[0]):
        counts[row], guesses[row] = search(grids[row], board, -1, 2, solutions[row])


@njit(cache=True)
def symmetry(key, box_rows, box_cols, positions, tokens):
    """Write the symmetry that ``key`` selects: ``new[i] = tokens[old[positions[i]]]``.

    Lane 0 of the key decides the transposition; the next lanes order bands, rows, stacks, columns
    and digits.
    """
    n = box_rows * box_cols
    room = np.empty((5, n), np.int64)
    lanes, outer, inner, rows, columns = room[0], room[1], room[2], room[3], room[4]
    first = 1
    argsort_lanes(key, first, box_cols, lanes, outer)
    first += box_cols
    for i in range(box_cols):
        argsort_lanes(key, first + outer[i] * box_rows, box_rows, lanes, inner)
        for j in range(box_rows):
            rows[i * box_rows + j] = outer[i] * box_rows + inner[j]
    first += n
    argsort_lanes(key, first, box_rows, lanes, outer)
    first += box_rows
    for i in range(box_rows):
        argsort_lanes(key, first + outer[i] * box_cols, box_cols, lanes, inner)
        for j in range(box_cols):
            columns[i * box_cols + j] = outer[i] * box_cols + inner[j]
    first += n
    argsort_lanes(key, first, n, lanes, outer)
    flip = box_rows == box_cols and lane(key, 0) & np.uint64(1)
    down, right = (1, n) if flip else (n, 1)
    for r in range(n):
        for c in range(n):
            positions[r * down + c * right] = rows[r] * n + columns[c]
    tokens[0] = 0
    tokens[1] = 1
    for d in range(n):
        tokens[d + 2] = outer[d] + 2
