"""The halting painter: Q-values over the segments, correct answers below them, and the stop."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pygame

from .drawing import OVERSAMPLING, Board, cross, disc, page, tile, write, write_caption
from .palette import (
    AMBER,
    BLUE,
    BLUE_TINT,
    GREEN,
    HAIRLINE,
    INK,
    MUTED,
    PAGE,
    VERMILLION,
    Colour,
    mix,
)

if TYPE_CHECKING:
    from .halt import HaltScene

SCALE = OVERSAMPLING // 2
COLOURS = {"q_halt": BLUE, "q_continue": AMBER}


def _rounded(low: float, high: float) -> tuple[float, float, float]:
    """Return the ends of an axis from ``low`` to ``high`` and its step: 1, 2 or 5 times 10^k."""
    rough = max(high - low, 1.0) / 4
    power = 10.0 ** np.floor(np.log10(rough))
    step = float(next(power * part for part in (1, 2, 5, 10) if power * part >= rough))
    return float(np.floor(low / step) * step), float(np.ceil(high / step) * step), step


@lru_cache(maxsize=64)
def _curve(
    points: tuple[tuple[int, int], ...], size: tuple[int, int], colour: Colour, thickness: int
) -> pygame.Surface:
    """Return a polyline with soft edges on a transparent surface."""
    large = pygame.Surface((size[0] * SCALE, size[1] * SCALE), pygame.SRCALPHA, 32)
    large.fill((*colour, 0))
    radius = thickness * SCALE / 2
    scaled = [np.array(point, float) * SCALE for point in points]
    for start, end in pairwise(scaled):
        way = (end - start) / np.linalg.norm(end - start)
        across = np.array([-way[1], way[0]]) * radius
        corners = [start + across, end + across, end - across, start - across]
        pygame.draw.polygon(large, colour, [tuple(corner) for corner in corners])
    for x, y in scaled:
        pygame.draw.circle(large, colour, (x, y), radius)
    return pygame.transform.smoothscale(large, size)


def paint_halt(scene: HaltScene, width: int) -> pygame.Surface:
    """Paint the curves: segments taken in full colour, all later ones faint."""
    board = Board(1, width)
    surface = page(*board.size)
    height = board.type_size
    plot = pygame.Rect(board.left, board.top, board.extent, board.extent)
    plot = plot.inflate(-4 * height, -8 * height).move(2 * height, -height)
    values = np.concatenate([scene.q_halt, scene.q_continue, [0.0]])
    low, high, step = _rounded(float(values.min()), float(values.max()))
    xs = [
        plot.left + round((2 * k + 1) * plot.width / (2 * scene.segments))
        for k in range(scene.segments)
    ]

    def y_of(value: float) -> int:
        return plot.bottom - round((value - low) / (high - low) * plot.height)

    half = plot.width // (2 * scene.segments)
    surface.fill(BLUE_TINT, (xs[scene.segment - 1] - half, plot.top, 2 * half, plot.height))
    for tick in np.arange(round((high - low) / step) + 1) * step + low:
        colour = MUTED if abs(tick) < step / 2 else HAIRLINE
        surface.fill(colour, (plot.left, y_of(tick), plot.width, 1))
        write(surface, f"{tick:g}", (plot.left - height // 2, y_of(tick)), height, MUTED, align=1)

    thickness, mark = max(2, width // 200), max(5, width // 70) | 1
    for name, colour in COLOURS.items():
        points = [(x, y_of(q)) for x, q in zip(xs, getattr(scene, name), strict=True)]
        inside = tuple((x - plot.left + mark, y - plot.top + mark) for x, y in points)
        size = (plot.width + 2 * mark, plot.height + 2 * mark)
        faint = mix(colour, PAGE, 0.75)
        for part, shade in ((inside, faint), (inside[: scene.segment], colour)):
            if len(part) > 1:
                sprite = _curve(part, size, shade, thickness)
                surface.blit(sprite, (plot.left - mark, plot.top - mark))
        for number, (x, y) in enumerate(points, start=1):
            dot = disc(mark, colour if number <= scene.segment else faint)
            surface.blit(dot, (x - mark // 2, y - mark // 2))

    row = plot.bottom + 2 * height
    for number, (x, right) in enumerate(zip(xs, scene.accepted.tolist(), strict=True), start=1):
        fade = 0.0 if number <= scene.segment else 0.75
        edge = min(round(1.3 * height), half) | 1
        if right:
            sprite = tile(edge, edge, mix(GREEN, PAGE, fade), max(1, edge // 5))
        else:
            sprite = cross(edge, mix(VERMILLION, PAGE, fade), max(1.5, edge / 6))
        surface.blit(sprite, (x - edge // 2, row - edge // 2))
        shade = INK if number <= scene.segment else MUTED
        bold = number == scene.segment
        write(surface, str(number), (x, row + 2 * height), height, shade, bold=bold, align=0.5)
    if scene.halted:
        x = xs[scene.segment - 1]
        write(surface, "halted", (x, plot.top - height), height, BLUE, bold=True, align=0.5)

    # The legend is above the plot.
    x, y = plot.left, plot.top - 3 * height
    for name, colour in COLOURS.items():
        surface.blit(tile(2 * height, thickness * 2, colour, 1), (x, y - thickness))
        x += 3 * height + write(surface, name, (x + 2.5 * height, y), height, MUTED) + height
    for sprite, name in (
        (tile(height | 1, height | 1, GREEN, 2), "right"),
        (cross(height | 1, VERMILLION, 2), "wrong"),
    ):
        surface.blit(sprite, (x, y - height // 2))
        x += 2 * height + write(surface, name, (x + 1.5 * height, y), height, MUTED) + height
    write_caption(surface, scene.caption, board.caption_point, height, board.extent)
    return surface
