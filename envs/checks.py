"""Arguments that every environment checks."""

from __future__ import annotations

from typing import Any


def check_augment(augment: Any) -> bool:
    """Return whether puzzles are shown under a random symmetry.

    Raises:
        ValueError: It is no truth value.
    """
    if not isinstance(augment, bool):
        raise ValueError(f"augment: expected true or false, got {augment!r}")
    return augment


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
