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
    """Write an endless GIF; it appears whole or not at all.

    Pillow's own quantiser moves colours a little, which turns the white of a page grey. So here the
    commonest colours of the recording are kept as they are, and others become the nearest of them.
    Frames are taken one at a time, and of each only the part that changed is stored.

    Args:
        path: the file; its folder is made.
        frames: at least one, (height, width, 3) uint8, all of one size, and how long it stays, in
            seconds.
        samples: some of the frames, for their colours.
    """
    from PIL import Image
    from PIL.GifImagePlugin import getdata

    colours = _Colours(samples)
    content = io.BytesIO()
    before: np.ndarray | None = None
    waiting: Image.Image | None = None
    offset, begun, now = (0, 0), 0, 0.0

    def put() -> None:
        """Write the picture that waits, now that its time is known."""
        nonlocal begun
        assert waiting is not None
        # Hundredths from the start, so that rounding does not add up.
        ends = max(begun + 1, round(100 * now))
        duration, begun = 10 * (ends - begun), ends
        if content.tell():
            content.write(b"".join(getdata(waiting, offset, duration=duration)))
        else:
            waiting.save(content, "GIF", duration=duration, loop=0, optimize=False)
            content.seek(-len(TRAILER), io.SEEK_END)

    for frame, seconds in frames:
        shot = colours.nearest(frame)
        window = _window(before, shot)
        # A picture that repeats the one before it lengthens that one's time.
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
    """Return top, bottom, left and right of what changed, ``None`` where nothing did."""
    if before is None:
        return 0, shot.shape[0], 0, shot.shape[1]
    changed = before != shot
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


class _Colours:
    """The 256 most frequent colours of a recording, and which of them is nearest to any other.

    One palette for all, of colours that occur: neither white nor any hue shifts or flickers.
    """

    def __init__(self, samples: Sequence[np.ndarray]) -> None:
        found = [np.unique(_numbers(shot), return_counts=True) for shot in samples]
        each, places = np.unique(np.concatenate([colours for colours, _ in found]), False, True)
        counts = np.bincount(places, np.concatenate([counts for _, counts in found]))
        self.palette = each[np.argsort(-counts, kind="stable")[:COLOURS]]
        self.table = _parts(self.palette).astype(np.uint8).tobytes()
        # Of every colour there is, which is nearest; found when it is first met.
        self.places = np.full(1 << 24, -1, np.int16)
        self.places[self.palette] = np.arange(len(self.palette))

    def nearest(self, frame: np.ndarray) -> np.ndarray:
        """Return for every pixel which colour of the palette is nearest, uint8."""
        numbers = _numbers(frame)
        new = np.unique(numbers[self.places[numbers] < 0])
        if len(new):
            far = np.square(_parts(new)[:, None] - _parts(self.palette)).sum(axis=2)
            self.places[new] = far.argmin(axis=1)
        return self.places[numbers].astype(np.uint8)


def _numbers(frame: np.ndarray) -> np.ndarray:
    """Return the colours of a picture as one number each."""
    return frame.astype(np.int32) @ np.array([65536, 256, 1], np.int32)


def _parts(colours: np.ndarray) -> np.ndarray:
    """Return red, green and blue of colours that are one number each."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)
