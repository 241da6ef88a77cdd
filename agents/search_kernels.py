"""Numba kernel of the depth-first search: backtracking over a Sudoku, a slice at a time."""

from numba import njit


@njit(cache=True)
def backtrack(grid, cells, box_of, used, k, budget):
    """Go on with a search that stands at the k-th blank cell, for so many digits at most.

    Every blank takes the least digit that its row, column and box allow, in reading order; where
    none is left, the one before it takes its next. All arrays are changed in place.

    Args:
        grid: (n*n,) int8, digits, 0 = blank.
        cells: (K,) int64, the blanks in reading order.
        box_of: (n*n,) int64, the box of every cell.
        used: (3, n) int64, the digits of every row, column and box as bits.
        k: Where it stands; the cell there is blank, or holds the digit to go on from.
        budget: Cells to look at.

    Returns:
        Where it stands then: K once all are filled, -1 where there is no solution.
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
