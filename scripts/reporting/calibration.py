"""Calibration of q_halt: its predictions against the share of right answers.

The counts that the functions here take are those of ``measure_calibration``: an array ``(3, BINS)``
of answers, the sum of their predictions and the number of right ones, by predicted probability.
"""

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

from .plots import BLUE, INK, empty_figure, style_axes
from .tables import number_table

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import Tensor

    from hrm_gym.tracking import Tracker

PUZZLES = 256
"""Held-out puzzles on which a training run measures calibration; few, so that it costs little."""


def calibration_rows(counts: Tensor) -> list[dict[str, Any]]:
    """Return the rows of a result file: the calibration error and every bin that is not empty."""
    error = {"name": "calibration/error", "value": calibration_error(counts), "unit": "share"}
    rows: list[dict[str, Any]] = [error]
    for number, (answers, predicted, right) in enumerate(counts.T.tolist()):
        if answers:
            name = f"calibration/{number / BINS:.1f}-{(number + 1) / BINS:.1f}"
            row = {"name": name, "value": right / answers, "unit": "share"}
            rows.append({**row, "predicted": predicted / answers, "answers": int(answers)})
    return rows


def calibration_table(counts: Tensor) -> Table:
    """Return a table of the predicted and the measured share of right answers, by bin."""
    error, *bins = calibration_rows(counts)
    title = f"calibration, error {error['value']:.1%}"
    table = number_table(title, "predicted", "mean", "right", "answers")
    for row in bins:
        name = row["name"].removeprefix("calibration/")
        table.add_row(name, f"{row['predicted']:.1%}", f"{row['value']:.1%}", str(row["answers"]))
    return table


def draw_reliability(axes: Axes, counts: Tensor) -> None:
    """Draw the share of right answers against the predicted probability.

    Every bin is a point at the mean of its predictions, with the 95% Wilson interval.
    """
    from matplotlib.ticker import PercentFormatter

    answers, predicted, right = counts.double().numpy()[:, counts[0].numpy() > 0]
    share = right / answers
    bounds = [wilson_interval(int(k), int(n)) for k, n in zip(right, answers, strict=True)]
    low, high = np.array(bounds).reshape(-1, 2).T
    style_axes(axes, "sigmoid(q_halt): predicted probability of a right answer", "right answers")
    axes.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle=(0, (4, 3)))
    axes.errorbar(
        predicted / answers,
        share,
        # Rounding must not make the length of an error bar negative.
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
    """Draw the reliability diagram, and below it the number of answers in each bin."""
    figure = empty_figure(4.4, 5.0, dpi=120)
    above, below = figure.subplots(2, 1, height_ratios=(3, 1))
    draw_reliability(above, counts)
    title = f"calibration of q_halt, expected error {calibration_error(counts):.1%}"
    above.set_title(title, fontsize=10, loc="left", color=INK)
    style_axes(below, "", "answers")
    middles = [(number + 0.5) / BINS for number in range(BINS)]
    below.bar(middles, counts[0].numpy(), width=0.9 / BINS, color=BLUE)
    # A trained model is sure of most answers; a logarithmic axis shows the few others too.
    below.set_yscale("symlog", linthresh=10)
    below.set(xlim=(-0.02, 1.02), ylim=(0, max(10.0, float(counts[0].max())) * 2))
    return figure


def track_calibration(
    tracker: Tracker, agent: ReasoningAgent, puzzles: PuzzleSet, env_steps: int, seconds: float
) -> None:
    """Write ``eval/calibration_error`` and the figure ``eval/calibration`` into a run."""
    counts = measure_calibration(agent, puzzles)
    tracker.scalar("eval/calibration_error", calibration_error(counts), env_steps, seconds)
    # matplotlib is no requirement of training; without it only the number is written.
    if importlib.util.find_spec("matplotlib") is not None:
        tracker.figure("eval/calibration", calibration_figure(counts), env_steps, seconds)
