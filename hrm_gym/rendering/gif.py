"""Animated GIFs in exact colours, without a display."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from hrm_gym.files import write_bytes

COLOURS = 256
TRAILER = b";"


def write_gif(
    path: Path | str,
    frames: Iterable[tuple[np.ndarray, float]],
    samples: Sequence[np.ndarray],
) -> None:
    """Write a GIF that repeats endlessly. The file is written atomically.

    Pillow's quantizer changes colours slightly, which turns the white of a page grey. This function
    keeps the most frequent colours of the recording and replaces all others by the nearest of them.
    It reads one frame at a time and stores only the part of a frame that changed.

    Args:
        path: The file; its folder is created.
        frames: Pairs of a frame, (height, width, 3) uint8, and its duration in seconds. There is
            at least one, and all frames have one size.
        samples: Some of the frames, for their colours.
    """
    from PIL import Image
    from PIL.GifImagePlugin import getdata

    colours = _Colours(samples)
    content = io.BytesIO()
    before: np.ndarray | None = None
    waiting: Image.Image | None = None
    offset, begun, now = (0, 0), 0, 0.0

    def put() -> None:
        """Write the waiting frame, whose duration is now known."""
        nonlocal begun
        assert waiting is not None
        # Hundredths of a second from the start, so that rounding errors do not add up.
        ends = max(begun + 1, round(100 * now))
        duration, begun = 10 * (ends - begun), ends
        if content.tell():
            content.write(b"".join(getdata(waiting, offset, duration=duration)))
        else:
            waiting.save(content, "GIF", duration=duration, loop=0, optimize=False)
            content.seek(-len(TRAILER), io.SEEK_END)

    for frame, seconds in frames:
        shot = colours.indices(frame)
        window = _window(before, shot)
        # A frame that equals the one before it extends the duration of that one.
        if window is not None:
            if waiting is not None:
                put()
            top, bottom, left, right = window
            waiting = Image.fromarray(np.ascontiguousarray(shot[top:bottom, left:right]))
            waiting.putpalette(colours.table)
            offset, before = (left, top), shot
        now += seconds
    put()
    write_bytes(path, content.getvalue() + TRAILER)


def _window(before: np.ndarray | None, shot: np.ndarray) -> tuple[int, int, int, int] | None:
    """Return top, bottom, left and right of the changed part, ``None`` if nothing changed."""
    if before is None:
        return 0, shot.shape[0], 0, shot.shape[1]
    changed = before != shot
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


class _Colours:
    """The 256 most frequent colours of a recording, and the nearest of them to any other colour.

    All frames share one palette, and its colours are exact, so that no colour shifts or flickers.
    """

    def __init__(self, samples: Sequence[np.ndarray]) -> None:
        found = [np.unique(_numbers(shot), return_counts=True) for shot in samples]
        each, places = np.unique(np.concatenate([colours for colours, _ in found]), False, True)
        counts = np.bincount(places, np.concatenate([counts for _, counts in found]))
        self.palette = each[np.argsort(-counts, kind="stable")[:COLOURS]]
        self.table = _parts(self.palette).astype(np.uint8).tobytes()
        # The index of the nearest colour for every colour, computed on first use.
        self.places = np.full(1 << 24, -1, np.int16)
        self.places[self.palette] = np.arange(len(self.palette))

    def indices(self, frame: np.ndarray) -> np.ndarray:
        """Return the index of the nearest colour of the palette for every pixel, uint8."""
        numbers = _numbers(frame)
        new = np.unique(numbers[self.places[numbers] < 0])
        if len(new):
            far = np.square(_parts(new)[:, None] - _parts(self.palette)).sum(axis=2)
            self.places[new] = far.argmin(axis=1)
        return self.places[numbers].astype(np.uint8)


def _numbers(frame: np.ndarray) -> np.ndarray:
    """Return the colours of a frame, each as one number."""
    return frame.astype(np.int32) @ np.array([65536, 256, 1], np.int32)


def _parts(colours: np.ndarray) -> np.ndarray:
    """Return red, green and blue of colours given as one number each."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)
