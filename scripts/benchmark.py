"""Measure this package on this machine and print every figure with its target.

Subjects are the modules of ``scripts/benchmarks/``. Every ratio compares figures of the same run,
so that a busy or slow machine changes both.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

from hrm_gym.scripts import benchmarks
from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the benchmark."""

    subject: tyro.conf.Positional[str]
    """What to measure; an unknown name prints all subjects."""
    seconds: float = 2.0
    """Time to spend on each rate."""
    threads: int = 2
    """Number of torch and numba threads."""
    seed: int = 0
    """Seed of puzzles, actions and weights."""
    device: str = "cpu"
    """Device of the models: cpu, cuda, cuda:1."""
    data: Path | None = None
    """Puzzles instead of the bundled ones, for subjects that use any: a CSV file or a folder."""
    out: Path = Path("results")
    """Folder of plots; for the subject gpu, of the results, logs and weights of its stages."""
    sudoku_data: Path = Path("data/sudoku-extreme")
    """Folder with train.csv and test.csv of Sudoku-Extreme, for the subject gpu."""
    maze_data: Path = Path("data/maze-30x30-hard")
    """Folder with train.csv and test.csv of Maze-Hard, for the subject gpu."""
    rehearse: bool = False
    """Run all stages of the subject gpu on the CPU, with tiny sizes, to see whether they work."""
    json: Path | None = None
    """Also write the rows to this file as JSON."""


def subjects() -> list[str]:
    """Return the names of the modules that measure something."""
    return sorted(module.name for module in pkgutil.iter_modules(benchmarks.__path__))


def reached(row: dict[str, Any]) -> str:
    """Return whether a row reaches its target: ``yes``, ``no``, or nothing without a target."""
    if row.get("target") is None:
        return ""
    good = row["value"] <= row["target"] if row.get("at_most") else row["value"] >= row["target"]
    return "yes" if good else "no"


def main(args: Args) -> None:
    """Measure, print a table and write the rows.

    Raises:
        ValueError: if the subject is unknown, or a number is not positive.
    """
    from rich.console import Console
    from rich.table import Table

    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    if args.subject not in subjects():
        raise ValueError(f"subject: expected one of {', '.join(subjects())}, got {args.subject!r}")
    for option, value in (("seconds", args.seconds), ("threads", args.threads)):
        if value <= 0:
            raise ValueError(f"{option}: expected a positive number, got {value}")
    module = importlib.import_module(f"{benchmarks.__name__}.{args.subject}")
    rows: list[dict[str, Any]] = module.measure(args)
    table = Table("name", "value", "unit", "target", "reached", box=None, pad_edge=False)
    for row in rows:
        target = row.get("target")
        sign = "<= " if row.get("at_most") else ">= "
        shown = "" if target is None else f"{sign}{target:,.4g}"
        figure = "-" if row["value"] is None else f"{row['value']:,.4g}"
        table.add_row(row["name"], figure, row["unit"], shown, reached(row))
    Console().print(table)
    if args.json is not None:
        write_json(args.json, machine(), rows)


if __name__ == "__main__":
    sys.exit(run(main, Args))
