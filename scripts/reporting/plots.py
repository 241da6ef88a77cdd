"""Colours, axes and files of figures."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
"""The palette of Okabe and Ito, which colour-blind readers can tell apart."""
BLUE, ORANGE = PALETTE[:2]
INK, GRID, EDGE = "#333333", "#E6E6E6", "#B0B0B0"


def empty_figure(width: float, height: float, dpi: int = 160) -> Figure:
    """Return a figure that is drawn without a display and without pyplot's global state.

    Args:
        width: Inches.
        height: Inches.
        dpi: Pixels per inch.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def style_axes(axes: Axes, x: str = "", y: str = "") -> None:
    """Label axes, draw horizontal grid lines and remove the upper and the right border."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG atomically."""
    from hrm_gym.files import write_bytes

    write_bytes(path, png(figure))
