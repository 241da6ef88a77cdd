"""Demonstration: compare HRM, a baseline, a random agent and a solver on two small environments.

The environments and their training times are defined in
scripts/experiments/suites/demo.yaml.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts.cli import command, run
from hrm_gym.scripts.comparing.comparison import Comparison, present
from hrm_gym.scripts.experiments.suites import read_suite


@dataclass
class Args:
    """Arguments of the demonstration."""

    out: Path = Path("runs")
    """Folder of all TensorBoard runs, which holds the finished cells."""
    report: Path = Path("results/demo")
    """Folder of the report and its figures."""
    seed: int = 0
    """Seed of every agent."""
    scale: float = 1.0
    """Factor of every training time."""
    episodes: int = 500
    """Number of held-out puzzles of every split."""
    agents: list[str] | None = None
    """Agents that are compared; by default those of the suite. See compare."""
    rerun: bool = False
    """Run cells again that finished before with the same settings."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


def main(args: Args) -> int:
    """Run the comparison and write its report; return 1 if an agent failed.

    Raises:
        ValueError: if no cell can be run.
    """
    suite = read_suite("demo")
    comparison = Comparison(
        seconds={env_id: seconds * args.scale for env_id, seconds in suite["seconds"].items()},
        agents=suite["agents"] if args.agents is None else args.agents,
        seed=args.seed,
        episodes=args.episodes,
        rerun=args.rerun,
        out=args.out,
    )
    title = "HRM Gym: demonstration"
    return present(comparison, args.report, title, command("demo", args), args.json)[0]


if __name__ == "__main__":
    sys.exit(run(main, Args))
