"""Files of puzzles as sources of environments and of training."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import PAD, Puzzle, Task, Tokens

from ..certify import certify
from ..puzzle_set import PuzzleSet
from .content import MARKS, read_text
from .large import LARGE, MANY, NotInLinesError, read_large
from .records import Fault, Found, Record, is_record, notes, read_records

PREFIX = 1 << 20
"""Bytes that are read first of a file of which only some puzzles are wanted."""


def read_file(task: Task, path: Path, limit: int | None = None) -> PuzzleSet:
    """Read a file of puzzles in any of the formats of ``Task.read_questions``.

    A missing answer or rating is computed. Every puzzle must be good and of the task's own size.

    Args:
        task: The task.
        path: The file.
        limit: Largest number of puzzles. The first ones are read, and no more of a large file than
            they need.

    Raises:
        ValueError: if a puzzle is malformed, unsolvable or ambiguous, its answer is wrong, or there
            is none; the message gives the line.
    """
    if path.stat().st_size >= LARGE and (limit is None or limit >= MANY):
        sets: list[PuzzleSet] = []
        with suppress(NotInLinesError):
            sets += [_checked(task, path, part) for part in read_large(task, path, limit)]
        if sets:
            return _joined(sets)
    return _checked(task, path, _read(task, path, limit))


class PuzzleFile:
    """A file of puzzles of which only some are wanted; the others are neither solved nor checked.

    Args:
        task: The task, of whose size all puzzles are.
        path: The file, in any of the formats of ``Task.read_questions``.

    Raises:
        ValueError: if a puzzle cannot be read, or there is none; the message gives the line.
    """

    def __init__(self, task: Task, path: Path) -> None:
        self.task, self.path = task, path
        self._records: list[Record] | None = None
        self._count = 0
        if path.stat().st_size >= LARGE:
            # A large file is read again by ``take``, since its records may not fit into memory.
            with suppress(NotInLinesError):
                self._count = sum(len(part) for part in read_large(task, path, None))
        if not self._count:
            self._records = _read(task, path, None)
            self._count = len(self._records)

    def __len__(self) -> int:
        """Return the number of puzzles."""
        return self._count

    def take(self, rows: NDArray[np.int64]) -> PuzzleSet:
        """Return some puzzles in the order of ``rows``, as ``read_file`` returns all.

        Args:
            rows: Numbers of different puzzles, from 0.

        Raises:
            ValueError: if one of them is malformed, unsolvable or ambiguous, or its answer is
                wrong; the message gives the line.
        """
        if self._records is not None:
            return _checked(self.task, self.path, [self._records[row] for row in rows])
        found: dict[int, Record] = {}
        wanted, first = set(rows.tolist()), 0
        for part in read_large(self.task, self.path, None):
            found |= {row: one for row, one in enumerate(part, first) if row in wanted}
            first += len(part)
        return _checked(self.task, self.path, [found[row] for row in rows.tolist()])


def _read(task: Task, path: Path, limit: int | None) -> list[Record]:
    """Return the first puzzles of a file, which are not checked yet.

    Raises:
        ValueError: if a puzzle cannot be read, or there is none; the message gives the line.
    """
    found = _find(task, path, limit)
    if not found:
        raise ValueError(
            f"{path}: expected puzzles (one a line, grids, or a table with a column question or "
            "puzzle), found none"
        )
    for part in found:
        if isinstance(part, Fault):
            raise ValueError(f"{path}, line {part.line}: {part.sentence}")
    for note in notes(found)[:1]:
        warnings.warn(f"{path}, {note}", stacklevel=3)
    return [part for part in found if is_record(part)]


def _joined(sets: list[PuzzleSet]) -> PuzzleSet:
    """Return one set of all puzzles; the list is empty afterwards."""
    origin = sets[0].origin
    names = ("inputs", "labels", "ratings", "puzzle_ids")
    parts = {name: [getattr(part, name) for part in sets] for name in names}
    sets.clear()
    # Every column is freed before the next one is copied.
    inputs, labels, ratings, ids = (np.concatenate(parts.pop(name)) for name in names)
    return PuzzleSet(inputs, labels, ratings, ids, origin)


def _find(task: Task, path: Path, limit: int | None) -> list[Found]:
    """Return the first puzzles of a file, and its faults until then."""
    length, size = PREFIX, path.stat().st_size
    while limit is not None and length < size:
        with path.open("rb") as file:
            start = file.read(length)
        # The prefix ends with a line, so that only its last puzzle may be incomplete.
        start = start[: start.rfind(b"\n") + 1]
        try:
            text = start.decode("utf-8-sig")
        except UnicodeDecodeError:
            break
        # JSON is one value, and the other encodings do not end a line with a single byte.
        if text.lstrip()[:1] in ("[", "{") or any(start.startswith(mark) for mark, _ in MARKS[1:]):
            break
        found = read_records(task, text, fixed=True)
        if len(found) > limit:
            return found[:limit]
        length = max(2 * length, round(1.2 * length * limit / max(len(found), 1)))
    return read_records(task, read_text(path), fixed=True)[:limit]


def _checked(task: Task, path: Path, records: Sequence[Record]) -> PuzzleSet:
    """Return the puzzles of records, which are solved, checked and rated together if the task can.

    Raises:
        ValueError: if a question is malformed, unsolvable or ambiguous, or an answer is wrong.
    """
    lines = np.array([record.line for record in records])
    given = np.array([record.rating is not None for record in records])
    ratings = np.array([record.rating or 0 for record in records], np.float32)
    answered = np.flatnonzero([bool(record.answer) for record in records])
    missing = np.flatnonzero([not record.answer for record in records])
    texts = [record.cells for record in records]
    answers = [record.answer for record in records if record.answer]
    inputs = _rows(path, lines, texts, task.parse_rows, task.parse)
    labels = np.full_like(inputs, PAD)
    labels[answered] = _rows(path, lines[answered], answers, task.parse_rows, task.parse)
    labels[missing] = _rows(path, lines[missing], inputs[missing], task.solve_rows, task.solve)
    if type(task).check_rows is not Task.check_rows:
        try:
            found = certify(task, inputs, labels)
        except ValueError as error:
            named = re.match(r"row (\d+): ", str(error))
            where = f", line {lines[int(named[1])]}" if named else ""
            sentence = str(error)[named.end() if named else 0 :]
            raise ValueError(f"{path}{where}: {sentence}") from None
        ratings = np.where(given, ratings, found)
    else:
        for row, record in enumerate(records):
            try:
                check(task, inputs[row], labels[row], bool(record.answer))
                if record.rating is None:
                    ratings[row] = task.rate(inputs[row])
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {record.line}: {error}") from None
    ids = np.zeros(len(records), np.int32)
    return PuzzleSet(inputs, labels, ratings, ids, str(path))


def check(task: Task, question: Tokens, answer: Tokens, given: bool) -> None:
    """Check one puzzle of a task that does not check many at once.

    Args:
        task: The task.
        question: ``(seq_len,)``.
        answer: ``(seq_len,)``.
        given: Whether the answer was given; it does not show that it is the only one.

    Raises:
        ValueError: if the question is unsolvable or ambiguous, or the answer is wrong.
    """
    task.check_question(question)
    if given:
        task.solve(question)
    if not task.is_solved(Puzzle(question, answer), answer):
        raise ValueError("the answer does not solve the question")


def _rows(
    path: Path,
    lines: NDArray[np.int64],
    values: Any,
    many: Callable[[Any], Tokens],
    one: Callable[[Any], Tokens],
) -> Tokens:
    """Return what ``many`` makes of values.

    Raises:
        ValueError: if ``one`` raises an error for a value; the message gives its line.
    """
    try:
        return many(values)
    except (ValueError, TypeError):
        for line, value in zip(lines, values, strict=True):
            try:
                one(value)
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {line}: {error}") from None
        raise
