"""What ``evaluate`` says of thinking time: tables, rows for programs, and a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from rich import box
from rich.table import Table

from hrm_gym.agents.hrm.inference.arc_voting import ArcResult
from hrm_gym.agents.hrm.inference.depth import Depth, right
from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
from hrm_gym.agents.hrm.inference.voting import VoteBy, vote
from hrm_gym.data import PuzzleSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

Row = dict[str, Any]
BLUE, ORANGE, INK = "#0072B2", "#D55E00", "#333333"


@dataclass(frozen=True)
class Compute:
    """What a last segment and a number of votes are worth.

    Attributes:
        segments: The last segment of each vote.
        votes: Symmetries that voted.
        accuracy: Share of answers that equal the label.
        spent: Mean segments of a puzzle, over all its votes.
        seconds: Wall time over all puzzles.
    """

    segments: int
    votes: int
    accuracy: float
    spent: float
    seconds: float


def measure_compute(
    agent: ReasoningAgent, puzzles: PuzzleSet, segments: Sequence[int], votes: int, by: VoteBy
) -> list[Compute]:
    """Vote with every last segment; of the votes the first 1, 2, 4 ... are counted as well."""
    counts = sorted({1 << k for k in range(votes.bit_length())} | {votes})
    found = []
    for last in segments:
        ballots = vote(agent, puzzles.inputs, votes, last)
        for count in counts:
            solution = ballots.tally(by, count)
            accuracy = float(right(puzzles.labels, solution.answer).mean())
            spent, seconds = float(solution.segments.mean()), float(ballots.seconds[:count].sum())
            found.append(Compute(last, count, accuracy, spent, seconds))
    return found


def plain_table(title: str, *headings: str) -> Table:
    """Return an empty table of numbers."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right")
    return table


def depth_tables(depth: Depth) -> list[Table]:
    """Return accuracy by segment, and segments by rating."""
    curve = plain_table("thinking", "segment", "exact accuracy", "still thinking")
    for number, (accuracy, going) in enumerate(zip(depth.curve, depth.going, strict=True), 1):
        curve.add_row(str(number), f"{accuracy:.1%}", f"{going:.1%}")
    bands = plain_table("by rating", "rating", "puzzles", "exact accuracy", "mean segments")
    for low, high, rows in depth.bands():
        name = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        share, mean = depth.halted[rows].mean(), depth.segments[rows].mean()
        bands.add_row(name, str(int(rows.sum())), f"{share:.1%}", f"{mean:.2f}")
    return [curve, bands]


def depth_sentence(depth: Depth) -> str:
    """Return what halting saves, in a sentence or two."""
    most = len(depth.exact)
    text = (
        f"halting: {depth.halted.mean():.1%} exact with {depth.segments.mean():.2f} segments a "
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
    table = plain_table(f"test-time compute (vote by {by})", "segments", "votes", "exact accuracy")
    table.add_column("segments spent", justify="right")
    table.add_column("seconds", justify="right")
    for one in found:
        table.add_row(
            str(one.segments),
            str(one.votes),
            f"{one.accuracy:.1%}",
            f"{one.spent:.2f}",
            f"{one.seconds:.2f}",
        )
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


def arc_table(result: ArcResult) -> Table:
    """Return pass@k by votes."""
    tests, tasks = len(result.tests), len({test.task for test in result.tests})
    title = f"ARC: {tests} test inputs of {tasks} tasks"
    table = plain_table(title, "votes", "pass@1", "pass@2", "tests right in 1", "in 2", "seconds")
    for score in result.scores:
        table.add_row(
            str(score.votes),
            f"{score.pass_at[1]:.1%}",
            f"{score.pass_at[2]:.1%}",
            str(score.tests[1]),
            str(score.tests[2]),
            f"{score.seconds:.1f}",
        )
    return table


def arc_rows(result: ArcResult) -> list[Row]:
    """Return the rows of a result file."""
    rows: list[Row] = []
    for score in result.scores:
        for k, value in score.pass_at.items():
            row = {"name": f"votes{score.votes}/pass@{k}", "value": value, "unit": "share"}
            tests, spent = score.tests[k], score.segments
            rows.append({**row, "tests": tests, "segments_spent": spent, "seconds": score.seconds})
    return rows


def depth_figure(depth: Depth, counts: Tensor, found: Sequence[Compute]) -> Figure:
    """Draw accuracy by segment, segments by rating, q_halt against the truth, and voting.

    Args:
        depth: As measured.
        counts: Of the calibration.
        found: Accuracy against compute, empty where it was not measured.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    from .calibration import draw_reliability

    count = 4 if found else 3
    figure = Figure(figsize=(4.3 * count, 3.6), dpi=160, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, count)
    most = len(depth.exact)
    plain_axes(panels[0], "segments", "exact accuracy")
    panels[0].plot(range(1, most + 1), depth.curve, color=BLUE, marker="o", label="always so many")
    panels[0].plot(
        [depth.segments.mean()],
        [depth.halted.mean()],
        "D",
        color=ORANGE,
        label="halting by itself (mean)",
        markersize=8,
    )
    panels[0].xaxis.set_major_locator(MaxNLocator(integer=True))
    panels[0].legend(frameon=False, fontsize=8, loc="best")
    plain_axes(panels[1], "rating", "mean segments")
    bands = depth.bands()
    names = [f"{low:g}" if low == high else f"{low:g}-{high:g}" for low, high, _ in bands]
    means = [float(depth.segments[rows].mean()) for _, _, rows in bands]
    bars = panels[1].bar(names, means, color=BLUE, width=0.6)
    panels[1].bar_label(bars, [f"{mean:.2f}" for mean in means], fontsize=8, padding=2)
    panels[1].set_ylim(0, max(means) * 1.15)
    draw_reliability(panels[2], counts)
    if found:
        plain_axes(panels[3], "segments spent a puzzle", "exact accuracy")
        for number, last in enumerate(sorted({one.segments for one in found})):
            own = [one for one in found if one.segments == last]
            shade = plot_colour(number)
            panels[3].plot(
                [one.spent for one in own],
                [one.accuracy for one in own],
                color=shade,
                marker="o",
                label=f"up to {last} segments, {own[0].votes} to {own[-1].votes} votes",
            )
        panels[3].legend(frameon=False, fontsize=8, loc="best")
    return figure


def plot_colour(number: int) -> str:
    """Return a colour of the palette of Okabe and Ito."""
    palette = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00")
    return palette[number % len(palette)]


def plain_axes(axes: Axes, x: str, y: str) -> None:
    """Label axes, and leave away what says nothing."""
    axes.set_xlabel(x, color=INK)
    axes.set_ylabel(y, color=INK)
    axes.grid(axis="y", color="#E6E6E6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def subset(puzzles: PuzzleSet, count: int) -> PuzzleSet:
    """Return the first puzzles."""
    return puzzles.take(np.arange(min(count, len(puzzles))))
