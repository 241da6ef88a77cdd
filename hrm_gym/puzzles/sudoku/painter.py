"""The Sudoku painter: thin lines between cells, thick lines between boxes.

Givens are bold on a grey background, other digits are blue. A conflict tints the whole cell, a
wrong cell has a marked corner, and the last move has a frame, so that one cell can show all three.
If there is a confidence, a lower confidence gives the background of a filled cell more amber.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import pygame

from ...rendering.drawing import Board, corner, page, write, write_caption
from ...rendering.palette import (
    BLUE,
    BLUE_TINT,
    HAIRLINE,
    INK,
    SHADE,
    SURE,
    VERMILLION,
    VERMILLION_TINT,
    doubt,
)

if TYPE_CHECKING:
    from .scene import SudokuScene


def _strokes(width: int) -> tuple[int, int]:
    """Return the thickness of thin lines and of thick lines."""
    thin = max(1, round(width / 640))
    return thin, thin + 2 * max(1, round(width / 640))


def _line(board: Board, position: int, box: int) -> tuple[int, int]:
    """Return the distance of line number ``position`` from the board's edge, and its thickness."""
    thin, thick = _strokes(board.width)
    thickness = thick if position % box == 0 else thin
    return position * board.cell - thickness // 2, thickness


def cell_rect(board: Board, box: tuple[int, int], index: int) -> pygame.Rect:
    """Return the inside of a cell, without the lines around it."""
    row, column = divmod(index, board.side)
    left, left_thickness = _line(board, column, box[1])
    top, top_thickness = _line(board, row, box[0])
    x, y = left + left_thickness, top + top_thickness
    return pygame.Rect(
        board.left + x,
        board.top + y,
        _line(board, column + 1, box[1])[0] - x,
        _line(board, row + 1, box[0])[0] - y,
    )


@lru_cache(maxsize=16)
def _empty(side: int, box: tuple[int, int], width: int) -> tuple[pygame.Surface, list[pygame.Rect]]:
    """Return the lines of an empty board and the insides of its cells."""
    board = Board(side, width)
    surface = page(*board.size)
    # Thick lines are drawn last, so that thin lines do not cross them.
    for thick in (False, True):
        for position in range(side + 1):
            for across, per_box in ((True, box[0]), (False, box[1])):
                if (position % per_box == 0) != thick:
                    continue
                start, thickness = _line(board, position, per_box)
                half = _strokes(width)[1] // 2
                length = board.extent + 2 * half + 1 if thick else board.extent
                begin = -half if thick else 0
                if across:
                    rect = (board.left + begin, board.top + start, length, thickness)
                else:
                    rect = (board.left + start, board.top + begin, thickness, length)
                surface.fill(INK if thick else HAIRLINE, rect)
    return surface, [cell_rect(board, box, index) for index in range(side * side)]


def paint_sudoku(scene: SudokuScene, width: int) -> pygame.Surface:
    """Return the scene as a surface with a given width."""
    board = Board(scene.side, width)
    lines, rects = _empty(scene.side, scene.box, width)
    surface = lines.copy()
    size = round(board.cell * (0.56 if scene.side < 10 else 0.44))
    thin, thick = _strokes(width)
    given = scene.given.tolist()
    conflicts = None if scene.conflicts is None else scene.conflicts.tolist()
    wrong = None if scene.wrong is None else scene.wrong.tolist()
    sure = None if scene.confidence is None else scene.confidence.tolist()
    for index, (token, rect) in enumerate(zip(scene.tokens.tolist(), rects, strict=True)):
        conflict = conflicts is not None and conflicts[index]
        mistaken = wrong is not None and wrong[index]
        if conflict:
            surface.fill(VERMILLION_TINT, rect)
        elif index == scene.last:
            surface.fill(BLUE_TINT, rect)
        elif given[index]:
            surface.fill(SHADE, rect)
        elif sure is not None and sure[index] < SURE:
            surface.fill(doubt(sure[index]), rect)
        if mistaken:
            mark = corner(max(4, board.cell // 4), VERMILLION)
            surface.blit(mark, (rect.right - mark.get_width(), rect.top))
        if index == scene.last:
            pygame.draw.rect(surface, VERMILLION if conflict else BLUE, rect, max(2, thick - thin))
        if token > 1:
            colour = INK if given[index] else VERMILLION if conflict or mistaken else BLUE
            write(
                surface,
                str(token - 1),
                (rect.x + rect.width / 2, rect.y + rect.height / 2),
                size,
                colour,
                bold=given[index],
                align=0.5,
            )
    write_caption(surface, scene.caption, board.caption_point, board.type_size, board.extent)
    return surface
