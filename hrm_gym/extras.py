"""The message about a missing optional dependency."""

from __future__ import annotations


def missing_extra(what: str, extra: str) -> str:
    """Return the message for an extra of ``pyproject.toml`` that is not installed.

    Args:
        what: What needs the extra.
        extra: Name of the extra.
    """
    return f'{what} needs the extra {extra}: pip install "hrm-gym[{extra}]"'
