"""Numba kernels that make Sudokus: random solved grids, carving, hill climbing.

A grid is a flat int8 array of n*n values, 0 = blank; ``board`` are the tables of its box shape.
"""

import numpy as np
from numba import njit

from .random_kernels import below, shuffle
from .sudoku_board import Position
from .sudoku_search import lowest, popcount, search, settle, start, write


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
            open_cells = 0
            for band in range(bands):
                once = 0
                twice[band] = 0
                for digit in range(n):
                    twice[band] |= once & places[digit, band]
                    once |= places[digit, band]
                open_cells += popcount(twice[band])
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
            for digit in range(n):
                if places[digit, band] & bit:
                    if skip == 0:
                        for other in range(bands):
                            places[digit, other] &= board.kept[band * height + lowest(bit), other]
                    else:
                        places[digit, band] ^= bit
                    skip -= 1
            dirty = (1 << n) - 1


@njit(cache=True)
def carve(state, clues, board, grid):
    """Blank cells of a uniquely solvable ``grid`` in random order while it stays unique.

    Stops at ``clues`` clues, or at a puzzle from which nothing more can go. A clue can go unless
    there is a solution with another digit in its cell. Returns the rating of the result.
    """
    n = len(board.bands) * len(board.stacks)
    order = np.flatnonzero(grid)
    shuffle(state, order)
    scratch = np.empty(grid.size, np.int8)
    left = order.size
    for cell in order:
        if left <= clues:
            break
        kept = grid[cell]
        grid[cell] = 0
        if search(grid, board, cell * n + kept - 1, 1, scratch)[0]:
            grid[cell] = kept
        else:
            left -= 1
    return search(grid, board, -1, 1, scratch)[1]


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
    return carve(state, 0, board, trial)


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
