"""Modules that are named after a family of puzzles and found by that name."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any


def family_module(package: str, family: str) -> Any:
    """Return the module of a family in a package, ``None`` if there is none.

    Args:
        package: Full name of the package, such as ``hrm_gym.scripts.playing``.
        family: Name of the family.
    """
    name = f"{package}.{family}"
    # A custom task may have any name.
    if not family.isidentifier() or importlib.util.find_spec(name) is None:
        return None
    return importlib.import_module(name)
