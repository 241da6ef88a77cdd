"""Is the model as often right as it says? q_halt against the truth: table, rows and figure."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.table import Table

from hrm_gym.agents.hrm.inference.calibration import BINS, calibration_error
from hrm_gym.agents.hrm.inference.depth import measure_calibration
from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
from hrm_gym.data import PuzzleSet
from hrm_gym.evaluation import wilson_interval

from .depth import BLUE, INK, plain_axes, plain_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from hrm_gym.tracking import Tracker

PUZZLES = 256
"""Held-out puzzles that a training run compares, so that looking at it costs little."""


def calibration_rows(counts: Tensor) -> list[dict[str, Any]]:
    """Return the error and the bins that hold answers, as rows of a result file."""
    error = {"name": "calibration/error", "value": calibration_error(counts), "unit": "share"}
    rows: list[dict[str, Any]] = [error]
    for number, (answers, predicted, right) in enumerate(counts.T.tolist()):
        if answers:
            name = f"calibration/{number / BINS:.1f}-{(number + 1) / BINS:.1f}"
            row = {"name": name, "value": right / answers, "unit": "share"}
            rows.append({**row, "predicted": predicted / answers, "answers": int(answers)})
    return rows


def calibration_table(counts: Tensor) -> Table:
    """Return what q_halt predicts and what is right, by tenths of the prediction."""
    error, *bins = calibration_rows(counts)
    title = f"calibration, error {error['value']:.1%}"
    table = plain_table(title, "predicted", "mean", "right", "answers")
    for row in bins:
        name = row["name"].removeprefix("calibration/")
        table.add_row(name, f"{row['predicted']:.1%}", f"{row['value']:.1%}", str(row["answers"]))
    return table


def draw_reliability(axes: Axes, counts: Tensor) -> None:
    """Draw the share of right answers against the predicted probability.

    A point a bin, at the mean of its predictions, with the 95% Wilson interval.
    """
    from matplotlib.ticker import PercentFormatter

    answers, predicted, right = counts.double().numpy()[:, counts[0].numpy() > 0]
    share = right / answers
    bounds = [wilson_interval(int(k), int(n)) for k, n in zip(right, answers, strict=True)]
    low, high = np.array(bounds).reshape(-1, 2).T
    plain_axes(axes, "sigmoid(q_halt): predicted chance of being right", "answers that are right")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=(0, (4, 3)))
    axes.errorbar(
        predicted / answers,
        share,
        # Rounding must not leave an arm shorter than nothing.
        yerr=np.maximum(0, [share - low, high - share]),
        color=BLUE,
        marker="o",
        linewidth=1.5,
        capsize=3,
        clip_on=False,
    )
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def calibration_figure(counts: Tensor) -> Figure:
    """Draw the reliability diagram, and under it how many answers each bin holds."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 5.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=(3, 1))
    draw_reliability(above, counts)
    title = f"q_halt against the truth, expected error {calibration_error(counts):.1%}"
    above.set_title(title, fontsize=10, loc="left", color=INK)
    plain_axes(below, "", "answers")
    middles = [(number + 0.5) / BINS for number in range(BINS)]
    below.bar(middles, counts[0].numpy(), width=0.9 / BINS, color=BLUE)
    # A trained model is sure of most answers; the few others should be seen too.
    below.set_yscale("symlog", linthresh=10)
    below.set(xlim=(-0.02, 1.02), ylim=(0, max(10.0, float(counts[0].max())) * 2))
    return figure


def track_calibration(
    tracker: Tracker, agent: ReasoningAgent, puzzles: PuzzleSet, env_steps: int, seconds: float
) -> None:
    """Write ``eval/calibration_error`` and the figure ``eval/calibration`` into a run."""
    counts = measure_calibration(agent, puzzles)
    tracker.scalar("eval/calibration_error", calibration_error(counts), env_steps, seconds)
    # Training needs no pictures: on a bare machine the number is enough.
    if importlib.util.find_spec("matplotlib") is not None:
        tracker.figure("eval/calibration", calibration_figure(counts), env_steps, seconds)
