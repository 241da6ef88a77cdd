"""Puzzles that people want to have solved: text, a file, standard input, or an array."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from hrm_gym.puzzles import Puzzle, Task, Tokens, family_task, get_task

from .content import find_content
from .records import NEWLINE, Fault, Found, Record, Sizes, is_record, read_records
from .values import flat_tokens, read_array


@dataclass(frozen=True, eq=False)
class Question:
    """One puzzle to be solved.

    Attributes:
        name: The puzzle as text, or its name.
        inputs: ``(seq_len,)`` uint8.
        labels: ``(seq_len,)`` uint8; ``None`` if the solution is not known.
        demos: Demonstration pairs, for families that have them.
        rating: The rating that was given with the puzzle, ``None`` if there was none.
    """

    name: str
    inputs: Tokens
    labels: Tokens | None = None
    demos: tuple[tuple[Any, Any], ...] = ()
    rating: float | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What was read from an input.

    Attributes:
        task: The task of the size that was read.
        questions: The puzzles, at least one.
        faults: One sentence for each part that is not a puzzle, with its line.
        notes: One sentence for each puzzle that was changed to be read.
    """

    task: Task
    questions: list[Question]
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_questions(family: str, text: str, strict: bool = False) -> Reading:
    """Return the task and the puzzles of an input.

    Args:
        family: Name of a family, such as ``sudoku``, or a custom task, ``module:Class``.
        text: The puzzles, a file of puzzles, or ``-`` for standard input; see
            ``Task.read_questions`` for the formats.
        strict: Whether one bad puzzle makes the whole input invalid.

    Raises:
        ValueError: if there is no such family or no good puzzle, or with ``strict`` if a puzzle is
            malformed, unsolvable or ambiguous; the message names it.
    """
    task = get_task(family) if ":" in family else family_task(family)
    content, origin = find_content(text)
    reading = task.read_questions(content, origin)
    if strict and reading.faults:
        raise ValueError(reading.faults[0])
    return reading


def read_boards(task: Task, content: str, origin: str) -> Reading:
    """Read boards and solve them; the default of ``Task.read_questions``.

    Args:
        task: A task of the family. The size of the first good board decides that of all boards.
        content: Boards in any of the formats of ``Task.read_questions``.
        origin: Name of the input, for messages.

    Raises:
        ValueError: if there is no good board; the message is about the first bad one.
    """
    found = read_records(task, content)
    if not found:
        if not content.strip():
            raise ValueError(f"{origin}: expected a puzzle, got nothing")
        found = [_nothing(task, content)]
    alone = origin == "puzzle" and len(found) == 1
    questions: list[Question] = []
    faults, notes = [], []
    sizes = Sizes(task)
    for part in found:
        where = "" if alone else f"{origin}, line {part.line}: "
        try:
            if not is_record(part):
                assert isinstance(part, Fault)
                raise ValueError(part.sentence)
            question = _question(sizes, part)
        except ValueError as error:
            faults.append(f"{where}{error}")
            continue
        if not questions:
            sizes = Sizes(sizes.task_of(part.cells), fixed=True)
        questions.append(question)
        if part.note:
            notes.append(f"{where}{part.note}")
    if not questions:
        unknown = ""
        if origin == "puzzle" and "\n" not in content and "expected a square number" in faults[0]:
            unknown = " (nor is it a file)"
        more = f"; {len(faults) - 1} more are bad too" if len(faults) > 1 else ""
        raise ValueError(f"{'puzzle: ' * bool(unknown)}{faults[0]}{unknown}{more}")
    return Reading(sizes.task, questions, faults, notes)


def _nothing(task: Task, content: str) -> Fault:
    """Return the fault of a text in which every line was taken for a heading."""
    lines = enumerate(NEWLINE.split(content), start=1)
    number, line = next((number, line) for number, line in lines if line.strip())
    return Fault(number, Sizes(task).complaint(line))


def _question(sizes: Sizes, record: Record) -> Question:
    """Return a puzzle with its solution.

    Raises:
        ValueError: if it is malformed, unsolvable or ambiguous, or the given solution is wrong.
    """
    task = sizes.task_of(record.cells)
    inputs = task.parse(record.cells)
    # An answer can be checked only if the puzzle has exactly one solution.
    labels = task.solve(inputs)
    if record.answer:
        labels = checked_answer(task, inputs, record.answer)
    return Question(task.format(inputs), inputs, labels, rating=record.rating)


def checked_answer(task: Task, inputs: Tokens, text: str) -> Tokens:
    """Return the solution that was given with a puzzle.

    Raises:
        ValueError: if it is malformed, or does not solve the puzzle.
    """
    labels = task.parse(text)
    if not task.is_solved(Puzzle(inputs, labels), labels):
        raise ValueError("the answer does not solve the question")
    return labels


def read_puzzle(task: Task, value: Any) -> Tokens:
    """Return the one puzzle that somebody gives to an environment, in its task's own size.

    Args:
        task: The task.
        value: A text in any of the formats of ``Task.read_questions``; nested lists or an array of
            digits or characters, with 0 for a blank cell; or ``(seq_len,)`` tokens, which contain
            no 0.

    Raises:
        ValueError: if it is not one puzzle of this size.
    """
    if not task.has_solver:
        return task.validate(task.parse(str(value)))
    sizes = Sizes(task, fixed=True)
    if isinstance(value, str):
        value = value.removeprefix("\ufeff")
        return task.validate(task.parse(one(value, lambda: _of_text(task, value)).cells))
    tokens = flat_tokens(value, task.seq_len)
    if tokens is None:
        return task.validate(task.parse(one(value, lambda: [read_array(sizes, value)]).cells))
    digits = read_array(sizes, value)
    if is_record(digits):
        # A solved grid has no zeros either, and must not be taken for tokens.
        _refuse_solved(task, digits.cells)
    return task.validate(tokens)


def _of_text(task: Task, text: str) -> list[Found]:
    try:
        task.parse(text)
    except ValueError as error:
        found = read_records(task, text, fixed=True)
        return found or [Fault(1, str(error))]
    return [Record(text, 1)]


def one(value: Any, read: Callable[[], list[Found]]) -> Record:
    """Return the only puzzle of a value.

    Raises:
        ValueError: if there is none, or several.
    """
    found = read()
    for part in found:
        if isinstance(part, Fault):
            raise ValueError(part.sentence)
    if len(found) != 1 or not is_record(found[0]):
        raise ValueError(f"puzzle: expected one puzzle, got {len(found)} in {str(value)[:40]!r}")
    return found[0]


def _refuse_solved(task: Task, cells: str) -> None:
    """Refuse a solved grid of digits.

    Raises:
        ValueError: if the cells are a full grid that keeps the rules.
    """
    grid = task.parse(cells)
    if task.is_solved(Puzzle(grid, grid), grid):
        task.check_question(grid)


def stack(questions: list[Question]) -> Tokens:
    """Return the inputs of questions, ``(N, seq_len)`` uint8."""
    return np.stack([question.inputs for question in questions])
