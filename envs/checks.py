"""Checks of arguments that several environments share."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.checks import check_number, check_whole
from hrm_gym.data import PuzzleSet
from hrm_gym.data.source import check_range
from hrm_gym.puzzles import PAD, TARGETS, Task


def check_max_steps(max_steps: Any) -> int | None:
    """Return the number of steps after which an episode is truncated, ``None`` for no limit.

    Raises:
        ValueError: if ``max_steps`` is neither a positive whole number nor ``None``.
    """
    return None if max_steps is None else check_whole("max_steps", max_steps)


def refuse_max_steps(arguments: dict[str, Any]) -> None:
    """Raise where an environment whose episodes end by ``max_segments`` is given ``max_steps``.

    Raises:
        ValueError: if ``max_steps`` is among the arguments.
    """
    if "max_steps" in arguments:
        raise ValueError("max_steps: these episodes end by max_segments; expected that argument")


def check_targets(task: Task, targets: Any) -> str:
    """Return the name of the targets, that is, of the labels of a puzzle under a symmetry.

    Raises:
        ValueError: if ``targets`` is not one of ``TARGETS``, or the task does not have it since its
            puzzles have one right answer each.
    """
    if targets not in TARGETS:
        raise ValueError(f"targets: expected one of {', '.join(TARGETS)}, got {targets!r}")
    if targets not in task.targets:
        raise ValueError(
            f"targets: expected {', '.join(task.targets)} for {task.id}, whose puzzles have one "
            f"right answer each, got {targets!r}"
        )
    return str(targets)


def check_easier(easier: Any, targets: str) -> float:
    """Return the share of episodes whose puzzle is replaced by an easier one.

    Raises:
        ValueError: if it is not between 0 and 1, or other targets than ``turned`` are asked for.
    """
    share = check_number("easier", easier, 0, 1)
    if share and targets != "turned":
        raise ValueError(
            "easier: the label of an easier puzzle follows from the label of the puzzle, which "
            f"needs targets='turned', got {targets!r}"
        )
    return share


def with_answers(puzzles: PuzzleSet) -> PuzzleSet:
    """Return the puzzles whose answer is known; a warning says how many are left out.

    Any answer would equal a label that is padding alone, as that of a hidden output.

    Raises:
        ValueError: if no answer is known.
    """
    known = (puzzles.labels != PAD).any(axis=1)
    if known.all():
        return puzzles
    if not known.any():
        raise ValueError(
            f"source: the answers of all {len(puzzles)} puzzles of {puzzles.origin} are hidden, so "
            "none can be compared with an answer"
        )
    hidden = len(puzzles) - int(known.sum())
    warnings.warn(
        f"{puzzles.origin}: {hidden} of {len(puzzles)} puzzles have hidden answers and are left "
        "out",
        stacklevel=3,
    )
    return puzzles.take(known)


def in_range(ratings: NDArray[np.float32], difficulty: Any) -> NDArray[np.int64]:
    """Return the indices of the puzzles with a rating in a range.

    Raises:
        ValueError: if the range is invalid or contains no puzzle.
    """
    low, high = check_range(difficulty)
    rows = np.flatnonzero((ratings >= low) & (ratings <= high))
    if len(rows) == 0:
        raise ValueError(f"difficulty: no puzzle is rated {low:g} to {high:g}")
    return rows


def refuse_unknown(env: object, unknown: dict[str, Any]) -> None:
    """Raise where a keyword argument is one that an environment does not take.

    The message begins like the message of Python itself, since other libraries pass an argument on
    trial and look for these words.

    Args:
        env: The environment.
        unknown: The arguments that it does not take.

    Raises:
        TypeError: if there is an unknown argument; the message names it.
    """
    if not unknown:
        return
    name = next(iter(unknown))
    if name == "autoreset_mode":
        hint = (
            "this environment has no native vector and takes Gymnasium's "
            "vector_kwargs={'autoreset_mode': AutoresetMode.SAME_STEP}"
        )
    else:
        hint = (
            "environments take source, split, difficulty, limit, augment, render_mode and what "
            "their documentation lists"
        )
    raise TypeError(
        f"{type(env).__name__}.__init__() got an unexpected keyword argument {name!r}; {hint}"
    )
