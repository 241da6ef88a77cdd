"""Depth-first search for a path through a maze, with a time limit and without heuristics."""

from __future__ import annotations

import time
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .tokens import GOAL, WALL

CACHE_SIZE = 4096
"""Number of cached searches, since an agent asks for the result at every step."""


@lru_cache(maxsize=CACHE_SIZE)
def search_moves(size: int, maze: bytes, position: int, seconds: float) -> NDArray[np.int8]:
    """Search for a path to G, trying up, right, down and left in this order.

    The path need not be a shortest path.

    Args:
        size: Cells along one side.
        maze: ``(s*s,)`` uint8 tokens.
        position: The cell where the search begins.
        seconds: Time limit.

    Returns:
        ``(s*s,)`` moves along the path; -1 off the path, and everywhere if no path was found.
    """
    tokens = np.frombuffer(maze, np.uint8)
    seen: NDArray[np.bool_] = tokens == WALL
    seen[position] = True
    end = time.perf_counter() + seconds
    # The cells of the current path, and the number of moves already tried in each of them.
    path, tried = [position], [0]
    while path and tokens[path[-1]] != GOAL and time.perf_counter() < end:
        if tried[-1] == 4:
            path.pop()
            tried.pop()
            continue
        ahead = neighbour_cells(path[-1], size)[tried[-1]]
        tried[-1] += 1
        if ahead >= 0 and not seen[ahead]:
            seen[ahead] = True
            path.append(ahead)
            tried.append(0)
    moves = np.full(tokens.size, -1, np.int8)
    if path and tokens[path[-1]] == GOAL:
        moves[path[:-1]] = np.array(tried[:-1], np.int8) - 1
    return moves


def neighbour_cells(cell: int, size: int) -> tuple[int, int, int, int]:
    """Return the cells above, right of, below and left of a cell, -1 outside the maze."""
    row, column = divmod(cell, size)
    return (
        cell - size if row else -1,
        cell + 1 if column < size - 1 else -1,
        cell + size if row < size - 1 else -1,
        cell - 1 if column else -1,
    )
