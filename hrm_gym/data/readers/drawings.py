"""Puzzles in lines of text in which a space is a cell, such as drawings of walls."""

from __future__ import annotations

import re

from .records import Fault, Found, Line, Record, Sizes

WORD = re.compile(r"[^\W\d_]{3}")
FRAME = re.compile(r"\s*[┌╔└╚+][─═-]+[┐╗┘╝+]\s*")
MARKS = str.maketrans("ox·-@━▒", "       ")
"""What a drawing of an answer or a walk shows in open cells."""


def read_drawings(sizes: Sizes, lines: list[Line]) -> list[Found]:
    """Return the puzzles and faults of a text."""
    found: list[Found] = []
    block: list[Line] = []
    for number, line in [*lines, (0, "")]:
        width = max((len(text) for _, text in block), default=0)
        empty = not line or (not line.strip() and len(line) < width)
        heading = not empty and _is_heading(sizes, line)
        fields = _fields(sizes, number, line) if heading else []
        if (empty or heading) and block:
            found += _block(sizes, block)
            block = []
        if fields:
            found += fields
        elif not empty and not heading:
            block.append((number, line))
    return found


def _is_heading(sizes: Sizes, line: str) -> bool:
    """Return whether a line is a heading or a comment, and not cells."""
    known = sizes.task.characters
    if not known or FRAME.fullmatch(line) or line.strip().startswith(("│", "║")):
        return False
    bare = re.sub(r"[,;\t\"'\[\]]", "", line.strip())
    strange = sum(char not in known for char in bare)
    return strange > 0.3 * len(bare) or (bare != line.strip() and _fits_as_fields(sizes, line))


def _fits_as_fields(sizes: Sizes, line: str) -> bool:
    return any(len(field) > 8 and sizes.parses(field) for field in re.split(r"[,;\t|]", line))


def _fields(sizes: Sizes, number: int, line: str) -> list[Found]:
    """Return the puzzle of a line with other fields beside it."""
    fields = [field.strip('"') for field in re.split(r"[,;\t|]", line)]
    boards = [field for field in fields if len(field) > 8 and sizes.parses(field)]
    if not boards:
        return []
    answer = boards[1] if len(boards) > 1 and len(boards[1]) == len(boards[0]) else ""
    return [Record(boards[0], number, answer)]


def _block(sizes: Sizes, block: list[Line]) -> list[Found]:
    """Return the puzzles of consecutive lines: one a line, or drawings of several lines."""
    good = [_line_board(sizes, text) for _, text in block]
    if 2 * sum(map(bool, good)) >= len(block):
        return [
            Record(cells, number) if cells else Fault(number, sizes.complaint(text))
            for (number, text), cells in zip(block, good, strict=True)
        ]
    number = block[0][0]
    rows = _plain_rows(sizes, [text for _, text in block])
    height, width = len(rows), max(map(len, rows))
    if not sizes.task.filler:
        if height > 1 and all(len(row) == height for row in rows):
            return [sizes.record("".join(rows), number)]
        return [sizes.record(text, place) for place, text in block]
    if height == 1:
        return [Fault(number, sizes.complaint(block[0][1]))]
    rows = [row.ljust(width) for row in rows]
    if width > 2 and height % width == 0:
        # Drawings of the same size may follow each other without an empty line.
        parts = ["".join(rows[k : k + width]) for k in range(0, height, width)]
        if height == width or all(map(sizes.parses, parts)):
            return [
                sizes.record(part, block[k * width][0] if len(block) == height else number)
                for k, part in enumerate(parts)
            ]
    return [_padded(sizes, rows, number)]


def _line_board(sizes: Sizes, text: str) -> str:
    """Return the cells of a line that is a whole board, empty if it is not."""
    for cells in (text, text.rstrip(), text.strip()):
        if len(cells) > 8 and sizes.parses(cells):
            return cells
    return ""


def _plain_rows(sizes: Sizes, rows: list[str]) -> list[str]:
    """Return the rows of a drawing with one character a cell, without frame and indentation."""
    if len(rows) > 2 and FRAME.fullmatch(rows[0]) and FRAME.fullmatch(rows[-1]):
        inside = [row.strip()[1:-1] for row in rows[1:-1]]
        if all(row.strip()[:1] in "│║|" for row in rows[1:-1]):
            half = len(inside[0]) == 2 * len(inside)
            return [row[::2].translate(MARKS) if half else row for row in inside]
    for separator in (",", ";", "\t"):
        cells = [row.strip("\t " if separator != "\t" else " ").split(separator) for row in rows]
        short = all(len(cell.strip(" \"'[]")) <= 1 for row in cells for cell in row)
        if short and all(len(row) > 2 for row in cells):
            return ["".join(cell.strip(" \"'[]") or " " for cell in row) for row in cells]
    rows = [row.rstrip("\t") for row in rows]
    height = len(rows)
    width = max(map(len, rows))
    if width == height:
        return rows
    if width == 2 * height and all(
        second in (first, " ")
        for row in rows
        for first, second in zip(row[::2], row[1::2], strict=False)
    ):
        return [row[::2] for row in rows]
    bare = [row.rstrip() for row in rows]
    if 0 < max(map(len, bare)) < width:
        rows, width = bare, max(map(len, bare))
        if width == height:
            return rows
    indented = min(len(row) - len(row.lstrip()) for row in rows)
    outdented = [row[indented:] for row in rows]
    if indented and (
        width - indented == height or _is_walled(sizes, outdented) or "\t" in rows[0][:indented]
    ):
        rows, width = outdented, width - indented
    if height > 1 and width > height and all(not row[1::2].strip() for row in rows):
        halves = [row[::2] for row in rows]
        if max(map(len, halves)) == height and not any(" " in row for row in halves):
            return halves
    return rows


def _is_walled(sizes: Sizes, rows: list[str]) -> bool:
    """Return whether the first and the last row consist of walls."""
    walls = [set(row.strip()) for row in (rows[0], rows[-1])]
    return walls[0] == walls[1] and len(walls[0]) == 1 and walls[0] != {"."}


def _padded(sizes: Sizes, rows: list[str], number: int) -> Found:
    """Return a rectangle that is filled up to a square."""
    height, width = len(rows), len(rows[0])
    side = max(height, width)
    if sizes.of_side(side) is None:
        wanted = f", expected {sizes.side}x{sizes.side}" if sizes.fixed else ""
        return Fault(number, f"a drawing of {height} rows of {width} cells{wanted} is no puzzle")
    if rows[0][:1] == " " and all(row[:1] == " " for row in rows) and not sizes.fixed:
        indented = min(len(row) - len(row.lstrip()) for row in rows)
        return Fault(
            number,
            f"the first {indented} columns of {height} rows are spaces, which may be cells or an "
            "indentation; expected . for open cells",
        )
    # The filler is in the alphabet of ``format``, so the drawing is translated to it first.
    spelled = sizes.task.spell("".join(rows))
    filler = sizes.task.filler
    lines = [spelled[k : k + width] for k in range(0, height * width, width)]
    cells = "".join(line.ljust(side, "\0") for line in lines).replace("\0", filler)
    cells += filler * (side * side - len(cells))
    note = f"padded from {height}x{width} to {side}x{side} cells"
    return sizes.record(cells, number, note)
