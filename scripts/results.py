"""What a comparison found, as tables for people and rows for programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.markup import escape
from rich.table import Table

from hrm_gym.evaluation import Evaluation


@dataclass(frozen=True)
class Point:
    """One evaluation on the way: training seconds, environment steps, and what was solved."""

    seconds: float
    env_steps: int
    solve_rate: float
    low: float
    high: float

    @classmethod
    def of(cls, evaluation: Evaluation, env_steps: int, seconds: float) -> Point:
        """Take the solve rate and its interval from an evaluation."""
        return cls(seconds, env_steps, evaluation.solve_rate, *evaluation.interval)


@dataclass
class Contestant:
    """One agent of a comparison.

    Attributes:
        name: As it was asked for.
        signal: What it learns from.
        parameters: Trained numbers.
        env_steps: Environment steps of training.
        seconds: Training seconds.
        evaluation: On the full test set; ``None`` when it failed.
        curve: Evaluations on the way, by training time; empty where nothing is learned.
        failure: Why it failed, in one line.
    """

    name: str
    signal: str = ""
    parameters: int = 0
    env_steps: int = 0
    seconds: float = 0.0
    evaluation: Evaluation | None = None
    curve: list[Point] = field(default_factory=list)
    failure: str | None = None


@dataclass
class Comparison:
    """All agents on one environment."""

    env_id: str
    contestants: list[Contestant]

    @property
    def failed(self) -> bool:
        """Whether any agent failed."""
        return any(c.failure is not None for c in self.contestants)


def cells(comparison: Comparison) -> tuple[list[str], list[list[str]]]:
    """Return the headings and the rows of the table of a comparison."""
    mazes = any(
        c.evaluation is not None and c.evaluation.optimal_rate is not None
        for c in comparison.contestants
    )
    headings = ["agent", "learns from", "parameters", "env steps", "train s", "solved (95%)"]
    headings += ["optimal", "mean steps"] if mazes else ["mean steps"]
    rows = []
    for contestant in comparison.contestants:
        evaluation = contestant.evaluation
        if evaluation is None:
            row = [contestant.name, f"failed: {contestant.failure}"]
            rows.append(row + [""] * (len(headings) - 2))
            continue
        low, high = (f"{100 * bound:.0f}" for bound in evaluation.interval)
        learned = contestant.signal in ("labels", "reward")
        row = [
            contestant.name,
            contestant.signal,
            f"{contestant.parameters:,}" if contestant.parameters else "-",
            f"{contestant.env_steps:,}" if learned else "-",
            f"{contestant.seconds:.0f}" if learned else "-",
            f"{100 * evaluation.solve_rate:.1f}% ({low}-{high})",
        ]
        if mazes:
            row.append(f"{100 * (evaluation.optimal_rate or 0):.1f}%")
        rows.append([*row, f"{evaluation.mean_steps:.1f}"])
    return headings, rows


def rich_table(comparison: Comparison) -> Table:
    """Return the table for a terminal of 80 columns, reasons of failures below it."""
    headings, rows = cells(comparison)
    failures = [f"{c.name} failed: {c.failure}" for c in comparison.contestants if c.failure]
    table = Table(
        title=comparison.env_id,
        caption=escape("\n".join(failures)) or None,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for number, heading in enumerate(headings):
        # Headings break where they may, cells never do.
        shown = heading.replace("parameters", "params").replace(" ", "\n")
        table.add_column(shown, justify="left" if number < 2 else "right", no_wrap=True)
    for contestant, row in zip(comparison.contestants, rows, strict=True):
        table.add_row(*([contestant.name, "failed"] if contestant.failure else row))
    return table


def markdown_table(comparison: Comparison) -> str:
    """Return the table in Markdown."""
    headings, rows = cells(comparison)
    marks = ["---" if number < 2 else "---:" for number in range(len(headings))]
    lines = [headings, marks, *[[cell.replace("|", "\\|") for cell in row] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def json_rows(comparison: Comparison) -> list[dict[str, Any]]:
    """Return the rows of a result file: ``ENV/AGENT/QUANTITY``, value and unit."""
    rows: list[dict[str, Any]] = []
    for contestant in comparison.contestants:
        prefix = f"{comparison.env_id}/{contestant.name}"
        if contestant.evaluation is None:
            failed = {"name": f"{prefix}/failed", "value": 1, "unit": "agents"}
            rows.append({**failed, "reason": contestant.failure})
            continue
        summary = contestant.evaluation.summary()
        units = {"episodes": "puzzles", "mean_steps": "steps", "mean_return": "reward"}
        units["seconds"] = "s"
        for name, value in summary.items():
            shown = "evaluation_seconds" if name == "seconds" else name
            unit = units.get(name, "share")
            rows.append({"name": f"{prefix}/{shown}", "value": value, "unit": unit})
        for name, number, unit in (
            ("parameters", contestant.parameters, "parameters"),
            ("env_steps", contestant.env_steps, "steps"),
            ("train_seconds", contestant.seconds, "s"),
        ):
            rows.append({"name": f"{prefix}/{name}", "value": number, "unit": unit})
    return rows
