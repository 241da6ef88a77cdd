"""Puzzles as people write them: text, a file or standard input."""

from __future__ import annotations

import csv
import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.puzzles import Task, Tokens, family_task, get_task


@dataclass(frozen=True, eq=False)
class Question:
    """One puzzle to be solved.

    Attributes:
        name: The puzzle as text, or its name.
        inputs: ``(seq_len,)`` uint8.
        labels: ``(seq_len,)`` uint8; ``None`` if the solution is not known.
        demos: Demonstration pairs, for families that have them.
    """

    name: str
    inputs: Tokens
    labels: Tokens | None = None
    demos: tuple[tuple[Any, Any], ...] = ()


def read_questions(family: str, text: str) -> tuple[Task, list[Question]]:
    """Return the task and the puzzles of an input.

    Args:
        family: Name of a family, such as ``sudoku``, or a custom task, ``module:Class``.
        text: The puzzles, a file of puzzles, or ``-`` for standard input; see
            ``Task.read_questions`` for the format.

    Raises:
        ValueError: if there is no such family or no puzzle, or a puzzle is malformed, unsolvable
            or ambiguous; the message names it.
    """
    task = get_task(family) if ":" in family else family_task(family)
    content, origin = _content(text)
    return task.read_questions(content, origin)


def _content(text: str) -> tuple[str, str]:
    """Return the content of an input, and its name for messages."""
    if text == "-":
        return sys.stdin.read(), "standard input"
    if "\n" not in text and "\0" not in text:
        path = Path(text)
        try:
            exists = path.is_file()
        except OSError:
            # The text is too long for a file name, so it is a puzzle.
            exists = False
        if os.sep in text and path.is_dir():
            raise ValueError(f"{text}: expected a puzzle or a file, this is a folder")
        if exists:
            try:
                return path.read_text(encoding="utf-8-sig"), text
            except UnicodeDecodeError:
                raise ValueError(f"{text}: expected a text file in UTF-8") from None
        if path.suffix in (".csv", ".txt", ".json"):
            raise ValueError(f"{text}: expected a puzzle or a file, there is no such file")
    return text, "puzzle"


def read_boards(task: Task, content: str, origin: str) -> tuple[Task, list[Question]]:
    """Read square boards and solve them; the default of ``Task.read_questions``.

    Args:
        task: A task of the family. The size of the first board decides the task of all boards.
        content: One board per line, or square grids with an empty line between them, or a CSV
            with the column ``question``.
        origin: Name of the input, for messages.

    Returns:
        The task of the size that was read, and the questions.

    Raises:
        ValueError: if there is no board, or a board is malformed, unsolvable or ambiguous.
    """
    boards = _split(content, origin, task.ornaments)
    if not boards:
        raise ValueError("puzzle: expected a puzzle, got nothing")
    length = len(boards[0])
    side = round(length**0.5)
    if side * side != length:
        unknown = " (nor is it a file)" if origin == "puzzle" else ""
        raise ValueError(
            f"{origin}: expected a square number of cells for {task.family}, got {length}{unknown}"
        )
    if side != task.size:
        task = task.resized(side)
    questions = []
    for number, board in enumerate(boards, start=1):
        try:
            inputs = task.parse(board)
            # An answer can be checked only if the puzzle has exactly one solution.
            questions.append(Question(task.format(inputs), inputs, task.solve(inputs)))
        except ValueError as error:
            place = "" if origin == "puzzle" else f"{origin}, "
            where = f"{place}puzzle {number}: " if len(boards) > 1 else ""
            raise ValueError(f"{where}{error}") from None
    return task, questions


def _split(content: str, origin: str, ornaments: str) -> list[str]:
    """Return the boards of a text, without line breaks and ornaments."""
    lines = content.splitlines()
    if lines and "question" in lines[0]:
        # Blanks around a column name are ignored, but blanks around a board may be cells.
        names = [name.strip() for name in next(csv.reader(lines[:1], skipinitialspace=True))]
        if "question" in names:
            table = csv.DictReader(io.StringIO(content), names)
            try:
                return [row["question"] for row in list(table)[1:] if row["question"]]
            except csv.Error as error:
                raise ValueError(f"{origin}, line {table.line_num}: {error}") from None
    if origin.endswith(".csv"):
        raise ValueError(f"{origin}: expected a CSV with a 'question' column")
    bare = ["".join(c for c in line if c not in ornaments) for line in lines]
    # A line of ornaments alone is removed; an empty line separates two grids.
    lines = [new for new, old in zip(bare, lines, strict=True) if new or not old]
    boards: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            square = len(block) > 1 and all(len(row) == len(block) for row in block)
            boards += ["".join(block)] if square else block
            block = []
    return boards


def stack(questions: list[Question]) -> Tokens:
    """Return the inputs of questions, ``(N, seq_len)`` uint8."""
    return np.stack([question.inputs for question in questions])
