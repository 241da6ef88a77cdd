"""Reports of ``evaluate`` about test-time compute: tables, rows of results and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from hrm_gym.agents.hrm.inference.compute import Compute, Restarted
from hrm_gym.agents.hrm.inference.depth import Depth

from .calibration import draw_reliability
from .plots import BLUE, ORANGE, PALETTE, empty_figure, style_axes
from .tables import number_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Row = dict[str, Any]


def depth_tables(depth: Depth) -> list[Table]:
    """Return accuracy by segment, and segments by rating."""
    curve = number_table("thinking", "segment", "exact accuracy", "still thinking")
    for number, (accuracy, going) in enumerate(zip(depth.curve, depth.going, strict=True), 1):
        curve.add_row(str(number), f"{accuracy:.1%}", f"{going:.1%}")
    bands = number_table("by rating", "rating", "puzzles", "exact accuracy", "mean segments")
    for low, high, rows in depth.bands():
        share, mean = depth.halted[rows].mean(), depth.segments[rows].mean()
        bands.add_row(_band_name(low, high), str(int(rows.sum())), f"{share:.1%}", f"{mean:.2f}")
    return [curve, bands]


def _band_name(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g}-{high:g}"


def depth_sentence(depth: Depth) -> str:
    """Return what halting saves, in a sentence or two."""
    most = len(depth.exact)
    text = (
        f"halting: {depth.halted.mean():.1%} exact with {depth.segments.mean():.2f} segments per "
        f"puzzle, always {most}: {depth.curve[-1]:.1%}; {depth.segment_ratio:.2f} times fewer "
        f"segments, {depth.speedup:.2f} times faster ({depth.seconds:.2f} s against "
        f"{depth.full_seconds:.2f} s)."
    )
    if depth.correlation is not None:
        text += f" Rank correlation of segments and rating: {depth.correlation:+.2f}."
    return text


def depth_rows(depth: Depth) -> list[Row]:
    """Return the rows of a result file."""
    rows: list[Row] = [
        {"name": "halting/exact_accuracy", "value": float(depth.halted.mean()), "unit": "share"},
        {"name": "halting/segments", "value": float(depth.segments.mean()), "unit": "segments"},
        {"name": "halting/fewer_segments", "value": depth.segment_ratio, "unit": "times"},
        {"name": "halting/speedup", "value": depth.speedup, "unit": "times"},
    ]
    if depth.correlation is not None:
        rows.append(
            {"name": "halting/rank_correlation", "value": depth.correlation, "unit": "Spearman"}
        )
    for number, accuracy in enumerate(depth.curve.tolist(), 1):
        rows.append({"name": f"segment{number}/exact_accuracy", "value": accuracy, "unit": "share"})
    for low, high, own in depth.bands():
        name = f"rating{low:g}-{high:g}/segments"
        mean = float(depth.segments[own].mean())
        rows.append({"name": name, "value": mean, "unit": "segments", "puzzles": int(own.sum())})
    return rows


def compute_table(found: Sequence[Compute], by: str) -> Table:
    """Return accuracy against compute."""
    headings = ("segments", "votes", "exact accuracy", "segments spent", "seconds")
    table = number_table(f"test-time compute (vote by {by})", *headings)
    for one in found:
        counts = str(one.segments), str(one.votes)
        table.add_row(*counts, f"{one.accuracy:.1%}", f"{one.spent:.2f}", f"{one.seconds:.2f}")
    return table


def compute_rows(found: Sequence[Compute]) -> list[Row]:
    """Return the rows of a result file."""
    return [
        {
            "name": f"segments{one.segments}/votes{one.votes}/exact_accuracy",
            "value": one.accuracy,
            "unit": "share",
            "segments_spent": one.spent,
            "seconds": one.seconds,
        }
        for one in found
    ]


def restart_table(found: Sequence[Restarted]) -> Table:
    """Return accuracy against the number of restarts."""
    headings = ("restarts", "solved", "exact accuracy", "segments spent", "seconds")
    table = number_table("restarts", *headings)
    for one in found:
        shares = f"{one.solved:.1%}", f"{one.accuracy:.1%}"
        table.add_row(str(one.restarts), *shares, f"{one.spent:.2f}", f"{one.seconds:.2f}")
    return table


def restart_rows(found: Sequence[Restarted]) -> list[Row]:
    """Return the rows of a result file."""
    return [
        {
            "name": f"restarts{one.restarts}/{name}",
            "value": value,
            "unit": "share",
            "segments_spent": one.spent,
            "seconds": one.seconds,
        }
        for one in found
        for name, value in (("solve_rate", one.solved), ("exact_accuracy", one.accuracy))
    ]


def depth_figure(depth: Depth, found: Sequence[Compute]) -> Figure:
    """Draw accuracy by segment, segments by rating, the calibration of q_halt, and voting.

    Args:
        depth: The result of ``measure_depth``.
        found: The result of ``measure_compute``; if it is empty, there is no panel for voting.
    """
    count = 4 if found else 3
    figure = empty_figure(4.3 * count, 3.6)
    panels = figure.subplots(1, count)
    _draw_accuracy(panels[0], depth)
    _draw_ratings(panels[1], depth)
    draw_reliability(panels[2], depth.calibration)
    if found:
        _draw_compute(panels[3], found)
    return figure


def _draw_accuracy(axes: Axes, depth: Depth) -> None:
    from matplotlib.ticker import MaxNLocator

    style_axes(axes, "segments", "exact accuracy")
    numbers = range(1, len(depth.exact) + 1)
    axes.plot(numbers, depth.curve, color=BLUE, marker="o", label="fixed number of segments")
    mean = [depth.segments.mean()], [depth.halted.mean()]
    axes.plot(*mean, "D", color=ORANGE, label="learned halting (mean)", markersize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False, fontsize=8, loc="best")


def _draw_ratings(axes: Axes, depth: Depth) -> None:
    style_axes(axes, "rating", "mean segments")
    bands = depth.bands()
    means = [float(depth.segments[rows].mean()) for _, _, rows in bands]
    bars = axes.bar([_band_name(low, high) for low, high, _ in bands], means, color=BLUE, width=0.6)
    axes.bar_label(bars, [f"{mean:.2f}" for mean in means], fontsize=8, padding=2)
    axes.set_ylim(0, max(means) * 1.15)


def _draw_compute(axes: Axes, found: Sequence[Compute]) -> None:
    style_axes(axes, "segments spent per puzzle", "exact accuracy")
    for number, last in enumerate(sorted({one.segments for one in found})):
        own = [one for one in found if one.segments == last]
        axes.plot(
            [one.spent for one in own],
            [one.accuracy for one in own],
            color=PALETTE[number % len(PALETTE)],
            marker="o",
            label=f"up to {last} segments, {own[0].votes} to {own[-1].votes} votes",
        )
    axes.legend(frameon=False, fontsize=8, loc="best")
