"""Characters that people write for the cells of a Sudoku, and around them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..puzzle import Tokens
from .tokens import BLANK, DIGITS

FRAMES = "".join(map(chr, range(0x2500, 0x2580)))
"""The characters of Unicode for drawing boxes."""
ORNAMENTS = " \t\r\n\u00a0|/+-,;:'\"[](){}" + FRAMES
BLANKS = "._*?-\u00b7"
"""Characters of a blank cell; ``0`` is one too, unless it is a value, as in hexadecimal digits."""
SMALL_BLANKS = "xX~\u25a1"
"""Further ones of boards of up to 9 rows, which have no letters."""
KEEP_DASHES = dict.fromkeys(map(ord, ORNAMENTS.replace("-", "")))
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def characters(size: int) -> str:
    """Return all characters that people write in cells of a Sudoku of a size."""
    if size < 10:
        return BLANKS + SMALL_BLANKS + "0" + DIGITS[:size]
    letters = LETTERS[:size]
    return BLANKS + "0" + DIGITS[: min(size, 9)] + letters + letters.lower()


def spelled(text: str, size: int) -> str:
    """Return cells with ``.`` for a blank and ``DIGITS``.

    Values above 9 are written in three ways: 1..9 and letters from A; letters from A alone; or
    0..9 and letters from A, as in hexadecimal digits, if a 0 cannot be a blank since the puzzle has
    other blanks, or every value fills its ``size`` cells.

    Args:
        text: One character for each cell.
        size: Cells along one side.
    """
    line = text.upper().translate(dict.fromkeys(map(ord, BLANKS), "."))
    if size < 10:
        return line.translate(dict.fromkeys(map(ord, SMALL_BLANKS + "0"), "."))
    used = set(line) - {"."}
    if used and used <= set(LETTERS[:size]) and not used <= set(DIGITS[:size]):
        return line.translate(str.maketrans(LETTERS[:size], DIGITS[:size]))
    if "0" in used and DIGITS[size - 1] not in used:
        full = all(line.count(char) == size for char in used)
        if "." in line or full:
            return line.translate(str.maketrans(("0" + DIGITS)[:size], DIGITS[:size]))
    return line.replace("0", ".")


def plain_rows(texts: Sequence[str], size: int) -> Tokens:
    """Read puzzles of up to 9 rows that consist of digits and dots alone.

    Returns:
        ``(N, size * size)`` uint8; the rows of all other puzzles contain padding.
    """
    table = np.zeros(256, np.uint8)
    table[[ord(char) for char in ".0" + DIGITS[:size]]] = [BLANK, *range(BLANK, size + 2)]
    tokens = np.zeros((len(texts), size * size), np.uint8)
    plain = [k for k, text in enumerate(texts) if len(text) == size * size and text.isascii()]
    joined = "".join([texts[k] for k in plain]).encode("ascii")
    tokens[plain] = table[np.frombuffer(joined, np.uint8)].reshape(-1, size * size)
    return tokens
