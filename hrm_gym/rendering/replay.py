"""The replay painter: one picture per agent, and below it the Q-values or the progress.

A track contains the steps of one agent on one puzzle. Two tracks are shown side by side, at the
same step. The picture of a step is painted once and cached, so that a frame needs few operations:
only the highlight of the changed cells differs between the frames of a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import pygame

from .drawing import page, tile, write, write_caption
from .palette import (
    BLUE,
    GREEN,
    HAIRLINE,
    INK,
    MUTED,
    PAGE,
    SHADE,
    VERMILLION,
    Colour,
    doubt,
)
from .scene import Scene

TONES: dict[str, Colour] = {"good": GREEN, "bad": VERMILLION, "on": BLUE, "open": MUTED}
TILES = 24
"""Largest number of steps that the timeline shows as tiles; more steps are shown as a bar."""
STRIP_ROWS = 8.4
"""Height of the strip below a picture, in font sizes."""


@dataclass(frozen=True)
class Bar:
    """A number between 0 and 1 as a bar.

    Attributes:
        name: Name of the number.
        share: Length of the bar, 0..1.
        text: The number as text.
        mark: Position of a line across the bar, such as the threshold for halting, 0..1.
    """

    name: str
    share: float
    text: str
    mark: float | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a track.

    Attributes:
        scene: The scene after the step.
        changed: Indices of the cells that the step changed, as in ``Scene.cell_at``.
        bars: At most two numbers.
        badge: The decision, in one or two words.
        tone: Colour of the badge: ``good``, ``bad``, ``on`` or ``open``.
    """

    scene: Scene
    changed: tuple[int, ...] = ()
    bars: tuple[Bar, ...] = ()
    badge: str = ""
    tone: str = "open"


@dataclass(frozen=True, eq=False)
class Track:
    """The steps of one agent on one puzzle.

    Attributes:
        name: Name of the agent.
        unit: Name of a step, ``segment`` or ``move``.
        steps: At least one step; all scenes are of one class.
        limit: Largest number of steps of an episode, 0 if it is not known.
        first: Number of the first step, 0 if it shows the puzzle before the first move.
    """

    name: str
    unit: str
    steps: Sequence[Step]
    limit: int = 0
    first: int = 1

    def __post_init__(self) -> None:
        if not self.steps:
            raise ValueError(f"the track of {self.name} has no step")

    @property
    def last(self) -> int:
        """Number of the last step."""
        return self.first + len(self.steps) - 1


def steps_of(tracks: Sequence[Track]) -> int:
    """Return the number of steps of a replay: that of the longest track."""
    return max(len(track.steps) for track in tracks)


def paint_replay(
    tracks: Sequence[Track],
    step: int,
    flash: float = 0.0,
    footer: str = "",
    width: int | None = None,
) -> pygame.Surface:
    """Paint one frame. No display is needed.

    Args:
        tracks: One or two tracks. A track that has ended stays at its last step.
        step: Index of the step, from 0.
        flash: Strength of the highlight of the cells that the step changed, 0..1.
        footer: One line at the bottom, such as the keys of a window.
        width: Width per track in pixels, by default ``usual_width`` of the scene, or
            ``half_width`` for two tracks.

    Returns:
        A new surface. Both sides are even, and the size is the same for all steps.

    Raises:
        ValueError: if there is no track, or the width is too small.
    """
    if not tracks:
        raise ValueError("a replay needs a track")
    scene = tracks[0].steps[0].scene
    if width is None and len(tracks) > 1:
        width = scene.half_width
    panels = []
    for track in tracks:
        index = min(step, len(track.steps) - 1)
        flashing = flash if index == step else 0.0
        panels.append(_panel(track, index, flashing, width))
    across = sum(panel.get_width() for panel in panels)
    size = scene.type_size(panels[0].get_width())
    height = max(panel.get_height() for panel in panels) + (2 * size if footer else 0)
    surface, x = page(across, height // 2 * 2), 0
    for panel in panels:
        if x:
            surface.fill(HAIRLINE, (x, 2 * size, 1, panel.get_height() - 3 * size))
        surface.blit(panel, (x + (x > 0), 0))
        x += panel.get_width()
    if footer:
        margin = scene.margin(panels[0].get_width())
        point = (margin, height - 1.6 * size)
        write_caption(surface, footer, point, max(8, size - 2), across - 2 * margin)
    return surface


def _panel(track: Track, index: int, flash: float, width: int | None) -> pygame.Surface:
    """Return the picture, the header and the strip of one track."""
    surface = _still(track, index, width).copy()
    if flash > 0.01:
        _flash(surface, track.steps[index], flash, width)
    return surface


@lru_cache(maxsize=16)
def _still(track: Track, index: int, width: int | None) -> pygame.Surface:
    """Return the part of a step that all its frames share."""
    step = track.steps[index]
    board = step.scene.paint(width)
    broad, high = board.get_size()
    size, margin = step.scene.type_size(broad), step.scene.margin(broad)
    surface = page(broad, (high + round(STRIP_ROWS * size)) // 2 * 2)
    surface.blit(board, (0, 0))
    y = step.scene.header * size
    write(surface, track.name, (margin, y), size, INK, bold=True)
    number = track.first + index
    total = f" of {track.limit}" if track.limit else ""
    counter = f"{track.unit} {number}{total}" if number else "the puzzle"
    write(surface, counter, (broad - margin, y), size, MUTED, align=1.0)
    _strip(surface, track, index, pygame.Rect(margin, high, broad - 2 * margin, 0), size)
    return surface


def _strip(surface: pygame.Surface, track: Track, index: int, room: pygame.Rect, size: int) -> None:
    """Draw the bars, the badge, the timeline and the legend of the colours."""
    step = track.steps[index]
    badge = round(9 * size)
    for row, bar in enumerate(step.bars[:2]):
        place = pygame.Rect(room.left, room.top + round((0.4 + 1.8 * row) * size), 0, size)
        place.width = room.width - badge - 2 * size
        _bar(surface, bar, place, size)
    if step.badge:
        place = pygame.Rect(room.right - badge, room.top + round(0.4 * size), badge, 0)
        place.height = round(2.8 * size)
        _badge(surface, step, place, size)
    y = room.top + round(4.4 * size)
    _timeline(surface, track, index, pygame.Rect(room.left, y, room.width, round(0.9 * size)))
    y += round(2.2 * size)
    small = max(8, size - 2)
    if getattr(step.scene, "confidence", None) is not None:
        _key(surface, (room.left, y), small)


def _bar(surface: pygame.Surface, bar: Bar, place: pygame.Rect, size: int) -> None:
    """Draw the name, the bar and the number on one line."""
    middle = place.centery
    write(surface, bar.name, (place.left, middle), size, MUTED)
    left, right = place.left + round(6.6 * size), place.right - round(3.8 * size)
    broad, high, radius = max(8, right - left), round(0.72 * size), max(1, size // 5)
    top = middle - high // 2
    surface.blit(tile(broad, high, SHADE, radius), (left, top))
    filled = round(broad * min(1.0, max(0.0, bar.share)))
    if filled > 2 * radius:
        surface.blit(tile(filled, high, BLUE, radius), (left, top))
    elif filled:
        surface.fill(BLUE, (left, top, filled, high))
    if bar.mark is not None:
        x = left + round(broad * bar.mark)
        surface.fill(INK, (x, top - max(2, size // 4), max(1, size // 8), high + size // 2))
    write(surface, bar.text, (place.right, middle), size, INK, align=1.0)


def _badge(surface: pygame.Surface, step: Step, place: pygame.Rect, size: int) -> None:
    """Draw the badge: filled if the decision ends the episode, an outline otherwise."""
    colour, radius = TONES[step.tone], max(2, size // 3)
    ends = step.tone != "open"
    sprite = tile(place.width, place.height, colour, radius, 0 if ends else max(1, size // 8))
    surface.blit(sprite, place)
    ink = PAGE if ends else colour
    write(surface, step.badge, place.center, size + 1, ink, bold=ends, align=0.5)


def _timeline(surface: pygame.Surface, track: Track, index: int, place: pygame.Rect) -> None:
    """Draw the steps: past ones, the current one, later ones, and the rest up to the limit."""
    total = max(track.limit, len(track.steps) if track.first else len(track.steps) - 1, 1)
    done = index + (1 if track.first else 0)
    radius = max(1, place.height // 4)
    if total > TILES:
        surface.blit(tile(place.width, place.height, SHADE, radius), place)
        filled = max(2 * radius + 1, round(place.width * done / total)) if done else 0
        if filled:
            surface.blit(tile(filled, place.height, BLUE, radius), place)
        return
    gap = max(2, place.height // 4)
    broad = min((place.width - (total - 1) * gap) // total, 4 * place.height)
    taken = len(track.steps) - (0 if track.first else 1)
    for k in range(total):
        left = place.left + k * (broad + gap)
        if k < done:
            sprite = tile(broad, place.height, INK if k == done - 1 else BLUE, radius)
        elif k < taken:
            sprite = tile(broad, place.height, BLUE, radius, 1)
        else:
            sprite = tile(broad, place.height, SHADE, radius)
        surface.blit(sprite, (left, place.top))


def _key(surface: pygame.Surface, point: tuple[int, int], size: int) -> None:
    """Draw the legend of the background colours, from unsure to sure."""
    x, y = point
    x += write(surface, "unsure", (x, y), size, MUTED) + size // 2
    for k in range(11):
        surface.fill(doubt(k / 10), (x, y - size // 2, size, size))
        x += size
    pygame.draw.rect(surface, HAIRLINE, (x - 11 * size, y - size // 2, 11 * size, size), 1)
    x += size // 2
    x += write(surface, "sure", (x, y), size, MUTED) + 2 * size
    surface.blit(tile(size, size, BLUE, 1, max(2, size // 5)), (x, y - size // 2))
    write(surface, "changed", (x + size + size // 2, y), size, MUTED)


def _flash(surface: pygame.Surface, step: Step, flash: float, width: int | None) -> None:
    """Draw a frame around every changed cell, with the strength of the highlight."""
    for index in step.changed:
        rect = step.scene.cell_rect(index, width)
        surface.blit(_frame(rect.width, rect.height, round(255 * min(1.0, flash))), rect)


@lru_cache(maxsize=512)
def _frame(width: int, height: int, alpha: int) -> pygame.Surface:
    """Return a frame with a tinted interior and the opacity ``alpha``."""
    sprite = pygame.Surface((width, height), pygame.SRCALPHA, 32)
    sprite.fill((*BLUE, alpha // 6))
    pygame.draw.rect(sprite, (*BLUE, alpha), sprite.get_rect(), max(2, min(width, height) // 9))
    return sprite
