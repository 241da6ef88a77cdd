"""Puzzles as they were found in a text, before they are checked, and the sizes that they may have.

The format is recognised by the content: JSON, a table with a header, or lines of text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeGuard

from hrm_gym.puzzles import Task

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours and movements of the cursor in the output of programs for terminals."""
CODE = re.compile(
    r"\b(?:np\.|numpy\.|torch\.)?(?:array|asarray|tensor)\(|\"{3}|'{3}"
    r"|^[ \t]*(?:[a-z]+[ \t]+)*[A-Za-z_][\w.]*(?:\[\d*\])*[ \t]*=[ \t]*(?=[\[{(\"'])",
    re.MULTILINE,
)
"""An assignment, a call that makes an array, and the marks of a text of several lines."""
_FLOAT = r"\d+\.\d*(?:e[+-]?\d+)?"
FLOATS = re.compile(rf"^[ \t\[]*(?:{_FLOAT}[ \t,;]+){{3,}}{_FLOAT}[ \t,;\]\r]*$", re.MULTILINE)
"""A line of numbers with decimal points."""
FLOAT = re.compile(r"(?<!\d)(\d+)\.0*(?:e[+-]?0+)?(?![\d.])")
NEWLINE = re.compile(r"\r\n|\r|\n")
"""The ends of lines; ``str.splitlines`` also splits at characters that a field may contain."""
MOST_CELLS = 1 << 16
"""Largest number of cells of a board; longer lines are refused without being looked at."""


@dataclass(frozen=True)
class Record:
    """One puzzle that was found.

    Attributes:
        cells: The cells as text for ``Task.parse``.
        line: Number of its first line from 1, or of the record in JSON.
        answer: The solution that was given with it, as text for ``Task.parse``; or empty.
        rating: The rating that was given with it.
        note: A sentence about what was changed to read it, or empty.
    """

    cells: str
    line: int
    answer: str = ""
    rating: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Fault:
    """A part of a text that is not a puzzle although it looks like one.

    Attributes:
        line: Number of the line from 1.
        sentence: What was expected.
    """

    line: int
    sentence: str


Found = Record | Fault
Line = tuple[int, str]
"""Number and text of a line."""


class Sizes:
    """The sizes that the boards of a text may have.

    Args:
        task: A task of the family.
        fixed: Whether only boards of its own size are read.
    """

    def __init__(self, task: Task, fixed: bool = False) -> None:
        self.task, self.fixed = task, fixed
        self._known: dict[int, Task | None] = {}
        self._drop = dict.fromkeys(map(ord, task.ornaments + "\r\n"))
        self.side = getattr(task, "size", 0)
        if not isinstance(self.side, int) or self.side**2 != task.seq_len:
            self.side, self.fixed = 0, True
        self.spaced = " " in task.ornaments
        """Whether white space only separates cells, and is not a cell itself."""

    def of_side(self, side: int) -> Task | None:
        """Return the task with boards of side x side cells, ``None`` if there is none."""
        if self.fixed or side == self.side:
            return self.task if side == self.side else None
        if not 0 < side * side <= MOST_CELLS:
            return None
        if side not in self._known:
            try:
                self._known[side] = self.task.resized(side)
            except (TypeError, ValueError):
                self._known[side] = None
        return self._known[side]

    def bare(self, text: str) -> str:
        """Return a text without ornaments and line breaks."""
        return text.translate(self._drop)

    def task_of(self, cells: str) -> Task:
        """Return the task whose ``parse`` accepts a board.

        Raises:
            ValueError: if there is none; the message says why.
        """
        if self.fixed:
            self.task.parse(cells)
            return self.task
        # A dash may be a blank cell or an ornament.
        lengths = {len(self.bare(cells)), len(self.bare(cells.replace("-", ".")))}
        for length in sorted(lengths, reverse=True):
            side = math.isqrt(length)
            task = self.of_side(side) if side * side == length else None
            if task is not None:
                try:
                    task.parse(cells)
                except ValueError:
                    if length == min(lengths):
                        raise
                    continue
                return task
        length = min(lengths)
        side = math.isqrt(length)
        if length and side * side == length and length <= MOST_CELLS:
            self.task.resized(side)
        raise ValueError(
            f"expected a square number of cells for {self.task.family}, got {length}"
            + ("" if length <= MOST_CELLS else f", more than {MOST_CELLS}")
        )

    def parses(self, cells: str) -> bool:
        """Return whether a text is one whole board of a size that the family has."""
        try:
            self.task_of(cells)
        except ValueError:
            return False
        return True

    def is_full(self, cells: str) -> bool:
        """Return whether a board has no blank, as a solution."""
        task = self.task_of(cells)
        return bool((task.parse(cells) != task.blank).all())

    def complaint(self, cells: str) -> str:
        """Return why a text is not a board."""
        try:
            self.task_of(cells)
        except ValueError as error:
            return str(error)
        return f"expected a puzzle of {self.task.family}"

    def record(self, cells: str, line: int, note: str = "") -> Found:
        """Return a board, or the fault if it cannot be read."""
        try:
            self.task_of(cells)
        except ValueError as error:
            return Fault(line, str(error))
        return Record(cells, line, note=note)


def is_record(found: Found) -> TypeGuard[Record]:
    """Return whether a found part is a puzzle."""
    return isinstance(found, Record)


def read_records(task: Task, content: str, fixed: bool = False) -> list[Found]:
    """Return the puzzles of a text and its faults, in their order.

    Args:
        task: A task of the family.
        content: The text.
        fixed: Whether only boards of the task's own size are read.

    Raises:
        ValueError: if the text is a table or JSON in which nothing can be a puzzle.
    """
    from .tables import read_table
    from .values import read_json

    sizes = Sizes(task, fixed)
    content = plain_text(content)
    for found in (read_json(sizes, content), read_table(sizes, content)):
        if found is not None:
            return found
    return read_text_lines(sizes, content)


def plain_text(content: str) -> str:
    """Return a text without escape sequences and without what belongs to a programming language."""
    content = ESCAPES.sub("", content)
    if "(" in content or "=" in content or '"""' in content:
        content = CODE.sub("", content)
    return (
        FLOATS.sub(lambda line: FLOAT.sub(r"\1", line[0]), content) if "." in content else content
    )


def read_text_lines(sizes: Sizes, text: str) -> list[Found]:
    """Return the puzzles and faults of lines of text."""
    from .blanks import read_spaces
    from .drawings import read_drawings
    from .lists import read_lists

    lines: list[Line] = list(enumerate(NEWLINE.split(text), start=1))
    if not sizes.spaced:
        return read_drawings(sizes, lines)
    found = read_lists(sizes, lines)
    return found if any(map(is_record, found)) else read_spaces(sizes, lines) or found


def notes(found: Iterable[Found]) -> list[str]:
    """Return the notes of the puzzles with their lines."""
    return [f"line {part.line}: {part.note}" for part in found if is_record(part) and part.note]
