"""The arguments of an environment that choose its puzzles: source, split, difficulty and limit."""

from __future__ import annotations

from collections.abc import Sequence

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import SPLITS, Task

from .puzzle_set import PuzzleSet


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
        task: The task of the puzzles.
        source: ``bank``; ``generator`` or ``generator:N`` (N new puzzles of the split); a file of
            puzzles, such as a list or a CSV, which is used whole; or a dataset folder, whose
            ``test`` also serves as ``val`` and ``ood``. A family may have further sources, see
            ``Task.load``. ``None`` means the default of the task; see ``Task.default_source``.
        split: ``train``, ``val``, ``test`` or ``ood``.
        difficulty: Lowest and highest rating, both included.
        limit: Largest number of puzzles; the first ones are taken. In a dataset folder a puzzle
            counts once, together with all its copies.
        task_id: Name of the group of puzzles to choose; see ``Puzzle.group``.

    Raises:
        ValueError: if an argument is out of range, the source does not exist or is malformed, or
            no puzzle is left.
    """
    check_choice(split, difficulty, limit)
    source = task.default_source if source is None else str(source)
    if limit is not None and difficulty is None and task_id is None:
        puzzles = task.load(source, split, limit)
    else:
        puzzles = task.load(source, split)
    if task_id is not None:
        puzzles = task.select(puzzles, task_id, source, split)
    return choose(puzzles, source, split, difficulty, limit)


def check_choice(split: str, difficulty: Sequence[float] | None, limit: int | None) -> None:
    """Check the arguments that choose among the puzzles of a source.

    Raises:
        ValueError: if an argument is out of range.
    """
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {', '.join(SPLITS)}, got {split!r}")
    if limit is not None:
        check_whole("limit", limit)
    if difficulty is not None:
        check_range(difficulty)


def choose(
    puzzles: PuzzleSet,
    source: str,
    split: str,
    difficulty: Sequence[float] | None,
    limit: int | None,
) -> PuzzleSet:
    """Return the puzzles of a split within ``difficulty``, at most ``limit`` of them.

    Raises:
        ValueError: if no puzzle is left.
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
        ValueError: if it is not a pair of numbers in ascending order.
    """
    try:
        # Otherwise the text "12" would be read as the numbers 1 and 2.
        low, high = (float(end) for end in (() if isinstance(difficulty, str) else difficulty))
    except (TypeError, ValueError):
        low, high = 1.0, 0.0
    if not low <= high:
        raise ValueError(f"difficulty: expected [lowest, highest], got {difficulty!r}")
    return low, high
