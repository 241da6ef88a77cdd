"""Puzzles as values: arrays, nested lists and JSON."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from hrm_gym.puzzles import Puzzle

from .lists import LETTERS
from .records import MOST_CELLS, NEWLINE, Fault, Found, Record, Sizes, read_text_lines
from .tables import names, record_of

OUTER = 6
"""Largest depth of lists around a puzzle."""


def read_json(sizes: Sizes, content: str) -> list[Found] | None:
    """Return the puzzles of JSON or JSON lines, or ``None`` if the text is neither."""
    text = content.lstrip()
    if text[:1] not in ("[", "{"):
        return None
    try:
        return from_value(sizes, json.loads(text), 1)
    except (ValueError, RecursionError):
        pass
    if text[0] == "[" or not re.match(r"\{\s*[\"}]", text):
        # A Python list, an array in another language, or the heading of a section.
        return _read_python(sizes, text)
    found: list[Found] = []
    for number, line in enumerate(NEWLINE.split(content), start=1):
        if not line.strip():
            continue
        try:
            found += [placed(part, number) for part in from_value(sizes, json.loads(line), 1)]
        except (ValueError, RecursionError):
            return [*found, Fault(number, "expected JSON, or one JSON object a line")]
    return found


def _read_python(sizes: Sizes, text: str) -> list[Found] | None:
    """Return the puzzles of a Python list of texts, ``None`` if the text is something else."""
    if len(text) > MOST_CELLS or not re.search("[\"']", text):
        return None
    try:
        value = ast.literal_eval(text.rstrip(" \t\r\n;"))
        return from_value(sizes, json.loads(json.dumps(value)), 1)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def placed(part: Found, line: int) -> Found:
    """Return a puzzle or a fault at another line."""
    return replace(part, line=line)


def from_value(sizes: Sizes, value: Any, number: int, depth: int = 0) -> list[Found]:
    """Return the puzzles of a value.

    Args:
        sizes: The sizes that the boards may have.
        value: Text; a grid as nested lists of digits or characters, with 0 or null for a blank; an
            object with a field ``question`` or ``puzzle``; or a list or an object of these.
        number: Number of the first puzzle.
        depth: How deep the value lies.
    """
    if isinstance(value, dict):
        places = names([str(key) for key in value])
        keys = list(value)
        if "question" not in places:
            return _unnamed(sizes, value, number, depth)
        cells = {name: value[keys[place]] for name, place in places.items()}
        for name in ("question", "answer"):
            if isinstance(cells.get(name), list):
                cells[name] = grid_text(sizes, cells[name]) or ""
        return [record_of(sizes, cells, number)]
    if isinstance(value, str):
        return [placed(part, number) for part in read_text_lines(sizes, value)]
    if not isinstance(value, list) or not value:
        return [Fault(number, f"expected a puzzle, got {str(value)[:40]}")]
    if _is_list_of_boards(sizes, value):
        return [Record(grid_text(sizes, row) or "", number + k) for k, row in enumerate(value)]
    board = grid_text(sizes, value)
    if board is not None and sizes.parses(board):
        return [Record(board, number)]
    if all(isinstance(row, str) for row in value):
        if any(len(row) > 8 and sizes.parses(row) for row in value):
            return _each(sizes, value, number, depth)
        return [placed(part, number) for part in read_text_lines(sizes, "\n".join(value))]
    if board is not None and (depth or _is_board(value)):
        if "\n" in board and not sizes.spaced:
            return [placed(part, number) for part in read_text_lines(sizes, board)]
        return [Fault(number, sizes.complaint(board))]
    return _each(sizes, value, number, depth)


def _unnamed(sizes: Sizes, value: dict[str, Any], number: int, depth: int) -> list[Found]:
    """Return the puzzles of an object without a field that is known to be the puzzle.

    Two boards, of which only the second is full or the second solves the first one, are a puzzle
    and its solution, as in the results of ``solve --json``.
    Numbers and short texts are no puzzles.
    """
    parts = [
        part
        for part in value.values()
        if isinstance(part, list | dict | str)
        and part
        and not (isinstance(part, str) and len(part) < 9)
    ]
    if not parts:
        wrong = f"expected a puzzle, got {str(value)[:40]}"
        return [] if depth else [Fault(number, wrong)]
    boards = [grid_text(sizes, part) if isinstance(part, list) else part for part in parts]
    texts = [text for text in boards if isinstance(text, str) and sizes.parses(text)]
    if len(texts) == 2 and _is_answer(sizes, *texts):
        return [Record(texts[0], number, texts[1])]
    return _each(sizes, parts, number, depth)


def _is_answer(sizes: Sizes, question: str, answer: str) -> bool:
    """Return whether the second of two boards is meant as the answer to the first one."""
    if not sizes.is_full(question) and sizes.is_full(answer):
        return True
    task = sizes.task_of(question)
    if sizes.task_of(answer) is not task:
        return False
    labels = task.parse(answer)
    return task.is_solved(Puzzle(task.parse(question), labels), labels)


def _each(sizes: Sizes, values: Iterable[Any], number: int, depth: int) -> list[Found]:
    found: list[Found] = []
    for value in values:
        if depth >= OUTER:
            return [Fault(number, "the lists are too deep for a puzzle")]
        found += from_value(sizes, value, number + len(found), depth + 1)
    return found


def _is_list_of_boards(sizes: Sizes, rows: list[Any]) -> bool:
    """Return whether every row is a board of its own, although the rows may fit a larger board."""
    if not all(isinstance(row, list) for row in rows) or len({len(row) for row in rows}) != 1:
        return False
    side = math.isqrt(len(rows[0]))
    cells = [cell for row in rows for cell in row]
    small = all(isinstance(cell, int) and cell <= side for cell in cells)
    return small and side > 2 and all(sizes.parses(grid_text(sizes, row) or "") for row in rows)


def _is_board(rows: list[Any]) -> bool:
    """Return whether a list looks like one board: a square, or cells without rows."""
    if not any(isinstance(row, list) for row in rows):
        return True
    return all(isinstance(row, list) and len(row) == len(rows) for row in rows)


def grid_text(sizes: Sizes, value: Sequence[Any]) -> str | None:
    """Return rows of cells, or cells, as text; ``None`` if a value is not a cell.

    A cell is a whole number, with 0 for a blank or open one, ``None``, or one character.
    """
    rows = value if any(isinstance(row, list) for row in value) else [value]
    lines = []
    for row in rows:
        if not isinstance(row, list):
            return None
        cells = [_cell(sizes, cell) for cell in row]
        if None in cells:
            return None
        lines.append("".join(cells))  # type: ignore[arg-type]
    return "\n".join(lines)


def _cell(sizes: Sizes, value: Any) -> str | None:
    """Return the character of one cell, ``None`` if it is not one."""
    if value is None or value == "" or (value == " " and sizes.spaced):
        return "."
    if isinstance(value, str):
        return value if len(value) == 1 else _number(int(value)) if value.isdecimal() else None
    if isinstance(value, bool):
        return "1" if value else "."
    if isinstance(value, float) and not value.is_integer():
        return None
    return _number(int(value)) if isinstance(value, int | float) else None


def _number(value: int) -> str | None:
    """Return the character of a number: ``.`` for 0, a digit, or a letter from 10."""
    if not 0 <= value < 10 + len(LETTERS):
        return None
    return "." if value == 0 else str(value) if value < 10 else LETTERS[value - 10]


def read_array(sizes: Sizes, value: Any) -> Found:
    """Return the one puzzle of an array or of nested lists.

    Args:
        sizes: The sizes that the board may have.
        value: ``(side, side)`` or ``(side * side,)`` digits or characters, 0 for a blank cell.
    """
    try:
        plain = np.asarray(value).tolist() if not isinstance(value, list | tuple) else value
        plain = json.loads(json.dumps(plain, default=_plain))
    except (TypeError, ValueError, RecursionError):
        return Fault(1, f"expected a grid of digits or a text, got {str(value)[:40]!r}")
    found = from_value(sizes, plain, 1, 1)
    if len(found) != 1:
        return Fault(1, f"expected one puzzle, got {len(found)}")
    return found[0]


def _plain(value: Any) -> Any:
    """Return what ``json`` does not know, such as NumPy numbers and arrays, as plain values."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


def flat_tokens(value: Any, seq_len: int) -> np.ndarray | None:
    """Return an array of tokens, ``None`` if the value is no flat array without zeros."""
    try:
        tokens = np.asarray(value)
    except ValueError:
        return None
    whole = tokens.dtype.kind in "iu" and tokens.shape == (seq_len,)
    return tokens if whole and tokens.min() > 0 else None
