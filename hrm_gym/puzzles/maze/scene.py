"""The contents of a picture of a maze, and its text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...rendering.scene import (
    BoardScene,
    Scene,
    board_tokens,
    locked,
    optional_cell,
    optional_mask,
    optional_probabilities,
)
from ...rendering.text import BLUE, BOLD, DIM, GREEN, RED, YELLOW, Pen
from .tokens import GOAL, PATH, START, WALL

if TYPE_CHECKING:
    import pygame

LINES = " ╹╺┗╻┃┏┣╸┛━┻┓┫┳╋"
"""The line through a cell, indexed by the sum of its open sides: up 1, right 2, down 4, left 8."""


@dataclass(frozen=True, eq=False)
class MazeScene(BoardScene):
    """A maze, the walk through it, a shortest path and the answer of a model.

    Args:
        tokens: uint8 ``(s*s,)``, row by row; 1 wall, 2 space, 3 S, 4 G, 5 path; 0 counts as space.
        walked: Cells in the order of the visits; each is a neighbour of the previous cell.
        position: The cell of the walker, by default the last cell of ``walked``.
        shortest: bool ``(s*s,)``, the cells of one shortest path, with or without S and G.
        answer: bool ``(s*s,)``, the cells that a model marks as path.
        doors: bool ``(s*s,)``, open cells with a closed door.
        confidence: float ``(s*s,)``, the probability of each cell of a model's answer, 0..1.
        caption: One line below the maze.

    Raises:
        ValueError: if the arrays do not have the size of one maze, or the walk jumps.
    """

    tokens: np.ndarray
    walked: Sequence[int] | np.ndarray = ()
    position: int | None = None
    shortest: np.ndarray | None = None
    answer: np.ndarray | None = None
    doors: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        tokens = board_tokens(self.tokens, PATH)
        walked = np.array(self.walked, dtype=np.int64)
        if walked.ndim != 1 or (
            walked.size and not 0 <= walked.min() <= walked.max() < tokens.size
        ):
            raise ValueError(f"walked must be a list of cells in 0..{tokens.size - 1}")
        rows, columns = np.divmod(walked, math.isqrt(tokens.size))
        if np.any(np.abs(np.diff(rows)) + np.abs(np.diff(columns)) > 1):
            raise ValueError("walked must go from cell to neighbouring cell")
        position = optional_cell("position", self.position, tokens.size)
        if position is None and walked.size:
            position = int(walked[-1])
        object.__setattr__(self, "tokens", tokens)
        object.__setattr__(self, "walked", locked(walked))
        object.__setattr__(self, "position", position)
        for name in ("shortest", "answer", "doors"):
            object.__setattr__(self, name, optional_mask(name, getattr(self, name), tokens.size))
        sure = optional_probabilities("confidence", self.confidence, tokens.shape)
        object.__setattr__(self, "confidence", sure)

    def draw(self, width: int) -> pygame.Surface:
        """Return the picture at a width that ``paint`` has checked."""
        from .painter import paint_maze

        return paint_maze(self, width)

    def changed_since(self, before: Scene) -> tuple[int, ...]:
        """Return the cell of the walker, since a move changes nothing else."""
        return () if self.position is None else (self.position,)

    def lines(self, pen: Pen) -> list[str]:
        """Return the maze as lines of text, two columns per cell.

        ``@`` is the walker and ``·`` the shortest path. In an answer, ``o`` marks right cells,
        ``-`` missed cells and ``x`` extra cells.
        """
        side, sides = self.side, _walk_sides(np.asarray(self.walked), self.side)
        bar = "──" * side
        rows = [
            "".join(self._cell_text(row * side + column, sides, pen) for column in range(side))
            for row in range(side)
        ]
        return [f"┌{bar}┐", *(f"│{row}│" for row in rows), f"└{bar}┘"]

    def _cell_text(self, index: int, sides: dict[int, int], pen: Pen) -> str:
        """Return the two columns of one cell, which show the most important thing in it."""
        token, walk = int(self.tokens[index]), sides.get(index, 0)
        tail = pen("━", BLUE) if walk & 2 else " "
        if index == self.position:
            return pen("@", BOLD, BLUE) + tail
        if token in (START, GOAL):
            colour = GREEN if token == START else RED
            return pen("S" if token == START else "G", BOLD, colour) + tail
        on_path = self.shortest is not None and bool(self.shortest[index])
        if self.answer is not None:
            if self.answer[index]:
                if self.shortest is None:
                    return pen("o ", BLUE)
                return pen("o ", GREEN) if on_path else pen("x ", BOLD, RED)
            if on_path:
                return pen("- ", YELLOW)
        if walk:
            return pen(LINES[walk], BLUE) + tail
        if token == WALL:
            return pen("██", DIM)
        if self.doors is not None and self.doors[index]:
            return pen("▒▒", YELLOW)
        return pen("· ", YELLOW) if on_path else "  "


def _walk_sides(walked: np.ndarray, side: int) -> dict[int, int]:
    """Return the sum of the open sides of each cell of a walk; see ``LINES``."""
    sides: dict[int, int] = {}
    bits = {-side: (1, 4), 1: (2, 8), side: (4, 1), -1: (8, 2)}
    for here, there in zip(walked[:-1].tolist(), walked[1:].tolist(), strict=True):
        if here != there:
            leave, enter = bits[there - here]
            sides[here] = sides.get(here, 0) | leave
            sides[there] = sides.get(there, 0) | enter
    return sides
