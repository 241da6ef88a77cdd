"""Puzzles in lines of text whose cells are not white space: lists, and grids row by row.

A line may contain an id, a rating, a count or the solution beside the puzzle. Grids may have
headings, rules and frames, and follow each other with or without an empty line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from .records import Fault, Found, Line, Record, Sizes

COMMENT = re.compile(r"#|//|%|;\s*[^\W\d_]")
"""How a comment begins."""
RULE = re.compile(r"[\s|+\-=*\u2500-\u257f]+")
"""A line between the rows of a grid."""
FIELDS = re.compile(r"[\s,;:|/=\"'\[\](){}\t\u2500-\u257f]+")
"""What stands between the fields of a line."""
SECTION = re.compile(r"\[([A-Za-z\s]+)\]")
SKIPPED = ("state", "pencil")
"""Sections of .sdk files that repeat the puzzle as somebody has filled it in."""
SCORES = ("ED", "ER", "SE")
NUMBER = re.compile(r"\W*\d+(\s*[x\s]\s*\d+)?\W*")
WORD = re.compile(r"[^\W\d_]{3}")
DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
LETTERED = re.compile(r"[^\W\d_]{2}")
CELLS = ".0123456789_*?-|+"
LONGEST_WORD = 40
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Row:
    """A line that may be a row of a grid.

    Attributes:
        line: Number of the line.
        plain: Its cells if a dash is an ornament, or empty.
        dashed: Its cells if a dash is a blank, or empty.
        rule: Whether it consists of dashes, so that it may be a rule between rows.
        text: The whole line.
    """

    line: int
    plain: str
    dashed: str
    rule: bool
    text: str


def read_lists(sizes: Sizes, lines: list[Line]) -> list[Found]:
    """Return the puzzles and faults of a text."""
    found: list[Found] = []
    run: list[Row | None] = []
    section = ""
    for number, text in [*lines, (0, "#")]:
        line = text.strip()
        named = SECTION.fullmatch(line)
        if named:
            section = named[1].strip().lower()
        row = None if named or _is_comment(line) else _row(sizes, number, line)
        if section.startswith(SKIPPED) and not named and number:
            continue
        if row is None and not line.strip(",;\t "):
            run.append(_empty(number, line, run))
        elif row is not None:
            run.append(row)
        elif RULE.fullmatch(line):
            continue
        else:
            found += _grids(sizes, run)
            run = []
            if number and not named and not _is_comment(line):
                found += _whole(sizes, number, line) or _other(sizes, number, line)
    bad = len(found) > 1 and isinstance(found[0], Fault)
    return found[1:] if bad and _is_header(lines, found[0].line, found[1].line) else found


def _is_header(lines: list[Line], number: int, below: int) -> bool:
    """Return whether a line names the columns of the line below it."""
    header, row = lines[number - 1][1], lines[below - 1][1]
    header, row = (line.strip().removeprefix("|").removesuffix("|") for line in (header, row))
    for separator in (",", ";", "\t", "|"):
        fields = [field.strip(" \"'") for field in header.split(separator)]
        named = all(re.match(r"[^\W\d_]", field) for field in fields)
        if len(fields) > 3 and named and len(set(fields)) == len(fields):
            return len(fields) == len(row.split(separator))
    return False


def _empty(number: int, line: str, run: list[Row | None]) -> Row | None:
    """Return a line without cells as ``None``, or as a row of blanks below a row as long."""
    above = run[-1] if run else None
    count = 1 + max(line.count(separator) for separator in ",;\t")
    if above is None or count < 3 or count != len(above.plain):
        return None
    return Row(number, "." * count, "." * count, False, line)


def _is_comment(line: str) -> bool:
    return COMMENT.match(line) is not None


def _other(sizes: Sizes, number: int, line: str) -> list[Found]:
    """Return nothing for a heading, or the fault of a line that looks like a puzzle."""
    line = " ".join(line.split())
    letters = line.replace(" ", "")
    if not any(char in CELLS for char in letters):
        return []
    share = sum(char in CELLS for char in letters) / len(letters)
    longest = max(map(len, line.split()))
    if len(letters) < 8 and NUMBER.fullmatch(line):
        return []
    if len(letters) < 20 and (DATE.search(line) or (LETTERED.search(line) and share < 0.8)):
        return []
    if WORD.search(line) and share < 0.6 and longest <= LONGEST_WORD:
        return []
    # The field with the most cells is meant as the puzzle.
    field = max(FIELDS.split(line), key=len, default="")
    meant = field if len(field) > len(letters) / 2 else line
    return [Fault(number, sizes.complaint(meant))]


def _whole(sizes: Sizes, number: int, line: str) -> list[Found]:
    """Return the puzzle of a line that contains all its cells."""
    line = line.split("#")[0]
    fields = [field for field in FIELDS.split(line) if field]
    count = len(fields)
    if count > 1 and len({len(field) for field in fields}) > 1:
        return _beside(sizes, number, fields)
    if count > 1 and len(fields[0]) not in (1, count):
        # Fields of the same length are a puzzle and its solution, unless they are rows.
        beside = _beside(sizes, number, fields)
        if beside:
            return beside
    return [Record(line, number)] if sizes.parses(line) else _spelled(sizes, number, fields)


def _spelled(sizes: Sizes, number: int, fields: list[str]) -> list[Found]:
    """Return the puzzle of a line in which every field is a cell."""
    cells = _letters(fields, math.isqrt(len(fields)))
    return [Record(cells, number)] if cells and sizes.parses(cells) else []


def _beside(sizes: Sizes, number: int, fields: list[str]) -> list[Found]:
    """Return the puzzle of a line with other fields beside it."""
    boards = [
        place
        for place, field in enumerate(fields)
        if len(field) > 8 and _is_square(sizes, field) and sizes.parses(field)
    ]
    if not boards:
        joined = "".join(fields)
        if len({len(field) for field in fields[:-1]}) == 1 and sizes.parses(joined):
            return [Record(joined, number)]
        return _spelled(sizes, number, fields)
    length = max(len(fields[place]) for place in boards)
    first, *later = (place for place in boards if len(fields[place]) == length)
    if later and len(boards) == len(fields) and not sizes.is_full(fields[later[0]]):
        return [Record(field, number) for field in fields]
    answer = fields[later[0]] if later else ""
    rest = fields[first + 1 :]
    if rest and rest[0].upper() in SCORES:
        # The rating of Sudoku Explainer, ED=9.0/1.2/1.2.
        rest = rest[1:]
    rating = _number(rest[0]) if rest else None
    others = [field for field in rest if _number(field) is None]
    if answer and rest[0] != answer and rest[0].isdecimal():
        # puzzle:count:solution, where the count is that of the solutions.
        rating = None
    elif others and others != [answer]:
        rating = None
    if later and rating is None:
        after = fields[later[0] + 1 :]
        rating = _number(after[0]) if after else None
    return [Record(fields[first], number, answer, rating)]


def _is_square(sizes: Sizes, field: str) -> bool:
    """Return whether a field has the length of a board, with or without its ornaments."""
    return any(math.isqrt(length) ** 2 == length for length in (len(field), len(sizes.bare(field))))


def _number(field: str) -> float | None:
    """Return a field as a rating, ``None`` if it is not a finite number of at least 0."""
    if not re.fullmatch(r"\d{1,9}(\.\d*)?", field):
        return None
    return float(field)


def _row(sizes: Sizes, number: int, line: str) -> Row | None:
    """Return a line as a row of a grid, ``None`` if it has the length of no row."""
    plain, dashed = sizes.bare(line), sizes.bare(line.replace("-", "."))
    rule = not plain and bool(dashed)
    for separator in (",", ";", "\t", "|"):
        bare = line.strip("|") if separator == "|" else line.rstrip(" ")
        cells = [cell.strip(" \"'[](){}") for cell in bare.split(separator)]
        if line.endswith(tuple(end + separator for end in ("]", "}", "],", "},"))):
            cells = cells[:-1]
        if len(cells) > 2 and max(map(len, cells)) <= 2 and any(cells):
            spelled = _letters([cell or "." for cell in cells], len(cells))
            if not _is_row(sizes, spelled) and not cells[-1]:
                spelled = _letters([cell or "." for cell in cells[:-1]], len(cells) - 1)
            if _is_row(sizes, spelled):
                return Row(number, spelled, spelled, False, line)
    fields = [field for field in FIELDS.split(line) if field]
    if any(len(field) == 2 and field.isdecimal() for field in fields):
        spelled = _letters(fields, len(fields))
        if spelled and sizes.of_side(len(spelled)):
            return Row(number, spelled, spelled, False, line)
    worded = LETTERED.search(re.sub("[xX]", "", line)) or DATE.search(line)
    plain, dashed = (
        part if _is_row(sizes, part) and not (worded and len(part) < 10) else ""
        for part in (plain, dashed)
    )
    return Row(number, plain, dashed, rule, line) if plain or dashed else None


def _letters(fields: list[str], side: int) -> str:
    """Return cells that are numbers up to ``side`` with one character each, empty if they are not.

    The values from 10 are written as A, B and so on.
    """
    cells, largest = [], min(side, 9 + len(LETTERS))
    for field in fields:
        if len(field) == 1:
            cells.append(field)
        elif field.isdecimal() and len(field) == 2 and int(field) <= largest:
            value = int(field)
            cells.append(str(value) if value < 10 else LETTERS[value - 10])
        else:
            return ""
    return "".join(cells)


def _is_row(sizes: Sizes, cells: str) -> bool:
    """Return whether a text has the length of a row, and nearly all of its characters are cells."""
    task = sizes.of_side(len(cells)) if 2 < len(cells) < 100 else None
    if task is None:
        return False
    known = task.characters
    return not known or sum(char in known for char in cells) > 0.7 * len(cells)


def _grids(sizes: Sizes, run: list[Row | None]) -> list[Found]:
    """Return the puzzles of consecutive rows, among which ``None`` is an empty line."""
    rows = [row for row in run if row is not None]
    dashed = _dashes_are_blanks(rows)
    blocks: list[list[Line]] = [[]]
    for row in run:
        cells = "" if row is None else row.dashed if dashed else row.plain
        if row is None or (blocks[-1] and cells and len(cells) != len(blocks[-1][0][1])):
            blocks.append([])
        if row is not None and cells:
            blocks[-1].append((row.line, cells))
    blocks = [block for block in blocks if block]
    texts = {row.line: row.text for row in rows}
    found: list[Found] = []
    for group in _joined(blocks):
        found += _group(sizes, group, texts)
    return found


def _dashes_are_blanks(rows: list[Row]) -> bool:
    """Return whether the dashes of a run are blanks; otherwise they are ornaments.

    They are if dashes make the lines with digits equally long, and leaving them out does not.
    """
    mixed = [row for row in rows if not row.rule]
    lengths = {len(row.dashed) for row in mixed}
    return len(lengths) == 1 and 0 not in lengths and any(row.plain != row.dashed for row in mixed)


def _joined(blocks: list[list[Line]]) -> list[list[Line]]:
    """Join blocks between which empty lines only separate the bands of one grid."""
    joined: list[list[Line]] = []
    place = 0
    while place < len(blocks):
        side = len(blocks[place][0][1])
        height = len(blocks[place])
        count = side // height if height < side and side % height == 0 else 1
        band = blocks[place : place + count]
        fits = len(band) == count and all(
            len(block) == height and len(block[0][1]) == side for block in band
        )
        if not fits:
            count = 1
        joined.append([line for block in blocks[place : place + count] for line in block])
        place += count
    return joined


def _group(sizes: Sizes, rows: list[Line], texts: dict[int, str]) -> list[Found]:
    """Return the puzzles of rows of the same length: one a line, or grids."""
    side = len(rows[0][1])
    if side > 8 and math.isqrt(side) ** 2 == side:
        # Sixteen lines of sixteen cells may be a list of small puzzles or one large grid.
        lines = [_whole(sizes, number, texts[number]) for number, _ in rows]
        if 2 * sum(map(bool, lines)) >= len(rows):
            return [
                part
                for (number, cells), whole in zip(rows, lines, strict=True)
                for part in whole or [Fault(number, sizes.complaint(cells))]
            ]
    if len(rows) % side:
        number = rows[0][0]
        if len(rows) == 1 and sizes.of_side(math.isqrt(side)) and math.isqrt(side) ** 2 == side:
            return [Fault(number, sizes.complaint(rows[0][1]))]
        what = f"expected {side} rows of {side} cells, got {len(rows)}"
        return [Fault(number, what)]
    return [
        sizes.record("".join(cells for _, cells in rows[k : k + side]), rows[k][0])
        for k in range(0, len(rows), side)
    ]
