"""The maze painter: the walk is a line, the shortest path a broad band below it.

The cells of an answer differ in shape and in colour: a right cell is a green tile, a missed cell an
outline, an extra cell a cross. If confidences are given, the background of an open cell is amber,
and stronger for a lower confidence. A legend below the maze explains the marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pygame

from ...rendering.drawing import Board, cross, disc, label, page, tile, write, write_caption
from ...rendering.palette import (
    AMBER,
    AMBER_TINT,
    BLUE,
    GREEN,
    MUTED,
    PAGE,
    SURE,
    VERMILLION,
    VERMILLION_TINT,
    WALL,
    Colour,
    doubt,
    mix,
)
from .tokens import GOAL, START
from .tokens import WALL as WALL_TOKEN

if TYPE_CHECKING:
    from .scene import MazeScene


def _even_with(cell: int, share: float) -> int:
    """Return about a ``share`` of a cell, odd if the cell is odd, so that it can be centred."""
    size = max(2, round(cell * share))
    return size if size % 2 == cell % 2 else size + 1


def _put(surface: pygame.Surface, sprite: pygame.Surface, board: Board, index: int) -> None:
    """Blit a sprite into the middle of a cell."""
    x, y = board.corner(index)
    surface.blit(
        sprite,
        (x + (board.cell - sprite.get_width()) // 2, y + (board.cell - sprite.get_height()) // 2),
    )


def _trace(
    surface: pygame.Surface,
    board: Board,
    cells: Iterable[int],
    edges: Iterable[tuple[int, int]],
    thickness: int,
    colour: Colour,
) -> None:
    """Draw a line with round ends through cells and the edges (lower, higher) between them."""
    offset = (board.cell - thickness) // 2
    round_end = disc(thickness, colour)
    for index in cells:
        x, y = board.corner(index)
        surface.blit(round_end, (x + offset, y + offset))
    long, short = board.cell, thickness
    for low, high in edges:
        x, y = board.corner(low)
        middle = thickness // 2
        if high - low == 1:
            surface.fill(colour, (x + offset + middle, y + offset, long, short))
        else:
            surface.fill(colour, (x + offset, y + offset + middle, short, long))


def _mask_edges(mask: np.ndarray, side: int) -> list[tuple[int, int]]:
    """Return the pairs of neighbouring cells that both lie in a mask."""
    grid = mask.reshape(side, side)
    beside = np.flatnonzero(np.pad(grid[:, :-1] & grid[:, 1:], ((0, 0), (0, 1))))
    below = np.flatnonzero(grid[:-1] & grid[1:])
    return [(i, i + 1) for i in beside.tolist()] + [(i, i + side) for i in below.tolist()]


def _walk_edges(walked: np.ndarray) -> list[tuple[int, int]]:
    """Return the distinct moves of a walk; a random walk repeats many of them."""
    low, high = np.minimum(walked[:-1], walked[1:]), np.maximum(walked[:-1], walked[1:])
    moves = np.unique(np.stack([low, high], axis=1)[low != high], axis=0)
    return [(a, b) for a, b in moves.tolist()]


@lru_cache(maxsize=16)
def _static(
    side: int, tokens: bytes, doors: bytes | None, band: bytes | None, width: int
) -> pygame.Surface:
    """Return the part that an episode does not change: walls, frame, doors and shortest path."""
    board = Board(side, width)
    surface = page(*board.size)
    grid = np.frombuffer(tokens, np.uint8)
    stroke = max(2, board.cell // 8)
    frame = pygame.Rect(board.left, board.top, board.extent, board.extent).inflate(
        2 * stroke, 2 * stroke
    )
    surface.fill(WALL, frame)
    surface.fill(PAGE, frame.inflate(-2 * stroke, -2 * stroke))
    for index in np.flatnonzero(grid == WALL_TOKEN).tolist():
        surface.fill(WALL, (*board.corner(index), board.cell, board.cell))
    if band is not None:
        mask = np.frombuffer(band, bool) | (grid == START) | (grid == GOAL)
        cells = np.flatnonzero(mask).tolist()
        thickness = _even_with(board.cell, 0.62)
        _trace(surface, board, cells, _mask_edges(mask, side), thickness, AMBER_TINT)
    if doors is not None:
        edge = _even_with(board.cell, 0.78)
        plank = tile(edge, edge, mix(AMBER, WALL, 0.45), max(1, board.cell // 8))
        knob = disc(_even_with(board.cell, 0.16), PAGE)
        for index in np.flatnonzero(np.frombuffer(doors, bool)).tolist():
            _put(surface, plank, board, index)
            _put(surface, knob, board, index)
    return surface


def _marks(cell: int) -> dict[str, list[pygame.Surface]]:
    """Return the sprites of each kind of answer cell, which are drawn over each other."""
    edge, radius = _even_with(cell, 0.72), max(1, round(cell * 0.14))
    stroke = max(1, round(cell * 0.08))
    return {
        "right": [tile(edge, edge, mix(GREEN, PAGE, 0.12), radius)],
        "missed": [
            tile(edge, edge, PAGE, radius),
            tile(edge, edge, mix(AMBER, VERMILLION, 0.15), radius, stroke),
        ],
        "extra": [
            tile(edge, edge, VERMILLION_TINT, radius),
            cross(_even_with(cell, 0.40), VERMILLION, max(1.5, cell * 0.10)),
        ],
        "path": [tile(edge, edge, mix(BLUE, PAGE, 0.35), radius)],
    }


def _kinds(scene: MazeScene) -> dict[str, np.ndarray]:
    """Return a bool (s*s,) mask for each kind of answer cell, without S and G."""
    if scene.answer is None:
        return {}
    ends = (scene.tokens == START) | (scene.tokens == GOAL)
    answer = scene.answer & ~ends
    if scene.shortest is None:
        return {"path": answer}
    shortest = scene.shortest & ~ends
    return {"right": answer & shortest, "missed": shortest & ~answer, "extra": answer & ~shortest}


def _end(surface: pygame.Surface, board: Board, index: int, letter: str, colour: Colour) -> None:
    """Draw S or G."""
    edge = _even_with(board.cell, 0.80)
    _put(surface, tile(edge, edge, colour, max(2, board.cell // 6)), board, index)
    x, y = board.corner(index)
    half = board.cell / 2
    size = max(6, round(board.cell * 0.52))
    write(surface, letter, (x + half, y + half), size, PAGE, bold=True, align=0.5)


def _legend(
    surface: pygame.Surface, board: Board, entries: list[tuple[str, list[pygame.Surface]]]
) -> int:
    """Write the legend, right-aligned below the maze, and return its width."""
    end, y = board.left + board.extent, board.caption_point[1]
    x, space = end, board.type_size
    for text, sprites in reversed(entries):
        x -= label(text, board.type_size, MUTED)[0].get_width()
        write(surface, text, (x, y), board.type_size, MUTED)
        x -= space // 2 + sprites[0].get_width()
        for sprite in sprites:
            inset = (sprites[0].get_width() - sprite.get_width()) // 2
            surface.blit(sprite, (x + inset, y - sprite.get_height() // 2))
        x -= space
    return end - x


def paint_maze(scene: MazeScene, width: int) -> pygame.Surface:
    """Return the scene as a surface with a given width."""
    board, walked = Board(scene.side, width), np.asarray(scene.walked)
    kinds = _kinds(scene)
    band = scene.shortest if scene.answer is None else None
    surface = _static(
        scene.side,
        scene.tokens.tobytes(),
        None if scene.doors is None else scene.doors.tobytes(),
        None if band is None else band.tobytes(),
        width,
    ).copy()
    if scene.confidence is not None:
        unsure = (scene.confidence < SURE) & (scene.tokens != WALL_TOKEN)
        for index in np.flatnonzero(unsure).tolist():
            place = (*board.corner(index), board.cell, board.cell)
            surface.fill(doubt(float(scene.confidence[index])), place)
    marks = _marks(board.cell)
    for name, mask in kinds.items():
        for index in np.flatnonzero(mask).tolist():
            for sprite in marks[name]:
                _put(surface, sprite, board, index)

    line = _even_with(board.cell, 0.20)
    if walked.size > 1:
        cells = np.unique(walked).tolist()
        _trace(surface, board, cells, _walk_edges(walked), line, BLUE)
    for token, letter, colour in ((START, "S", GREEN), (GOAL, "G", VERMILLION)):
        for index in np.flatnonzero(scene.tokens == token).tolist():
            _end(surface, board, index, letter, colour)
    if scene.position is not None:
        _put(surface, disc(_even_with(board.cell, 0.84), PAGE), board, scene.position)
        _put(surface, disc(_even_with(board.cell, 0.62), BLUE), board, scene.position)

    height = board.type_size
    small = _marks(round(height * 1.2))
    entries = [(f"{name} {int(mask.sum())}", small[name]) for name, mask in kinds.items()]
    if walked.size > 1:
        entries.append(
            (f"walked {walked.size - 1}", [tile(2 * height, max(2, height // 4), BLUE, 1)])
        )
    if band is not None:
        swatch = tile(2 * height, round(0.7 * height), AMBER_TINT, height // 3)
        entries.append(("shortest", [swatch]))
    used = _legend(surface, board, entries)
    write_caption(surface, scene.caption, board.caption_point, height, board.extent - used)
    return surface
