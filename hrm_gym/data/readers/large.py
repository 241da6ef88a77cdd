"""Large files, which are read in parts: tables, and lists with one puzzle in every line.

The puzzles of a part are checked and stored as arrays before the next part is read, so that the
memory is that of the arrays. A progress bar shows the part of the file that was read.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TextIO

from hrm_gym.progress import progress
from hrm_gym.puzzles import Task

from .content import MARKS, decode
from .lists import SECTION
from .records import ESCAPES, NEWLINE, Fault, Found, Record, Sizes, is_record, read_records
from .tables import header_of, read_rows
from .values import placed

LARGE = 1 << 23
"""Size in bytes from which a file is read in parts."""
MANY = 10_000
"""Number of puzzles from which the first ones of a large file are read in parts."""
PART = 20_000
"""Number of lines of a part."""


class NotInLinesError(Exception):
    """A list of puzzles contains something that is not read line by line, such as a grid."""


def read_large(task: Task, path: Path, limit: int | None) -> Iterator[list[Record]]:
    """Yield the puzzles of a file in parts; yield nothing if it cannot be read in this way.

    Args:
        task: The task, of whose size all puzzles are.
        path: The file.
        limit: Largest number of puzzles.

    Raises:
        ValueError: if a part of the file is not a puzzle; the message gives the line.
        NotInLinesError: if the file turns out to be no list with one puzzle in every line.
    """
    with path.open("rb") as binary:
        start = binary.read(100_000)
    encoding = next((name for mark, name in MARKS if start.startswith(mark)), "utf-8")
    begin = start.decode(encoding, "ignore")
    sizes = Sizes(task, fixed=True)
    if begin.lstrip()[:1] in ("[", "{") or not _is_in_lines(sizes, begin):
        return
    lines = path.stat().st_size * begin.count("\n") // len(start)
    total = max(1, (lines if limit is None else min(limit, lines)) // PART)
    with path.open(encoding=encoding, newline="") as file:
        read = _table if header_of(begin, sizes.spaced)[0] else _lines
        count = 0
        parts = progress(read(sizes, begin, file), f"reading {path.name}", total)
        try:
            for part in parts:
                for found in part:
                    if isinstance(found, Fault):
                        raise ValueError(f"{path}, line {found.line}: {found.sentence}")
                records = [found for found in part if is_record(found)]
                records = records if limit is None else records[: limit - count]
                count += len(records)
                if records:
                    yield records
                if count == limit:
                    return
        except UnicodeDecodeError:
            # The message gives the line.
            decode(path.read_bytes(), str(path))
            raise


def _is_in_lines(sizes: Sizes, begin: str) -> bool:
    """Return whether a text begins as a table with a header, or with one puzzle in every line."""
    if header_of(begin, sizes.spaced)[0]:
        return True
    lines = NEWLINE.split(begin)[:-1][:1000]
    return bool(lines) and all(_is_plain(sizes, line) for line in lines if line.strip())


def _is_plain(sizes: Sizes, line: str) -> bool:
    """Return whether a line is a puzzle, possibly with other fields beside it, or a comment."""
    found = read_records(sizes.task, line, fixed=True)
    return all(map(is_record, found)) and (len(found) == 1 or line.startswith("#"))


def _table(sizes: Sizes, begin: str, file: TextIO) -> Iterator[list[Found]]:
    """Yield the puzzles of the rows of a table."""
    lines = (ESCAPES.sub("", line) for line in file)
    found = read_rows(sizes, header_of(begin, sizes.spaced), lines)
    while part := list(islice(found, PART)):
        yield part


def _lines(sizes: Sizes, begin: str, file: TextIO) -> Iterator[list[Found]]:
    """Yield the puzzles of lines."""
    known = dict.fromkeys(map(ord, sizes.task.characters))
    numbered = enumerate((line.removeprefix("\ufeff").rstrip("\r\n") for line in file), start=1)
    while lines := list(islice(numbered, PART)):
        part: list[Found] = []
        for number, line in lines:
            if len(line) == sizes.task.seq_len and not line.translate(known):
                part.append(Record(line, number))
            elif line.strip():
                found = read_records(sizes.task, line, fixed=True)
                row = not sizes.spaced or len(sizes.bare(line)) <= sizes.side + 2
                if SECTION.fullmatch(line.strip()) or (row and not all(map(is_record, found))):
                    raise NotInLinesError
                part += [placed(one, number) for one in found]
        yield part
