"""One door to the painters: scene in, surface out."""

from __future__ import annotations

import numpy as np
import pygame

from ..puzzles.arc.painter import canvas_rect, paint_arc
from ..puzzles.maze.painter import paint_maze
from ..puzzles.sudoku.painter import cell_rect as sudoku_rect
from ..puzzles.sudoku.painter import paint_sudoku
from .drawing import Board
from .halt import paint_halt
from .scenes import ARCScene, HaltScene, MazeScene, Scene, SudokuScene

# The usual width, and the least at which the largest scene still fits with whole pixels a cell.
BOARD_WIDTHS, SHEET_WIDTHS = (640, 160), (1280, 640)


def _checked_width(scene: Scene, width: int | None) -> int:
    """Return the even width to paint at."""
    usual, least = SHEET_WIDTHS if isinstance(scene, ARCScene) else BOARD_WIDTHS
    width = usual if width is None else int(width) // 2 * 2
    if width < least:
        raise ValueError(f"this scene needs a width of {least} pixels or more, not {width}")
    return width


def paint(scene: Scene, width: int | None = None) -> pygame.Surface:
    """Paint a scene. It needs no display.

    Args:
        scene: what to paint.
        width: pixels; an odd number is rounded down. 640 for boards and 1280 for ARC if left out.

    Returns:
        A fresh surface whose size, even both ways, follows from the kind of scene and `width`
        alone, so that every frame of a video has the same one: 640x664, or 1280x720 for ARC.

    Raises:
        ValueError: the width is below 160, or 640 for ARC.
        TypeError: this is no scene.
    """
    if isinstance(scene, SudokuScene):
        return paint_sudoku(scene, _checked_width(scene, width))
    if isinstance(scene, MazeScene):
        return paint_maze(scene, _checked_width(scene, width))
    if isinstance(scene, ARCScene):
        return paint_arc(scene, _checked_width(scene, width))
    if isinstance(scene, HaltScene):
        return paint_halt(scene, _checked_width(scene, width))
    raise TypeError(f"paint wants a scene, not {type(scene).__name__}")


def to_array(surface: pygame.Surface) -> np.ndarray:
    """Return a surface as a fresh uint8 array (height, width, 3), which is what videos want."""
    width, height = surface.get_size()
    pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return pixels.reshape(height, width, 3).copy()


def cell_at(scene: Scene, point: tuple[int, int], width: int | None = None) -> int | None:
    """Return which cell of a painted scene lies under a pixel, such as the mouse's.

    Args:
        scene: the scene as it was painted.
        point: x and y on the surface, in pixels.
        width: as in `paint`.

    Returns:
        The cell's index, row by row, on the board, the maze or the ARC canvas; None beside it.
    """
    width = _checked_width(scene, width)
    if isinstance(scene, HaltScene):
        return None
    if not isinstance(scene, ARCScene):
        return Board(scene.side, width).index_at(point)
    if scene.canvas is None:
        return None
    place, cell = canvas_rect(scene, width)
    rows, columns = scene.canvas.shape
    row, column = (point[1] - place.top) // cell, (point[0] - place.left) // cell
    return row * columns + column if 0 <= row < rows and 0 <= column < columns else None


def cell_rect(scene: Scene, index: int, width: int | None = None) -> pygame.Rect:
    """Return where a cell lies on a painted scene, in pixels: `cell_at` the other way round.

    Args:
        scene: the scene as it was painted; an ARC scene with a canvas.
        index: the cell on the board, the maze or the ARC canvas, row by row.
        width: as in `paint`.

    Raises:
        ValueError: the scene has no cells, as an ARC scene without canvas.
    """
    width = _checked_width(scene, width)
    if isinstance(scene, SudokuScene):
        return sudoku_rect(Board(scene.side, width), scene.box, index)
    if isinstance(scene, MazeScene):
        board = Board(scene.side, width)
        return pygame.Rect(*board.corner(index), board.cell, board.cell)
    if not isinstance(scene, ARCScene) or scene.canvas is None:
        raise ValueError("this scene has no canvas, so no cell of one")
    place, cell = canvas_rect(scene, width)
    row, column = divmod(index, scene.canvas.shape[1])
    return pygame.Rect(place.left + column * cell, place.top + row * cell, cell + 1, cell + 1)
