"""Mazes whose doors open and close."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..puzzle import Tokens
from .task import Maze

WAIT = 4
"""The fifth action: wait until a door opens."""


class DynamicMaze(Maze):
    """A maze whose doors open and close while the agent walks.

    It has the puzzles, tokens and symmetries of the plain maze of its size. An observation shows
    the current state of the maze, with closed doors as walls.
    """

    def __init__(self, size: int = 15, kind: str | None = None) -> None:
        super().__init__(size, kind)
        self.id = f"maze-dynamic-{size}x{size}"

    @property
    def base_id(self) -> str:
        """Id of the plain maze, whose puzzles this task uses."""
        return f"maze-{self.size}x{self.size}"

    def is_exact(self, env: Any, info: Any) -> bool | None:
        """Return ``None``, since the label belongs to the maze before its doors move."""
        return None

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> int:
        """Return the move along the marked path as in a plain maze; wait if there is none."""
        move = self._marked_move(answer, obs)
        return move if move >= 0 else WAIT

    def search_action(self, obs: Any, info: Any, seconds: float) -> np.int64:
        """Return the move along the path found in the current maze; wait if there is none."""
        move = self._searched_move(obs, seconds)
        return np.int64(move if move >= 0 else WAIT)

    def solver_action(self, obs: Any, info: Any) -> np.int64:
        """Return a move of a shortest path in the current maze; wait if there is none."""
        move = self._nearer(obs)
        return np.int64(move if move >= 0 else WAIT)
