"""Tables with a header: CSV files of any separator, as programs and spreadsheets write them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from hrm_gym.registration import FAMILIES

from .records import NEWLINE, Fault, Found, Record, Sizes, is_record, read_text_lines

Header = tuple[dict[str, int], dict[str, Any], int]
"""Columns of a table, the format for ``csv.reader``, and the line of the header."""

QUESTIONS = (
    "question",
    "puzzle",
    "quizzes",
    "quiz",
    "puzzles",
    "questions",
    "problem",
    "grid",
    "board",
    "unsolved",
    "mission",
    "input",
    *FAMILIES,
)
"""Names of the column of the puzzle; the first that a table has counts."""
ANSWERS = ("answer", "solution", "solutions", "answers", "solved", "output", "label")
RATINGS = ("rating",)
LEVELS = ("difficulty", "level")
"""Columns that contain a rating if it is a number, and else words."""
LARGEST = float(np.finfo(np.float32).max)
"""No rating is this large."""
ROUNDED = re.compile(r"\d[.,]\d+E\+\d+")
WORDS = re.compile(r"[^\W\d_]{4}")
SEPARATORS = ",;\t|"


def names(header: list[str]) -> dict[str, int]:
    """Return the place of the columns ``question``, ``answer``, ``rating`` and ``level``."""
    columns = [name.strip().strip("\"'").strip().lower() for name in header]
    places = {}
    for meaning, known in (
        ("question", QUESTIONS),
        ("answer", ANSWERS),
        ("rating", RATINGS),
        ("level", LEVELS),
    ):
        found = [columns.index(name) for name in known if name in columns]
        if found:
            places[meaning] = found[0]
    return places


def header_of(content: str, spaced: bool = True) -> Header:
    """Return the columns of a table, the format for ``csv.reader``, and the line of the header.

    There are no columns if the text is not a table with a header.

    Args:
        content: The beginning of the text, at least to the end of the header.
        spaced: Whether spaces after a separator do not count.
    """
    for number, line in enumerate(NEWLINE.split(content), start=1):
        if not line.strip(" \t,;|") or (line.startswith("#") and number < 100):
            continue
        if len(line) > 10_000:
            break
        for separator in SEPARATORS:
            read = csv.reader([line], delimiter=separator, skipinitialspace=True)
            header = next(read, [])
            places = names(header)
            if "question" in places and (len(header) > 1 or separator == SEPARATORS[-1]):
                return places, {"delimiter": separator, "skipinitialspace": spaced}, number
        break
    return {}, {}, 0


def read_table(sizes: Sizes, content: str) -> list[Found] | None:
    """Return the puzzles of a table, or ``None`` if the text is not a table with a header."""
    places, form, first = header_of(content[:100_000], sizes.spaced)
    if not places:
        return None
    return list(read_rows(sizes, (places, form, first), io.StringIO(content, newline="")))


def read_rows(sizes: Sizes, header: Header, lines: Iterable[str]) -> Iterator[Found]:
    """Yield the puzzles of the lines of a table, of which the first ones are its header.

    Args:
        sizes: The sizes of the family.
        header: The result of ``header_of``.
        lines: The lines, with their ends.
    """
    places, form, first = header
    rows = csv.reader(lines, **form)
    try:
        for row in rows:
            if rows.line_num > first and any(cell.strip() for cell in row):
                cells = {name: row[place] for name, place in places.items() if place < len(row)}
                yield record_of(sizes, cells, rows.line_num)
    except csv.Error as error:
        yield Fault(rows.line_num, f"expected a CSV: {error}")


def record_of(sizes: Sizes, cells: Mapping[str, Any], line: int) -> Found:
    """Return the puzzle of the fields ``question``, ``answer``, ``rating`` and ``level``.

    The question may be a text with a puzzle in it, such as a prompt.
    """
    answer = str(cells.get("answer") or "")
    rating = _number(cells.get("rating"))
    if rating is not None and not 0 <= rating < LARGEST:
        wrong = cells["rating"]
        return Fault(line, f"rating: expected a number of at least 0, got {wrong!r}")
    level = _number(cells.get("level"))
    if rating is None and level is not None and 0 <= level < LARGEST:
        rating = level
    question = str(cells.get("question") or "")
    if ROUNDED.fullmatch(question.strip()):
        return Fault(
            line,
            f"{question.strip()} is a number that a spreadsheet has rounded; "
            "expected the cells as text",
        )
    if "\n" in question and WORDS.search(question) and not sizes.parses(question):
        inside = read_text_lines(sizes, question)
        if len(inside) == 1 and is_record(inside[0]):
            question = inside[0].cells
            if len(sizes.bare(answer)) != len(sizes.bare(question)):
                # It answers another question about the puzzle.
                answer = ""
    return Record(question, line, answer if answer.strip() else "", rating)


def _number(value: Any) -> float | None:
    """Return a field as a number, ``None`` if it is empty, and NaN if it is no number."""
    if value is None or not str(value).strip():
        return None
    try:
        # Some spreadsheets write a decimal comma.
        return float(value.replace(",", ".") if isinstance(value, str) else value)
    except (TypeError, ValueError):
        return math.nan
