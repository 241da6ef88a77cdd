"""Animated GIFs in exact colours, without a display."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hrm_gym.tracking import write_bytes

COLOURS = 256


def write_gif(path: Path | str, frames: Sequence[np.ndarray], seconds: Sequence[float]) -> None:
    """Write an endless GIF; it appears whole or not at all.

    Pillow's own quantiser moves colours a little, which turns the white of a page grey. So here the
    commonest colours of the recording are kept as they are, and others become the nearest of them.

    Args:
        path: the file; its folder is made.
        frames: at least one, (height, width, 3) uint8, all of one size.
        seconds: how long each stays.
    """
    from PIL import Image

    # Colours as one number each.
    shots = [frame.astype(np.int32) @ np.array([65536, 256, 1], np.int32) for frame in frames]
    palette = _palette(shots)
    table = _parts(palette).astype(np.uint8).tobytes()
    pictures = []
    for shot in shots:
        picture = Image.fromarray(_nearest(shot, palette))
        picture.putpalette(table)
        pictures.append(picture)
    times = [round(1000 * time) for time in seconds]
    content = io.BytesIO()
    pictures[0].save(
        content, "GIF", save_all=True, append_images=pictures[1:], duration=times, loop=0
    )
    write_bytes(path, content.getvalue())


def _palette(shots: list[np.ndarray]) -> np.ndarray:
    """Return the 256 most frequent colours of a recording.

    One palette for all, of colours that occur: neither white nor any hue shifts or flickers.
    """
    few = np.concatenate([shot.ravel() for shot in shots[:: max(1, len(shots) // 30)]])
    colours, counts = np.unique(few, return_counts=True)
    return colours[np.argsort(-counts, kind="stable")[:COLOURS]]


def _parts(colours: np.ndarray) -> np.ndarray:
    """Return red, green and blue of colours that are one number each."""
    return np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=-1)


def _nearest(shot: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """Return for every pixel which colour of the palette is nearest, uint8."""
    colours, place = np.unique(shot, return_inverse=True)
    far = np.square(_parts(colours)[:, None] - _parts(palette)).sum(axis=2)
    return far.argmin(axis=1).astype(np.uint8)[place].reshape(shot.shape)
