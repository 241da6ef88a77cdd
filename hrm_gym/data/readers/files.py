"""Files of puzzles as sources of environments and of training."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hrm_gym.puzzles import PAD, Puzzle, Task

from ..certify import certify
from ..puzzle_set import PuzzleSet
from .content import MARKS, read_text
from .questions import checked_answer
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
        warnings.warn(f"{path}, {note}", stacklevel=2)
    return _checked(task, path, [part for part in found if is_record(part)])


def _find(task: Task, path: Path, limit: int | None) -> list[Found]:
    """Return the first puzzles of a file, and its faults until then."""
    length, size = PREFIX, path.stat().st_size
    while limit is not None and length < size:
        with path.open("rb") as file:
            start = file.read(length)
        # The prefix ends with a line, so that only its last puzzle may be incomplete.
        start = start[: start.rfind(b"\n") + 1]
        if start[:1] in (b"[", b"{") or any(start.startswith(mark) for mark, _ in MARKS[1:]):
            break
        try:
            found = read_records(task, start.decode("utf-8-sig"), fixed=True)
        except UnicodeDecodeError:
            break
        if len(found) > limit:
            return found[:limit]
        length = max(2 * length, round(1.2 * length * limit / max(len(found), 1)))
    return read_records(task, read_text(path), fixed=True)[:limit]


def _checked(task: Task, path: Path, records: Sequence[Record]) -> PuzzleSet:
    """Return the puzzles of records, which are checked and rated together where the task can.

    Raises:
        ValueError: if a question is malformed, unsolvable or ambiguous, or an answer is wrong.
    """
    bulk = type(task).check_rows is not Task.check_rows
    inputs = np.zeros((len(records), task.seq_len), np.uint8)
    labels = np.full_like(inputs, PAD)
    ratings = np.array([-1 if r.rating is None else r.rating for r in records], np.float32)
    for row, record in enumerate(records):
        try:
            inputs[row] = question = task.parse(record.cells)
            task.check_question(question)
            if bulk and record.answer:
                labels[row] = task.parse(record.answer)
                continue
            # An answer does not show that it is the only one.
            labels[row] = task.solve(question)
            if record.answer:
                labels[row] = checked_answer(task, question, record.answer)
            if ratings[row] < 0:
                ratings[row] = task.rate(question)
            if not bulk and not task.is_solved(Puzzle(question, labels[row]), labels[row]):
                raise ValueError("the answer does not solve the question")
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, line {record.line}: {error}") from None
    if bulk:
        try:
            found = certify(task, inputs, labels)
        except ValueError as error:
            number, _, sentence = str(error).partition(": ")
            row = int(re.sub(r"\D", "", number))
            raise ValueError(f"{path}, line {records[row].line}: {sentence}") from None
        ratings = np.where(ratings < 0, found, ratings)
    ids = np.zeros(len(records), np.int32)
    return PuzzleSet(inputs, labels, ratings, ids, str(path))
