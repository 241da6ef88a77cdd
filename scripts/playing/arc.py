"""ARC by hand: paint a canvas cell by cell in the environment, or draft it as a whole answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hrm_gym.puzzles.arc import to_canvas, to_grid
from hrm_gym.rendering import GridScene
from hrm_gym.rendering.palette import CELL_COLOURS

from .answers import GIVE, AnswerGame
from .game import COMMON, Button, Colour, Game, first_difference, line, place

RESIZES = {
    "shift+up": (-1, 0),
    "shift+down": (1, 0),
    "shift+left": (0, -1),
    "shift+right": (0, 1),
}


class CanvasGame(Game):
    """A canvas that is painted with a brush of one of ten colours."""

    aim: ClassVar[str] = "Paint the output that the demonstrations ask for, then submit it."
    keys_help: ClassVar[str] = (
        "0-9 choose a colour, click, drag or Space paint, F fills, Shift+arrows resize"
    )
    buttons: ClassVar[tuple[Button, ...]] = (
        Button("Submit", "enter"),
        Button("Copy input", "i"),
        Button("Clear", "delete"),
        Button("Narrower", "shift+left"),
        Button("Wider", "shift+right"),
        Button("Shorter", "shift+up"),
        Button("Taller", "shift+down"),
        *(button for button in COMMON if button.key != "c"),
    )
    palette: ClassVar[tuple[Colour, ...]] = tuple(
        (red, green, blue) for red, green, blue in CELL_COLOURS.tolist()
    )
    colour: int = 1
    widths: ClassVar[tuple[int, int]] = (1160, 640)

    def begin(self) -> None:
        """Choose the first colour, at the first cell."""
        self.colour = 1
        self.cursor = 0
        self._stroke = False

    @abstractmethod
    def cells(self) -> np.ndarray:
        """Return the canvas, ``(rows, columns)`` uint8 colours."""

    @abstractmethod
    def paint(self, row: int, column: int, colour: int) -> None:
        """Paint one cell."""

    @abstractmethod
    def resize(self, rows: int, columns: int) -> None:
        """Set the size; cells inside both sizes keep their colours."""

    @abstractmethod
    def submit(self) -> None:
        """Submit the canvas."""

    def own_key(self, name: str) -> bool:
        """Handle the keys for colours, brush, size, copy and submit."""
        rows, columns = self.cells().shape
        if name.isdecimal() and len(name) == 1:
            self.colour = int(name)
            self.message = ""
        elif name in RESIZES:
            down, right = RESIZES[name]
            self._set_size(rows + down, columns + right)
        elif name == "space":
            self.press(self.cursor or 0)
        elif name == "f":
            self._fill(self.cursor or 0)
        elif name == "i":
            self._become(to_grid(self.env.inputs))
            self.message = "The test input is copied."
        elif name == "delete":
            self._become(np.zeros_like(self.cells()))
            self.message = "The canvas is black."
        elif name == "enter":
            self.submit()
        else:
            return self.move_cursor(name, (rows, columns))
        return True

    def _set_size(self, rows: int, columns: int) -> None:
        most = self.env.task.size
        if not (1 <= rows <= most and 1 <= columns <= most):
            self.message = f"A canvas has 1 to {most} rows and columns."
            return
        self.remember()
        row, column = divmod(self.cursor or 0, self.cells().shape[1])
        self.resize(rows, columns)
        self.cursor = min(row, rows - 1) * columns + min(column, columns - 1)
        self.message = f"The canvas is {rows} high and {columns} wide."

    def press(self, cell: int) -> None:
        """Start a stroke of the brush; undo takes back the whole stroke."""
        self._stroke = False
        if not self.over:
            self.message, self.cursor = "", cell
        self.drag(cell)

    def drag(self, cell: int) -> None:
        """Continue the stroke in a straight line."""
        if self.over:
            return
        grid = self.cells()
        for touched in line(self.cursor or 0, cell, grid.shape[1]):
            row, column = divmod(touched, grid.shape[1])
            if grid[row, column] != self.colour:
                if not self._stroke:
                    self.remember()
                self._stroke = True
                self.paint(row, column, self.colour)
        self.cursor = cell

    def _fill(self, cell: int) -> None:
        """Paint the area of equal colour around a cell."""
        grid = self.cells()
        rows, columns = grid.shape
        old = grid.ravel()[cell]
        if old == self.colour:
            return
        self.remember()
        todo, area = [divmod(cell, columns)], set()
        while todo:
            row, column = todo.pop()
            if 0 <= row < rows and 0 <= column < columns and (row, column) not in area:
                if grid[row, column] != old:
                    continue
                area.add((row, column))
                todo += [(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)]
        for row, column in sorted(area):
            self.paint(row, column, self.colour)
        self.message = ""

    def _become(self, goal: np.ndarray) -> None:
        """Make the canvas equal to a grid; undo takes back the whole change."""
        if np.array_equal(self.cells(), goal):
            return
        self.remember()
        if self.cells().shape != goal.shape:
            self.resize(*goal.shape)
            self.cursor = 0
        for row, column in np.argwhere(self.cells() != goal):
            self.paint(int(row), int(column), int(goal[row, column]))

    def hint(self) -> bool:
        """Set the right size, or paint one cell in the right colour."""
        goal = to_grid(self.env.solve())
        if self.cells().shape != goal.shape:
            self.remember()
            self.resize(*goal.shape)
            self.cursor = 0
            self.message = f"Hint: the output is {goal.shape[0]} high and {goal.shape[1]} wide."
            return True
        cell = first_difference(self.cells().ravel(), goal.ravel())
        if cell is None:
            self.message = "The canvas is right: Enter submits it."
            return False
        row, column = divmod(cell, goal.shape[1])
        self.remember()
        self.paint(row, column, int(goal[row, column]))
        self.cursor = cell
        self.message = f"Hint: colour {goal[row, column]} at {place(cell, goal.shape[1])}."
        return True

    @property
    def facts(self) -> str:
        """The status line, and the size of the canvas."""
        rows, columns = self.cells().shape
        return f"{super().facts} · canvas {rows} by {columns}"


class ArcGame(CanvasGame):
    """A canvas in the environment; every painted cell is a step."""

    def cells(self) -> np.ndarray:
        """Return the canvas of the environment."""
        canvas: np.ndarray = self.env.canvas
        return canvas

    def paint(self, row: int, column: int, colour: int) -> None:
        """Paint a cell with an action."""
        self.step(np.array([colour, row, column]), remember=False)

    def resize(self, rows: int, columns: int) -> None:
        """Set the size with an action."""
        self.step(np.array([10, rows - 1, columns - 1]), remember=False)

    def submit(self) -> None:
        """Submit with an action."""
        self.step(np.array([11, 0, 0]))
        if not self.over:
            self.message = "Wrong. One attempt is left."

    def verdict(self, reward: float) -> str:
        """Return how the episode ended."""
        return "Right!" if self.won else "Wrong, and no attempt is left. U takes back."

    @property
    def scene(self) -> GridScene:
        """The task and the canvas."""
        scene: GridScene = self.env.scene()
        return scene


class ArcAnswerGame(AnswerGame, CanvasGame):
    """A canvas that is drafted in the window and given as a whole answer."""

    buttons: ClassVar[tuple[Button, ...]] = (*GIVE, *CanvasGame.buttons[1:])

    def begin(self) -> None:
        """Start from a black canvas of the size of the test input."""
        super().begin()
        self.grid = np.zeros_like(to_grid(self.env.inputs))

    def draft(self) -> np.ndarray:
        """Return the drafted canvas."""
        return self.grid.copy()

    def set_draft(self, draft: np.ndarray) -> None:
        """Restore a canvas."""
        self.grid = draft.copy()

    def answer(self) -> np.ndarray:
        """Return the canvas as tokens."""
        return to_canvas(self.grid, self.env.task.size)

    def cells(self) -> np.ndarray:
        """Return the drafted canvas."""
        return self.grid

    def paint(self, row: int, column: int, colour: int) -> None:
        """Paint a cell of the draft."""
        self.grid[row, column] = colour

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the draft."""
        grid = np.zeros((rows, columns), np.uint8)
        kept = self.grid[:rows, :columns]
        grid[: kept.shape[0], : kept.shape[1]] = kept
        self.grid = grid

    def submit(self) -> None:
        """Give the canvas and halt."""
        self.give(halt=True)

    def own_key(self, name: str) -> bool:
        """Handle Enter and T, which give the canvas, and the keys that paint it."""
        return AnswerGame.own_key(self, name) or CanvasGame.own_key(self, name)

    @property
    def scene(self) -> GridScene:
        """The task and the draft."""
        scene: GridScene = self.env.scene()
        return replace(scene, canvas=self.grid)


STEP_GAME = ArcGame
ANSWER_GAME = ArcAnswerGame
