"""Games of the step environments: a key or a click is an action."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np

from hrm_gym.puzzles.sudoku import BLANK
from hrm_gym.rendering import ARCScene, MazeScene, SudokuScene

from .canvas import CanvasGame
from .game import Game, count, next_blank, place

WALKS = {"up": 0, "w": 0, "right": 1, "d": 1, "down": 2, "s": 2, "left": 3, "a": 3}
"""Keys of a maze and the actions they are."""


class SudokuGame(Game):
    """Digit by digit. The environment takes no digit back, but undo does."""

    aim: ClassVar[str] = "Fill in the blanks: each digit once a row, column and box."
    keys_help: ClassVar[str] = "Click or arrows select, digits write, Tab goes to the next blank"

    def begin(self) -> None:
        """Select the first blank cell."""
        self.cursor = next_blank(self.env.tokens, None)

    def own_key(self, name: str) -> bool:
        """Arrows, Tab and digits."""
        size = self.env.task.size
        if name == "tab":
            self.cursor = next_blank(self.env.tokens, self.cursor)
        elif len(name) == 1 and name in "123456789"[:size]:
            self._write(int(name))
        elif name in ("0", "delete"):
            self.message = "A digit is taken back by undo (U), as the environment keeps them all."
        else:
            return self.move_cursor(name, (size, size))
        return True

    def _write(self, digit: int) -> None:
        cell, size = self.cursor or 0, self.env.task.size
        if self.step(cell * size + digit - 1):
            if not self.over:
                self.message = ""
        elif self.env.inputs[cell] > BLANK:
            self.message = "This digit is given."
        elif self.env.tokens[cell] > BLANK:
            self.message = "This cell is filled; U takes digits back."
        else:
            self.message = f"{digit} stands in this row, column or box already."

    def hint(self) -> bool:
        """Write the oracle's digit, unless the board went wrong already."""
        tokens = self.env.tokens
        if np.any((tokens > BLANK) & (tokens != self.env.solve())):
            self.message = "A digit on the board is wrong: U takes back, C shows which."
            return False
        size = self.env.task.size
        action = int(self.env.optimal_action())
        self.step(action)
        self.cursor = action // size
        if not self.over:
            self.message = f"Hint: {action % size + 1} at {place(self.cursor, size)}."
        return True

    def verdict(self, reward: float) -> str:
        """Say how it ended."""
        if self.won:
            return f"Solved in {count(self.moves, 'move')}."
        self.checked = True
        return "No legal digit is left: a digit went wrong. U takes back, C hides mistakes."

    @property
    def scene(self) -> SudokuScene:
        """The board; mistakes only where they are asked for, or at the end."""
        scene: SudokuScene = self.env.scene()
        # The cursor's frame is enough; a second one around the last move would pass for it.
        return replace(scene, wrong=scene.wrong if self.checked else None, last=None)

    @property
    def facts(self) -> str:
        """Also which digits are legal in the selected cell."""
        size, cell = self.env.task.size, self.cursor or 0
        legal = np.flatnonzero(self.env.action_masks()[cell * size : (cell + 1) * size]) + 1
        here = " ".join(map(str, legal.tolist()))
        return super().facts + (f" · legal here: {here}" if here else "")


class MazeGame(Game):
    """Walk cell by cell; the mouse walks along straight corridors."""

    aim: ClassVar[str] = "Walk from S to G by a shortest way."
    keys_help: ClassVar[str] = "Arrows, WASD or the mouse walk from S to G"

    def own_key(self, name: str) -> bool:
        """Arrows and WASD."""
        if name not in WALKS:
            return False
        if self.step(WALKS[name]):
            if not self.over:
                self.message = ""
        else:
            self.message = "There is no way through."
        return True

    def press(self, cell: int) -> None:
        """Walk to a cell in the walker's own row or column, as far as the way is open."""
        remember = True
        while not self.over and (way := self._way_to(cell)) is not None:
            if not self.step(way, remember):
                self.message = "There is no way through."
                return
            # One click is one thing to take back.
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
        """Take the oracle's step."""
        action = int(self.env.optimal_action())
        self.step(action)
        if not self.over:
            names = ("up", "right", "down", "left")
            self.message = f"Hint: {names[action] if action < 4 else 'wait'}."
        return True

    def verdict(self, reward: float) -> str:
        """Say how it ended."""
        if not self.won:
            return "The episode has ended."
        if self.info.get("optimal"):
            return f"At G in {count(self.moves, 'move')}, by a shortest way."
        return f"At G in {count(self.moves, 'move')}."

    @property
    def scene(self) -> MazeScene:
        """The maze; the shortest way only where it is asked for, or at the end."""
        scene: MazeScene = self.env.scene()
        shown = self.checked or self.over
        return replace(scene, shortest=scene.shortest if shown else None)

    def _check(self) -> None:
        self.checked = not self.checked
        self.message = f"The shortest way is {'shown' if self.checked else 'hidden'}."


class ArcGame(CanvasGame):
    """Paint the canvas and submit it; every painted cell is a step of the environment."""

    def cells(self) -> np.ndarray:
        """Return the canvas of the environment."""
        canvas: np.ndarray = self.env.canvas
        return canvas

    def paint(self, row: int, column: int, colour: int) -> None:
        """Paint a cell by an action."""
        self.step(np.array([colour, row, column]), remember=False)

    def resize(self, rows: int, columns: int) -> None:
        """Set the size by an action."""
        self.step(np.array([10, rows - 1, columns - 1]), remember=False)

    def submit(self) -> None:
        """Submit by an action."""
        self.step(np.array([11, 0, 0]))
        if not self.over:
            self.message = "Wrong. One attempt is left."

    def verdict(self, reward: float) -> str:
        """Say how it ended."""
        return "Right!" if self.won else "Wrong, and no attempt is left. U takes back."

    @property
    def scene(self) -> ARCScene:
        """The task and the canvas."""
        scene: ARCScene = self.env.scene()
        return scene
