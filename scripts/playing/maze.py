"""Mazes by hand: walk cell by cell, or mark a path as a whole answer."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from hrm_gym.puzzles.maze import OPEN, PATH
from hrm_gym.puzzles.maze.scene import MazeScene

from .answers import BoardAnswerGame
from .game import Game, count, line

WALKS = {"up": 0, "w": 0, "right": 1, "d": 1, "down": 2, "s": 2, "left": 3, "a": 3}
"""Keys and the actions they stand for."""


class MazeGame(Game):
    """A walk cell by cell; a click walks along a straight corridor."""

    aim: ClassVar[str] = "Walk from S to G on a shortest path."
    keys_help: ClassVar[str] = "Arrows, WASD or the mouse walk from S to G"

    def own_key(self, name: str) -> bool:
        """Handle arrows and WASD."""
        if name not in WALKS:
            return False
        if self.step(WALKS[name]):
            if not self.over:
                self.message = ""
        else:
            self.message = "There is no way through."
        return True

    def press(self, cell: int) -> None:
        """Walk towards a cell in the same row or column, up to the first wall."""
        remember = True
        while not self.over and (way := self._way_to(cell)) is not None:
            if not self.step(way, remember):
                self.message = "There is no way through."
                return
            # Undo takes back the whole click.
            remember, self.message = False, self.message if self.over else ""

    drag = press

    def _way_to(self, cell: int) -> int | None:
        size = self.env.task.size
        (row, column), (goal_row, goal_column) = divmod(self.env.position, size), divmod(cell, size)
        if row == goal_row and column != goal_column:
            return 1 if goal_column > column else 3
        if column == goal_column and row != goal_row:
            return 2 if goal_row > row else 0
        return None

    def hint(self) -> bool:
        """Take the oracle's action."""
        action = int(self.env.optimal_action())
        self.step(action)
        if not self.over:
            names = ("up", "right", "down", "left")
            self.message = f"Hint: {names[action] if action < 4 else 'wait'}."
        return True

    def verdict(self, reward: float) -> str:
        """Return how the episode ended."""
        if not self.won:
            return "The episode has ended."
        if self.info.get("optimal"):
            return f"At G in {count(self.moves, 'move')}, on a shortest path."
        return f"At G in {count(self.moves, 'move')}."

    @property
    def scene(self) -> MazeScene:
        """The maze; a shortest path is shown on request and at the end."""
        scene: MazeScene = self.env.scene()
        shown = self.checked or self.over
        return replace(scene, shortest=scene.shortest if shown else None)

    def _check(self) -> None:
        self.checked = not self.checked
        self.message = f"The shortest path is {'shown' if self.checked else 'hidden'}."


class MazeAnswerGame(BoardAnswerGame):
    """A path that is marked cell by cell."""

    aim: ClassVar[str] = "Mark a shortest path from S to G, then halt on it."
    keys_help: ClassVar[str] = "Click, drag or Space add or remove marks of the path"

    def begin(self) -> None:
        """Select S."""
        super().begin()
        self.cursor = int(self.env.task.ends(self.env.inputs)[0])
        self._brush = PATH

    def own_key(self, name: str) -> bool:
        """Handle Space too."""
        if name == "space":
            self.press(self.cursor or 0)
            return True
        return super().own_key(name)

    def press(self, cell: int) -> None:
        """Add or remove the mark of a cell; dragging on does the same to further cells."""
        if self.over:
            return
        self.remember()
        self._brush = OPEN if self.tokens[cell] == PATH else PATH
        self.message, self.cursor = "", cell
        self.drag(cell)

    def drag(self, cell: int) -> None:
        """Add or remove marks in a straight line; walls, S and G do not change."""
        if self.over:
            return
        for touched in line(self.cursor or 0, cell, self.env.task.size):
            if self.env.inputs[touched] == OPEN:
                self.tokens[touched] = self._brush
        self.cursor = cell

    @property
    def scene(self) -> MazeScene:
        """The draft; a shortest path is shown on request and at the end."""
        scene: MazeScene = self.env.scene()
        shortest = scene.shortest if self.checked or self.over else None
        return replace(scene, answer=self.tokens == PATH, shortest=shortest)


STEP_GAME = MazeGame
ANSWER_GAME = MazeAnswerGame
