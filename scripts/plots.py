"""Figures of comparisons, drawn without a display and without global state."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, PercentFormatter

from .results import Comparison, Contestant

# The palette of Okabe and Ito, which the colour-blind tell apart; an agent keeps its colour.
COLOURS = {
    "hrm": "#0072B2",
    "maskable-ppo": "#D55E00",
    "ppo": "#E69F00",
    "dqn": "#CC79A7",
    "random": "#7F7F7F",
    "oracle": "#009E73",
}
MARKERS = {"hrm": "o", "maskable-ppo": "s", "ppo": "^", "dqn": "D"}
OTHER = "#56B4E9"
INK = "#333333"


def comparison_figure(comparisons: Sequence[Comparison]) -> Figure:
    """Draw the share of solved puzzles against training time, a panel an environment.

    Agents that learn are lines with the 95% interval of every evaluation; the last point is the
    full test set, and carries the number. Those that do not learn are dashed levels.
    """
    figure = Figure(figsize=(1.2 + 4.9 * len(comparisons), 3.9), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, len(comparisons), squeeze=False)[0]
    for number, (axes, comparison) in enumerate(zip(panels, comparisons, strict=True)):
        _panel(axes, comparison)
        if number == 0:
            axes.set_ylabel("test puzzles solved")
    return figure


def save_png(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, whole or not at all."""
    content = io.BytesIO()
    figure.savefig(content, format="png")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(content.getvalue())
    os.replace(partial, path)


def _panel(axes: Axes, comparison: Comparison) -> None:
    """Draw one environment."""
    drawn = [c for c in comparison.contestants if c.evaluation is not None]
    budget = max([c.seconds for c in drawn], default=0.0) or 1.0
    labels: list[tuple[float, str, str]] = []
    for contestant in drawn:
        assert contestant.evaluation is not None
        colour = COLOURS.get(contestant.name, OTHER)
        rate = contestant.evaluation.solve_rate
        if contestant.signal in ("labels", "reward") and contestant.curve:
            _curve(axes, contestant, colour)
        else:
            axes.axhline(rate, color=colour, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
        labels.append((rate, f"{contestant.name} {100 * rate:.0f}%", colour))
    # Names stand beside the ends of the lines, moved apart where they would overlap.
    height = -1.0
    for rate, text, colour in sorted(labels):
        height = max(rate, height + 0.065)
        axes.annotate(
            text,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            fontsize=9,
            annotation_clip=False,
        )
    axes.set_xlim(0, 1.02 * budget)
    axes.set_ylim(-0.02, 1.03)
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("training time (s)")
    axes.set_title(comparison.env_id, fontsize=11, loc="left", color=INK)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("bottom", "left"):
        axes.spines[side].set_color("#B0B0B0")
    axes.tick_params(color="#B0B0B0", labelcolor=INK, labelsize=9)


def _curve(axes: Axes, contestant: Contestant, colour: str) -> None:
    """Draw a learning curve with the interval of every point."""
    points = sorted(contestant.curve, key=lambda point: point.seconds)
    seconds = [point.seconds for point in points]
    low, high = [p.low for p in points], [p.high for p in points]
    axes.fill_between(seconds, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.plot(
        seconds,
        [point.solve_rate for point in points],
        color=colour,
        linewidth=1.8,
        marker=MARKERS.get(contestant.name, "v"),
        markersize=4.5,
        markeredgecolor="white",
        markeredgewidth=0.6,
        clip_on=False,
        zorder=3,
    )
