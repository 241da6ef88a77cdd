"""The colours of all pictures.

Accents are from the Okabe-Ito palette, whose colours colour-blind readers can distinguish (Okabe
and Ito 2008, "Color Universal Design"). Tints are the same colours mixed with white.
"""

from __future__ import annotations

import numpy as np

Colour = tuple[int, int, int]


def mix(colour: Colour, other: Colour, share: float) -> Colour:
    """Return a mixture of two colours with a ``share`` (0..1) of ``other``."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, other, strict=True))
    return red, green, blue


PAGE: Colour = (255, 255, 255)
INK: Colour = (31, 36, 44)
MUTED: Colour = (104, 112, 122)
HAIRLINE: Colour = (203, 208, 214)
SHADE: Colour = (244, 245, 247)

BLUE: Colour = (0, 114, 178)
GREEN: Colour = (0, 158, 115)
VERMILLION: Colour = (213, 94, 0)
AMBER: Colour = (230, 159, 0)

BLUE_TINT = mix(BLUE, PAGE, 0.86)
VERMILLION_TINT = mix(VERMILLION, PAGE, 0.80)
AMBER_TINT = mix(AMBER, PAGE, 0.60)

WALL: Colour = (66, 74, 86)


def doubt(confidence: float) -> Colour:
    """Return the background of a cell: white for a confidence of 1, amber for one of 0."""
    return mix(PAGE, AMBER, 0.85 * (1 - confidence))


SURE = 0.98
"""Confidence from which the background of a cell is not coloured."""

CELL_COLOURS = np.array(
    [
        (0x00, 0x00, 0x00),
        (0x00, 0x74, 0xD9),
        (0xFF, 0x41, 0x36),
        (0x2E, 0xCC, 0x40),
        (0xFF, 0xDC, 0x00),
        (0xAA, 0xAA, 0xAA),
        (0xF0, 0x12, 0xBE),
        (0xFF, 0x85, 0x1B),
        (0x7F, 0xDB, 0xFF),
        (0x87, 0x0C, 0x25),
    ],
    dtype=np.uint8,
)
CELL_COLOURS.setflags(write=False)
"""Colours 0..9 of the cells of a grid, uint8 (10, 3), after ``arcprize.org/play``."""
