"""Recordings of a replay as .gif or .mp4."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hrm_gym.extras import missing_extra
from hrm_gym.files import write_bytes
from hrm_gym.progress import progress
from hrm_gym.rendering import to_array
from hrm_gym.rendering.gif import write_gif
from hrm_gym.rendering.replay import paint_replay
from hrm_gym.scripts.cli import check_file

from .window import FLASH, ReplayWindow

END_SECONDS = 2.0
"""How long a recording shows the last step, in addition to the step's own time."""
GIF_FPS = 16
SAMPLES = 6
"""Number of steps from which the palette of a GIF is taken."""


def check_recording(path: Path) -> None:
    """Check that a recording can be written, before anything is computed.

    Raises:
        ValueError: if the file name does not end in .gif or .mp4, a package is missing, or the
            file cannot be written.
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


def record(replay: ReplayWindow, path: Path, fps: float) -> None:
    """Write the replay as .gif or .mp4, atomically.

    Args:
        replay: The replay.
        path: The file.
        fps: Frames per second of an .mp4 file; a .gif file has 16.

    Raises:
        ValueError: if ``check_recording`` raises it.
    """
    check_recording(path)
    if path.suffix == ".gif":
        write_gif(path, progress(frames(replay, GIF_FPS), "recording"), samples(replay, GIF_FPS))
        return
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        _write_mp4(replay, str(film), fps)
        write_bytes(path, film.read_bytes())


def _write_mp4(replay: ReplayWindow, path: str, fps: float) -> None:
    import imageio_ffmpeg

    writer = None
    for pixels, seconds in progress(frames(replay, fps), "recording"):
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


def frames(replay: ReplayWindow, fps: float) -> Iterator[tuple[np.ndarray, float]]:
    """Yield the pictures of a recording and their durations.

    A picture that equals the one before it is not repeated; the duration of that one is longer
    instead. If there are more steps than pictures per second, steps are skipped, except the last.

    Args:
        replay: The replay.
        fps: Frames per second.

    Yields:
        Pictures ``(height, width, 3)`` uint8, and seconds.
    """
    stride = max(1, math.ceil(replay.speed / fps))
    fading = _fading_pictures(replay, fps)
    for start in range(0, replay.steps, stride):
        step = min(start + stride, replay.steps) - 1
        taken = step + 1 - start
        total = taken / replay.speed + (END_SECONDS if step == replay.steps - 1 else 0.0)
        changes = any(
            track.steps[step].changed for track in replay.tracks if step < len(track.steps)
        )
        # One picture's time is left for the still, so that many steps do not take too long.
        shown = min(fading, max(0, int(total * fps) - 1)) if changes else 0
        for k in range(shown):
            surface = paint_replay(replay.tracks, step, 1 - k / shown, "", replay.width)
            yield to_array(surface), 1 / fps
        surface = paint_replay(replay.tracks, step, 0.0, "", replay.width)
        yield to_array(surface), max(1 / fps, total - shown / fps)


def samples(replay: ReplayWindow, fps: float) -> list[np.ndarray]:
    """Return pictures, with and without flash, that contain the colours of a recording."""
    fading = _fading_pictures(replay, fps)
    return [
        to_array(paint_replay(replay.tracks, step, k / max(1, fading), "", replay.width))
        for step in range(0, replay.steps, max(1, math.ceil(replay.steps / SAMPLES)))
        for k in range(fading + 1)
    ]


def _fading_pictures(replay: ReplayWindow, fps: float) -> int:
    """Return the number of pictures in which the changes of a step fade, if there is time."""
    return round(FLASH * max(1, math.ceil(replay.speed / fps)) / replay.speed * fps)
