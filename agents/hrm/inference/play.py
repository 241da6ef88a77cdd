"""Playing an answer out: from a whole answer to the moves of a step environment."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task, Tokens


class Player:
    """Turns the answer a model gave into the next move; it never searches for a better one."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def question(self, obs: dict[str, Any]) -> Tokens:
        """Return the question of an observation, ``(seq_len,)`` uint8."""
        tokens = np.asarray(obs["tokens"])
        if tokens.shape != (self.task.seq_len,):
            raise ValueError(
                f"observation: expected {self.task.seq_len} tokens for an agent of "
                f"{self.task.id}, got shape {tokens.shape}"
            )
        if "given" in obs:
            # The board fills up; the question is what was given.
            return np.where(np.asarray(obs["given"]) > 0, tokens, 1).astype(np.uint8)
        return tokens

    def play(
        self, answer: Tokens, question: Tokens, obs: dict[str, Any], info: dict[str, Any]
    ) -> Any:
        """Return the next action of a step environment."""
        if "given" in obs:
            return self._sudoku(answer, obs, info)
        if "position" in obs:
            return self._maze(answer, question, obs, info)
        return self._arc(answer, obs)

    def _sudoku(self, answer: Tokens, obs: dict[str, Any], info: dict[str, Any]) -> int:
        """Write the first digit of the answer that is legal.

        If none is, the answer is wrong; its illegal digit is played, which changes nothing, since
        filling in other legal digits would be a search of its own.
        """
        size = int(self.task.seq_len**0.5)
        cells = np.flatnonzero((np.asarray(obs["tokens"]) == 1) & (answer > 1))
        actions = cells * size + (answer[cells].astype(np.int64) - 2)
        legal = actions[np.asarray(info["action_mask"])[actions] > 0]
        return int(legal[0] if len(legal) else actions[0] if len(actions) else 0)

    def _maze(
        self, answer: Tokens, question: Tokens, obs: dict[str, Any], info: dict[str, Any]
    ) -> int:
        """Follow the cells that the answer marks, where they are one line from here to G.

        Marks that fork, or cells in a ring, leave a choice of ways: to find the right one among
        them would be a search, which is not what the model answered.
        """
        moves = _moves(self.task, answer.tobytes(), question.tobytes())
        move = int(moves[int(obs["position"])])
        # Where the marks lead nowhere the answer is wrong, and no search is made to hide it.
        return move if move >= 0 else int(np.argmax(info["action_mask"]))

    @staticmethod
    def _arc(answer: Tokens, obs: dict[str, Any]) -> Any:
        """Set the size, paint what differs, submit."""
        from hrm_gym.puzzles.arc import to_grid

        goal, canvas = to_grid(answer), to_grid(np.asarray(obs["canvas"]))
        if goal.size == 0:
            return np.array([11, 0, 0])
        if canvas.shape != goal.shape:
            return np.array([10, goal.shape[0] - 1, goal.shape[1] - 1])
        wrong = np.argwhere(canvas != goal)
        if len(wrong) == 0:
            return np.array([11, 0, 0])
        row, column = wrong[0]
        return np.array([goal[row, column], row, column], np.int64)


# An agent asks at every step of a walk.
@lru_cache(maxsize=4096)
def _moves(task: Task, answer: bytes, question: bytes) -> NDArray[np.int8]:
    """Return the move from every cell along the line that an answer marks to G, -1 for none."""
    from hrm_gym.puzzles.maze import GOAL, PATH, START, WALL, Maze

    assert isinstance(task, Maze)
    size = task.size
    marks, maze = np.frombuffer(answer, np.uint8), np.frombuffer(question, np.uint8)
    marked = (marks == PATH) | (maze == START) | (maze == GOAL)
    walls = np.where(marked & (maze != WALL), maze, WALL).astype(np.uint8)
    distances = task.distances(walls, int(np.flatnonzero(maze == GOAL)[0]))
    moves = np.full((size, size), -1, np.int8)
    if _is_line(distances >= 0, size):
        grid = np.pad(distances.reshape(size, size), 1, constant_values=-1)
        here = grid[1:-1, 1:-1]
        for action, ahead in enumerate(_neighbours(grid)):
            moves[(ahead >= 0) & (ahead == here - 1)] = action
    return moves.ravel()


def _neighbours(grid: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return what lies up, right, down and left of the cells of a grid with a border of one."""
    return grid[:-2, 1:-1], grid[1:-1, 2:], grid[2:, 1:-1], grid[1:-1, :-2]


def _is_line(cells: NDArray[np.bool_], size: int) -> bool:
    """Say whether connected cells, ``(s*s,)`` bool, are a path without forks or rings."""
    grid = np.pad(cells.reshape(size, size), 1).astype(np.int64)
    degrees = np.sum(_neighbours(grid), axis=0)[grid[1:-1, 1:-1] > 0]
    return bool(degrees.max() <= 2 and degrees.sum() == 2 * (len(degrees) - 1))
