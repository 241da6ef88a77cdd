"""The steps of a maze solver: a depth-first walk, including the way back from dead ends."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from hrm_gym.puzzles import Tokens
from hrm_gym.puzzles.maze import WALL, Maze

from .tokens import StepTokens


def write_steps(task: Maze, question: Tokens, tokens: StepTokens, out: NDArray[np.int64]) -> int:
    """Write the cells of the walk as tokens; return their number, at most ``out.size``.

    Args:
        task: The task of the question.
        question: ``(seq_len,)``.
        tokens: The tokens of the steps; only those of cells are used.
        out: ``(L,)`` int64, receives the tokens.
    """
    walls = (question == WALL).reshape(task.size, task.size)
    length: int = maze_steps(walls, *task.ends(question), tokens.first_cell, out)
    return length


@njit(cache=True)
def maze_steps(walls, start, goal, first_cell, out):
    """Write the cells of a depth-first search in the order of its moves, from S to G.

    The search moves up, right, down or left to a cell that it has not seen, or else back.

    Args:
        walls: (s, s) bool.
        start: The cell of S, which is not written.
        goal: The cell of G.
        first_cell: Token of cell 0.
        out: (L,) int64, receives the tokens.
    """
    size = walls.shape[0]
    seen = walls.copy()
    path, height = np.empty(walls.size, np.int64), 1
    path[0] = start
    seen[start // size, start % size] = True
    length = 0
    while height and path[height - 1] != goal and length < out.size:
        row, column = path[height - 1] // size, path[height - 1] % size
        ahead = -1
        for down, right in ((-1, 0), (0, 1), (1, 0), (0, -1)):
            r, c = row + down, column + right
            if 0 <= r < size and 0 <= c < size and not seen[r, c]:
                ahead = r * size + c
                seen[r, c] = True
                break
        if ahead >= 0:
            path[height] = ahead
            height += 1
        else:
            height -= 1
            if not height:
                return length
        out[length] = first_cell + path[height - 1]
        length += 1
    return length
