"""Numba kernels that make Sudokus: random solved grids, carving, hill climbing.

A grid is a flat int8 array of n*n values, 0 = blank; ``board`` are the tables of its box shape.
"""

import numpy as np
from numba import njit

from ..random_kernels import below, shuffle
from .board import Position
from .search import lowest, popcount, propagate, search, settle, start, write

LEAST = 25
"""Clues from which on one is taken at a time."""


@njit(cache=True, inline="always")
def undecided(position, board, cells):
    """Write into ``cells`` (bands,) those of more than one digit; return how many there are."""
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
    """Fill ``solution`` with a random complete grid: a shuffled first row, then random search."""
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
        # Random cells take random candidates; a dead end starts over, which is rare and quick.
        while settle(position, dirty, board, columns):
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
    """Put two of ``roots.size`` nodes into one component, named by its least node."""
    a, b = roots[one], roots[other]
    if a != b:
        least, most = min(a, b), max(a, b)
        for node in range(roots.size):
            if roots[node] == most:
                roots[node] = least


@njit(cache=True)
def exchanges(solution, board, sets):
    """Write into ``sets`` (n*n, ...) the numbers of the exchanges that every cell takes part in.

    An exchange turns ``solution`` into another: two digits change places in cells that touch no
    other cell of theirs, or two lines of a band or stack do where they hold the same digits. A
    puzzle without a clue in all cells of one has several solutions (such cells are the simplest
    unavoidable sets: McGuire, Tugemann and Civario 2014, "There is no 16-clue Sudoku", section 3).
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
            # A row holds both digits, so that rows stand for their cells.
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
    """Say whether an exchange has its last clue in ``cell``."""
    last = False
    for which in range(sets.shape[1]):
        last |= clues_of[sets[cell, which]] == 1
    return last


@njit(cache=True, inline="always")
def mark(cell, change, sets, clues_of):
    """Count the clue of ``cell`` in, or out, where ``change`` is -1."""
    for which in range(sets.shape[1]):
        clues_of[sets[cell, which]] += change


@njit(cache=True)
def carve(state, clues, solution, board, grid):
    """Blank cells of a uniquely solvable ``grid`` in random order while it stays unique.

    Stops at ``clues`` clues, or at a puzzle from which nothing more can go. A clue can go unless
    there is a solution with another digit in its cell. Returns the rating of the result.

    What goes does not depend on the shortcuts: cells that an exchange needs stay, and where
    propagation alone solves the grid without several clues, each of them could go in its turn.
    """
    bands, stacks = len(board.bands), len(board.stacks)
    n = bands * stacks
    order = np.flatnonzero(grid)
    shuffle(state, order)
    scratch = np.empty(grid.size, np.int8)
    sets = np.empty((grid.size, n + bands + stacks - 3), np.int64)
    clues_of = np.zeros(exchanges(solution, board, sets), np.int64)
    for cell in order:
        mark(cell, 1, sets, clues_of)
    places, fixed = np.empty((2, n, bands), np.int64)
    position = Position(places, fixed, np.empty((n, bands + stacks), np.int64))
    columns = np.empty(bands, np.int64)
    left, begin, most = order.size, 0, order.size
    while begin < order.size and left > clues:
        # The fewer clues are left, the fewer can go at once.
        most = max(1, min(most, (left - LEAST) // 2, left - clues))
        end, gone = begin, 0
        while end < order.size and gone < most:
            cell = order[end]
            end += 1
            if not needed(cell, sets, clues_of):
                gone += 1
                grid[cell] = 0
                mark(cell, -1, sets, clues_of)
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
                mark(cell, 1, sets, clues_of)
        if most == 1:
            begin = end
        most //= 2
    return search(grid, board, -1, 1, scratch)[1]


@njit(cache=True)
def make(state, clues, board, solution, grid):
    """Fill ``solution`` at random and write a puzzle of it into ``grid``; return its rating."""
    random_grid(state, board, solution)
    grid[:] = solution
    return carve(state, clues, solution, board, grid)


@njit(cache=True)
def neighbour(state, solution, board, grid, trial):
    """Write into ``trial`` a minimal puzzle near ``grid``, with its solution; return its rating.

    One clue goes, random ones come back until the solution is unique again, what is not needed is
    carved. (Taking two clues finds a third fewer hard puzzles in the same time.)
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

    A neighbour is taken if the rating does not fall.
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
    """Climb to ``floor``, then wander above it; write where it went; return how many that were.

    Puzzles rated ``floor`` or more are crowded together, so that the first costs most.
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
