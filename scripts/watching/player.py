"""The replay as a player of frames: where it stands, what keys do, how it is recorded."""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pygame

from hrm_gym.extras import missing_extra
from hrm_gym.files import write_bytes
from hrm_gym.rendering import Window, to_array
from hrm_gym.rendering.gif import write_gif
from hrm_gym.rendering.replay import Track, paint_replay, steps_of
from hrm_gym.scripts.cli import check_file, progress

FLASH = 0.6
"""Share of a step's time in which its changes fade."""
KEYS = "space: pause    left, right: step    home, end: first, last    s: save    esc: close"
SPEED = 1.5
LONGEST = 30.0
"""Seconds that a replay takes at most, where no speed was asked for."""
END_SECONDS = 2.0
"""How long the last step stays in a recording."""
GIF_FPS = 16
SAMPLES = 6
"""Steps whose colours a GIF takes over."""
BORDERS = 80
"""Pixels of a screen's height left to title bar and panels."""


class Player:
    """Where a replay stands.

    Args:
        tracks: One or two.
        speed: Steps a second; ``None`` takes a moderate one, or a faster one for many steps.
        width: Pixels a track; see ``paint_replay``.
        name: What saved pictures are called.
        folder: Where they are saved.
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
        """The step shown, from 0."""
        return min(int(self.place), self.steps - 1)

    @property
    def flash(self) -> float:
        """How strongly its changes flash, 1 at first, then fading."""
        return max(0.0, 1.0 - (self.place - self.step) / FLASH)

    def advance(self, seconds: float) -> None:
        """Let time pass; the replay stops at the end of its last step."""
        if not self.paused:
            self.place = min(self.place + seconds * self.speed, float(self.steps))

    def go(self, step: int) -> None:
        """Jump to a step and stay there."""
        self.place = float(min(max(step, 0), self.steps - 1))
        self.paused = True

    def press(self, key: int) -> bool:
        """Do what a key says; False where it closes the window."""
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
        """Paint what is to be seen now; the footer says what keys do, or what the last one did."""
        return paint_replay(self.tracks, self.step, self.flash, self.note or KEYS, self.width)

    def save(self) -> None:
        """Write the step as a picture without flash, beside those saved before."""
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
            # No reason to close the window on whoever watches.
            self.note = f"not saved: {error.filename}: {error.strerror}"
            return
        self.note = f"saved {path}"
        self.saved.append(path)


def show(player: Player, title: str, fps: float) -> None:
    """Play in a window until a person closes it.

    Raises:
        ValueError: This machine has no display.
    """
    window = Window(title, fps)
    clock = pygame.time.Clock()
    try:
        _fit(player, window)
        while not window.closed:
            window.show(player.frame())
            player.advance(clock.tick() / 1000)
            for event in window.events:
                if event.type == pygame.KEYDOWN and not player.press(event.key):
                    window.close()
    except RuntimeError as error:
        reason = str(error).partition(":")[0]
        raise ValueError(
            f"{reason}; --record out.gif writes the replay to a file instead"
        ) from error
    finally:
        window.close()


def _fit(player: Player, window: Window) -> None:
    """Paint smaller where the screen is smaller than the replay at its usual size."""
    if player.width is None:
        across, down = window.desktop()
        size = player.frame().get_size()
        share = min(across / size[0], (down - BORDERS) / size[1])
        if 0 < share < 1:
            player.width = max(320, int(size[0] / len(player.tracks) * share))


def frames(player: Player, fps: float) -> Iterator[tuple[np.ndarray, float]]:
    """Yield pictures (height, width, 3) uint8 and how long each stays, in seconds.

    A picture that would repeat the one before it lengthens that one's time instead. Where there are
    more steps a second than pictures, steps are left out, but for the last.
    """
    stride = max(1, math.ceil(player.speed / fps))
    fading = fading_pictures(player, fps)
    for begun in range(0, player.steps, stride):
        step = min(begun + stride, player.steps) - 1
        taken = step + 1 - begun
        total = taken / player.speed + (END_SECONDS if step == player.steps - 1 else 0.0)
        changes = any(
            track.steps[step].changed for track in player.tracks if step < len(track.steps)
        )
        # The still takes a picture of its time, so that many steps take no longer than they should.
        shown = min(fading, max(0, int(total * fps) - 1)) if changes else 0
        for k in range(shown):
            surface = paint_replay(player.tracks, step, 1 - k / shown, "", player.width)
            yield to_array(surface), 1 / fps
        surface = paint_replay(player.tracks, step, 0.0, "", player.width)
        yield to_array(surface), max(1 / fps, total - shown / fps)


def fading_pictures(player: Player, fps: float) -> int:
    """Return how many pictures the flash of a step takes, where there is time for it."""
    return round(FLASH * max(1, math.ceil(player.speed / fps)) / player.speed * fps)


def samples(player: Player, fps: float) -> list[np.ndarray]:
    """Return pictures, still and as they flash, that hold the colours of a recording."""
    fading = fading_pictures(player, fps)
    return [
        to_array(paint_replay(player.tracks, step, k / max(1, fading), "", player.width))
        for step in range(0, player.steps, max(1, math.ceil(player.steps / SAMPLES)))
        for k in range(fading + 1)
    ]


def check_recording(path: Path) -> None:
    """Find out before anything is computed whether a recording can be written.

    Raises:
        ValueError: The ending is unknown, what it needs is not installed, or the file cannot be
            written there.
    """
    check_file("record", path)
    if path.suffix not in (".gif", ".mp4"):
        raise ValueError(f"record: expected a .gif or .mp4 file, got {str(path)!r}")
    if path.suffix == ".mp4":
        try:
            import imageio_ffmpeg  # noqa: F401
        except ImportError:
            sentence = missing_extra("record: .mp4", "video")
            raise ValueError(f"{sentence}; .gif works without") from None


def record(player: Player, path: Path, fps: float) -> None:
    """Write the replay as .gif or .mp4; the file appears whole or not at all.

    Raises:
        ValueError: As ``check_recording``.
    """
    check_recording(path)
    if path.suffix == ".gif":
        write_gif(path, progress(frames(player, GIF_FPS), "recording"), samples(player, GIF_FPS))
        return
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        _write_mp4(player, str(film), fps)
        write_bytes(path, film.read_bytes())


def _write_mp4(player: Player, path: str, fps: float) -> None:
    import imageio_ffmpeg

    writer = None
    for pixels, seconds in progress(frames(player, fps), "recording"):
        if writer is None:
            size = pixels.shape[1], pixels.shape[0]
            writer = imageio_ffmpeg.write_frames(
                path, size, fps=fps, codec="libx264", quality=8, macro_block_size=2
            )
            writer.send(None)
        for _ in range(max(1, round(seconds * fps))):
            writer.send(np.ascontiguousarray(pixels))
    if writer is not None:
        writer.close()
