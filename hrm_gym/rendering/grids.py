"""Grids of coloured cells: example pairs, a question and its answer; and their text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from .palette import CELL_COLOURS
from .scene import Scene, changed_cells, locked, optional_probabilities
from .text import BOLD, Pen

if TYPE_CHECKING:
    import pygame

LARGEST_GRID = 30
"""Largest number of rows or columns of a grid."""
MOST_DEMOS = 10
"""Largest number of demonstration pairs."""


@dataclass(frozen=True, eq=False)
class GridScene(Scene):
    """Demonstration pairs, the test input, and the canvas, which is the answer so far.

    Args:
        demos: At most 10 pairs (input, output) of grids, each uint8 (rows, columns), colours 0..9.
        test_input: uint8 (rows, columns), colours 0..9.
        canvas: uint8 (rows, columns), colours 0..9; ``None`` if there is none yet.
        attempts_left: How often the canvas may still be submitted.
        wrong: bool, of the shape of the canvas: cells known to differ from the right output.
        confidence: float, of the shape of the canvas: the probability of each cell, 0..1.
        caption: One line below the grids.

    Raises:
        ValueError: if a grid is not 1x1 to 30x30 of colours 0..9, there are too many pairs, or
            ``wrong`` or ``confidence`` do not have the shape of the canvas.
    """

    usual_width: ClassVar[int] = 1280
    half_width: ClassVar[int] = 800
    least_width: ClassVar[int] = 640
    header: ClassVar[float] = 1.1

    demos: Sequence[tuple[np.ndarray, np.ndarray]]
    test_input: np.ndarray
    canvas: np.ndarray | None = None
    attempts_left: int | None = None
    wrong: np.ndarray | None = None
    confidence: np.ndarray | None = None
    caption: str = ""

    def __post_init__(self) -> None:
        if len(self.demos) > MOST_DEMOS:
            raise ValueError(
                f"a scene holds at most {MOST_DEMOS} demonstrations, not {len(self.demos)}"
            )
        demos = tuple(
            (_colours(f"demonstration {i} input", a), _colours(f"demonstration {i} output", b))
            for i, (a, b) in enumerate(self.demos)
        )
        object.__setattr__(self, "demos", demos)
        object.__setattr__(self, "test_input", _colours("test_input", self.test_input))
        if self.canvas is not None:
            object.__setattr__(self, "canvas", _colours("canvas", self.canvas))
        shape = (0, 0) if self.canvas is None else self.canvas.shape
        sure = optional_probabilities("confidence", self.confidence, shape)
        object.__setattr__(self, "confidence", sure)
        if self.wrong is not None:
            wrong = np.array(self.wrong, bool)
            if wrong.shape != shape:
                raise ValueError(f"wrong must have the canvas's shape {shape}, not {wrong.shape}")
            object.__setattr__(self, "wrong", locked(wrong))

    def draw(self, width: int) -> pygame.Surface:
        """Return the picture at a width that ``paint`` has checked."""
        from .grid_painter import paint_grids

        return paint_grids(self, width)

    @classmethod
    def page_height(cls, width: int) -> int:
        """Return the height in pixels of a picture ``width`` pixels wide: 9/16 of the width."""
        return width * 9 // 32 * 2

    @classmethod
    def type_size(cls, width: int) -> int:
        """Return the font size of the text around the picture, in pixels."""
        return max(9, round(width * 16 / 1280))

    @classmethod
    def margin(cls, width: int) -> int:
        """Return the space at the left and right edges of the picture, in pixels."""
        return round(width * 48 / 1280)

    def cell_at(self, point: tuple[int, int], width: int | None = None) -> int | None:
        """Return the cell of the canvas under a pixel, or ``None`` beside it."""
        if self.canvas is None:
            return None
        from .grid_painter import canvas_rect

        place, cell = canvas_rect(self, self.checked_width(width))
        rows, columns = self.canvas.shape
        row, column = (point[1] - place.top) // cell, (point[0] - place.left) // cell
        return row * columns + column if 0 <= row < rows and 0 <= column < columns else None

    def cell_rect(self, index: int, width: int | None = None) -> pygame.Rect:
        """Return the rectangle of a cell of the canvas.

        Raises:
            ValueError: if there is no canvas.
        """
        if self.canvas is None:
            raise ValueError("this scene has no canvas and therefore no cells")
        import pygame

        from .grid_painter import canvas_rect

        place, cell = canvas_rect(self, self.checked_width(width))
        row, column = divmod(index, self.canvas.shape[1])
        return pygame.Rect(place.left + column * cell, place.top + row * cell, cell + 1, cell + 1)

    def visible(self, tokens: np.ndarray) -> np.ndarray:
        """Return those of the tokens ``(seq_len,)`` that the cells of the canvas show, in order."""
        if self.canvas is None:
            return tokens[:0]
        if self.canvas.size == tokens.size:
            return tokens
        rows, columns = self.canvas.shape
        side = math.isqrt(tokens.size)
        return tokens.reshape(side, side)[:rows, :columns].ravel()

    def changed_since(self, before: Scene) -> tuple[int, ...]:
        """Return the cells of the canvas that an earlier scene lacks or shows differently."""
        assert isinstance(before, GridScene)
        if self.canvas is None:
            return ()
        rows, columns = self.canvas.shape
        earlier = np.full((rows, columns), -1)
        if before.canvas is not None:
            part = before.canvas[:rows, :columns]
            earlier[: len(part), : part.shape[1]] = part
        return changed_cells(earlier.ravel(), self.canvas.astype(int).ravel())

    def lines(self, pen: Pen) -> list[str]:
        """Return the grids as lines of text: each cell is its number on its colour."""
        lines: list[str] = []
        for number, (before, after) in enumerate(self.demos, start=1):
            lines += [pen(f"demonstration {number}", BOLD), *_pair(before, after, pen), ""]
        if self.demos or self.attempts_left is not None:
            lines.append(pen("test", BOLD))
        if self.attempts_left is not None:
            lines[-1] += f", {self.attempts_left} attempt{'s' * (self.attempts_left != 1)} left"
        return [*lines, *_pair(self.test_input, self.canvas, pen)]


def _colours(name: str, value: npt.ArrayLike) -> np.ndarray:
    """Return a locked uint8 copy of a grid."""
    array = np.array(value)
    if array.ndim != 2 or not all(1 <= side <= LARGEST_GRID for side in array.shape):
        raise ValueError(f"{name} must be a grid of 1x1 to 30x30 cells, not of shape {array.shape}")
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > 9:
        raise ValueError(f"{name} must hold integer colours 0..9")
    return locked(array.astype(np.uint8))


def _swatch(colour: int, pen: Pen) -> str:
    """Return one cell: its number in a faint shade of its own colour."""
    rgb = CELL_COLOURS[colour].astype(int)
    ink = rgb + ((255 if rgb @ (299, 587, 114) < 128_000 else 0) - rgb) * 2 // 5
    back, front = (";".join(str(part) for part in triple.tolist()) for triple in (rgb, ink))
    return pen(f"{colour} ", f"48;2;{back}", f"38;2;{front}")


def _pair(before: np.ndarray, after: np.ndarray | None, pen: Pen) -> list[str]:
    """Return two grids side by side, both centred vertically."""
    swatches = [_swatch(colour, pen) for colour in range(10)]
    grids = [before] if after is None else [before, after]
    height = max(len(grid) for grid in grids)
    blocks = []
    for grid in grids:
        above = (height - len(grid)) // 2
        empty = "  " * grid.shape[1]
        lines = ["".join(swatches[colour] for colour in row) for row in grid.tolist()]
        blocks.append([empty] * above + lines + [empty] * (height - len(grid) - above))
    links = ["   →   " if line == (height - 1) // 2 else "       " for line in range(height)]
    right = blocks[1] if after is not None else ["?" if "→" in link else "" for link in links]
    return [a + link + b for a, link, b in zip(blocks[0], links, right, strict=True)]
