"""The results of a comparison as tables and as rows of a result file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table as RichTable

from hrm_gym.scripts.reporting.tables import markdown_table

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

UNITS = {"episodes": "puzzles", "mean_steps": "steps", "mean_return": "reward", "seconds": "s"}


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: The title.
        columns: The columns.
        rows: One text for every column.
        names: Number of leading columns that are words; the others are numbers.
    """

    title: str
    columns: list[Column]
    rows: list[list[str]]
    names: int

    @property
    def headings(self) -> list[str]:
        """The headings of the columns."""
        return [column.heading for column in self.columns]

    def markdown(self) -> str:
        """Return the table in Markdown."""
        return markdown_table(self.headings, self.rows, self.names)


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
    return Table(title, columns, rows, names)


def failures(results: Sequence[AgentResult]) -> list[str]:
    """Return a line for every cell that failed."""
    return [f"{r.cell.name} failed: {r.failure}" for r in results if r.failure is not None]


def rich_tables(results: Sequence[AgentResult]) -> list[RichTable]:
    """Return the tables for a terminal, with the reasons of failures in captions."""
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
        kept = [place for place, column in enumerate(table.columns) if column.on_terminal]
        for place in kept:
            # Headings and long names may break, numbers may not.
            words = table.headings[place].replace("interquartile mean", "IQM")
            words = words.replace(" of ", " of\N{NO-BREAK SPACE}").replace(" ", "\n")
            if place < table.names:
                view.add_column(words, overflow="fold", min_width=12)
            else:
                view.add_column(words, justify="right", no_wrap=True)
        count = table.headings.index("failed") if "failed" in table.headings else -1
        for row in table.rows:
            failed = table.names > 1 and row[1].startswith("failed: ")
            # The captions say which of the failed runs diverged.
            cells = [row[k].partition(" (")[0] if k == count else row[k] for k in kept]
            view.add_row(*([row[0], "failed"] if failed else cells))
        shown.append(view)
    return shown


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
