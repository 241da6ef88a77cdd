"""What a comparison found, as tables for people and rows for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.markup import escape
from rich.table import Table as RichTable

from hrm_gym.evaluation import Evaluation

from .cell import SPLITS, AgentResult
from .statistics import Estimate, at_puzzles, improvements, interquartile_means

UNITS = {"episodes": "puzzles", "mean_steps": "steps", "mean_return": "reward", "seconds": "s"}

LEFT_OUT = ("learns from", "parameters", "env steps", "train s", "mean steps", "ood: P(")
"""How the columns begin that a terminal does not get."""


@dataclass(frozen=True)
class Table:
    """Headings and rows; the first ``names`` columns are words, the others numbers."""

    title: str
    headings: list[str]
    rows: list[list[str]]
    names: int = 2


def tables(results: Sequence[AgentResult]) -> list[Table]:
    """Return a table for every environment, and one over them where there are several seeds."""
    envs = list(dict.fromkeys(result.cell.env for result in results))
    found = [_environment(env_id, [r for r in results if r.cell.env == env_id]) for env_id in envs]
    if _seeds(results) > 1:
        found.append(_overall(results, "all environments" if len(envs) > 1 else "all seeds"))
    return found


def _seeds(results: Sequence[AgentResult]) -> int:
    return len({result.cell.seed for result in results})


def _agents(results: Sequence[AgentResult]) -> list[str]:
    return list(dict.fromkeys(result.cell.agent for result in results))


def _environment(env_id: str, results: Sequence[AgentResult]) -> Table:
    """Return the table of one environment."""
    good = [result for result in results if result.failure is None]
    mazes = any(run.tested["test"].optimal_rate is not None for run in good)
    many = _seeds(results) > 1
    learners = [run for run in good if run.learned]
    fewest = min((run.puzzles for run in learners), default=0)
    headings = ["agent", "learns from", "parameters", "env steps", "puzzles seen", "train s"]
    for split, word in zip(SPLITS, ("solved", "ood"), strict=True):
        count = f" of {len(good[0].tested[split].episodes)}" if good else ""
        headings.append(f"{word}{count} (95%)")
    headings += ["optimal"] if mazes else []
    headings += ["mean steps"]
    headings += [f"at {_count(fewest)} puzzles"] if learners else []
    headings += ["failed"] if any(result.failure for result in results) else []
    estimates: dict[str, dict[str, Estimate]] = {}
    if many:
        estimates = {split: interquartile_means(results, split) for split in SPLITS}
    rows = []
    for agent in _agents(results):
        runs = [run for run in good if run.cell.agent == agent]
        bad = [run for run in results if run.cell.agent == agent and run.failure is not None]
        if not runs:
            blank = [""] * (len(headings) - 2)
            row = [agent, f"failed: {bad[0].failure}", *blank]
            rows.append([*row[:-1], f"{len(bad)} of {len(bad)}"])
            continue
        learned = runs[0].learned
        # In every rate a failed run is one that solved nothing.
        ran = len(runs) / (len(runs) + len(bad))
        row = [
            agent,
            runs[0].signal,
            f"{runs[0].parameters:,}" if runs[0].parameters else "-",
            f"{np.mean([run.env_steps for run in runs]):,.0f}" if learned else "-",
            f"{np.mean([run.puzzles for run in runs]):,.0f}" if learned else "-",
            f"{np.mean([run.seconds for run in runs]):.0f}" if learned else "-",
        ]
        for split in SPLITS:
            found = estimates[split][agent] if many else _wilson(runs[0].tested[split])
            row.append(_share(found))
        if mazes:
            row.append(f"{100 * ran * _mean(runs, 'optimal_rate'):.1f}%")
        row.append(f"{_mean(runs, 'mean_steps'):.1f}")
        if learners:
            rate = at_puzzles(runs, fewest) if learned else None
            row.append("-" if rate is None else f"{100 * ran * rate:.0f}%")
        if "failed" in headings:
            diverged = sum(run.diverged for run in bad)
            why = f" ({diverged} diverged)" if diverged else ""
            row.append(f"{len(bad)} of {len(bad) + len(runs)}{why}")
        rows.append(row)
    return Table(env_id, headings, rows)


def _overall(results: Sequence[AgentResult], title: str) -> Table:
    """Return the table over environments and seeds."""
    agents = _agents(results)
    subject = "hrm" if "hrm" in agents else agents[0]
    means = {split: interquartile_means(results, split) for split in SPLITS}
    better = {split: improvements(results, subject, split) for split in SPLITS}
    headings = ["agent"]
    headings += [f"{split}: interquartile mean (95%)" for split in SPLITS]
    headings += [f"{split}: P({subject} better) (95%)" for split in SPLITS]
    rows = []
    for agent in agents:
        row = [agent, *(_share(means[split][agent]) for split in SPLITS)]
        for split in SPLITS:
            found = better[split].get(agent)
            row.append("-" if found is None else "{:.2f} ({:.2f}-{:.2f})".format(*found))
        rows.append(row)
    return Table(title, headings, rows, names=1)


def _wilson(evaluation: Evaluation) -> Estimate:
    return Estimate(evaluation.solve_rate, *evaluation.interval)


def _share(found: Estimate) -> str:
    # Bounds as fine as the value, which so never lies outside, but 100 rather than 100.0.
    low, high = (f"{round(100 * bound, 1):g}" for bound in (found.low, found.high))
    return f"{100 * found.value:.1f}% ({low}-{high})"


def _mean(runs: Sequence[AgentResult], name: str) -> float:
    values = [getattr(run.tested["test"], name) for run in runs]
    return float(np.mean([value for value in values if value is not None] or [0.0]))


def _count(number: float) -> str:
    """Return a count in three places, such as 12.3k."""
    return f"{number / 1000:.3g}k" if number >= 1000 else f"{number:.0f}"


def failures(results: Sequence[AgentResult]) -> list[str]:
    """Return a line for every cell that failed."""
    return [f"{r.cell.name} failed: {r.failure}" for r in results if r.failure is not None]


def rich_tables(results: Sequence[AgentResult]) -> list[RichTable]:
    """Return the tables for a terminal, reasons of failures below."""
    shown = []
    for table in tables(results):
        reasons = failures([r for r in results if r.cell.env == table.title])
        view = RichTable(
            title=table.title,
            caption=escape("\n".join(reasons)) or None,
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        # The report has them all; a terminal is narrow.
        kept = [k for k, heading in enumerate(table.headings) if not heading.startswith(LEFT_OUT)]
        for k in kept:
            # Headings break where they may, and long names; a number never does.
            words = table.headings[k].replace("interquartile mean", "IQM")
            words = words.replace(" of ", " of\N{NO-BREAK SPACE}").replace(" ", "\n")
            if k < table.names:
                view.add_column(words, overflow="fold", min_width=12)
            else:
                view.add_column(words, justify="right", no_wrap=True)
        count = table.headings.index("failed") if "failed" in table.headings else -1
        for row in table.rows:
            failed = table.names > 1 and row[1].startswith("failed: ")
            # How many of the failed diverged is among the reasons.
            cells = [row[k].partition(" (")[0] if k == count else row[k] for k in kept]
            view.add_row(*([row[0], "failed"] if failed else cells))
        shown.append(view)
    return shown


def markdown_table(table: Table) -> str:
    """Return a table in Markdown."""
    marks = ["---" if place < table.names else "---:" for place in range(len(table.headings))]
    body = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in [table.headings, marks, *body]) + "\n"


def json_rows(results: Sequence[AgentResult]) -> list[dict[str, Any]]:
    """Return the rows of a result file: ``ENV/AGENT/QUANTITY``, with several seeds
    ``ENV/AGENT/seedK/QUANTITY``, value and unit.
    """
    rows: list[dict[str, Any]] = []
    many = _seeds(results) > 1
    for result in results:
        prefix = f"{result.cell.env}/{result.cell.agent}"
        prefix += f"/seed{result.cell.seed}" if many else ""
        if result.failure is not None:
            failed = {"name": f"{prefix}/failed", "value": 1, "unit": "agents"}
            rows.append({**failed, "reason": result.failure, "diverged": result.diverged})
            continue
        for split, evaluation in result.tested.items():
            for name, value in evaluation.summary().items():
                shown = "evaluation_seconds" if name == "seconds" else name
                shown = shown if split == "test" else f"{split}/{shown}"
                unit = UNITS.get(name, "share")
                rows.append({"name": f"{prefix}/{shown}", "value": value, "unit": unit})
        for name, number, unit in (
            ("parameters", result.parameters, "parameters"),
            ("env_steps", result.env_steps, "steps"),
            ("puzzles_seen", result.puzzles, "puzzles"),
            ("train_seconds", result.seconds, "s"),
            ("overhead_seconds", result.overhead, "s"),
        ):
            rows.append({"name": f"{prefix}/{name}", "value": number, "unit": unit})
    if many:
        for split in SPLITS:
            for agent, found in interquartile_means(results, split).items():
                row = {"name": f"{agent}/{split}/interquartile_mean", "value": found.value}
                rows.append({**row, "unit": "share", "low": found.low, "high": found.high})
    return rows
