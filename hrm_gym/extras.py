"""Optional dependencies: the one sentence about those that are missing."""

from __future__ import annotations


def missing_extra(what: str, extra: str) -> str:
    """Return what to say where an extra of ``pyproject.toml`` is not installed.

    Args:
        what: What needs it.
        extra: Its name.
    """
    return f'{what} needs the extra {extra}: pip install -e ".[{extra}]"'
