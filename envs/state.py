"""What ``set_state`` refuses, before it changes anything."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import Task


def drawn_from(task: Task, augment: bool, puzzles: PuzzleSet) -> str:
    """Say what episodes are drawn from, for the name of what a state must be of."""
    # The symmetries of a maze hang on its kind.
    kind = getattr(task, "kind", None)
    name = f"{kind} {task.id}" if kind else task.id
    return f"on {name}, augment={augment}, {puzzles.mark}"


def check_state(state: Any, own: str, names: Iterable[str]) -> None:
    """Refuse what ``get_state`` of another environment gave, or what is no whole state.

    Args:
        state: What ``set_state`` was given.
        own: Names the environment: class, task, puzzles, and what else episodes or spaces hang on.
        names: What a state holds.

    Raises:
        ValueError: It is of another environment, or does not hold just these.
    """
    given = state.get("env") if isinstance(state, dict) else None
    if given != own:
        raise ValueError(
            f"state: expected {own}, got {given or 'something else'} (puzzles are named by number "
            "and hash; source, split, difficulty and limit choose them)"
        )
    check_names(state, own, names)


def check_names(part: Any, own: str, names: Iterable[str]) -> None:
    """Refuse a state, or a dictionary in it, that does not hold just these names.

    Raises:
        ValueError: It does not; the sentence says which.
    """
    wanted = set(names)
    held = set(part) if isinstance(part, dict) else set()
    for name in sorted(wanted - held, key=str):
        raise ValueError(f"state: expected {own} as get_state gave it, but {name} is missing")
    for name in sorted(held - wanted, key=str):
        raise ValueError(f"state: expected {own} as get_state gave it, but it holds {name!r} too")


def check_shapes(part: dict[str, Any], own: str, rows: Mapping[str, Any]) -> None:
    """Refuse arrays or tensors of a state that are not shaped as an environment's own.

    Raises:
        ValueError: One is not; the sentence says which.
    """
    for name, array in rows.items():
        if getattr(part[name], "shape", None) != array.shape:
            raise ValueError(f"state: expected {own}, but {name} is no {tuple(array.shape)}")
