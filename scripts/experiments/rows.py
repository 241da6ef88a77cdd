"""Grids whose cells each have one row of a result file, which is also what makes them resumable."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrm_gym.machine import machine_text
from hrm_gym.results import read_rows, write_json

from .cell import Cell, Result
from .grid import Say, run_grid, show

Row = dict[str, Any]
Write = Callable[[Sequence[Row], dict[str, Any]], str]
"""Writes the report of rows and of the description of the machine, and returns its text."""


def report_head(title: str, command: str, machine: Mapping[str, Any], text: str = "") -> list[str]:
    """Return the first paragraphs of a report in Markdown.

    Args:
        title: The heading.
        command: The command that makes the report.
        machine: Description of the machine.
        text: Sentences that follow the machine.
    """
    return [
        f"# {title}",
        "This report was made by",
        f"    {command}",
        f"on a machine with: {machine_text(machine)}. {text}".strip(),
    ]


@dataclass
class RowResult(Result):
    """The outcome of a cell with one row.

    Attributes:
        row: The row of the result file; ``name`` is that of the cell. Empty if the cell failed.
    """

    row: Row = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """The value of the row."""
        return f"{self.row['value']:.1%}" if self.failure is None else super().summary


def run_rows(
    cells: Sequence[Cell],
    path: Path,
    budget: Mapping[str, Any],
    write: Write,
    workers: int = 1,
    timeout: float | None = None,
    say: Say = show,
) -> int:
    """Run the cells that have no row yet, and write the rows and the report after each.

    Args:
        cells: The cells; their results are ``RowResult``.
        path: The result file. Rows of an earlier run are kept, those of other cells too.
        budget: Settings that all rows of the file must share, so that they can be compared.
        write: Writes the report. It is also called if no cell was missing, since the report may
            have changed.
        workers: Number of processes at a time.
        timeout: Seconds that a cell may take in total; ``None`` takes ``Cell.time_limit``.
        say: Called with a line for every cell that starts or ends, and with the report.

    Returns:
        The exit status: 1 if a cell failed. A failed cell has no row and runs again next time.

    Raises:
        ValueError: if the file is damaged or holds rows of another budget.
    """
    rows = read_rows(path, budget)
    machine = json.loads(path.read_text(encoding="utf-8"))["machine"] if rows else {}
    names = {row["name"] for row in rows}
    missing = [cell for cell in cells if cell.name not in names]
    order = {cell.name: place for place, cell in enumerate(cells)}
    text = ""

    def save(result: RowResult) -> None:
        nonlocal machine, text
        if result.failure is None:
            machine = result.machine
            rows.append({**result.row, "budget": dict(budget)})
            # Several workers finish in any order.
            rows.sort(key=lambda row: order.get(row["name"], -1))
            write_json(path, machine, rows)
            text = write(rows, machine)

    with tempfile.TemporaryDirectory() as scratch:
        results = run_grid(missing, Path(scratch), workers, say, timeout=timeout, on_result=save)
    if rows:
        say((text or write(rows, machine)).rstrip("\n"))
    return int(any(result.failure is not None for result in results))
