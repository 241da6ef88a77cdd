"""Puzzles as people hand them in: a string, a file, standard input, an ARC JSON."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.puzzles import Task, Tokens, get_task


@dataclass(frozen=True, eq=False)
class Question:
    """One puzzle to be solved.

    Attributes:
        name: Its text, or task and test number of ARC.
        inputs: ``(seq_len,)`` uint8.
        labels: ``(seq_len,)`` uint8, ``None`` where the solution is not known.
        demos: Demonstration pairs of an ARC task.
    """

    name: str
    inputs: Tokens
    labels: Tokens | None = None
    demos: tuple[tuple[Any, Any], ...] = ()


def read_questions(family: str, text: str) -> tuple[Task, list[Question]]:
    """Return the task and the puzzles of an input.

    Args:
        family: ``sudoku``, ``maze`` or ``arc``.
        text: Puzzles themselves, a file of them, or ``-`` for standard input. Sudokus and mazes
            stand one a line, or as square grids with an empty line between them, or in the
            ``question`` column of a CSV; ARC is the JSON of one task, or an object of several.

    Raises:
        ValueError: There is no puzzle, or one is malformed, unsolvable or ambiguous; the sentence
            says which.
    """
    content, origin = _content(text)
    if family == "arc":
        return get_task("arc"), _read_arc(content, origin)
    puzzles = _split(family, content, origin)
    if not puzzles:
        raise ValueError("puzzle: expected a puzzle, got nothing")
    length = len(puzzles[0])
    side = round(length**0.5)
    if side * side != length:
        unknown = " (nor is it a file)" if origin == "puzzle" else ""
        raise ValueError(
            f"{origin}: expected a square number of cells for a {family}, got {length}{unknown}"
        )
    task = get_task(f"{family}-{side}x{side}")
    questions = []
    for number, puzzle in enumerate(puzzles, start=1):
        try:
            inputs = task.parse(puzzle)
            # Without one solution there is nothing to check an answer against.
            questions.append(Question(task.format(inputs), inputs, task.solve(inputs)))
        except ValueError as error:
            place = "" if origin == "puzzle" else f"{origin}, "
            where = f"{place}puzzle {number}: " if len(puzzles) > 1 else ""
            raise ValueError(f"{where}{error}") from None
    return task, questions


def _content(text: str) -> tuple[str, str]:
    """Return the text of an input and what to call it."""
    if text == "-":
        return sys.stdin.read(), "standard input"
    if "\n" not in text and "\0" not in text:
        path = Path(text)
        try:
            there = path.is_file()
        except OSError:
            # Too long for a name, so a puzzle.
            there = False
        if os.sep in text and path.is_dir():
            raise ValueError(f"{text}: expected a puzzle or a file, this is a folder")
        if there:
            try:
                return path.read_text(encoding="utf-8-sig"), text
            except UnicodeDecodeError:
                raise ValueError(f"{text}: expected a text file in UTF-8") from None
        if path.suffix in (".csv", ".txt", ".json"):
            raise ValueError(f"{text}: expected a puzzle or a file, there is no such file")
    return text, "puzzle"


def _split(family: str, content: str, origin: str) -> list[str]:
    """Return the puzzles of a text, without line breaks and, for Sudoku, without ornaments."""
    lines = content.splitlines()
    if lines and "question" in lines[0]:
        # Blanks around a name are none of it, those of a puzzle may be its cells.
        names = [name.strip() for name in next(csv.reader(lines[:1], skipinitialspace=True))]
        if "question" in names:
            table = csv.DictReader(io.StringIO(content), names)
            try:
                return [row["question"] for row in list(table)[1:] if row["question"]]
            except csv.Error as error:
                raise ValueError(f"{origin}, line {table.line_num}: {error}") from None
    if origin.endswith(".csv"):
        raise ValueError(f"{origin}: expected a CSV with a 'question' column")
    if family == "sudoku":
        # A blank cell is a dot, 0 or _, so blanks, bars and dashes are ornaments.
        lines = ["".join(c for c in line if c not in " \t|+-") for line in lines]
        # Lines that were nothing but ornaments, not the empty ones between grids.
        lines = [
            new for new, old in zip(lines, content.splitlines(), strict=True) if new or not old
        ]
    puzzles: list[str] = []
    block: list[str] = []
    for line in [*lines, ""]:
        if line:
            block.append(line)
        elif block:
            square = len(block) > 1 and all(len(row) == len(block) for row in block)
            puzzles += ["".join(block)] if square else block
            block = []
    return puzzles


def _read_arc(content: str, origin: str) -> list[Question]:
    """Return the test inputs of one ARC task or of an object of tasks, solved or not."""
    from hrm_gym.puzzles.arc import read_grid, to_canvas

    try:
        tasks = json.loads(content)
    except json.JSONDecodeError:
        raise ValueError(f"{origin}: expected ARC JSON, this is not JSON") from None
    if isinstance(tasks, dict) and "test" in tasks:
        tasks = {Path(origin).stem: tasks}
    if not isinstance(tasks, dict) or not tasks:
        raise ValueError(f"{origin}: expected the JSON of an ARC task, with 'train' and 'test'")
    questions = []
    for name, task in tasks.items():
        try:
            demos = tuple((read_grid(p["input"]), read_grid(p["output"])) for p in task["train"])
            for number, pair in enumerate(task["test"], start=1):
                output = pair.get("output")
                questions.append(
                    Question(
                        f"{name}, test {number}",
                        to_canvas(read_grid(pair["input"])),
                        None if output is None else to_canvas(read_grid(output)),
                        demos,
                    )
                )
        except (KeyError, TypeError, AttributeError):
            raise ValueError(
                f"{origin}: expected ARC JSON, 'train' and 'test' lists of input/output pairs, "
                f"in task {name}"
            ) from None
        except ValueError as error:
            raise ValueError(f"{origin}, task {name}: {error}") from None
    if not questions:
        raise ValueError(f"{origin}: the ARC task has no test input")
    return questions


def stack(questions: list[Question]) -> Tokens:
    """Return the inputs of questions, ``(N, seq_len)`` uint8."""
    return np.stack([question.inputs for question in questions])
