"""Games of the Answer environments: an answer is drafted in the window, then given as a whole.

Thinking on (T) gives the draft and continues: one segment. Enter gives it and halts.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hrm_gym.puzzles.arc import to_canvas, to_grid
from hrm_gym.puzzles.maze import OPEN, PATH
from hrm_gym.puzzles.sudoku import BLANK
from hrm_gym.rendering import ARCScene, MazeScene, SudokuScene

from .canvas import CanvasGame
from .game import COMMON, Button, Game, count, first_difference, line, next_blank, place

GIVE = (Button("Halt", "enter"), Button("Think on", "t"))


class AnswerGame(Game):
    """What every Answer environment has: the draft is given, and thinking goes on or halts."""

    unit: ClassVar[str] = "segment"

    @abstractmethod
    def answer(self) -> np.ndarray:
        """Return the drafted answer, ``(seq_len,)`` tokens."""

    def own_key(self, name: str) -> bool:
        """Enter halts, T thinks on."""
        if name not in ("enter", "t"):
            return False
        self.give(halt=name == "enter")
        return True

    def give(self, halt: bool) -> None:
        """Give the draft as the answer of one segment."""
        self.step(np.append(self.answer().astype(np.int64), int(halt)))
        if not self.over:
            left = self.env.max_segments - self.env.segment
            self.message = f"Given; {count(left, 'segment')} left."

    def verdict(self, reward: float) -> str:
        """Say how it ended."""
        if self.info["exact"]:
            return f"Right after {count(self.moves, 'segment')}."
        return "Right, but another answer than the label: no reward." if self.won else "Wrong."


class BoardAnswerGame(AnswerGame):
    """A draft of tokens on a square board."""

    buttons: ClassVar[tuple[Button, ...]] = (*GIVE, *COMMON)

    def begin(self) -> None:
        """Start from the question."""
        self.tokens: np.ndarray = self.env.inputs.copy()

    def draft(self) -> np.ndarray:
        """Return the drafted tokens."""
        return self.tokens.copy()

    def set_draft(self, draft: np.ndarray) -> None:
        """Put back drafted tokens."""
        self.tokens = draft.copy()

    answer = draft

    def own_key(self, name: str) -> bool:
        """Also the arrows, which move the cursor."""
        size = self.env.task.size
        return super().own_key(name) or self.move_cursor(name, (size, size))

    def hint(self) -> bool:
        """Put one token of the oracle's answer into the draft."""
        answer = self.env.optimal_action()[:-1]
        cell = first_difference(self.tokens, answer)
        if cell is None:
            self.message = "The draft is right: Enter gives it and halts."
            return False
        self.remember()
        self.tokens[cell] = answer[cell]
        self.cursor = cell
        self.message = f"Hint at {place(cell, self.env.task.size)}."
        return True


class SudokuAnswerGame(BoardAnswerGame):
    """Digits may be written and changed at will before the answer is given."""

    aim: ClassVar[str] = "Fill in the whole board, then halt on it."
    keys_help: ClassVar[str] = "Click or arrows select, digits write, 0 clears, Tab to a blank"

    def begin(self) -> None:
        """Select the first blank cell."""
        super().begin()
        self.cursor = next_blank(self.tokens, None)

    def own_key(self, name: str) -> bool:
        """Also digits, 0, Delete and Backspace, and Tab."""
        size = self.env.task.size
        if name == "tab":
            self.cursor = next_blank(self.tokens, self.cursor)
        elif len(name) == 1 and name in "0123456789"[: size + 1]:
            self._write(int(name))
        elif name in ("delete", "backspace"):
            self._write(0)
        else:
            return super().own_key(name)
        return True

    def _write(self, digit: int) -> None:
        cell = self.cursor or 0
        if self.env.inputs[cell] > BLANK:
            self.message = "This digit is given."
        elif self.tokens[cell] != digit + 1:
            self.remember()
            self.tokens[cell] = digit + 1
            self.message = ""

    @property
    def scene(self) -> SudokuScene:
        """The draft, with what breaks the rules, and on demand what differs from the label."""
        scene: SudokuScene = self.env.scene()
        wrong = (self.tokens > BLANK) & (self.tokens != self.env.labels)
        return replace(
            scene,
            tokens=self.tokens,
            conflicts=self.env.task.conflicts(self.tokens),
            wrong=wrong if self.checked or self.over else None,
        )


class MazeAnswerGame(BoardAnswerGame):
    """The path is marked cell by cell."""

    aim: ClassVar[str] = "Mark a shortest path from S to G, then halt on it."
    keys_help: ClassVar[str] = "Click, drag or Space mark the path, or take the mark away"

    def begin(self) -> None:
        """Select S."""
        super().begin()
        self.cursor = int(self.env.task.ends(self.env.inputs)[0])
        self._brush = PATH

    def own_key(self, name: str) -> bool:
        """Also Space."""
        if name == "space":
            self.press(self.cursor or 0)
            return True
        return super().own_key(name)

    def press(self, cell: int) -> None:
        """Mark a cell or take its mark away, and whatever the mouse is dragged over likewise."""
        if self.over:
            return
        self.remember()
        self._brush = OPEN if self.tokens[cell] == PATH else PATH
        self.message, self.cursor = "", cell
        self.drag(cell)

    def drag(self, cell: int) -> None:
        """Mark in a straight line as the press did; walls, S and G stay what they are."""
        if self.over:
            return
        for touched in line(self.cursor or 0, cell, self.env.task.size):
            if self.env.inputs[touched] == OPEN:
                self.tokens[touched] = self._brush
        self.cursor = cell

    @property
    def scene(self) -> MazeScene:
        """The draft; beside the shortest way only on demand, or at the end."""
        scene: MazeScene = self.env.scene()
        shortest = scene.shortest if self.checked or self.over else None
        return replace(scene, answer=self.tokens == PATH, shortest=shortest)


class ArcAnswerGame(AnswerGame, CanvasGame):
    """The canvas is painted in the window and given as a whole."""

    buttons: ClassVar[tuple[Button, ...]] = (*GIVE, *CanvasGame.buttons[1:])

    def begin(self) -> None:
        """Start from a black canvas in the size of the test input."""
        super().begin()
        self.grid = np.zeros_like(to_grid(self.env.inputs))

    def draft(self) -> np.ndarray:
        """Return the drafted canvas."""
        return self.grid.copy()

    def set_draft(self, draft: np.ndarray) -> None:
        """Put back a canvas."""
        self.grid = draft.copy()

    def answer(self) -> np.ndarray:
        """Return the canvas as tokens."""
        return to_canvas(self.grid)

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
        """Enter and T give the canvas, the others paint it."""
        return AnswerGame.own_key(self, name) or CanvasGame.own_key(self, name)

    @property
    def scene(self) -> ARCScene:
        """The task and the draft."""
        scene: ARCScene = self.env.scene()
        return replace(scene, canvas=self.grid)
