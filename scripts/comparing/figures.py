"""Figures of a comparison, drawn without a display and without global state."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MultipleLocator, NullFormatter, PercentFormatter
from numpy.typing import NDArray

from hrm_gym.scripts.reporting.plots import EDGE, INK, empty_figure, style_axes

from .cell import AgentResult

COLOURS = {
    "hrm": "#0072B2",
    "transformer": "#56B4E9",
    "looped-transformer": "#8CC8F0",
    "maskable-ppo": "#D55E00",
    "ppo": "#E69F00",
    "recurrent-ppo": "#B8860B",
    "a2c": "#A6761D",
    "dqn": "#CC79A7",
    "qrdqn": "#9467BD",
    "random": "#7F7F7F",
    "depth-first": "#66A61E",
    "oracle": "#009E73",
}
"""Colours by agent, mostly from the palette of Okabe and Ito for colour-blind readers."""
MARKERS = {"hrm": "o", "transformer": "P", "maskable-ppo": "s", "ppo": "^", "dqn": "D"}
OTHER = "#444444"
BANDS = 5
"""Number of bands of ratings; every band has about the same number of puzzles."""

Groups = dict[str, list[AgentResult]]


def groups(results: Sequence[AgentResult]) -> dict[str, Groups]:
    """Return the results by environment and agent, in the order of the results.

    Agents whose cells all failed are left out. Failed cells of other agents come last.
    """
    found: dict[str, Groups] = {result.cell.env: {} for result in results}
    for result in sorted(results, key=lambda result: result.failure is not None):
        agents = found[result.cell.env]
        if result.failure is None or result.cell.agent in agents:
            agents.setdefault(result.cell.agent, []).append(result)
    return found


def _good(runs: Sequence[AgentResult]) -> list[AgentResult]:
    return [run for run in runs if run.failure is None]


def _rates(runs: Sequence[AgentResult]) -> list[float]:
    """Return the solve rates of runs; a failed run counts as one that solved nothing."""
    return [run.tested["test"].solve_rate if run.failure is None else 0.0 for run in runs]


def learning_figure(results: Sequence[AgentResult], against: str = "seconds") -> Figure:
    """Draw the share of solved test puzzles during training, with a panel for every environment.

    A line is the mean of an agent over seeds, and a band goes from its worst to its best run; a
    failed run is at 0. The last point is the full test. An agent that does not learn has a dashed
    horizontal line.

    Args:
        results: The results.
        against: ``seconds`` of training or ``puzzles`` handed out.
    """
    puzzles = against == "puzzles"

    def draw(axes: Axes, agents: Groups) -> None:
        labels = []
        for agent, runs in agents.items():
            colour = COLOURS.get(agent, OTHER)
            rate = float(np.mean(_rates(runs)))
            labels.append((rate, f"{agent} {100 * rate:.3g}%", colour))
            if not runs[0].learned:
                axes.axhline(rate, color=colour, linewidth=1.2, linestyle=(0, (4, 3)), zorder=1)
                continue
            grid, lines = _learning_curves(runs, against)
            axes.fill_between(
                grid, lines.min(0), lines.max(0), color=colour, alpha=0.15, linewidth=0
            )
            axes.plot(
                grid,
                lines.mean(0),
                color=colour,
                linewidth=1.8,
                marker=MARKERS.get(agent, "v"),
                markevery=6,
                markersize=4.5,
                markeredgecolor="white",
                markeredgewidth=0.6,
                clip_on=False,
                zorder=3,
            )
        if puzzles:
            axes.set_xscale("log")
        else:
            axes.set_xlim(left=0)
        write_names(axes, labels)
        axes.set_xlabel("training puzzles handed out" if puzzles else "training time (s)")

    return _panels(results, draw)


def _learning_curves(
    runs: Sequence[AgentResult], against: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the solve rates of an agent's runs at common points of training.

    Args:
        runs: Runs of the agent; those that failed are last.
        against: As in ``learning_figure``.

    Returns:
        The points ``(25,)`` and the solve rates ``(runs, 25)``.
    """
    curves = [
        np.array([(getattr(point, against), point.solve_rate) for point in run.curve], float)
        for run in _good(runs)
    ]
    end = min(curve[-1, 0] for curve in curves)
    grid = np.linspace(0, end, 25)
    if against == "puzzles":
        first = max(1, max(curve[0, 0] for curve in curves))
        grid = np.geomspace(first, max(end, first), 25)
    lines = np.zeros((len(runs), len(grid)))
    lines[: len(curves)] = [np.interp(grid, *curve.T) for curve in curves]
    return grid, lines


def rating_figure(results: Sequence[AgentResult]) -> Figure:
    """Draw the share of solved test puzzles by rating, in bands of equally many puzzles."""

    def draw(axes: Axes, agents: Groups) -> None:
        everyone = [run for runs in agents.values() for run in runs]
        ratings = np.array([episode.rating for episode in everyone[0].tested["test"].episodes])
        edges = np.unique(np.quantile(ratings, np.linspace(0, 1, BANDS + 1)))
        # There are fewer bands if most puzzles have the same rating.
        band = np.clip(np.searchsorted(edges, ratings, side="right") - 1, 0, len(edges) - 2)
        shown = np.unique(band) if len(edges) > 1 else np.array([0])
        band = band if len(edges) > 1 else np.zeros(len(ratings), int)
        names = []
        for k in shown:
            inside = ratings[band == k]
            low, high = f"{inside.min():g}", f"{inside.max():g}"
            names.append(f"{low if low == high else f'{low}-{high}'}\n({len(inside)})")
        labels = []
        for agent, runs in agents.items():
            right = np.zeros((len(runs), len(ratings)), bool)
            for row, run in zip(right, _good(runs), strict=False):
                row[:] = [episode.success for episode in run.tested["test"].episodes]
            rates = [float(right[:, band == k].mean()) for k in shown]
            colour = COLOURS.get(agent, OTHER)
            labels.append((rates[-1], agent, colour))
            axes.plot(
                range(len(shown)),
                rates,
                color=colour,
                linewidth=1.6,
                marker=MARKERS.get(agent, "v"),
                markersize=4.5,
                linestyle="-" if runs[0].learned else (0, (4, 3)),
                clip_on=False,
            )
        axes.set_xticks(range(len(shown)), names)
        write_names(axes, labels)
        axes.set_xlabel("rating of the puzzle (puzzles)")

    return _panels(results, draw)


def compute_figure(results: Sequence[AgentResult]) -> Figure:
    """Draw the share of solved test puzzles against the evaluation time per puzzle."""

    def draw(axes: Axes, agents: Groups) -> None:
        for agent, runs in agents.items():
            # A failed run has no evaluation time.
            tested = [run.tested["test"] for run in _good(runs)]
            spent = [1000 * test.seconds / len(test.episodes) for test in tested]
            rates = [test.solve_rate for test in tested]
            colour = COLOURS.get(agent, OTHER)
            axes.scatter(spent, rates, color=colour, marker=MARKERS.get(agent, "v"), s=26, zorder=3)
            axes.annotate(
                agent,
                (float(np.exp(np.mean(np.log(spent)))), float(np.mean(rates))),
                xytext=(0, 7 if np.mean(rates) < 0.95 else -13),
                textcoords="offset points",
                ha="center",
                color=colour,
                fontsize=8,
            )
        axes.set_xscale("log")
        axes.margins(x=0.25)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("evaluation time per puzzle (ms)")

    return _panels(results, draw)


def _panels(results: Sequence[AgentResult], draw: Callable[[Axes, Groups], None]) -> Figure:
    """Draw a panel for every environment."""
    envs = groups(results)
    figure = empty_figure(1.2 + 4.9 * len(envs), 3.9, dpi=140)
    panels = figure.subplots(1, len(envs), squeeze=False)[0]
    for number, (axes, (env_id, agents)) in enumerate(zip(panels, envs.items(), strict=True)):
        if agents:
            draw(axes, agents)
        axes.set_ylim(-0.02, 1.03)
        axes.yaxis.set_major_locator(MultipleLocator(0.2))
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_title(env_id, fontsize=11, loc="left", color=INK)
        style_axes(axes, axes.get_xlabel(), "" if number else "test puzzles solved")
        axes.spines[["bottom", "left"]].set_color(EDGE)
        axes.tick_params(color=EDGE, labelcolor=INK, labelsize=9)
    return figure


def write_names(axes: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Write names next to the ends of the lines, moved apart so that they do not overlap.

    Args:
        axes: The panel.
        labels: Height, name and colour of every line.
    """
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
