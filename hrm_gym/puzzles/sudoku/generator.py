"""Numba kernels that generate Sudokus: random solved grids, removal of clues, hill climbing.

A grid is a flat int8 array of n*n values, 0 = blank. ``board`` contains the tables of its box
shape, and ``state`` is the state of the random generator (see ``random_kernels.below``).
"""

import numpy as np
from numba import njit

from ..random_kernels import below, shuffle
from .board import Position
from .search import apply_rules, lowest, popcount, propagate, search, start, write

BATCH_ABOVE = 25
"""Up to half of the clues beyond this number are removed at once."""


@njit(cache=True, inline="always")
def undecided(position, board, cells):
    """Write the cells with several possible digits into ``cells`` (bands,); return their number."""
    count = 0
    for band in range(len(board.bands)):
        once, twice = 0, 0
        for digit in range(position.places.shape[0]):
            twice |= once & position.places[digit, band]
            once |= position.places[digit, band]
        cells[band] = twice
        count += popcount(twice)
    return count


@njit(cache=True)
def random_grid(state, board, solution):
    """Fill ``solution`` with a random complete grid.

    The first row is a random permutation, and a random search fills in the rest.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    height = stacks * n
    digits = np.arange(1, n + 1).astype(np.int8)
    grid = np.zeros(solution.size, np.int8)
    columns = np.empty(bands, np.int64)
    twice = np.empty(bands, np.int64)
    places, fixed = np.empty((2, n, bands), np.int64)
    position = Position(places, fixed, np.empty((n, bands + stacks), np.int64))
    while True:
        shuffle(state, digits)
        grid[:n] = digits
        start(grid, position, board)
        dirty = (1 << n) - 1
        # Random cells take random candidates. After a dead end, which is rare, the search restarts.
        while apply_rules(position, dirty, board, columns):
            open_cells = undecided(position, board, twice)
            if open_cells == 0:
                write(position, board, solution)
                return
            pick = below(state, open_cells)
            band = 0
            while pick >= popcount(twice[band]):
                pick -= popcount(twice[band])
                band += 1
            cells = twice[band]
            for _ in range(pick):
                cells &= cells - 1
            bit = cells & -cells
            count = 0
            for digit in range(n):
                count += places[digit, band] & bit != 0
            skip = below(state, count)
            dirty = 0
            for digit in range(n):
                if places[digit, band] & bit:
                    dirty |= 1 << digit
                    if skip == 0:
                        for other in range(bands):
                            places[digit, other] &= board.kept[band * height + lowest(bit), other]
                    else:
                        places[digit, band] ^= bit
                    skip -= 1


@njit(cache=True, inline="always")
def join(roots, one, other):
    """Merge the components of two nodes; ``roots`` maps nodes to the least of their component."""
    a, b = roots[one], roots[other]
    if a != b:
        least, most = min(a, b), max(a, b)
        for node in range(roots.size):
            if roots[node] == most:
                roots[node] = least


@njit(cache=True)
def exchanges(solution, board, sets):
    """Write the numbers of the exchanges that every cell takes part in into ``sets`` (n*n, ...).

    An exchange transforms ``solution`` to another complete grid: it swaps two digits in a component
    of cells with these digits, where cells in the same row, column or box are connected; or it
    swaps two lines of a band or stack in a set of places where both contain the same digits. A
    puzzle without a clue in any cell of an exchange has several solutions. These cells are the
    simplest unavoidable sets (McGuire, Tugemann and Civario 2014, "There is no 16-clue Sudoku",
    section 3). Returns an upper bound of the numbers.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    row_at, column_at, box_row = np.empty((3, n, n), np.int64)
    for cell in range(solution.size):
        row, column, digit = cell // n, cell % n, solution[cell] - 1
        column_at[digit, row] = column
        row_at[digit, column] = row
        box_row[digit, row // stacks * stacks + column // bands] = row
    roots = np.empty(n, np.int64)
    first = 0
    for one in range(n):
        for other in range(one):
            # Every row contains both digits once, so that a row represents its two cells.
            roots[:] = np.arange(n)
            for line in range(n):
                join(roots, row_at[one, line], row_at[other, line])
                join(roots, box_row[one, line], box_row[other, line])
            for row in range(n):
                sets[row * n + column_at[one, row], other] = first + roots[row]
                sets[row * n + column_at[other, row], one - 1] = first + roots[row]
            first += n
    for group in range(2):
        width, place = (stacks, n - 1) if group == 0 else (bands, n + stacks - 2)
        at = column_at if group == 0 else row_at
        along, across = (1, n) if group == 0 else (n, 1)
        for one in range(n):
            for other in range(one // width * width, one):
                roots[:] = np.arange(n)
                for digit in range(n):
                    join(roots, at[digit, one], at[digit, other])
                for line in range(n):
                    sets[one * across + line * along, place + other % width] = first + roots[line]
                    mine = place + one % width - 1
                    sets[other * across + line * along, mine] = first + roots[line]
                first += n
    return first


@njit(cache=True)
def needed(cell, sets, clues_of):
    """Return whether ``cell`` contains the last clue of an exchange."""
    last = False
    for which in range(sets.shape[1]):
        last |= clues_of[sets[cell, which]] == 1
    return last


@njit(cache=True, inline="always")
def count_clue(cell, change, sets, clues_of):
    """Add ``change``, 1 or -1, to the number of clues of every exchange of ``cell``."""
    for which in range(sets.shape[1]):
        clues_of[sets[cell, which]] += change


@njit(cache=True)
def carve(state, clues, solution, board, grid):
    """Remove clues of ``grid`` in random order as long as its solution remains unique.

    The function stops at ``clues`` clues, or when every clue is necessary. A clue is necessary if
    there is a solution with another digit in its cell. Returns the rating of the result.

    Two shortcuts do not change the result: the last clue of an exchange is necessary; and if
    propagation alone solves the grid without several clues, each of them may be removed.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    order = np.flatnonzero(grid)
    shuffle(state, order)
    scratch = np.empty(grid.size, np.int8)
    sets = np.empty((grid.size, n + bands + stacks - 3), np.int64)
    clues_of = np.zeros(exchanges(solution, board, sets), np.int64)
    for cell in order:
        count_clue(cell, 1, sets, clues_of)
    places, fixed = np.empty((2, n, bands), np.int64)
    position = Position(places, fixed, np.empty((n, bands + stacks), np.int64))
    columns = np.empty(bands, np.int64)
    left, begin, most = order.size, 0, order.size
    while begin < order.size and left > clues:
        # With fewer clues left, fewer can be removed at once.
        most = max(1, min(most, (left - BATCH_ABOVE) // 2, left - clues))
        end, gone = begin, 0
        while end < order.size and gone < most:
            cell = order[end]
            end += 1
            if not needed(cell, sets, clues_of):
                gone += 1
                grid[cell] = 0
                count_clue(cell, -1, sets, clues_of)
        if gone == 0:
            break
        if most == 1:
            stays = search(grid, board, cell * n + solution[cell] - 1, 1, scratch)[0]
        else:
            start(grid, position, board)
            propagate(position, (1 << n) - 1, board, columns)
            stays = undecided(position, board, columns)
        if not stays:
            left -= gone
            begin = end
            most *= 2
            continue
        for cell in order[begin:end]:
            if grid[cell] == 0:
                grid[cell] = solution[cell]
                count_clue(cell, 1, sets, clues_of)
        if most == 1:
            begin = end
        most //= 2
    return search(grid, board, -1, 1, scratch)[1]


@njit(cache=True)
def make(state, clues, board, solution, grid):
    """Write a random complete grid and a puzzle with this solution; return its rating."""
    random_grid(state, board, solution)
    grid[:] = solution
    return carve(state, clues, solution, board, grid)


@njit(cache=True)
def neighbour(state, solution, board, grid, trial):
    """Write a minimal puzzle near ``grid`` with the same solution into ``trial``.

    One random clue is removed, random clues are added until the solution is unique again, and
    unnecessary clues are removed. (Removing two clues finds a third fewer hard puzzles in the same
    time.) Returns the rating of the new puzzle.
    """
    scratch = np.empty(grid.size, np.int8)
    trial[:] = grid
    clues = np.flatnonzero(trial)
    shuffle(state, clues)
    trial[clues[0]] = 0
    blanks = np.flatnonzero(trial == 0)
    shuffle(state, blanks)
    for cell in blanks:
        if search(trial, board, -1, 2, scratch)[0] == 1:
            break
        trial[cell] = solution[cell]
    return carve(state, 0, solution, board, trial)


@njit(cache=True)
def harden(state, trials, rating, solution, board, grid):
    """Raise the rating of a puzzle by hill climbing over its neighbours; return the new rating.

    A neighbour is accepted if its rating is not lower.
    """
    trial = np.empty_like(grid)
    for _ in range(trials):
        reached = neighbour(state, solution, board, grid, trial)
        if reached >= rating:
            rating = reached
            grid[:] = trial
    return rating


@njit(cache=True)
def walk(state, trials, floor, rating, solution, board, grid, kept, ratings):
    """Climb to the rating ``floor``, then walk randomly among the puzzles rated at least ``floor``.

    Writes the puzzles of the walk and their ratings, and returns their number. Puzzles of high
    ratings are close together, so that the first one takes most of the time.
    """
    trial = np.empty_like(grid)
    found = 0
    for _ in range(trials):
        reached = neighbour(state, solution, board, grid, trial)
        if reached >= min(rating, floor):
            rating = reached
            grid[:] = trial
            if rating >= floor:
                kept[found] = grid
                ratings[found] = rating
                found += 1
                if found == ratings.size:
                    break
    return found
