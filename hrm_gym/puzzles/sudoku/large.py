"""Numba kernels that solve and generate Sudokus of more than 12 rows.

The solver in ``search.py`` keeps the places of a digit in a band in one 64-bit word, and counts up
to 15 lanes, so that it ends at 12 rows. This one keeps a mask of candidates for every cell. It
knows naked and hidden singles and locked candidates, and guesses in the cell with the fewest
candidates, divided by the number of contradictions that the units of the cell led to ("dom/wdeg";
Boussemart et al. 2004, "Boosting systematic search by weighting constraints").

A board of this size can be too hard for any known solver. Therefore every search has a budget of
guesses, and says if it was not enough.
"""

import numpy as np
from numba import njit

from ..random_kernels import below, shuffle

UNFINISHED = -1
"""Number of solutions of a search that did not finish within its budget."""
RESTART = 2
"""Number of guesses a cell after which the search for a random grid starts again."""
BATCH = 32
"""Largest number of clues that are removed at once."""
ONE, TWO = np.int64(1), np.int64(2)
"""Numba compiles a kernel again for every literal number among its arguments."""


@njit(cache=True)
def touch(cell, box_of, dirty):
    """Mark the row, column and box of a cell as changed."""
    n = dirty.size // 3
    dirty[cell // n] = dirty[n + cell % n] = dirty[2 * n + box_of[cell]] = True


@njit(cache=True)
def settle_unit(unit, candidates, units, box_of, dirty):
    """Apply naked and hidden singles to one row, column or box; return False at a contradiction."""
    n = units.shape[1]
    taken = 0
    for k in range(n):
        cell = units[unit, k]
        mask = candidates[cell]
        if mask & (mask - 1) == 0:
            if taken & mask or mask == 0:
                return False
            taken |= mask
    once, twice = 0, 0
    for k in range(n):
        cell = units[unit, k]
        mask = candidates[cell]
        if mask & (mask - 1):
            if mask & taken:
                mask &= ~taken
                if mask == 0:
                    return False
                candidates[cell] = mask
                touch(cell, box_of, dirty)
            twice |= once & mask
            once |= mask
    if once | taken != (1 << n) - 1:
        return False
    single = once & ~twice
    if single:
        for k in range(n):
            cell = units[unit, k]
            mask = candidates[cell]
            hidden = mask & single
            if hidden and mask & (mask - 1):
                if hidden & (hidden - 1):
                    return False  # two digits have this cell as their only place
                candidates[cell] = hidden
                touch(cell, box_of, dirty)
    return True


@njit(cache=True)
def lock(candidates, box_of, dirty, height, width, down, right):
    """Apply locked candidates to the rows of boxes of ``height`` by ``width`` cells.

    A digit that a box has only in one row is removed from the rest of the row, and a digit that a
    row has only in one box is removed from the rest of the box. ``down`` and ``right`` are the
    distances of neighbouring cells; exchanging them, and height and width, applies the rules to
    columns. Returns whether anything changed.
    """
    n = height * width
    stacks = n // width
    lanes = np.empty((height, stacks), np.int64)
    changed = False
    for band in range(0, n, height):
        for row in range(height):
            for stack in range(stacks):
                mask = 0
                for k in range(stack * width, (stack + 1) * width):
                    mask |= candidates[(band + row) * down + k * right]
                lanes[row, stack] = mask
        for row in range(height):
            for stack in range(stacks):
                in_box, in_row = 0, 0
                for other in range(height):
                    if other != row:
                        in_box |= lanes[other, stack]
                for other in range(stacks):
                    if other != stack:
                        in_row |= lanes[row, other]
                gone = in_row & lanes[row, stack] & ~in_box
                if gone:
                    for k in range(n):
                        cell = (band + row) * down + k * right
                        if k // width != stack and candidates[cell] & gone:
                            candidates[cell] &= ~gone
                            touch(cell, box_of, dirty)
                            changed = True
                gone = in_box & lanes[row, stack] & ~in_row
                if gone:
                    for other in range(height):
                        for k in range(stack * width, (stack + 1) * width):
                            cell = (band + other) * down + k * right
                            if other != row and candidates[cell] & gone:
                                candidates[cell] &= ~gone
                                touch(cell, box_of, dirty)
                                changed = True
    return changed


@njit(cache=True)
def settle(candidates, units, box_of, height, dirty):
    """Apply all rules until nothing changes.

    ``dirty`` marks the units that changed. Returns the unit with a contradiction, or -1.
    """
    n = units.shape[1]
    width = n // height
    again = True
    while again:
        waiting = True
        while waiting:
            waiting = False
            for unit in range(3 * n):
                if dirty[unit]:
                    dirty[unit] = False
                    waiting = True
                    if not settle_unit(unit, candidates, units, box_of, dirty):
                        return unit
        again = lock(candidates, box_of, dirty, height, width, n, ONE)
        again |= lock(candidates, box_of, dirty, width, height, ONE, n)
    return -1


@njit(cache=True)
def begin(grid, candidates):
    """Write the candidates of a grid before any rule is applied."""
    n = int(np.sqrt(grid.size))
    for cell in range(grid.size):
        candidates[cell] = 1 << (grid[cell] - 1) if grid[cell] else (1 << n) - 1


@njit(cache=True)
def is_easy(grid, units, box_of, height, candidates):
    """Return whether the rules alone solve a grid. ``candidates`` (n*n,) is scratch space."""
    begin(grid, candidates)
    if settle(candidates, units, box_of, height, np.ones(units.shape[0], np.bool_)) >= 0:
        return False
    return bool(np.all(candidates & (candidates - 1) == 0))


@njit(cache=True)
def choose(candidates, units, box_of, weights):
    """Return the cell for the next guess, or -1 if every cell is filled."""
    n = units.shape[1]
    best, least = -1, np.inf
    for cell in range(candidates.size):
        mask = candidates[cell]
        if mask & (mask - 1):
            count = 0
            while mask:
                mask &= mask - 1
                count += 1
            blame = weights[cell // n] + weights[n + cell % n] + weights[2 * n + box_of[cell]]
            value = count / (1 + blame)
            if value < least:
                best, least = cell, value
    return best


@njit(cache=True)
def pick(mask, state):
    """Return the lowest bit of a mask, or a random one if ``state`` is not empty."""
    if state.size:
        count, rest = 0, mask
        while rest:
            rest &= rest - 1
            count += 1
        for _ in range(below(state, count)):
            mask &= mask - 1
    return mask & -mask


@njit(cache=True, nogil=True)
def search(grid, units, box_of, height, limit, budget, state, solution):
    """Count the solutions of ``grid`` up to ``limit`` and write the first one into ``solution``.

    Args:
        grid: (n*n,) int8, digits, 0 = blank.
        units: (3n, n) int64, the cells of rows, columns and boxes.
        box_of: (n*n,) int64.
        height: Rows of a box.
        limit: Largest number of solutions to look for.
        budget: Largest number of guesses.
        state: State of the random generator for random guesses; empty for the lowest digits.
        solution: (n*n,) int8, receives the first solution.

    Returns:
        The number of solutions, ``UNFINISHED`` if the budget was not enough, and the number of
        guesses to the first solution.
    """
    cells = grid.size
    stack = np.empty((cells + 1, cells), np.int64)
    guessed = np.empty(cells + 1, np.int64)
    weights = np.zeros(units.shape[0], np.int64)
    dirty = np.ones(units.shape[0], np.bool_)
    begin(grid, stack[0])
    found, first, guesses, depth = 0, 0, 0, 0
    while True:
        clash = settle(stack[depth], units, box_of, height, dirty)
        cell = -1
        if clash < 0:
            cell = choose(stack[depth], units, box_of, weights)
            if cell < 0:
                if found == 0:
                    first = guesses
                    for k in range(cells):
                        mask, digit = stack[depth, k], 0
                        while mask:
                            mask >>= 1
                            digit += 1
                        solution[k] = digit
                found += 1
                if found >= limit:
                    return found, first
        else:
            weights[clash] += 1
        if cell >= 0:
            if guesses == budget:
                return UNFINISHED, first
            guesses += 1
            bit = pick(stack[depth, cell], state)
            # A loop compiles much faster than an assignment of arrays.
            for k in range(cells):
                stack[depth + 1, k] = stack[depth, k]
            # After a return to this depth, the guess is refuted or exhausted.
            stack[depth, cell] ^= bit
            guessed[depth] = cell
            depth += 1
            stack[depth, cell] = bit
        else:
            depth -= 1
            if depth < 0:
                return found, first
            cell = guessed[depth]
            dirty[:] = False
        touch(cell, box_of, dirty)


@njit(cache=True)
def random_grid(state, units, box_of, height, solution):
    """Fill ``solution`` with a random complete grid: a random first row, and random guesses."""
    n = units.shape[1]
    digits = np.arange(1, n + 1).astype(np.int8)
    grid = np.zeros(solution.size, np.int8)
    while True:
        shuffle(state, digits)
        grid[:n] = digits
        if search(grid, units, box_of, height, ONE, RESTART * grid.size, state, solution)[0] == 1:
            return


@njit(cache=True)
def carve(state, clues, budget, units, box_of, height, solution, grid):
    """Remove clues of a complete ``grid`` in random order as long as its solution remains unique.

    The rules alone must solve the grid without a clue; with a ``budget`` of guesses above 0, a
    second pass removes the clues without which a search within this budget proves that the
    solution is unique. The function stops at ``clues`` clues. Returns the rating of the result.
    """
    order = np.arange(grid.size)
    shuffle(state, order)
    candidates = np.empty(grid.size, np.int64)
    left, start, most = order.size, 0, BATCH
    while start < order.size and left > clues:
        most = min(most, left - clues)
        end = min(start + most, order.size)
        for cell in order[start:end]:
            grid[cell] = 0
        if is_easy(grid, units, box_of, height, candidates):
            left -= end - start
            start = end
            most = min(2 * most, BATCH)
            continue
        for cell in order[start:end]:
            grid[cell] = solution[cell]
        if end - start == 1:
            start = end
        most = max(1, (end - start) // 2)
    fixed = np.empty(0, np.uint64)
    scratch = np.empty_like(grid)
    if budget:
        for cell in order:
            if grid[cell] and left > clues:
                grid[cell] = 0
                if search(grid, units, box_of, height, TWO, budget, fixed, scratch)[0] == 1:
                    left -= 1
                else:
                    grid[cell] = solution[cell]
    return search(grid, units, box_of, height, ONE, budget, fixed, scratch)[1]


@njit(cache=True, nogil=True)
def solve_all(grids, units, box_of, height, budget, counts, guesses, solutions):
    """Write the number of solutions of each grid (N, cells), up to two, and the first solution.

    ``counts`` receives ``UNFINISHED`` where the budget was not enough, and ``guesses`` the number
    of guesses to the first solution.
    """
    fixed = np.empty(0, np.uint64)
    for row in range(grids.shape[0]):
        counts[row], guesses[row] = search(
            grids[row], units, box_of, height, TWO, budget, fixed, solutions[row]
        )
