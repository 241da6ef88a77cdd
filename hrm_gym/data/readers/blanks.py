"""Grids in which a space is a blank cell, so that the position of a digit tells its cell.

They are only looked for in a text in which no puzzle is found otherwise and that has no other
blanks, since a space mostly separates cells.
"""

from __future__ import annotations

import re

from .lists import RULE
from .records import Found, Line, Record, Sizes, is_record

BARS = re.compile("[|│║┃]")
DASH = re.compile("[-=\u2500-\u257f]")
OTHERS = re.compile("[.0_*?]")


def read_spaces(sizes: Sizes, lines: list[Line]) -> list[Found]:
    """Return the puzzles of a text in which spaces are blanks, nothing if there are none."""
    found: list[Found] = []
    block: list[Line] = []
    for number, line in [*lines, (0, "")]:
        if DASH.search(line) and RULE.fullmatch(line):
            if BARS.search(line) and " " in line and not re.search("[-=\u2500\u2501\u2550]", line):
                block.append((number, line))
            continue
        if line:
            block.append((number, line))
            continue
        found += _block(sizes, block)
        block = []
    return found


def _block(sizes: Sizes, block: list[Line]) -> list[Found]:
    """Return the puzzles of consecutive lines."""
    if not block or any(OTHERS.search(line) for _, line in block):
        return []
    number = block[0][0]
    boards = [line.replace(" ", ".") for _, line in block]
    if all(len(board) > 9 and sizes.parses(board) for board in boards):
        return [Record(board, line) for board, (line, _) in zip(boards, block, strict=True)]
    side = len(block)
    if sizes.of_side(side) is None:
        return []
    for first, step in ((1, 2), (0, 2), (0, 1)):
        # All rows are written in the same way.
        cells = "".join(_row(line, side, first, step) for _, line in block)
        record = sizes.record(cells, number) if len(cells) == side * side else None
        if record is not None and is_record(record):
            return [record]
    return []


def _row(line: str, side: int, first: int, step: int) -> str:
    """Return the cells of a row with dots for blanks, empty if it is not written in this way.

    Args:
        line: The line, in which bars may separate single cells or boxes.
        side: Number of cells.
        first: Position of the first cell behind the beginning or a bar.
        step: Distance between two cells; there are spaces between them.
    """
    parts = BARS.split(line.rstrip())
    if len(parts) > 1 and not parts[0].strip() and not parts[-1].strip():
        parts = parts[1:-1]
    # A line that is one bar has no parts.
    width = side // max(1, len(parts))
    if width * len(parts) != side:
        return ""
    cells = ""
    for part in parts:
        kept = part[first::step].rstrip()
        # No digit may stand between the cells.
        if len(kept) > width or len(part.replace(" ", "")) != len(kept.replace(" ", "")):
            return ""
        cells += kept.ljust(width)
    return cells.replace(" ", ".")
