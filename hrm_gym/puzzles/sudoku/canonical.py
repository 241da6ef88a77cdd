"""The canonical form of a solved Sudoku: the least of all its symmetric copies.

The symmetries are relabelling, permuting rows within bands, bands, columns within stacks and
stacks, and (for square boxes) transposition. The first row of the least copy is 1..n, so that the
choice of the top row and of the order of the columns determines the relabelling, and sorting by the
first column determines the other rows.

A board of 16x16 has eight million orders of its columns, and one of 25x25 has 10^14. Therefore the
columns are chosen one at a time, from left to right, and only as long as the second row of the copy
is not greater than that of the best copy so far.
"""

import numpy as np
from numba import njit


@njit(cache=True, inline="always")
def place(column, position, width, order, position_of, slot_of, stack_at, taken):
    """Put a column at a position; its stack is then bound to the slot of this position."""
    order[position], position_of[column] = column, position
    stack, slot = column // width, position // width
    slot_of[stack], stack_at[slot] = slot, stack
    taken[stack] += 1


@njit(cache=True, inline="always")
def remove(column, width, order, position_of, slot_of, stack_at, taken):
    """Undo ``place``."""
    stack = column // width
    order[position_of[column]], position_of[column] = -1, -1
    taken[stack] -= 1
    if taken[stack] == 0:
        stack_at[slot_of[stack]], slot_of[stack] = -1, -1


@njit(cache=True, inline="always")
def first_free(column, width, order, slot_of, stack_at):
    """Return the first position at which a column can stand that has no position yet."""
    slot = slot_of[column // width]
    if slot < 0:
        slot = 0
        while stack_at[slot] >= 0:
            slot += 1
    position = slot * width
    while order[position] >= 0:
        position += 1
    return position


@njit(cache=True)
def compare(source, shown, order, top, band_rows, best_grid, best_given):
    """Replace the best copy by the one of an order of columns and a top row if that is less.

    Two copies with the same solution are compared by their givens.
    """
    n = order.size
    label = np.empty(n + 1, np.int8)
    for c in range(n):
        label[source[top * n + order[c]]] = c + 1
    first = np.empty(n, np.int64)
    for r in range(n):
        first[r] = label[source[r * n + order[0]]]
    # Sort the rows within each band, then the bands by their first row.
    rows = np.empty(n, np.int64)
    size, used = 0, 0
    while size < n:
        least = -1
        for r in range(n):
            if not (used >> (r // band_rows)) & 1 and (least < 0 or first[r] < first[least]):
                least = r
        chosen = least // band_rows
        used |= 1 << chosen
        start = size
        for r in range(chosen * band_rows, (chosen + 1) * band_rows):
            j = size
            while j > start and first[rows[j - 1]] > first[r]:
                rows[j] = rows[j - 1]
                j -= 1
            rows[j] = r
            size += 1
    verdict = 0
    for i in range(n * n):
        value = label[source[rows[i // n] * n + order[i % n]]]
        if value != best_grid[i]:
            verdict = -1 if value < best_grid[i] else 1
            break
    if verdict == 0:
        for i in range(n * n):
            if shown[rows[i // n] * n + order[i % n]] != best_given[i]:
                verdict = -1 if best_given[i] else 1
                break
    if verdict < 0:
        for i in range(n * n):
            cell = rows[i // n] * n + order[i % n]
            best_grid[i] = label[source[cell]]
            best_given[i] = shown[cell]


@njit(cache=True)
def try_orders(source, shown, top, second, box_rows, box_cols, bound, best_grid, best_given):
    """Try the orders of the columns that keep the second row as small as the best one so far.

    ``source[top]`` becomes the first row and ``source[second]`` the second. ``bound`` (n,) is the
    second row of the best copy so far, n+1 where nothing is known.
    """
    n = box_rows * box_cols
    column_of = np.empty(n + 1, np.int64)
    for c in range(n):
        column_of[source[top * n + c]] = c
    order, position_of, slot_of, stack_at = np.full((4, n), -1, np.int64)
    taken = np.zeros(n, np.int64)
    # At every position: the next column to try, the column that was there before, and the columns
    # that were placed here.
    following, before, mine, other = np.full((4, n), -1, np.int64)
    following[0] = 0
    c = 0
    while c >= 0:
        column = -1
        if c < n and before[c] >= 0:
            if following[c] == 0:
                column = before[c]
            following[c] = n
        elif c < n:
            stack = stack_at[c // box_cols]
            while column < 0 and following[c] < n:
                k = following[c]
                following[c] += 1
                if position_of[k] < 0:
                    fits = k // box_cols == stack if stack >= 0 else slot_of[k // box_cols] < 0
                    if fits:
                        column = k
        else:
            compare(source, shown, order, top, box_rows, best_grid, best_given)
        if column < 0:
            # Every column was tried here, or the order is complete: take back the previous one.
            c -= 1
        else:
            if before[c] < 0:
                place(column, c, box_cols, order, position_of, slot_of, stack_at, taken)
                mine[c] = column
            # The digit below is labelled by the position of its column, which should be small.
            below = column_of[source[second * n + column]]
            if position_of[below] < 0:
                free = first_free(below, box_cols, order, slot_of, stack_at)
                place(below, free, box_cols, order, position_of, slot_of, stack_at, taken)
                other[c] = below
            value = position_of[below] + 1
            if value < bound[c]:
                # Every beginning can be completed, so that this one is less than the best copy.
                bound[c] = value
                bound[c + 1 :] = n + 1
                best_grid[:] = n + 1
            if value <= bound[c]:
                c += 1
                if c < n:
                    following[c], before[c] = 0, order[c]
                continue
        if c >= 0:
            if other[c] >= 0:
                remove(other[c], box_cols, order, position_of, slot_of, stack_at, taken)
                other[c] = -1
            if mine[c] >= 0:
                remove(mine[c], box_cols, order, position_of, slot_of, stack_at, taken)
                mine[c] = -1


@njit(cache=True)
def canonical(solution, given, box_rows, box_cols, best_grid, best_given):
    """Write the canonical form of a solved puzzle: the least symmetric copy of its solution.

    Among all symmetries that lead to the least solution, the one with the least set of givens is
    chosen.
    """
    n = box_rows * box_cols
    bound = np.full(n, n + 1)
    best_grid[:] = n + 1
    best_given[:] = True
    source, shown = solution.copy(), given.copy()
    for flip in range(2 if box_rows == box_cols else 1):
        if flip:
            for r in range(n):
                for c in range(n):
                    source[r * n + c] = solution[c * n + r]
                    shown[r * n + c] = given[c * n + r]
        for top in range(n):
            band = top // box_rows * box_rows
            for second in range(band, band + box_rows):
                if second != top:
                    try_orders(
                        source, shown, top, second, box_rows, box_cols, bound, best_grid, best_given
                    )
