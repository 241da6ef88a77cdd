"""Sudoku by hand, digit by digit or as a whole answer."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import ClassVar

import numpy as np

from hrm_gym.puzzles.sudoku import BLANK
from hrm_gym.puzzles.sudoku.scene import SudokuScene

from .answers import BoardAnswerGame
from .game import Game, count, place


class DigitGame(Game):
    """A game in which keys write digits, which have two characters above 9."""

    typed: str = ""
    """The first character of a digit that may have two."""

    @abstractmethod
    def write(self, digit: int) -> None:
        """Write a digit into the selected cell, or handle 0."""

    def press(self, cell: int) -> None:
        """Select a cell."""
        self.typed = ""
        super().press(cell)

    def type_digit(self, name: str) -> bool:
        """Handle number keys, and Space after the first character of a digit.

        Returns whether the key was one of these. A digit is written as soon as no second character
        can follow, such as 2 at 16x16.
        """
        size, typed = self.env.task.size, self.typed
        self.typed = ""
        if name == "space" and typed:
            digit = int(typed)
        elif len(name) == 1 and name in "0123456789"[: size + 1]:
            digit = int(typed + name)
            if digit > size:
                digit = int(name)
            if 0 < 10 * digit <= size:
                self.typed = name
                self.message = f"{digit}: type the second character, or Space for {digit} alone."
                return True
        else:
            return False
        self.write(digit)
        return True


class SudokuGame(DigitGame):
    """Sudoku digit by digit. The environment cannot take back a digit, but undo can."""

    aim: ClassVar[str] = "Fill in the blanks: every digit once in each row, column and box."
    keys_help: ClassVar[str] = "Click or arrows select, digits write, Tab goes to the next blank"

    def begin(self) -> None:
        """Select the first blank cell."""
        self.cursor = next_blank(self.env.tokens, None)

    def own_key(self, name: str) -> bool:
        """Handle arrows, Tab and digits."""
        size = self.env.task.size
        if self.type_digit(name):
            return True
        if name == "tab":
            self.cursor = next_blank(self.env.tokens, self.cursor)
        elif name == "delete":
            self.write(0)
        else:
            return self.move_cursor(name, (size, size))
        return True

    def write(self, digit: int) -> None:
        """Write a digit into the selected cell; 0 is explained."""
        cell, size = self.cursor or 0, self.env.task.size
        if digit == 0:
            self.message = "Undo (U) takes back a digit; the environment keeps all of them."
        elif self.step(cell * size + digit - 1):
            if not self.over:
                self.message = ""
        elif self.env.inputs[cell] > BLANK:
            self.message = "This digit is given."
        elif self.env.tokens[cell] > BLANK:
            self.message = "This cell is filled; U takes back digits."
        else:
            self.message = f"{digit} is already in this row, column or box."

    def hint(self) -> bool:
        """Write the oracle's digit, unless a digit on the board is wrong."""
        tokens = self.env.tokens
        if np.any((tokens > BLANK) & (tokens != self.env.solve())):
            self.message = "A digit on the board is wrong: U takes back, C shows which one."
            return False
        size = self.env.task.size
        action = int(self.env.optimal_action())
        self.step(action)
        self.cursor = action // size
        if not self.over:
            self.message = f"Hint: {action % size + 1} at {place(self.cursor, size)}."
        return True

    def verdict(self, reward: float) -> str:
        """Return how the episode ended."""
        if self.won:
            return f"Solved in {count(self.moves, 'move')}."
        self.checked = True
        return "No legal digit is left, since one is wrong. U takes back, C hides mistakes."

    @property
    def scene(self) -> SudokuScene:
        """The board; mistakes are marked on request and at the end."""
        scene: SudokuScene = self.env.scene()
        # The frame of the last move looks like the cursor, which is already painted.
        return replace(scene, wrong=scene.wrong if self.checked else None, last=None)

    @property
    def facts(self) -> str:
        """The status line, and the legal digits of the selected cell."""
        size, cell = self.env.task.size, self.cursor or 0
        legal = np.flatnonzero(self.env.action_masks()[cell * size : (cell + 1) * size]) + 1
        here = " ".join(map(str, legal.tolist()))
        return super().facts + (f" · legal here: {here}" if here else "")


class SudokuAnswerGame(DigitGame, BoardAnswerGame):
    """Sudoku as a whole answer: digits may be changed until the answer is given."""

    aim: ClassVar[str] = "Fill in the whole board, then halt on it."
    keys_help: ClassVar[str] = "Click or arrows select, digits write, 0 clears, Tab to next blank"

    def begin(self) -> None:
        """Select the first blank cell."""
        super().begin()
        self.cursor = next_blank(self.tokens, None)

    def own_key(self, name: str) -> bool:
        """Handle digits, 0, Delete, Backspace and Tab too."""
        if self.type_digit(name):
            return True
        if name == "tab":
            self.cursor = next_blank(self.tokens, self.cursor)
        elif name in ("delete", "backspace"):
            self.write(0)
        else:
            return super().own_key(name)
        return True

    def write(self, digit: int) -> None:
        """Write a digit into the selected cell of the draft; 0 clears it."""
        cell = self.cursor or 0
        if self.env.inputs[cell] > BLANK:
            self.message = "This digit is given."
        elif self.tokens[cell] != digit + 1:
            self.remember()
            self.tokens[cell] = digit + 1
            self.message = ""

    @property
    def scene(self) -> SudokuScene:
        """The draft, its conflicts, and on request its differences from the label."""
        scene: SudokuScene = self.env.scene()
        wrong = (self.tokens > BLANK) & (self.tokens != self.env.labels)
        return replace(
            scene,
            tokens=self.tokens,
            conflicts=self.env.task.conflicts(self.tokens),
            wrong=wrong if self.checked or self.over else None,
        )


def next_blank(tokens: np.ndarray, cursor: int | None) -> int | None:
    """Return the next blank cell after the cursor, or the cursor if no cell is blank."""
    blanks = np.flatnonzero(tokens == BLANK)
    if len(blanks) == 0:
        return cursor
    after = blanks[blanks > (-1 if cursor is None else cursor)]
    return int(after[0] if len(after) else blanks[0])


STEP_GAME = SudokuGame
ANSWER_GAME = SudokuAnswerGame
