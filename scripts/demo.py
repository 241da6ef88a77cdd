"""The demonstration: HRM, a baseline, chance and a solver on a small Sudoku and a small maze."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts import compare
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.results import json_rows, rich_table

BUDGETS = {"HRMSudoku-4x4-v0": 60.0, "HRMMaze-7x7-v0": 90.0}
"""Training seconds of every agent that learns."""


@dataclass
class Args:
    """Arguments of the demonstration."""

    out: Path = Path("results/demo")
    """Folder of the table and the figure."""
    runs: Path = Path("runs")
    """Folder of the TensorBoard runs."""
    seed: int = 0
    """Seed of every agent."""
    scale: float = 1.0
    """Multiplies every training time."""
    episodes: int = 500
    """Held-out test puzzles."""
    agents: list[str] = dataclasses.field(
        default_factory=lambda: ["hrm", "maskable-ppo", "random", "oracle"]
    )
    """Who takes part; see compare."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def main(args: Args) -> int:
    """Run both comparisons and write one table and one figure; 1 if an agent failed."""
    from rich.console import Console

    from hrm_gym.scripts.plots import comparison_figure, save_png
    from hrm_gym.tracking import machine, write_json, write_text

    if args.scale <= 0:
        raise ValueError(f"scale: expected a positive number, got {args.scale}")
    console = Console()
    begun = time.perf_counter()
    comparisons, sections = [], []
    for env_id, seconds in BUDGETS.items():
        settings = compare.Args(
            env=env_id,
            agents=args.agents,
            seconds=seconds * args.scale,
            seed=args.seed,
            episodes=args.episodes,
            out=args.runs,
        )
        comparison = compare.compare(
            settings, lambda line: console.print(line, markup=False, highlight=False)
        )
        console.print(rich_table(comparison))
        comparisons.append(comparison)
        sections.append(compare.report(comparison, settings))
        # Written after each environment, so that an interrupted demonstration leaves a result.
        title = "# HRM Gym: demonstration\n\n"
        figure = "\n![Solved test puzzles against training time](comparison.png)\n"
        write_text(args.out / "report.md", title + "\n".join(sections) + figure)
        save_png(comparison_figure(comparisons), args.out / "comparison.png")
    if args.json is not None:
        rows = [row for comparison in comparisons for row in json_rows(comparison)]
        write_json(args.json, machine(), rows)
    console.print(
        f"Done in {time.perf_counter() - begun:.0f} s. Look at {args.out}/report.md and "
        f"{args.out}/comparison.png; curves: tensorboard --logdir {args.runs}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 1 if any(comparison.failed for comparison in comparisons) else 0


if __name__ == "__main__":
    sys.exit(run(main, Args))
