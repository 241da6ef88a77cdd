"""Pictures of puzzles, painted from plain arrays: scenes in, pygame surfaces, frames or text out.

A scene is what is to be seen; `paint` turns it into a surface, `to_array` that into a video frame,
`ansi` into text for a terminal, and `Window` shows surfaces to a person. Nothing here knows an
environment or an agent, and pygame is imported with the first painter or window only.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from .scenes import ARCScene, HaltScene, MazeScene, Scene, SudokuScene
from .text import ansi

if TYPE_CHECKING:
    from .painting import cell_at, cell_rect, paint, to_array
    from .window import Window

# pygame greets on standard output when it is imported, which would spoil what programs read there.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

__all__ = [
    "ARCScene",
    "HaltScene",
    "MazeScene",
    "Scene",
    "SudokuScene",
    "Window",
    "ansi",
    "cell_at",
    "cell_rect",
    "paint",
    "to_array",
]

_HOMES = {
    "paint": ".painting",
    "to_array": ".painting",
    "cell_at": ".painting",
    "cell_rect": ".painting",
    "Window": ".window",
}


def __getattr__(name: str) -> Any:
    """Import what needs pygame when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
