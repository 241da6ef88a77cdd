"""Functions of the cells of a maze and their neighbours: distances, and moves along a path.

A maze is a flat array of s*s tokens, row by row. A move is 0 up, 1 right, 2 down or 3 left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..puzzle import Tokens
from .tokens import GOAL, PATH, START, WALL

FAR = np.iinfo(np.int64).max
"""The distance of cells that cannot be reached, greater than any other."""
CACHE_SIZE = 4096
"""Number of mazes whose moves are cached, since an agent asks for them at every step."""


def neighbours(padded: Any) -> tuple[Any, Any, Any, Any]:
    """Return the values above, right of, below and left of every cell.

    Args:
        padded: ``(..., s + 2, s + 2)``, an array or a tensor of cells with a border of width 1.

    Returns:
        Four views of shape ``(..., s, s)``, in the order of the moves.
    """
    return (
        padded[..., :-2, 1:-1],
        padded[..., 1:-1, 2:],
        padded[..., 2:, 1:-1],
        padded[..., 1:-1, :-2],
    )


def distances(tokens: Tokens, size: int, source: int) -> NDArray[np.int64]:
    """Return the number of moves from ``source`` to every cell, ``(s*s,)``, -1 without a path."""
    from . import kernels

    distance, parent = np.empty((2, tokens.size), np.int64)
    kernels.distances(tokens != WALL, size, source, distance, parent)
    return distance


@lru_cache(maxsize=CACHE_SIZE)
def goal_moves(size: int, maze: bytes) -> NDArray[np.int64]:
    """Return the first move of a shortest path from every cell to G.

    Among several such moves it is the lowest.

    Args:
        size: Cells along one side.
        maze: ``(s*s,)`` uint8 tokens.

    Returns:
        ``(s*s,)`` moves, -1 in cells from which no path leads to G.

    Raises:
        ValueError: if the maze does not contain exactly one G.
    """
    beside = _beside(_distances_to_goal(size, maze), size)
    return np.where(beside.min(axis=0) < FAR, beside.argmin(axis=0), -1).ravel()


@lru_cache(maxsize=CACHE_SIZE)
def goal_distances(size: int, maze: bytes) -> NDArray[np.int64]:
    """Return the number of moves from every cell to G, also from a wall next to an open cell.

    Args:
        size: Cells along one side.
        maze: ``(s*s,)`` uint8 tokens.

    Returns:
        ``(s*s,)`` moves, -1 in cells from which no path leads to G.

    Raises:
        ValueError: if the maze does not contain exactly one G.
    """
    distance = _distances_to_goal(size, maze)
    least = _beside(distance, size).min(axis=0).ravel()
    return np.where((distance < 0) & (least < FAR), least + 1, distance)


def _distances_to_goal(size: int, maze: bytes) -> NDArray[np.int64]:
    tokens = np.frombuffer(maze, np.uint8)
    goals = np.flatnonzero(tokens == GOAL)
    if len(goals) != 1:
        raise ValueError(f"a maze has one G, got {len(goals)}")
    return distances(tokens, size, int(goals[0]))


def _beside(distance: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the distances of the four neighbours of every cell, ``FAR`` where there is none."""
    grid = np.where(distance < 0, FAR, distance).reshape(size, size)
    return np.stack(neighbours(np.pad(grid, 1, constant_values=FAR)))


@lru_cache(maxsize=CACHE_SIZE)
def marked_moves(size: int, answer: bytes, maze: bytes, start: int) -> NDArray[np.int8]:
    """Return the moves of a walker that follows the marks of an answer from a cell to G.

    The walker sees only the cells next to it: it enters G if it can, otherwise the first marked
    cell above, to the right, below or to the left in which it has not been. An answer that marks
    two shortest paths is therefore walked along one of them, and nothing is searched.

    Args:
        size: Cells along one side.
        answer: ``(s*s,)`` uint8 tokens.
        maze: ``(s*s,)`` uint8 tokens.
        start: Cell in which the walk begins.

    Returns:
        ``(s*s,)`` moves, -1 in cells off the walk; -1 everywhere if the walk does not reach G.
    """
    marks, tokens = np.frombuffer(answer, np.uint8), np.frombuffer(maze, np.uint8)
    marked = (marks == PATH) & (tokens != WALL) | (tokens == START) | (tokens == GOAL)
    # A border, so that no step leaves the grid.
    open_cells = np.pad(marked.reshape(size, size), 1).ravel().tolist()
    goals = np.pad((tokens == GOAL).reshape(size, size), 1).ravel().tolist()
    width = size + 2
    cell = start // size * width + start % size + width + 1
    moves = np.full((width, width), -1, np.int8)
    walk = moves.ravel()
    while not goals[cell]:
        open_cells[cell] = False
        beside = [cell - width, cell + 1, cell + width, cell - 1]
        ways = [move for move, other in enumerate(beside) if open_cells[other]]
        if not ways:
            return np.full(size * size, -1, np.int8)
        walk[cell] = next((move for move in ways if goals[beside[move]]), ways[0])
        cell = beside[walk[cell]]
    return moves[1:-1, 1:-1].ravel()
