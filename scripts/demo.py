"""The demonstration: HRM, a baseline, chance and a solver on a small Sudoku and a small maze."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts import compare
from hrm_gym.scripts.cli import command, run

BUDGETS = {"HRMSudoku-4x4-v0": 60.0, "HRMMaze-7x7-v0": 90.0}
"""Training seconds of every agent that learns."""


@dataclass
class Args:
    """Arguments of the demonstration."""

    out: Path = Path("results/demo")
    """Folder of the report and its figures."""
    runs: Path = Path("runs")
    """Folder of the TensorBoard runs."""
    seed: int = 0
    """Seed of every agent."""
    scale: float = 1.0
    """Multiplies every training time."""
    episodes: int = 500
    """Held-out puzzles of every split."""
    agents: list[str] = dataclasses.field(
        default_factory=lambda: ["hrm", "maskable-ppo", "random", "oracle"]
    )
    """Who takes part; see compare."""
    rerun: bool = False
    """Run again what finished before with the same settings."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def main(args: Args) -> int:
    """Run both comparisons and write one report; 1 if an agent failed."""
    from rich.console import Console

    from hrm_gym.scripts.comparing.report import write_report
    from hrm_gym.scripts.comparing.tables import json_rows, rich_tables
    from hrm_gym.tracking import machine, write_json

    if args.scale <= 0:
        raise ValueError(f"scale: expected a positive number, got {args.scale}")
    console = Console()
    begun = time.perf_counter()
    settings = compare.Args(
        env=list(BUDGETS),
        agents=args.agents,
        seed=args.seed,
        episodes=args.episodes,
        rerun=args.rerun,
        out=args.runs,
    )
    results = compare.compare(
        settings,
        lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
        {env_id: seconds * args.scale for env_id, seconds in BUDGETS.items()},
    )
    for table in rich_tables(results):
        console.print(table)
    write_report(results, args.out, "HRM Gym: demonstration", command("demo", args))
    if args.json is not None:
        write_json(args.json, machine(), json_rows(results))
    console.print(
        f"Done in {time.perf_counter() - begun:.0f} s. Look at {args.out}/report.html; "
        f"curves: tensorboard --logdir {args.runs}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 1 if any(result.failure is not None for result in results) else 0


if __name__ == "__main__":
    sys.exit(run(main, Args))
