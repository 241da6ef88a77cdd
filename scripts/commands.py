"""The commands of ``hrm-gym``: which scripts there are, and what each one does."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from pathlib import Path
from types import ModuleType

FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the commands: the modules of this folder that define ``Args``."""
    found = []
    for module in pkgutil.iter_modules([str(FOLDER)]):
        # The file is read and not imported, because some scripts load torch, which takes seconds.
        path = FOLDER / f"{module.name}.py"
        if path.is_file() and re.search(r"^(class )?Args\b", path.read_text("utf-8"), re.MULTILINE):
            found.append(module.name.replace("_", "-"))
    return sorted(found)


def summary(name: str) -> str:
    """Return the first sentence of a command's help text, without importing the script."""
    tree = ast.parse((FOLDER / f"{_module(name)}.py").read_text("utf-8"))
    paragraph = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    return " ".join(paragraph.split())


def load(name: str) -> ModuleType:
    """Import the script of a command; it has ``Args`` and ``main``."""
    return importlib.import_module(f"hrm_gym.scripts.{_module(name)}")


def _module(name: str) -> str:
    """Return the name of the file of a command."""
    return name.replace("-", "_")
