"""Pictures of puzzles: a scene holds what is shown, and paints and prints itself.

``Scene.paint`` returns a pygame surface, ``to_array`` converts it into a video frame,
``Scene.ansi`` returns text for a terminal, and ``Window`` shows surfaces on the screen. Nothing
here depends on an environment or an agent. The first painter or window imports pygame.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

from .grids import GridScene
from .halt import HaltScene
from .scene import Scene

if TYPE_CHECKING:
    from .drawing import to_array
    from .window import Window

# pygame prints a greeting to standard output on import; programs may read that output.
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

__all__ = ["GridScene", "HaltScene", "Scene", "Window", "to_array"]

_HOMES = {"to_array": ".drawing", "Window": ".window"}


def __getattr__(name: str) -> Any:
    """Import a name that needs pygame on first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value
