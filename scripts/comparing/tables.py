"""The results of a comparison as tables and as rows of a result file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.experiments.cell import failures
from hrm_gym.scripts.reporting.tables import Table

from .cell import SPLITS, AgentResult
from .columns import (
    MEASURES,
    Column,
    environment_columns,
    group_runs,
    overall_columns,
    several_seeds,
)
from .statistics import interquartile_means

if TYPE_CHECKING:
    from rich.table import Table as RichTable

UNITS = {"episodes": "puzzles", "mean_steps": "steps", "mean_return": "reward", "seconds": "s"}


def tables(results: Sequence[AgentResult]) -> list[Table]:
    """Return a table for every environment, and one of all environments if seeds are several."""
    envs = list(dict.fromkeys(result.cell.env for result in results))
    found = []
    for env_id in envs:
        own = [result for result in results if result.cell.env == env_id]
        found.append(_table(env_id, environment_columns(own), own, names=2))
    if several_seeds(results):
        title = "all environments" if len(envs) > 1 else "all seeds"
        found.append(_table(title, overall_columns(results), results, names=1))
    return found


def _table(title: str, columns: list[Column], results: Sequence[AgentResult], names: int) -> Table:
    rows = [
        [column.text(runs) if runs.good or column.always else "" for column in columns]
        for runs in group_runs(results)
    ]
    headings = [column.heading for column in columns]
    return Table(title, headings, rows, names, [column.on_terminal for column in columns])


def rich_tables(results: Sequence[AgentResult]) -> list[RichTable]:
    """Return the tables for a terminal, with the reasons of failures in captions."""
    return [
        table.rich(failures([r for r in results if r.cell.env == table.title]))
        for table in tables(results)
    ]


def json_rows(results: Sequence[AgentResult]) -> list[dict[str, Any]]:
    """Return the rows of a result file.

    A row is named ``ENV/AGENT/QUANTITY``, or with several seeds ``ENV/AGENT/seedK/QUANTITY``.
    """
    rows: list[dict[str, Any]] = []
    many = several_seeds(results)
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
        for measure in MEASURES:
            row = {"name": f"{prefix}/{measure.name}", "value": measure.value(result)}
            rows.append({**row, "unit": measure.unit})
    if many:
        for split in SPLITS:
            for agent, found in interquartile_means(results, split).items():
                row = {"name": f"{agent}/{split}/interquartile_mean", "value": found.value}
                rows.append({**row, "unit": "share", "low": found.low, "high": found.high})
    return rows
