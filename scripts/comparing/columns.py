"""The columns of the comparison's tables.

A number that every run has is an entry of ``MEASURES``, which gives it a column and a row of the
result file. Any other column is an entry of ``environment_columns`` or ``overall_columns``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from .cell import SPLITS, AgentResult
from .statistics import Estimate, at_puzzles, improvements, interquartile_means


@dataclass(frozen=True)
class Measure:
    """A number of a run.

    Attributes:
        name: Name in the result file.
        unit: Unit in the result file.
        value: Returns the number.
        heading: Heading of the column, which shows the mean over seeds, or a dash for 0; ``None``
            if there is no column.
        on_terminal: Whether the terminal shows the column too.
    """

    name: str
    unit: str
    value: Callable[[AgentResult], float]
    heading: str | None = None
    on_terminal: bool = False

    def text(self, runs: Runs) -> str:
        """Return the text of a column."""
        mean = float(np.mean([self.value(run) for run in runs.good]))
        return f"{mean:,.0f}" if mean else "-"


MEASURES = (
    Measure("parameters", "parameters", lambda run: run.parameters, "parameters"),
    Measure("env_steps", "steps", lambda run: run.env_steps, "env steps"),
    Measure("puzzles_seen", "puzzles", lambda run: run.puzzles, "puzzles seen", on_terminal=True),
    Measure("train_seconds", "s", lambda run: run.seconds, "train s"),
    Measure("overhead_seconds", "s", lambda run: run.overhead),
)


@dataclass
class Runs:
    """The runs of one agent, over seeds and in a table of all environments over these too.

    Attributes:
        agent: The agent.
        good: Results of its runs.
        bad: Results of its failed runs.
    """

    agent: str
    good: list[AgentResult] = field(default_factory=list)
    bad: list[AgentResult] = field(default_factory=list)

    @property
    def share(self) -> float:
        """Share of the runs that did not fail; a failed run counts as one that solved nothing."""
        return len(self.good) / (len(self.good) + len(self.bad))

    def mean(self, name: str) -> float:
        """Return the mean of an aggregate of the test, over the runs that have it."""
        values = [getattr(run.tested["test"], name) for run in self.good]
        return float(np.mean([value for value in values if value is not None] or [0.0]))


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: The heading.
        text: Returns the text for the runs of an agent.
        on_terminal: Whether the terminal, which is narrow, shows the column too.
        always: Whether there is also a text if all runs of the agent failed; otherwise the column
            is then empty.
    """

    heading: str
    text: Callable[[Runs], str]
    on_terminal: bool = True
    always: bool = False


def group_runs(results: Sequence[AgentResult]) -> list[Runs]:
    """Return the runs by agent, in the order of the results."""
    found = {result.cell.agent: Runs(result.cell.agent) for result in results}
    for result in results:
        runs = found[result.cell.agent]
        (runs.good if result.failure is None else runs.bad).append(result)
    return list(found.values())


def several_seeds(results: Sequence[AgentResult]) -> bool:
    """Return whether the results are of more than one seed."""
    return len({result.cell.seed for result in results}) > 1


def environment_columns(results: Sequence[AgentResult]) -> list[Column]:
    """Return the columns of the table of one environment.

    Args:
        results: All results on the environment.
    """
    good = [result for result in results if result.failure is None]
    learners = [run for run in good if run.learned]
    columns = [
        Column("agent", lambda runs: runs.agent, always=True),
        Column("learns from", _signal, on_terminal=False, always=True),
    ]
    columns += [
        Column(measure.heading, measure.text, measure.on_terminal)
        for measure in MEASURES
        if measure.heading is not None
    ]
    for split, word in zip(SPLITS, ("solved", "ood"), strict=True):
        count = f" of {len(good[0].tested[split].episodes)}" if good else ""
        columns.append(Column(f"{word}{count} (95%)", _solved(results, split)))
    if any(run.tested["test"].optimal_rate is not None for run in good):
        columns.append(Column("optimal", _optimal))
    columns.append(Column("mean steps", lambda runs: f"{runs.mean('mean_steps'):.1f}", False))
    if learners:
        fewest = min(run.puzzles for run in learners)
        columns.append(Column(f"at {_count(fewest)} puzzles", _at(fewest)))
    if len(good) < len(results):
        columns.append(Column("failed", _failed, always=True))
    return columns


def overall_columns(results: Sequence[AgentResult]) -> list[Column]:
    """Return the columns of the table of all environments and seeds.

    Args:
        results: All results.
    """
    agents = [runs.agent for runs in group_runs(results)]
    subject = "hrm" if "hrm" in agents else agents[0]
    columns = [Column("agent", lambda runs: runs.agent, always=True)]
    for split in SPLITS:
        heading = f"{split}: interquartile mean (95%)"
        columns.append(Column(heading, _solved(results, split), always=True))
    for split in SPLITS:
        heading = f"{split}: P({subject} better) (95%)"
        better = _better(results, subject, split)
        columns.append(Column(heading, better, on_terminal=split == "test", always=True))
    return columns


def _signal(runs: Runs) -> str:
    return runs.good[0].signal if runs.good else f"failed: {runs.bad[0].failure}"


def _solved(results: Sequence[AgentResult], split: str) -> Callable[[Runs], str]:
    """Return the text of a solve rate: over seeds the interquartile mean, else the rate itself."""
    means = interquartile_means(results, split) if several_seeds(results) else None

    def text(runs: Runs) -> str:
        if means is not None:
            return share_text(means[runs.agent])
        evaluation = runs.good[0].tested[split]
        return share_text(Estimate(evaluation.solve_rate, *evaluation.interval))

    return text


def _better(results: Sequence[AgentResult], subject: str, split: str) -> Callable[[Runs], str]:
    """Return the text of the probability that the subject is better than an agent."""
    found = improvements(results, subject, split)

    def text(runs: Runs) -> str:
        if runs.agent not in found:
            return "-"
        return "{:.2f} ({:.2f}-{:.2f})".format(*found[runs.agent])

    return text


def _optimal(runs: Runs) -> str:
    return f"{100 * runs.share * runs.mean('optimal_rate'):.1f}%"


def _at(puzzles: int) -> Callable[[Runs], str]:
    """Return the text of the solve rate after a number of training puzzles."""

    def text(runs: Runs) -> str:
        rate = at_puzzles(runs.good, puzzles) if runs.good[0].learned else None
        return "-" if rate is None else f"{100 * runs.share * rate:.0f}%"

    return text


def _failed(runs: Runs) -> str:
    diverged = sum(run.diverged for run in runs.bad) if runs.good else 0
    why = f" ({diverged} diverged)" if diverged else ""
    return f"{len(runs.bad)} of {len(runs.bad) + len(runs.good)}{why}"


def share_text(found: Estimate) -> str:
    """Return a share and its interval in percent."""
    # The bounds have as many digits as the value, so that it never lies outside; 100.0 becomes 100.
    low, high = (f"{round(100 * bound, 1):g}" for bound in (found.low, found.high))
    return f"{100 * found.value:.1f}% ({low}-{high})"


def _count(number: float) -> str:
    """Return a count with three significant digits, such as 12.3k."""
    return f"{number / 1000:.3g}k" if number >= 1000 else f"{number:.0f}"
