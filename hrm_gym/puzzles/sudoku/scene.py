"""The contents of a picture of a Sudoku, and its text for a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...rendering.scene import (
    BoardScene,
    Scene,
    board_tokens,
    changed_cells,
    optional_cell,
    optional_mask,
    optional_probabilities,
)
from ...rendering.text import BLUE, BOLD, DIM, RED, REVERSE, UNDERLINE, Pen

if TYPE_CHECKING:
    import pygame


@dataclass(frozen=True, eq=False)
class SudokuScene(BoardScene):
    """A Sudoku board.

    Args:
        tokens: uint8 ``(n*n,)``, row by row; 0 and 1: blank, 2..n+1: the digits 1..n; n <= 25.
        given: bool ``(n*n,)``, the cells that the puzzle gives.
        box: Rows and columns of one box; their product is n.
        conflicts: bool ``(n*n,)``, cells that break a rule on this board.
        last: The cell of the last move.
        wrong: bool ``(n*n,)``, cells that differ from the solution.
        confidence: float ``(n*n,)``, the probability of each cell's digit, 0..1.
        caption: One line below the board.

    Raises:
        ValueError: if the arrays do not have the size of one board.
    """

    tokens: np.ndarray
    given: np.ndarray
    box: tuple[int, int]
    conflicts: np.ndarray | None = None
    last: int | None = None
    wrong: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        tokens = board_tokens(self.tokens)
        object.__setattr__(self, "tokens", tokens)
        side, size = self.side, tokens.size
        rows, columns = (int(part) for part in self.box)
        if rows < 1 or columns < 1 or rows * columns != side or side > 25:
            raise ValueError(f"boxes of {rows}x{columns} do not tile a {side}x{side} Sudoku")
        given = optional_mask("given", self.given, size)
        if given is None:
            raise ValueError("given must be an array, not None")
        object.__setattr__(self, "given", given)
        object.__setattr__(self, "box", (rows, columns))
        object.__setattr__(self, "conflicts", optional_mask("conflicts", self.conflicts, size))
        object.__setattr__(self, "last", optional_cell("last", self.last, size))
        object.__setattr__(self, "wrong", optional_mask("wrong", self.wrong, size))
        sure = optional_probabilities("confidence", self.confidence, tokens.shape)
        object.__setattr__(self, "confidence", sure)

    def draw(self, width: int) -> pygame.Surface:
        """Return the picture at a width that ``paint`` has checked."""
        from .painter import paint_sudoku

        return paint_sudoku(self, width)

    def cell_rect(self, index: int, width: int | None = None) -> pygame.Rect:
        """Return the inside of a cell, without the lines around it."""
        from ...rendering.drawing import Board
        from .painter import cell_rect

        return cell_rect(Board(self.side, self.checked_width(width)), self.box, index)

    def changed_since(self, before: Scene) -> tuple[int, ...]:
        """Return the cells whose digits differ from an earlier scene of the same episode."""
        assert isinstance(before, SudokuScene)
        return changed_cells(before.tokens, self.tokens)

    def lines(self, pen: Pen) -> list[str]:
        """Return the board as lines of text; conflicts are reversed, the last move underlined."""
        side, (rows, columns) = self.side, self.box
        bar = "─" * (columns * (len(str(side)) + 1) + 1)
        lines = []
        for row in range(side):
            if row % rows == 0:
                left, middle, right = "┌┬┐" if row == 0 else "├┼┤"
                lines.append(left + middle.join([bar] * (side // columns)) + right)
            line = "│ "
            for column in range(side):
                line += self._cell_text(row * side + column, pen)
                line += " │ " if column % columns == columns - 1 else " "
            lines.append(line.rstrip())
        lines.append("└" + "┴".join([bar] * (side // columns)) + "┘")
        return lines

    def _cell_text(self, index: int, pen: Pen) -> str:
        """Return the text of one cell."""
        token = int(self.tokens[index])
        wrong = self.wrong is not None and self.wrong[index]
        conflict = self.conflicts is not None and self.conflicts[index]
        codes = [BOLD] if self.given[index] else [RED if wrong or conflict else BLUE]
        codes += [UNDERLINE] if index == self.last else []
        codes += [REVERSE, RED] if conflict else []
        text = f"{token - 1 if token > 1 else '.':>{len(str(self.side))}}"
        return pen(text, *codes) if token > 1 or index == self.last else pen(text, DIM)
