"""The window of a replay: its position in time, its keys, and the pictures it saves."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pygame

from hrm_gym.files import write_bytes
from hrm_gym.rendering import Window
from hrm_gym.rendering.replay import Track, paint_replay, steps_of

FLASH = 0.6
"""Share of a step's time in which its changes fade."""
KEYS = "space: pause    left, right: step    home, end: first, last    s: save    esc: close"
SPEED = 1.5
LONGEST = 30.0
"""Longest duration of a replay in seconds, if no speed is given."""
BORDERS = 80
"""Height of the screen that is left to title bar and panels, in pixels."""


class ReplayWindow:
    """A replay and its position in time.

    Args:
        tracks: One or two tracks.
        speed: Steps per second; ``None`` takes a moderate speed, or a faster one for many steps.
        width: Width of a track in pixels; see ``paint_replay``.
        name: Start of the names of saved pictures.
        folder: Folder of saved pictures.

    Attributes:
        place: Time since the start, in steps.
        paused: Whether time stands still.
        saved: Pictures that were saved.
        note: What the last key did, if there is something to say.
    """

    def __init__(
        self,
        tracks: Sequence[Track],
        speed: float | None = None,
        width: int | None = None,
        name: str = "replay",
        folder: Path = Path(),
    ) -> None:
        self.tracks = list(tracks)
        self.steps = steps_of(self.tracks)
        self.speed = max(SPEED, self.steps / LONGEST) if speed is None else speed
        self.width = width
        self.name, self.folder = name, folder
        self.place = 0.0
        self.paused = False
        self.saved: list[Path] = []
        self.note = ""

    @property
    def step(self) -> int:
        """The step that is shown, from 0."""
        return min(int(self.place), self.steps - 1)

    @property
    def flash(self) -> float:
        """How strongly the changes of the step flash, from 1 to 0."""
        return max(0.0, 1.0 - (self.place - self.step) / FLASH)

    def advance(self, seconds: float) -> None:
        """Let time pass; the replay stops at the end of its last step."""
        if not self.paused:
            self.place = min(self.place + seconds * self.speed, float(self.steps))

    def go(self, step: int) -> None:
        """Jump to a step and pause."""
        self.place = float(min(max(step, 0), self.steps - 1))
        self.paused = True

    def press(self, key: int) -> bool:
        """Handle a key and return whether the window stays open."""
        self.note = ""
        if key in (pygame.K_ESCAPE, pygame.K_q):
            return False
        if key == pygame.K_SPACE:
            if self.place >= self.steps:
                self.place, self.paused = 0.0, False
            else:
                self.paused = not self.paused
        elif key in (pygame.K_RIGHT, pygame.K_LEFT):
            self.go(self.step + (1 if key == pygame.K_RIGHT else -1))
        elif key in (pygame.K_HOME, pygame.K_END):
            self.go(0 if key == pygame.K_HOME else self.steps - 1)
        elif key == pygame.K_s:
            self.save()
        return True

    def frame(self) -> pygame.Surface:
        """Paint the current frame; its footer explains the keys, or what the last one did."""
        return paint_replay(self.tracks, self.step, self.flash, self.note or KEYS, self.width)

    def save(self) -> None:
        """Save the step as a picture without flash; existing pictures are kept."""
        path = first = self.folder / f"{self.name}-{self.step}.png"
        number = 1
        while path.exists():
            number += 1
            path = first.with_stem(f"{first.stem}-{number}")
        content = io.BytesIO()
        surface = paint_replay(self.tracks, self.step, 0.0, "", self.width)
        pygame.image.save(surface, content, "png")
        try:
            write_bytes(path, content.getvalue())
        except OSError as error:
            # This is no reason to close the window.
            self.note = f"not saved: {error.filename}: {error.strerror}"
            return
        self.note = f"saved {path}"
        self.saved.append(path)

    def show(self, title: str, fps: float) -> None:
        """Play until a person closes the window.

        Args:
            title: Title of the window.
            fps: Frames per second; 0 is as fast as possible.

        Raises:
            ValueError: if there is no display.
        """
        window = Window(title, fps)
        clock = pygame.time.Clock()
        try:
            self._fit(window.desktop())
            while not window.closed:
                window.show(self.frame())
                self.advance(clock.tick() / 1000)
                for event in window.events:
                    if event.type == pygame.KEYDOWN and not self.press(event.key):
                        window.close()
        except RuntimeError as error:
            reason = str(error).partition(":")[0]
            raise ValueError(
                f"{reason}; --record out.gif writes the replay to a file instead"
            ) from error
        finally:
            window.close()

    def _fit(self, desktop: tuple[int, int]) -> None:
        """Choose a smaller width if the screen is smaller than the replay at its usual width."""
        if self.width is not None:
            return
        width, height = self.frame().get_size()
        share = min(desktop[0] / width, (desktop[1] - BORDERS) / height)
        if 0 < share < 1:
            self.width = max(320, int(width / len(self.tracks) * share))
