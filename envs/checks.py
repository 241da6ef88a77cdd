"""Arguments that every environment checks."""

from __future__ import annotations

import math
from typing import Any

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import TARGETS, Task


def check_flag(name: str, value: Any) -> bool:
    """Return a truth value.

    Raises:
        ValueError: It is none.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name}: expected true or false, got {value!r}")
    return value


def check_number(name: str, value: Any, low: float = -math.inf, high: float = math.inf) -> float:
    """Return a finite number, the bounds included.

    Raises:
        ValueError: It is none.
    """
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not low <= value <= high:
        wanted = "a finite number" if low == -math.inf else f"a number in {low:g}..{high:g}"
        raise ValueError(f"{name}: expected {wanted}, got {value!r}")
    return float(value)


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
        raise ValueError("max_steps: these episodes end by max_segments; expected that instead")


def check_targets(task: Task, targets: Any) -> str:
    """Return what a puzzle under a symmetry is taught.

    Raises:
        ValueError: It is none of ``TARGETS``, or the task has one answer a puzzle.
    """
    if targets not in TARGETS:
        raise ValueError(f"targets: expected one of {', '.join(TARGETS)}, got {targets!r}")
    if targets not in task.targets:
        raise ValueError(
            f"targets: {targets} is for mazes, which may have several right answers; expected "
            f"{', '.join(task.targets)} for {task.id}"
        )
    return str(targets)


def refuse_unknown(unknown: dict[str, Any]) -> None:
    """Raise for keyword arguments that no environment takes.

    Raises:
        ValueError: There is one.
    """
    if "autoreset_mode" in unknown:
        raise ValueError(
            "autoreset_mode: there is no native vector of this environment; give Gymnasium's "
            "vector_kwargs={'autoreset_mode': AutoresetMode.SAME_STEP} instead"
        )
    if unknown:
        raise ValueError(
            f"{next(iter(unknown))}: unknown keyword; environments take source, split, difficulty, "
            "limit, augment, render_mode and what their documentation lists"
        )
