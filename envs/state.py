"""The checks of ``set_state``, which run before anything changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import Task


def drawn_from(task: Task, augment: bool, puzzles: PuzzleSet) -> str:
    """Describe what episodes are drawn from; see ``PuzzleEnv._identity``."""
    # The symmetries of a task may depend on its kind.
    kind = getattr(task, "kind", None)
    name = f"{kind} {task.id}" if kind else task.id
    return f"on {name}, augment={augment}, {puzzles.mark}"


def check_state(state: Any, own: str, names: Iterable[str]) -> None:
    """Check that a state is complete and fits an environment.

    Args:
        state: The argument of ``set_state``.
        own: The description of the environment: class, task, puzzles, and everything else that
            episodes or spaces depend on.
        names: The entries of a state.

    Raises:
        ValueError: if the state is of another environment, or has other entries.
    """
    given = state.get("env") if isinstance(state, dict) else None
    if given != own:
        raise ValueError(
            f"state: expected {own}, got {given or 'something else'} (puzzles are named by number "
            "and hash; source, split, difficulty and limit choose them)"
        )
    check_names(state, own, names)


def check_names(part: Any, own: str, names: Iterable[str]) -> None:
    """Check that a state, or a dictionary in it, has exactly these entries.

    Raises:
        ValueError: if an entry is missing or unknown; the message names it.
    """
    wanted = set(names)
    held = set(part) if isinstance(part, dict) else set()
    missing, further = sorted(wanted - held, key=str), sorted(held - wanted, key=str)
    if missing:
        raise ValueError(
            f"state: expected {own} as get_state returned it, but {missing[0]} is missing"
        )
    if further:
        raise ValueError(
            f"state: expected {own} as get_state returned it, but it also contains {further[0]!r}"
        )


def check_shapes(part: dict[str, Any], own: str, rows: Mapping[str, Any]) -> None:
    """Check that arrays or tensors of a state have the shapes of the environment's own.

    Raises:
        ValueError: if a shape differs; the message names the array.
    """
    for name, array in rows.items():
        if getattr(part[name], "shape", None) != array.shape:
            raise ValueError(
                f"state: expected {own}, but {name} does not have shape {tuple(array.shape)}"
            )
