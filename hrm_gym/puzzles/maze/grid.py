"""Cells of a maze and their neighbours: distances, and moves along a path.

A maze is a flat array of s*s tokens, row by row. A move is 0 up, 1 right, 2 down or 3 left.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..puzzle import Tokens
from .tokens import GOAL, PATH, START, WALL

REMEMBERED = 4096
"""Mazes whose moves are kept, since an agent asks for them at every step."""


def around(padded: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return what lies up, right, down and left of every cell.

    Args:
        padded: ``(s + 2, s + 2)``, the cells within a border of one.

    Returns:
        Four views of shape ``(s, s)``, in the order of the moves.
    """
    return padded[:-2, 1:-1], padded[1:-1, 2:], padded[2:, 1:-1], padded[1:-1, :-2]


def distances(tokens: Tokens, size: int, source: int) -> NDArray[np.int64]:
    """Return the moves from ``source`` to every cell, ``(s*s,)``, -1 where there is no way."""
    from . import kernels

    distance, parent = np.empty((2, tokens.size), np.int64)
    kernels.distances(tokens != WALL, size, source, distance, parent)
    return distance


@lru_cache(maxsize=REMEMBERED)
def goal_moves(size: int, maze: bytes) -> NDArray[np.int64]:
    """Return for every cell the move of a shortest path to G; the first of several.

    Args:
        size: Cells along one side.
        maze: ``(s*s,)`` uint8 tokens.

    Returns:
        ``(s*s,)`` moves, -1 where no path leads to G.

    Raises:
        ValueError: if the maze does not have exactly one G.
    """
    tokens = np.frombuffer(maze, np.uint8)
    goals = np.flatnonzero(tokens == GOAL)
    if len(goals) != 1:
        raise ValueError(f"a maze has one G, got {len(goals)}")
    distance = distances(tokens, size, int(goals[0]))
    far = tokens.size + 1
    grid = np.pad(np.where(distance < 0, far, distance).reshape(size, size), 1, constant_values=far)
    beside = np.stack(around(grid))
    return np.where(beside.min(axis=0) < far, beside.argmin(axis=0), -1).ravel()


@lru_cache(maxsize=REMEMBERED)
def line_moves(size: int, answer: bytes, maze: bytes) -> NDArray[np.int8]:
    """Return for every cell the move along the line that an answer marks to G.

    Args:
        size: Cells along one side.
        answer: ``(s*s,)`` uint8 tokens.
        maze: ``(s*s,)`` uint8 tokens.

    Returns:
        ``(s*s,)`` moves, -1 beside the line; -1 everywhere if the marks fork or form a ring.
    """
    marks, tokens = np.frombuffer(answer, np.uint8), np.frombuffer(maze, np.uint8)
    marked = (marks == PATH) | (tokens == START) | (tokens == GOAL)
    walls = np.where(marked & (tokens != WALL), tokens, WALL).astype(np.uint8)
    distance = distances(walls, size, int(np.flatnonzero(tokens == GOAL)[0]))
    moves = np.full((size, size), -1, np.int8)
    if _is_line(distance >= 0, size):
        grid = np.pad(distance.reshape(size, size), 1, constant_values=-1)
        here = grid[1:-1, 1:-1]
        for move, ahead in enumerate(around(grid)):
            moves[(ahead >= 0) & (ahead == here - 1)] = move
    return moves.ravel()


def _is_line(cells: NDArray[np.bool_], size: int) -> bool:
    """Return whether connected cells, ``(s*s,)`` bool, form a path without forks or rings."""
    grid = np.pad(cells.reshape(size, size), 1).astype(np.int64)
    degrees = np.sum(around(grid), axis=0)[grid[1:-1, 1:-1] > 0]
    return bool(degrees.max() <= 2 and degrees.sum() == 2 * (len(degrees) - 1))
