"""Writing figures to files."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from hrm_gym.files import write_bytes


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    write_bytes(path, png(figure))
