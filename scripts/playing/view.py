"""The picture of a game: its scene, and below it a panel with text and buttons."""

from __future__ import annotations

from dataclasses import dataclass, field

import pygame

from hrm_gym.rendering.drawing import label, page, tile, write, write_caption
from hrm_gym.rendering.palette import BLUE, GREEN, HAIRLINE, INK, MUTED, PAGE, SHADE
from hrm_gym.rendering.palette import VERMILLION as RED

from .game import Game

KEY_NAMES = {
    "enter": "Enter",
    "delete": "Del",
    "shift+up": "⇧↑",
    "shift+down": "⇧↓",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
}
CHROME = 80
"""Height of the screen that is left to title bar and task bar, in pixels."""


def key_text(key: str) -> str:
    """Return the label of a key on its button."""
    return KEY_NAMES.get(key, key.upper())


def fitting_width(game: Game, desktop: tuple[int, int]) -> int:
    """Return the width of a game's picture: the usual width, or a smaller one that fits the screen.

    Args:
        game: The game.
        desktop: Width and height of the screen, in pixels.
    """
    usual, least = game.widths
    for width in range(usual, least, -20):
        view = View(width)
        high = game.scene.page_height(width) + view.panel_height(game)
        if width <= desktop[0] and high <= desktop[1] - CHROME:
            return width
    return least


@dataclass
class View:
    """Paints a game and finds what is under the mouse.

    Args:
        width: Width of the picture in pixels, an even number.
    """

    width: int
    pills: list[tuple[pygame.Rect, str]] = field(default_factory=list, repr=False)
    """Positions of the buttons in the last picture, and the keys that they press."""

    @property
    def type_size(self) -> int:
        """Font size of the panel."""
        return max(10, min(14, self.width // 44))

    @property
    def row(self) -> int:
        """Height of a row of the panel."""
        return round(self.type_size * 2.2)

    @property
    def margin(self) -> int:
        """Space at the left and right edges."""
        return 48 * self.width // 1280 if self.width > 800 else 48 * self.width // 640

    def panel_height(self, game: Game) -> int:
        """Return the height of the panel: message, facts, palette, buttons, help."""
        rows = 3 + bool(game.palette) + max(row for row, _, _ in self._layout(game)) + 1
        return rows * self.row + self.type_size

    def _layout(self, game: Game) -> list[tuple[int, int, int]]:
        """Return row, left edge and width of every button."""
        places, x, row = [], self.margin, 0
        gap = self.type_size // 2
        for button in game.buttons:
            wide = label(button.text, self.type_size, INK)[0].get_width() + 3 * gap
            wide += label(key_text(button.key), self.type_size - 2, MUTED)[0].get_width()
            if x + wide > self.width - self.margin:
                x, row = self.margin, row + 1
            places.append((row, x, wide))
            x += wide + gap
        return places

    def paint(self, game: Game) -> pygame.Surface:
        """Return the picture of a game."""
        scene = game.scene
        board = scene.paint(self.width)
        width, top = board.get_size()
        panel = self.panel_height(game)
        surface = page(width, top + panel)
        surface.blit(board, (0, 0))
        if game.cursor is not None and not game.over:
            self._paint_cursor(surface, scene.cell_rect(game.cursor, self.width))
        surface.fill(SHADE, (0, top, width, panel))
        surface.fill(HAIRLINE, (0, top, width, 1))
        y = top + round(0.75 * self.row)
        room = width - 2 * self.margin
        colour = INK if not game.over else GREEN if game.won else RED
        size = self.type_size + 1
        message = game.message or game.aim
        write(surface, message, (self.margin, y), size, colour, bold=game.over)
        y += round(0.9 * self.row)
        write_caption(surface, game.facts, (self.margin, y), self.type_size, room)
        y += self.row
        self.pills = []
        if game.palette:
            y = self._paint_palette(surface, game, y)
        self._paint_buttons(surface, game, y)
        y = top + panel - round(0.7 * self.row)
        line = f"{game.keys_help} · Q or Esc quits"
        write_caption(surface, line, (self.margin, y), self.type_size - 1, room)
        return surface

    def _paint_cursor(self, surface: pygame.Surface, rect: pygame.Rect) -> None:
        """Draw a frame that is visible on any colour."""
        stroke = max(2, rect.width // 14)
        pygame.draw.rect(surface, PAGE, rect.inflate(2, 2), stroke + 2)
        pygame.draw.rect(surface, BLUE, rect, stroke)

    def _paint_palette(self, surface: pygame.Surface, game: Game, y: int) -> int:
        """Draw the palette of the game and return the height of the next row."""
        edge = round(0.8 * self.row)
        for number, colour in enumerate(game.palette):
            rect = pygame.Rect(self.margin + number * (edge + 8), y - edge // 2, edge, edge)
            if number == game.colour:
                pygame.draw.rect(surface, INK, rect.inflate(8, 8), 2, border_radius=5)
            surface.fill(colour, rect)
            pygame.draw.rect(surface, MUTED, rect, 1)
            dark = sum(c * k for c, k in zip(colour, (299, 587, 114), strict=True)) < 128_000
            shade = PAGE if dark else INK
            write(surface, str(number), rect.center, self.type_size - 1, shade, align=0.5)
            self.pills.append((rect, str(number)))
        return y + round(1.1 * self.row)

    def _paint_buttons(self, surface: pygame.Surface, game: Game, y: int) -> None:
        high, gap, size = round(0.85 * self.row), self.type_size // 2, self.type_size
        for button, (row, x, wide) in zip(game.buttons, self._layout(game), strict=True):
            middle = y + row * self.row
            rect = pygame.Rect(x, middle - high // 2, wide, high)
            surface.blit(tile(wide, high, HAIRLINE, high // 4), rect)
            surface.blit(tile(wide - 2, high - 2, PAGE, high // 4), rect.move(1, 1))
            write(surface, button.text, (x + gap, middle), size, INK)
            end = (rect.right - gap, middle)
            write(surface, key_text(button.key), end, size - 2, MUTED, align=1.0)
            self.pills.append((rect, button.key))

    def key_at(self, point: tuple[int, int]) -> str | None:
        """Return the key of the button under a pixel, or None."""
        for rect, key in self.pills:
            if rect.collidepoint(point):
                return key
        return None

    def cell_at(self, game: Game, point: tuple[int, int]) -> int | None:
        """Return the cell under a pixel, or None."""
        return game.scene.cell_at(point, self.width)
