"""The painter of grids: demonstrations on the left, the test input and the canvas on the right.

All demonstrations share one cell size, so that grids can be compared by eye. It is the largest size
at which a table of all pairs fits. Only the layout of the canvas depends on the canvas; it has a
reserved area, so that nothing else moves while it changes. If there is a confidence, a cell of the
canvas has an amber frame, which is broader for a lower confidence. A wrong cell has a cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pygame

from .drawing import arrow, cross, page, write, write_caption
from .palette import AMBER, CELL_COLOURS, HAIRLINE, INK, MUTED, PAGE, SHADE, SURE

if TYPE_CHECKING:
    from .grids import GridScene

GRID_LINE = (96, 100, 106)
Shape = tuple[int, ...]
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Sheet:
    """Measures of the page in pixels, which depend on its width only."""

    width: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the page, both even, in a ratio of 16 to 9."""
        return self.width // 2 * 2, self.width * 9 // 32 * 2

    @property
    def unit(self) -> float:
        """Pixels per unit; the page is 1280 units wide."""
        return self.width / 1280

    def scaled(self, units: float) -> int:
        """Return a length in pixels."""
        return round(units * self.unit)

    @property
    def demos(self) -> pygame.Rect:
        """Area of the demonstrations."""
        top, bottom = self.scaled(88), self.size[1] - self.scaled(68)
        return pygame.Rect(self.scaled(48), top, self.scaled(744), bottom - top)

    @property
    def test(self) -> pygame.Rect:
        """Area of the test input and the canvas."""
        demos = self.demos
        left = demos.right + self.scaled(56)
        return pygame.Rect(left, demos.top, self.width - self.scaled(48) - left, demos.height)

    @property
    def halves(self) -> tuple[pygame.Rect, pygame.Rect]:
        """Areas of the test input and, below it, of the canvas."""
        room = self.test
        height = (room.height - self.scaled(46)) // 2
        lower = room.bottom - height
        return (
            pygame.Rect(room.left, room.top, room.width, height),
            pygame.Rect(room.left, lower, room.width, height),
        )

    @property
    def gap(self) -> int:
        """Smallest space between two pairs."""
        return self.scaled(26)

    @property
    def link(self) -> int:
        """Space between the two grids of a pair, for the arrow."""
        return self.scaled(52)

    @property
    def type_size(self) -> int:
        """Font size of all text."""
        return max(9, self.scaled(16))

    @property
    def largest_cell(self) -> int:
        """Largest edge of a cell."""
        return max(1, self.scaled(44))


@dataclass(frozen=True)
class Table:
    """A table of pairs: the edge of a cell in pixels, and in cells the widths of the inputs and
    outputs of each column and the height of each row.
    """

    cell: int
    widths: tuple[tuple[int, int], ...]
    heights: tuple[int, ...]


@lru_cache(maxsize=128)
def _table(shapes: tuple[tuple[Shape, Shape], ...], width: int) -> Table:
    """Return the table with the largest cells."""
    sheet = Sheet(width)
    room, gap, link = sheet.demos, sheet.gap, sheet.link
    best = Table(0, (), ())
    for columns in range(1, len(shapes) + 1):
        rows = -(-len(shapes) // columns)
        widths = tuple(
            (max(a[1] for a, _ in shapes[i::columns]), max(b[1] for _, b in shapes[i::columns]))
            for i in range(columns)
        )
        heights = tuple(
            max(max(a[0], b[0]) for a, b in shapes[i * columns : (i + 1) * columns])
            for i in range(rows)
        )
        across = room.width - columns * link - (columns - 1) * gap
        down = room.height - (rows - 1) * gap
        cell = min(across // sum(a + b for a, b in widths), down // sum(heights))
        cell = max(1, min(cell, sheet.largest_cell))
        if cell > best.cell:
            best = Table(cell, widths, heights)
    return best


@lru_cache(maxsize=256)
def _grid(content: bytes, shape: Shape, cell: int) -> pygame.Surface:
    """Return a grid with thin lines, one pixel more than its cells in each direction."""
    colours = CELL_COLOURS[np.frombuffer(content, np.uint8).reshape(shape)]
    rows, columns = shape
    image = np.empty((rows * cell + 1, columns * cell + 1, 3), np.uint8)
    image[:-1, :-1] = np.repeat(np.repeat(colours, cell, axis=0), cell, axis=1)
    # Cells of four pixels or fewer have no lines between them, only a frame around the grid.
    step = cell if cell > 4 else None
    image[:: step or rows * cell] = GRID_LINE
    image[:, :: step or columns * cell] = GRID_LINE
    surface = pygame.Surface((image.shape[1], image.shape[0]), 0, 24)
    pygame.surfarray.blit_array(surface, image.swapaxes(0, 1))
    return surface


def _put(surface: pygame.Surface, grid: np.ndarray, cell: int, centre: tuple[float, float]) -> None:
    """Blit a grid around a point."""
    sprite = _grid(grid.tobytes(), grid.shape, cell)
    surface.blit(sprite, sprite.get_rect(center=(round(centre[0]), round(centre[1]))))


def _paint_demos(surface: pygame.Surface, pairs: tuple[Pair, ...], sheet: Sheet) -> None:
    """Draw the pairs row by row, as a table in the centre of its area."""
    table, room = _table(tuple((a.shape, b.shape) for a, b in pairs), sheet.width), sheet.demos
    gap, link, cell = sheet.gap, sheet.link, table.cell
    columns = len(table.widths)
    across = sum(a + b for a, b in table.widths) * cell + columns * link + (columns - 1) * gap
    down = sum(table.heights) * cell + (len(table.heights) - 1) * gap
    # A table that is smaller than its area has larger gaps.
    column_gap = gap + min((room.width - across) // (columns + 1), 2 * gap)
    row_gap = gap + min((room.height - down) // (len(table.heights) + 1), gap)
    left = room.centerx - (across + (columns - 1) * (column_gap - gap)) / 2
    y = room.centery - (down + (len(table.heights) - 1) * (row_gap - gap)) / 2
    pointer = arrow(link // 2, MUTED, max(1.0, 1.6 * sheet.unit))
    for row, height in enumerate(table.heights):
        x, middle = left, y + height * cell / 2
        for (before, after), widths in zip(
            pairs[row * columns : (row + 1) * columns], table.widths, strict=False
        ):
            _put(surface, before, cell, (x + widths[0] * cell / 2, middle))
            x += widths[0] * cell
            place = pointer.get_rect(center=(round(x + link / 2), round(middle)))
            surface.blit(pointer, place)
            x += link
            _put(surface, after, cell, (x + widths[1] * cell / 2, middle))
            x += widths[1] * cell + column_gap
        y += height * cell + row_gap


def _test_cell(shape: Shape, sheet: Sheet) -> int:
    """Return the edge of the test input's cells."""
    room = sheet.halves[0]
    return max(1, min(sheet.largest_cell, room.width // shape[1], room.height // shape[0]))


@lru_cache(maxsize=16)
def _static(contents: tuple[tuple[bytes, Shape], ...], width: int) -> pygame.Surface:
    """Return the page without the canvas; ``contents`` are the grids, the test input last."""
    sheet = Sheet(width)
    grids = [np.frombuffer(content, np.uint8).reshape(shape) for content, shape in contents]
    surface = page(*sheet.size)
    pairs = tuple(zip(grids[:-1:2], grids[1:-1:2], strict=True))
    if pairs:
        _paint_demos(surface, pairs, sheet)
    above, below = sheet.halves
    for room, text in ((sheet.demos, "Demonstrations"), (sheet.test, "Test")):
        write(surface, text, (room.left, sheet.scaled(44)), sheet.type_size, INK, bold=True)
        surface.fill(HAIRLINE, (room.left, sheet.scaled(62), room.width, max(1, sheet.scaled(1))))
    test = grids[-1]
    _put(surface, test, _test_cell(test.shape, sheet), above.center)
    pointer = arrow(sheet.link // 2, MUTED, max(1.0, 1.6 * sheet.unit), down=True)
    surface.blit(pointer, pointer.get_rect(center=(above.centerx, (above.bottom + below.top) // 2)))
    return surface


def canvas_rect(scene: GridScene, width: int) -> tuple[pygame.Rect, int]:
    """Return the rectangle of the canvas and the edge of its cells, in pixels.

    Without a canvas, the rectangle has the shape of the test input.
    """
    sheet = Sheet(width)
    room = sheet.halves[1]
    rows, columns = (scene.test_input if scene.canvas is None else scene.canvas).shape
    limit = _test_cell(scene.test_input.shape, sheet)
    cell = max(1, min(limit, room.width // columns, room.height // rows))
    rect = pygame.Rect(0, 0, columns * cell + 1, rows * cell + 1)
    rect.center = room.center
    return rect, cell


def _annotate(surface: pygame.Surface, scene: GridScene, place: pygame.Rect, cell: int) -> None:
    """Mark unsure and wrong cells of the canvas."""
    for kind, values in (("doubt", scene.confidence), ("wrong", scene.wrong)):
        if values is None:
            continue
        for row, column in np.argwhere(values < SURE if kind == "doubt" else values).tolist():
            rect = pygame.Rect(place.left + column * cell, place.top + row * cell, cell, cell)
            if kind == "doubt":
                broad = max(1, round(0.38 * cell * (1 - float(values[row, column]))))
                pygame.draw.rect(surface, AMBER, rect.inflate(-1, -1).move(1, 1), broad)
            else:
                mark = cross(max(4, round(cell * 0.5)), PAGE, max(1.5, cell * 0.1))
                surface.blit(mark, mark.get_rect(center=rect.center))


def paint_grids(scene: GridScene, width: int) -> pygame.Surface:
    """Return the scene as a surface with a given width."""
    sheet = Sheet(width)
    grids = [grid for pair in scene.demos for grid in pair] + [scene.test_input]
    surface = _static(tuple((grid.tobytes(), grid.shape) for grid in grids), width).copy()
    place, cell = canvas_rect(scene, width)
    if scene.canvas is None:
        pygame.draw.rect(surface, SHADE, place)
        pygame.draw.rect(surface, HAIRLINE, place, max(1, sheet.scaled(1)))
        write(surface, "?", place.center, 2 * sheet.type_size, MUTED, align=0.5)
    else:
        surface.blit(_grid(scene.canvas.tobytes(), scene.canvas.shape, cell), place)
        _annotate(surface, scene, place, cell)
    right = sheet.test.right
    if scene.attempts_left is not None:
        noun = "attempt" if scene.attempts_left == 1 else "attempts"
        text = f"{scene.attempts_left or 'no'} {noun} left"
        write(surface, text, (right, sheet.scaled(44)), sheet.type_size, MUTED, align=1.0)
    left, y = sheet.demos.left, sheet.size[1] - sheet.scaled(32)
    write_caption(surface, scene.caption, (left, y), sheet.type_size, right - left)
    return surface
