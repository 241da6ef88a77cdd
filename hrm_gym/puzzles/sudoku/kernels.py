"""Numba kernels over whole grids: solving many grids, the canonical form, symmetries of keys.

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
def canonical(solution, given, box_rows, box_cols, column_orders, best_grid, best_given):
    """Write the canonical form of a solved puzzle: the least symmetric copy of its solution.

    The symmetries are relabelling, permuting rows within bands, bands, columns within stacks and
    stacks, and (for square boxes) transposition. The first row of the least copy is 1..n, so that
    the choice of the top row and of a column order (``column_orders`` (k, n)) determines the
    relabelling, and sorting by the first column determines the other rows. Among all symmetries
    that lead to the least solution, the one with the least set of givens is chosen.
    """
    n = box_rows * box_cols
    cells = n * n
    label = np.zeros(n + 1, np.int8)
    grid = np.empty(cells, np.int8)
    mask = np.empty(cells, np.bool_)
    rows = np.empty(n, np.int64)
    first = np.empty(n, np.int64)
    source = np.empty(cells, np.int8)
    shown = np.empty(cells, np.bool_)
    best_grid[:] = n + 1
    best_given[:] = True
    bands = n // box_rows
    for flip in range(2 if box_rows == box_cols else 1):
        for r in range(n):
            for c in range(n):
                source[r * n + c] = solution[c * n + r] if flip else solution[r * n + c]
                shown[r * n + c] = given[c * n + r] if flip else given[r * n + c]
        for top in range(n):
            for k in range(column_orders.shape[0]):
                columns = column_orders[k]
                for c in range(n):
                    label[source[top * n + columns[c]]] = c + 1
                # The second row decides most comparisons, so that it is compared before sorting.
                band = top // box_rows
                second = -1
                for r in range(band * box_rows, (band + 1) * box_rows):
                    if r != top and (
                        second < 0
                        or label[source[r * n + columns[0]]]
                        < label[source[second * n + columns[0]]]
                    ):
                        second = r
                verdict = 0
                if second >= 0:
                    for c in range(n):
                        value = label[source[second * n + columns[c]]]
                        if value != best_grid[n + c]:
                            verdict = -1 if value < best_grid[n + c] else 1
                            break
                if verdict > 0:
                    continue
                for r in range(n):
                    first[r] = label[source[r * n + columns[0]]]
                # Sort the rows within each band, then the bands by their first row.
                place = 0
                used = 0
                for _ in range(bands):
                    least = -1
                    for r in range(n):
                        if not (used >> (r // box_rows)) & 1 and (
                            least < 0 or first[r] < first[least]
                        ):
                            least = r
                    chosen = least // box_rows
                    used |= 1 << chosen
                    start = place
                    for r in range(chosen * box_rows, (chosen + 1) * box_rows):
                        j = place
                        while j > start and first[rows[j - 1]] > first[r]:
                            rows[j] = rows[j - 1]
                            j -= 1
                        rows[j] = r
                        place += 1
                verdict = 0
                for i in range(cells):
                    cell = rows[i // n] * n + columns[i % n]
                    grid[i] = label[source[cell]]
                    mask[i] = shown[cell]
                    if verdict == 0 and grid[i] != best_grid[i]:
                        verdict = -1 if grid[i] < best_grid[i] else 1
                        if verdict > 0:
                            break
                if verdict == 0:
                    for i in range(cells):
                        if mask[i] != best_given[i]:
                            verdict = -1 if best_given[i] else 1
                            break
                if verdict < 0:
                    best_grid[:] = grid
                    best_given[:] = mask


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
