"""``source=`` of an environment: the bundled bank, the generator, a file or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hrm_gym.puzzles import SPLITS, Puzzle, Task
from hrm_gym.puzzles.keys import lane

from . import bank, readers
from .puzzle_set import PuzzleSet

GENERATED = 1000
"""Puzzles of ``source="generator"`` unless it says ``generator:N``."""


def load_puzzles(
    task: Task,
    source: str | None = None,
    split: str = "train",
    difficulty: Sequence[float] | None = None,
    limit: int | None = None,
    task_id: str | None = None,
) -> PuzzleSet:
    """Load the puzzles that an environment draws from.

    Args:
        task: The task they must be of.
        source: ``bank``; ``generator`` or ``generator:N`` (N fresh puzzles of the split);
            ``arc-agi-1`` or ``arc-agi-2``; a CSV file or an ARC JSON file, used whole; a dataset
            folder, whose ``test`` is its ``val`` and ``ood`` too; a folder of ARC JSON files, used
            whole. ``None`` is the task's own default: the bank, ``arc-agi-1``, and for a task of
            one's own its generator.
        split: ``train``, ``val``, ``test`` or ``ood``.
        difficulty: Lowest and highest rating, both included.
        limit: At most so many puzzles, the first ones; of a dataset folder with all their copies.
        task_id: Name of one ARC task, whose test inputs alone are wanted.

    Raises:
        ValueError: An argument is out of range, nothing is there, or nothing is left.
    """
    check_choice(split, difficulty, limit)
    source = task.source if source is None else str(source)
    puzzles = _read(task, source, split)
    if task_id is not None:
        puzzles = _of_task(puzzles, task, task_id, source, split)
    return choose(puzzles, source, split, difficulty, limit)


def _of_task(puzzles: PuzzleSet, task: Task, task_id: str, source: str, split: str) -> PuzzleSet:
    """Return the puzzles of one ARC task.

    Raises:
        ValueError: There is no such task among them; the sentence says where it is.
    """
    names = [getattr(puzzle, "task_id", None) for puzzle in puzzles.puzzles or ()]
    rows = [row for row, name in enumerate(names) if name == task_id]
    if rows:
        return puzzles.take(np.array(rows))
    sentence = f"task_id: no task {task_id!r} in {source}"
    if task.name != "arc":
        sentence = f"task_id: only ARC's puzzles are of tasks by name, not those of {task.id}"
    elif puzzles.puzzles is None:
        sentence = (
            f"task_id: {source} is a dataset folder, whose puzzles have no task; expected "
            "arc-agi-1, arc-agi-2, an ARC JSON file or a folder of them"
        )
    elif source.startswith("arc-agi-"):
        from hrm_gym.puzzles import arc

        for other in SPLITS:
            if any(puzzle.task_id == task_id for puzzle in arc.read_agi(source, other)):
                sentence = f"task_id: {task_id} is of split {other!r} in {source}, not {split!r}"
                break
        else:
            if any(puzzle.task_id == task_id for puzzle in arc.read_version(source)[0]):
                sentence = (
                    f"task_id: {task_id} is of no split in {source}, since the other version "
                    "evaluates on it, or either does on a twin of it"
                )
    raise ValueError(sentence)


def check_choice(split: str, difficulty: Sequence[float] | None, limit: int | None) -> None:
    """Check the arguments that say which puzzles of a source are meant.

    Raises:
        ValueError: One is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    whole = isinstance(limit, int) and not isinstance(limit, bool)
    if limit is not None and (not whole or limit < 1):
        raise ValueError(f"limit: expected a positive number of puzzles, got {limit!r}")
    if difficulty is not None:
        check_range(difficulty)


def choose(
    puzzles: PuzzleSet,
    source: str,
    split: str,
    difficulty: Sequence[float] | None,
    limit: int | None,
) -> PuzzleSet:
    """Return the puzzles of a split that ``difficulty`` and ``limit`` leave.

    Raises:
        ValueError: None is.
    """
    if difficulty is not None:
        low, high = check_range(difficulty)
        kept = (puzzles.ratings >= low) & (puzzles.ratings <= high)
        if not kept.any():
            found = f"{puzzles.ratings.min():g} to {puzzles.ratings.max():g}"
            raise ValueError(
                f"difficulty: no puzzle is rated {low:g} to {high:g}; those of {source!r} "
                f"({split}) are rated {found}"
            )
        puzzles = puzzles.take(kept)
    return puzzles if limit is None else puzzles.first(limit)


def check_range(difficulty: Sequence[float]) -> tuple[float, float]:
    """Return the lowest and the highest rating of a range.

    Raises:
        ValueError: It is no such pair.
    """
    try:
        # The digits of a text would pass for two numbers.
        low, high = (float(end) for end in (() if isinstance(difficulty, str) else difficulty))
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise ValueError(f"difficulty: expected [lowest, highest], got {difficulty!r}")
    return low, high


def _read(task: Task, source: str, split: str) -> PuzzleSet:
    if task.name == "arc" and task.id != "arc" and not (Path(source) / "train").is_dir():
        raise ValueError(
            f"source: {task.id} is read from a folder of build-dataset arc alone, got {source!r}"
        )
    if source.startswith("arc-agi-") and task.name == "arc":
        from hrm_gym.puzzles import arc

        if source not in arc.VERSIONS:
            raise ValueError(f"source: expected arc-agi-1 or arc-agi-2, got {source!r}")
        return PuzzleSet.of(arc.read_agi(source, split), source)
    if source == "bank" and task.name != "arc":
        return bank.load(task, split)
    if source.partition(":")[0] == "generator":
        return _generate(task, source, split)
    path = Path(source)
    if path.is_dir():
        if task.name == "arc" and not (path / "train" / "dataset.json").exists():
            from hrm_gym.puzzles import arc

            return PuzzleSet.of(arc.read_folder(path), source)
        return readers.read_folder(task, path, split)
    if path.is_file():
        if task.name == "arc":
            from hrm_gym.puzzles import arc

            return PuzzleSet.of(arc.read_file(path), source)
        return readers.read_csv(task, path)
    kinds = "arc-agi-1, arc-agi-2" if task.name == "arc" else "bank, generator[:N]"
    raise ValueError(f"source: expected {kinds}, or an existing file or folder, got {source!r}")


def _generate(task: Task, source: str, split: str) -> PuzzleSet:
    """Make puzzles until enough fall into the split; the k-th is the same on every machine."""
    number = source.partition(":")[2] or str(GENERATED)
    if not number.isdecimal() or int(number) < 1:
        raise ValueError(f"source: expected generator:N with a positive N, got {source!r}")
    wanted, key = int(number), int.from_bytes(split.encode(), "little")
    puzzles: list[Puzzle] = []
    drawn = 0
    while len(puzzles) < wanted:
        puzzle = task.generate(lane(key, drawn))
        drawn += 1
        if task.split_of(puzzle) == split:
            puzzles.append(puzzle)
        elif drawn > 100 * (len(puzzles) + 10):
            raise ValueError(
                f"source: the generator of {task.id} makes hardly any puzzle of split {split!r}; "
                "expected another split, or another source"
            )
    return PuzzleSet.of(puzzles, "generator")
