"""Compare halting rules: PPO and DQN on HRMHalt-v0 next to rules that need no training.

All policies and rules are tested on the same recorded segments. A ponder cost is one trade-off
between accuracy and segments; several ponder costs, thresholds or depths give a curve in the
figure. Finished trainings are kept in OUT/halting-runs.json, so that an interrupted run resumes.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.registration import DEFAULT_AGENT
from hrm_gym.scripts.cli import command, run


@dataclass
class Args:
    """Arguments of the comparison of halting rules."""

    data: str = DEFAULT_AGENT
    """Bundled traces, sudoku or maze, or a trace file that evaluate --save-traces wrote."""
    steps: int = 100_000
    """Environment steps of each training."""
    seed: int = 0
    """The first seed."""
    seeds: int = 3
    """Number of seeds of each algorithm at each ponder cost."""
    train_costs: tuple[float, ...] = (0.001, 0.01, 0.05)
    """Ponder costs of a segment that policies are trained for."""
    ponder_cost: float = 0.01
    """Ponder cost in the rewards of the table; numbers in rules are chosen for it on train."""
    threads: int = 1
    """Number of torch threads of a training; small networks gain nothing from more."""
    workers: int = 1
    """Number of trainings at a time."""
    timeout: float | None = None
    """Seconds that a training may take in total; one that exceeds them is stopped and has failed.
    By default a day."""
    out: Path = Path("results")
    """Folder of the report: halting.md, halting.png, halting.json and halting-runs.json."""


def main(args: Args) -> int:
    """Train the missing policies, and write the table and the figure; return 1 if one failed.

    Raises:
        ValueError: if the trace file is not valid, there is no ponder cost, or OUT holds the
            results of other settings.
    """
    from hrm_gym.files import write_text
    from hrm_gym.results import write_json
    from hrm_gym.scripts.experiments import halting
    from hrm_gym.scripts.experiments.rows import run_rows
    from hrm_gym.scripts.experiments.suites import read_suite
    from hrm_gym.scripts.reporting.plots import save_png

    if not args.train_costs:
        raise ValueError("train_costs: expected at least one")
    parts = halting.split_traces(args.data)
    cells = [
        halting.HaltingCell(
            algorithm,
            cost,
            seed,
            args.steps,
            args.data,
            args.ponder_cost,
            threads=args.threads,
        )
        for algorithm in read_suite("halting")["algorithms"]
        for cost in args.train_costs
        for seed in range(args.seed, args.seed + args.seeds)
    ]
    names = {cell.name for cell in cells}
    training = f"{args.steps:,} environment steps, {args.seeds} seeds"
    budget = {"data": args.data, "steps": args.steps, "ponder_cost": args.ponder_cost}

    def write(rows: Any, machine: Any) -> str:
        own = [row for row in rows if row["name"] in names]
        lines = halting.table_lines(parts, own, args.ponder_cost)
        write_json(args.out / "halting.json", machine, halting.result_rows(lines))
        save_png(halting.figure(parts, lines), args.out / "halting.png")
        words = command("halting", args)
        text = halting.report(parts, lines, machine, training, args.ponder_cost, words)
        write_text(args.out / "halting.md", text)
        return text

    path = args.out / "halting-runs.json"
    return run_rows(cells, path, budget, write, args.workers, args.timeout)


if __name__ == "__main__":
    sys.exit(run(main, Args))
