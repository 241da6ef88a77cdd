"""What the painters share: pages, text, anti-aliased shapes, and the geometry of a square board.

Straight edges are drawn on whole pixels and therefore sharp. Round or slanted shapes are drawn
``OVERSAMPLING`` times larger, scaled down once and cached as sprites. A frame then consists of
fills and copies, and takes about a millisecond.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pygame

from .palette import INK, MUTED, PAGE, Colour

OVERSAMPLING = 8


def page(width: int, height: int) -> pygame.Surface:
    """Return a white surface without alpha. It needs no display."""
    surface = pygame.Surface((width, height), 0, 24)
    surface.fill(PAGE)
    return surface


def to_array(surface: pygame.Surface) -> np.ndarray:
    """Return a surface as a new uint8 array (height, width, 3), the format of video frames."""
    width, height = surface.get_size()
    pixels = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return pixels.reshape(height, width, 3).copy()


@lru_cache(maxsize=1)
def _typefaces() -> tuple[str | None, str | None]:
    """Return the files of DejaVu Sans, regular and bold, or ``None`` for pygame's default font.

    The fonts are part of matplotlib, which is located without importing it, as that is slow.
    """
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        return None, None
    folder = Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
    regular, bold = folder / "DejaVuSans.ttf", folder / "DejaVuSans-Bold.ttf"
    return str(regular) if regular.is_file() else None, str(bold) if bold.is_file() else None


_fonts: dict[tuple[int, bool], pygame.font.Font] = {}


def _render(text: str, size: int, colour: Colour, bold: bool) -> tuple[pygame.Surface, int, int]:
    if not pygame.font.get_init():
        pygame.font.init()
        _fonts.clear()
    if (size, bold) not in _fonts:
        _fonts[size, bold] = pygame.font.Font(_typefaces()[bold], size)
    font = _fonts[size, bold]
    capital = font.render("0", True, colour).get_bounding_rect()
    return font.render(text, True, colour), capital.top, capital.bottom


@lru_cache(maxsize=512)
def label(
    text: str, size: int, colour: Colour = INK, bold: bool = False
) -> tuple[pygame.Surface, float]:
    """Return a surface with text, and the vertical centre of its digits in the surface."""
    try:
        surface, top, bottom = _render(text, size, colour, bold)
    except pygame.error:
        # pygame.quit(), which other environments call, closes all fonts.
        _fonts.clear()
        surface, top, bottom = _render(text, size, colour, bold)
    return surface, (top + bottom) / 2


def write(
    surface: pygame.Surface,
    text: str,
    point: tuple[float, float],
    size: int,
    colour: Colour = INK,
    *,
    bold: bool = False,
    align: float = 0.0,
) -> int:
    """Write one line of text, vertically centred at ``point``, and return its width.

    ``align`` is the part of the line at ``point``: 0 the left end, 0.5 the centre, 1 the right end.
    """
    if not text:
        return 0
    glyphs, middle = label(text, size, colour, bold)
    surface.blit(glyphs, (round(point[0] - align * glyphs.get_width()), round(point[1] - middle)))
    return glyphs.get_width()


def write_caption(
    surface: pygame.Surface, text: str, point: tuple[float, float], size: int, room: int
) -> None:
    """Write a caption that starts at ``point``, shortened with an ellipsis to ``room`` pixels."""
    text = text.replace("\n", " ")
    if label(text, size, MUTED)[0].get_width() > room:
        fitting, failing = 0, len(text)
        while failing - fitting > 1:
            middle = (fitting + failing) // 2
            if label(text[:middle].rstrip() + "…", size, MUTED)[0].get_width() <= room:
                fitting = middle
            else:
                failing = middle
        text = text[:fitting].rstrip() + "…"
    write(surface, text, point, size, MUTED)


def _supersampled(
    size: tuple[int, int], colour: Colour, draw: Callable[[pygame.Surface, Colour, int], None]
) -> pygame.Surface:
    """Return a sprite with soft edges; ``draw`` receives the large surface and its scale."""
    large = pygame.Surface((size[0] * OVERSAMPLING, size[1] * OVERSAMPLING), pygame.SRCALPHA, 32)
    # Transparent, but in the colour of the sprite, because scaling ignores alpha when it mixes.
    large.fill((*colour, 0))
    draw(large, colour, OVERSAMPLING)
    return pygame.transform.smoothscale(large, size)


@lru_cache(maxsize=256)
def disc(diameter: int, colour: Colour) -> pygame.Surface:
    """Return a filled circle."""

    def draw(large: pygame.Surface, colour: Colour, scale: int) -> None:
        radius = diameter * scale / 2
        pygame.draw.circle(large, colour, (radius, radius), radius)

    return _supersampled((diameter, diameter), colour, draw)


@lru_cache(maxsize=256)
def tile(
    width: int, height: int, colour: Colour, radius: int, thickness: int = 0
) -> pygame.Surface:
    """Return a rectangle with round corners, filled or (thickness > 0) as an outline."""

    def draw(large: pygame.Surface, colour: Colour, scale: int) -> None:
        pygame.draw.rect(
            large, colour, large.get_rect(), thickness * scale, border_radius=radius * scale
        )

    return _supersampled((width, height), colour, draw)


@lru_cache(maxsize=256)
def cross(size: int, colour: Colour, thickness: float) -> pygame.Surface:
    """Return a diagonal cross with round ends."""

    def draw(large: pygame.Surface, colour: Colour, scale: int) -> None:
        radius = thickness * scale / 2
        near, far, lean = radius, size * scale - radius, radius * 0.5**0.5
        for (x, y), (u, v) in (((near, near), (far, far)), ((near, far), (far, near))):
            # As a polygon: pygame measures the width of a slanted line along an axis instead.
            turn = lean if v > y else -lean
            bar = [(x - turn, y + lean), (x + turn, y - lean), (u + turn, v - lean)]
            pygame.draw.polygon(large, colour, [*bar, (u - turn, v + lean)])
            for point in ((x, y), (u, v)):
                pygame.draw.circle(large, colour, point, radius)

    return _supersampled((size, size), colour, draw)


@lru_cache(maxsize=64)
def arrow(length: int, colour: Colour, thickness: float, *, down: bool = False) -> pygame.Surface:
    """Return an arrow to the right, or down."""
    head = max(5, round(length * 0.36))

    def draw(large: pygame.Surface, colour: Colour, scale: int) -> None:
        middle, tip = head * scale / 2, (length - thickness / 2) * scale
        width = round(thickness * scale)
        back, reach = tip - head * scale * 0.45, head * scale * 0.40
        pygame.draw.line(large, colour, (0, middle), (tip, middle), width)
        for side in (-reach, reach):
            pygame.draw.line(large, colour, (back, middle + side), (tip, middle), width)
            pygame.draw.circle(large, colour, (back, middle + side), width / 2)
        pygame.draw.circle(large, colour, (tip, middle), width / 2)

    sprite = _supersampled((length, head), colour, draw)
    return pygame.transform.rotate(sprite, -90) if down else sprite


@lru_cache(maxsize=256)
def corner(size: int, colour: Colour) -> pygame.Surface:
    """Return a triangle that fills the top right corner of a square."""

    def draw(large: pygame.Surface, colour: Colour, scale: int) -> None:
        end = size * scale
        pygame.draw.polygon(large, colour, [(0, 0), (end, 0), (end, end)])

    return _supersampled((size, size), colour, draw)


@dataclass(frozen=True)
class Board:
    """The positions of the cells of a square board on its page, in pixels.

    The size of the page depends on ``width`` only, so that boards of all sizes have one frame size.
    """

    side: int
    width: int

    @property
    def margin(self) -> int:
        """Space around the board, which also contains the caption."""
        return self.width * 48 // 640

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the page, both even, as video encoders want them."""
        return self.width // 2 * 2, (self.width + self.width * 24 // 640) // 2 * 2

    @property
    def cell(self) -> int:
        """Edge of a cell."""
        return (self.width - 2 * self.margin) // self.side

    @property
    def extent(self) -> int:
        """Edge of the board."""
        return self.cell * self.side

    @property
    def left(self) -> int:
        """Left edge of the board."""
        return (self.width - self.extent) // 2

    @property
    def top(self) -> int:
        """Upper edge of the board; the distance from the top equals that from the sides."""
        return self.left

    @property
    def type_size(self) -> int:
        """Font size of the caption."""
        return max(9, round(self.width * 15 / 640))

    @property
    def caption_point(self) -> tuple[int, int]:
        """Left end and vertical centre of the caption, centred in the space below the board."""
        bottom = self.top + self.extent
        return self.left, (bottom + self.size[1]) // 2

    def corner(self, index: int) -> tuple[int, int]:
        """Return the top left pixel of a cell."""
        row, column = divmod(index, self.side)
        return self.left + column * self.cell, self.top + row * self.cell

    def rect(self, index: int) -> pygame.Rect:
        """Return the rectangle of a cell."""
        return pygame.Rect(*self.corner(index), self.cell, self.cell)

    def index_at(self, point: tuple[int, int]) -> int | None:
        """Return the cell under a pixel, or ``None`` beside the board."""
        column = (point[0] - self.left) // self.cell
        row = (point[1] - self.top) // self.cell
        if 0 <= row < self.side and 0 <= column < self.side:
            return row * self.side + column
        return None
