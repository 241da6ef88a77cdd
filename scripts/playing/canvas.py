"""Painting an ARC canvas: brush, size, copy, submit, whatever becomes of the cells."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from hrm_gym.puzzles.arc import SIDE, to_grid

from .game import COMMON, Button, Game, first_difference, line, place

RESIZES = {
    "shift+up": (-1, 0),
    "shift+down": (1, 0),
    "shift+left": (0, -1),
    "shift+right": (0, 1),
}


class CanvasGame(Game):
    """A canvas under a brush of one of ten colours."""

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
    palette: ClassVar[bool] = True

    def begin(self) -> None:
        """Take up the brush."""
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
        """Set the size, keeping what is inside."""

    @abstractmethod
    def submit(self) -> None:
        """Submit the canvas."""

    def own_key(self, name: str) -> bool:
        """Colours, brush, size, copy, submit."""
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
        if not (1 <= rows <= SIDE and 1 <= columns <= SIDE):
            self.message = f"A canvas has 1 to {SIDE} rows and columns."
            return
        self.remember()
        row, column = divmod(self.cursor or 0, self.cells().shape[1])
        self.resize(rows, columns)
        self.cursor = min(row, rows - 1) * columns + min(column, columns - 1)
        self.message = f"The canvas is {rows} high and {columns} wide."

    def press(self, cell: int) -> None:
        """Begin a stroke of the brush; undo takes it back as a whole."""
        self._stroke = False
        if not self.over:
            self.message, self.cursor = "", cell
        self.drag(cell)

    def drag(self, cell: int) -> None:
        """Go on with the stroke in a straight line."""
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
        """Paint the area of one colour around a cell."""
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
        """Make the canvas a given grid, as one thing to take back."""
        if np.array_equal(self.cells(), goal):
            return
        self.remember()
        if self.cells().shape != goal.shape:
            self.resize(*goal.shape)
            self.cursor = 0
        for row, column in np.argwhere(self.cells() != goal):
            self.paint(int(row), int(column), int(goal[row, column]))

    def hint(self) -> bool:
        """Set the right size, or paint one cell right."""
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
        """Also the size of the canvas."""
        rows, columns = self.cells().shape
        return f"{super().facts} · canvas {rows} by {columns}"
