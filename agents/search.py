"""Classical search: an agent that tries one choice after the other until its time is out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task, Tokens

from .base import Info
from .simple import SolvingAgent

SLICE = 20_000
"""Cells that a search looks at between two looks at the clock, well under a millisecond."""


class DepthFirstAgent(SolvingAgent):
    """Searches depth first, without propagation, bounds or heuristics, for so long a puzzle.

    Sudoku: every blank in reading order takes the least digit that the rules allow, and the last
    choice is taken back where none is left. Mazes: from where it stands it goes up, right, down or
    left to a cell not seen yet, and back where there is none; then it walks the path that is left,
    which need not be the shortest. A puzzle whose time is out stays unsolved.

    Args:
        seconds: Time for one puzzle.

    Raises:
        ValueError: ``seconds`` is not positive.
    """

    name = "depth-first"

    def __init__(self, seconds: float = 1.0) -> None:
        if not seconds > 0:
            raise ValueError(f"seconds: expected a positive time, got {seconds}")
        super().__init__()
        self.seconds = seconds

    def solution(self, task: Task, tokens: Tokens) -> Tokens:
        """Return the first answer found; blanks of a Sudoku stay where the time is out."""
        from hrm_gym.puzzles.maze import GOAL, PATH, Maze
        from hrm_gym.puzzles.sudoku import Sudoku

        if isinstance(task, Sudoku):
            return self._backtrack(task, tokens)
        assert isinstance(task, Maze)
        start, goal = task.ends(tokens)
        cell, answer = start, tokens.copy()
        steps = self._path(tokens, start)
        while cell in steps and cell != goal:
            cell = self._beside(cell, task.size)[steps[cell]]
            answer[cell] = GOAL if cell == goal else PATH
        return answer

    def move(self, tokens: Tokens, position: int, info: Info) -> int:
        """Return the next move of the path found, or one that changes nothing."""
        steps = self.recall("walk", tokens, lambda: self._path(tokens, position))
        if position not in steps:
            # Not where the search began: somebody else walked, or a door moved.
            steps.update(self._path(tokens, position))
        if position in steps:
            return int(steps[position])
        mask: Any = info.get("action_mask", np.zeros(4))
        return 4 if len(mask) == 5 else int(np.argmin(mask))

    def _backtrack(self, task: Any, tokens: Tokens) -> Tokens:
        from .search_kernels import backtrack

        grid = task.grid(tokens)
        size, box_of = task.size, task.tables.box_of
        used = np.zeros((3, size), np.int64)
        for cell in np.flatnonzero(grid):
            for unit, place in enumerate((cell // size, cell % size, box_of[cell])):
                used[unit, place] |= 1 << int(grid[cell])
        cells = np.flatnonzero(grid == 0)
        # The first call compiles, which is not part of anyone's time.
        at = backtrack(grid, cells, box_of, used, 0, 0)
        end = time.perf_counter() + self.seconds
        while 0 <= at < len(cells) and time.perf_counter() < end:
            at = backtrack(grid, cells, box_of, used, at, SLICE)
        return (grid + 1).astype(np.uint8)

    def _path(self, tokens: Tokens, position: int) -> dict[int, int]:
        """Return the move in every cell of a path to G, empty where none was found."""
        from hrm_gym.puzzles.maze import GOAL, WALL

        size = int(tokens.size**0.5)
        seen: NDArray[np.bool_] = tokens == WALL
        seen[position] = True
        end = time.perf_counter() + self.seconds
        # The cells of the path so far, and the moves not tried yet in each.
        path, tried = [position], [0]
        while path and tokens[path[-1]] != GOAL and time.perf_counter() < end:
            if tried[-1] == 4:
                path.pop()
                tried.pop()
                continue
            ahead = self._beside(path[-1], size)[tried[-1]]
            tried[-1] += 1
            if ahead >= 0 and not seen[ahead]:
                seen[ahead] = True
                path.append(ahead)
                tried.append(0)
        if not path or tokens[path[-1]] != GOAL:
            return {}
        return {cell: move - 1 for cell, move in zip(path[:-1], tried[:-1], strict=True)}

    @staticmethod
    def _beside(cell: int, size: int) -> tuple[int, int, int, int]:
        """Return the cells up, right, down and left, -1 outside."""
        row, column = divmod(cell, size)
        return (
            cell - size if row else -1,
            cell + 1 if column < size - 1 else -1,
            cell + size if row < size - 1 else -1,
            cell - 1 if column else -1,
        )
