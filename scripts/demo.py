"""The demonstration: HRM, a baseline, chance and a solver on a small Sudoku and a small maze."""

from __future__ import annotations

import dataclasses
import sys
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
    if args.scale <= 0:
        raise ValueError(f"scale: expected a positive number, got {args.scale}")
    settings = compare.Args(
        env=list(BUDGETS),
        agents=args.agents,
        seed=args.seed,
        episodes=args.episodes,
        rerun=args.rerun,
        out=args.runs,
        json=args.json,
    )
    seconds = {env_id: seconds * args.scale for env_id, seconds in BUDGETS.items()}
    title = "HRM Gym: demonstration"
    return compare.present(settings, args.out, title, command("demo", args), seconds)[0]


if __name__ == "__main__":
    sys.exit(run(main, Args))
