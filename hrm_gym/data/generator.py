"""Puzzles from the generator of a task."""

from __future__ import annotations

from hrm_gym.puzzles import Puzzle, Task
from hrm_gym.puzzles.keys import lane

from .puzzle_set import PuzzleSet

GENERATED = 1000
"""Number of puzzles of ``source="generator"``, which does not name a number."""


def load(task: Task, source: str, split: str) -> PuzzleSet:
    """Generate puzzles until enough of them belong to the split.

    The k-th puzzle of a split is the same on every machine.

    Args:
        task: The task.
        source: ``generator``, or ``generator:N`` for N puzzles.
        split: ``train``, ``val``, ``test`` or ``ood``.

    Raises:
        ValueError: if N is not a positive number, or hardly any generated puzzle belongs to the
            split.
    """
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
