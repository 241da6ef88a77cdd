"""Solving, counting solutions, rating and generating, with the solver that serves the size.

Boards of up to 12 rows have the fast solver of ``search.py``. Larger boards have that of
``large.py``, whose searches are bounded, since no solver is fast on every large board.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.machine import cores

from ..keys import MASK
from .tables import BOXES, tables

LARGEST_FAST = 12
"""Number of rows of the largest board that the fast solver serves."""
BUDGET = 100_000
"""Largest number of guesses of a search on a larger board: about 3 s at 16x16 and 20 s at 25x25."""
CHUNK = 500
"""Number of puzzles that a thread solves at a time."""
UNFINISHED = f"the search was not finished after {BUDGET} guesses, expected an easier puzzle"


def _size_of(grid: NDArray[Any]) -> int:
    """Return the number of rows of a grid, after checking the grid."""
    n = int(grid.size**0.5)
    if n not in BOXES or n * n != grid.size:
        raise ValueError(f"grid: expected {'/'.join(map(str, BOXES))} rows, got {grid.size} cells")
    if grid.dtype.kind not in "iu":
        raise ValueError(f"grid: expected integers, got {grid.dtype}")
    if grid.min() < 0 or grid.max() > n:
        raise ValueError(f"grid: expected digits 0..{n}, got {grid.min()}..{grid.max()}")
    return n


def search_grid(grid: ArrayLike, limit: int = 2) -> tuple[int, int, NDArray[np.int8]]:
    """Solve a grid of digits (0 = blank) by propagation and guessing.

    Args:
        grid: n*n integers, flat or square.
        limit: Largest number of solutions to look for.

    Returns:
        The number of solutions found, the number of guesses to the first solution, and the first
        solution, ``(n*n,)`` int8.

    Raises:
        ValueError: if the grid has an unknown size or a digit out of range, or it has more than 12
            rows and the search takes more than ``BUDGET`` guesses.
    """
    values = np.asarray(grid).ravel()
    size = _size_of(values)
    # The values are checked before the cast, which would turn 256 into a blank.
    cells = values.astype(np.int8)
    solution = np.zeros(values.size, np.int8)
    if size > LARGEST_FAST:
        from . import large

        found, guesses = large.search(
            cells, *_large(size), limit, BUDGET, np.empty(0, np.uint64), solution
        )
        if found == large.UNFINISHED:
            raise ValueError(f"grid: {UNFINISHED}")
    else:
        from .board import board
        from .search import search

        found, guesses = search(cells, board(*BOXES[size]), -1, limit, solution)
    return found, guesses, solution


def count_solutions(grid: ArrayLike, limit: int = 2) -> int:
    """Return the number of solutions of a grid (n x n integers, 0 = blank), at most ``limit``.

    Raises:
        ValueError: if ``search_grid`` raises it.
    """
    return search_grid(grid, limit)[0]


def is_easy(grid: NDArray[np.int8]) -> bool:
    """Return whether the rules alone, without a guess, solve a grid of more than 12 rows."""
    from . import large

    size = _size_of(grid)
    return bool(large.is_easy(grid, *_large(size), np.empty(grid.size, np.int64)))


def solve_rows(
    grids: NDArray[np.int8], size: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int8]]:
    """Solve grids ``(N, n*n)`` on all cores.

    Returns:
        The number of solutions of each grid, up to 2 and negative if the search was not finished;
        the number of guesses to the first solution; and the first solutions.
    """
    counts, guesses = np.zeros((2, len(grids)), np.int64)
    solutions = np.zeros_like(grids)
    if size > LARGEST_FAST:
        from . import large

        def solve(start: int) -> None:
            rows = slice(start, start + CHUNK)
            outcome = counts[rows], guesses[rows], solutions[rows]
            large.solve_all(grids[rows], *_large(size), BUDGET, *outcome)

    else:
        from .board import board
        from .kernels import solve_all

        def solve(start: int) -> None:
            rows = slice(start, start + CHUNK)
            outcome = counts[rows], guesses[rows], solutions[rows]
            solve_all(grids[rows], board(*BOXES[size]), *outcome)

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(solve, range(0, len(grids), CHUNK)))
    return counts, guesses, solutions


def generate(
    size: int, key: int, clues: int, trials: int, guesses: int
) -> tuple[NDArray[np.int8], NDArray[np.int8], int]:
    """Return a puzzle with one solution, the solution, and the rating; see ``Sudoku.generate``.

    Raises:
        ValueError: if the solver of this size has no use for ``trials`` or ``guesses``.
    """
    state = np.array([key & MASK], np.uint64)
    solution, grid = np.empty((2, size * size), np.int8)
    if size > LARGEST_FAST:
        from . import large

        if trials:
            raise ValueError(f"trials: expected 0 for more than {LARGEST_FAST} rows, got {trials}")
        large.random_grid(state, *_large(size), solution)
        grid[:] = solution
        rating = large.carve(state, clues, guesses, *_large(size), solution, grid)
    else:
        from .board import board
        from .generator import harden, make

        if guesses:
            raise ValueError(f"guesses: expected 0 for up to {LARGEST_FAST} rows, got {guesses}")
        rating = make(state, clues, board(*BOXES[size]), solution, grid)
        if trials:
            rating = harden(state, trials, rating, solution, board(*BOXES[size]), grid)
    return grid, solution, int(rating)


def _large(size: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Return the arguments by which the kernels of ``large.py`` know a board."""
    box_rows, box_cols = BOXES[size]
    known = tables(box_rows, box_cols)
    return known.units, known.box_of, box_rows
