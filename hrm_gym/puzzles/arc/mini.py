"""Mini-ARC: 149 tasks on 5x5 grids, which ship with the package, and their splits.

Every task has two to eight demonstrations and one test pair. ``train`` and ``val`` contain
demonstrations, each of which is asked while the other demonstrations of ``train`` are shown;
``val`` has the last demonstration of each task with four or more. ``test`` contains the test pairs,
and so does ``ood``, as in dataset folders: no task is set aside.

A model with a puzzle embedding learns a task from its demonstrations. ``mini-arc:turned`` therefore
contains the demonstrations of both splits under the eight symmetries of the square, each with a
row of the puzzle embedding; see ``turned``. ``mini-arc:tuning`` does the same without the
demonstrations of ``val``, which are then its test puzzles, so that a configuration can be chosen
without any test pair. Each of the three may be limited to the first tasks, as in
``mini-arc:turned:100``, or to those from one number to another: ``mini-arc:101-149``.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..puzzle import SPLITS
from .augment import ArcTask
from .grids import ArcPuzzle, Grid, Pair, to_canvas
from .turned import TURNS, turned_set

if TYPE_CHECKING:
    from hrm_gym.data.puzzle_set import PuzzleSet

MINI_ARC = "mini-arc"
FOLDER = Path(__file__).parent / "mini_arc"
KINDS = ("turned", "tuning")
"""Forms of the source in which every symmetry of a task has a row of the puzzle embedding."""
CELLS = 5
"""Cells along one side of every grid."""
LEAST = 4
"""Number of demonstrations of a task from which on the last one belongs to ``val``."""


def is_mini(source: str) -> bool:
    """Return whether a source is Mini-ARC, in any of its forms."""
    return source.partition(":")[0] == MINI_ARC


@lru_cache
def mini_tasks() -> tuple[ArcTask, ...]:
    """Read the tasks, sorted by name."""
    tasks = []
    for line in (FOLDER / "tasks.txt").read_text(encoding="utf-8").splitlines():
        name, *pairs = line.split()
        read = [_read_pair(pair) for pair in pairs]
        tasks.append(ArcTask(name, tuple(read[:-1]), (read[-1],)))
    return tuple(tasks)


def _read_pair(text: str) -> Pair:
    question, answer = text.split(":")
    return _read_grid(question), _read_grid(answer)


def _read_grid(digits: str) -> Grid:
    return np.array(list(digits), np.uint8).reshape(CELLS, CELLS)


def split_pairs(task: ArcTask, split: str) -> list[tuple[int, Pair, tuple[Pair, ...]]]:
    """Return the asked pairs of a task in a split: number, pair and shown demonstrations.

    Raises:
        ValueError: if there is no such split.
    """
    known = task.demos[:-1] if len(task.demos) >= LEAST else task.demos
    if split == "train":
        return [
            (number, pair, known[:number] + known[number + 1 :])
            for number, pair in enumerate(known)
        ]
    if split == "val":
        return [(len(known), pair, known) for pair in task.demos[len(known) :]]
    if split in ("test", "ood"):
        return [(number, pair, task.demos) for number, pair in enumerate(task.tests)]
    raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")


def load_mini(source: str, split: str, side: int) -> PuzzleSet:
    """Return the puzzles of a split on a square canvas.

    Args:
        source: ``mini-arc``, ``mini-arc:turned`` or ``mini-arc:tuning``, each also with a number
            or a range of tasks.
        split: ``train``, ``val``, ``test`` or ``ood``. With ``turned`` and ``tuning``, all splits
            but ``train`` are the test puzzles, as in dataset folders.
        side: Cells along one side of the canvas.

    Raises:
        ValueError: if the source or the split is unknown, or the grids do not fit on the canvas.
    """
    if side < CELLS:
        raise ValueError(
            f"source: the grids of {source} have {CELLS}x{CELLS} cells, which do not fit on a "
            f"canvas of {side}x{side}"
        )
    kind, tasks = read_source(source)
    if kind is None:
        return _plain_set(tasks, split, side)
    train = split == "train"
    if kind == "turned":
        pairs = [task.demos if train else task.tests for task in tasks]
    else:
        part = "train" if train else "val"
        pairs = [tuple(pair for _, pair, _ in split_pairs(task, part)) for task in tasks]
    return turned_set(pairs, side, source)


def read_source(source: str) -> tuple[str | None, tuple[ArcTask, ...]]:
    """Return the kind of a source, ``turned``, ``tuning`` or ``None``, and its tasks.

    Raises:
        ValueError: if the source is not written as ``load_mini`` describes it.
    """
    _, *rest = source.split(":")
    tasks = mini_tasks()
    kind = rest.pop(0) if rest and rest[0] in KINDS else None
    first, dash, last = (rest.pop(0) if rest else str(len(tasks))).partition("-")
    numbers = (first, last) if dash else ("1", first)
    if rest or not all(number.isdecimal() for number in numbers):
        start = end = 0
    else:
        start, end = map(int, numbers)
    if not 1 <= start <= end <= len(tasks):
        raise ValueError(
            f"source: expected {MINI_ARC}, {MINI_ARC}:turned or {MINI_ARC}:tuning, perhaps with :N "
            f"for the first N tasks or :A-B for those from A to B of {len(tasks)}, got {source!r}"
        )
    return kind, tasks[start - 1 : end]


def _plain_set(tasks: tuple[ArcTask, ...], split: str, side: int) -> PuzzleSet:
    """Return the puzzles of a split as they are; their ids are those of ``turned_set``."""
    from hrm_gym.data.puzzle_set import PuzzleSet

    puzzles: list[ArcPuzzle] = []
    ids: list[int] = []
    for row, task in enumerate(tasks):
        for number, (question, answer), demos in split_pairs(task, split):
            canvases = to_canvas(question, side), to_canvas(answer, side)
            rating = float(question.size)
            puzzles.append(ArcPuzzle(*canvases, rating, MINI_ARC, task.name, number, demos))
            ids.append(TURNS * row)
    return PuzzleSet(
        np.stack([puzzle.inputs for puzzle in puzzles]),
        np.stack([puzzle.labels for puzzle in puzzles]),
        np.array([puzzle.rating for puzzle in puzzles], np.float32),
        np.array(ids, np.int32),
        MINI_ARC,
        TURNS * len(tasks),
        puzzles,
    )
