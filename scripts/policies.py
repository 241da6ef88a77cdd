"""Compare networks of one reinforcement-learning policy, the HRM among them.

The report answers three questions: what PPO achieves with each network on one environment in the
same time; whether a latent state that is carried from step to step helps where doors open and
close; and whether PPO alone learns to give a whole answer. Finished rows are kept in
OUT/policies.json, so that an interrupted run resumes. The rows are defined in
scripts/experiments/suites/policies.yaml.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, run


@dataclass
class Args:
    """Arguments of the comparison of policies."""

    entries: tuple[str, ...] | None = None
    """Rows to run; by default all of the suite."""
    seconds: float = 180.0
    """Training time of one run."""
    seed: int = 0
    """The first seed."""
    seeds: int = 1
    """Number of seeds of every row."""
    episodes: int = 500
    """Number of held-out test puzzles."""
    threads: int = 1
    """Number of torch threads of a run; small networks gain nothing from more."""
    workers: int = 1
    """Number of runs at a time."""
    timeout: float | None = None
    """Seconds that a run may take in total; a run that exceeds them is stopped and has failed. By
    default five times --seconds and half an hour."""
    out: Path = Path("results")
    """Folder of the report: policies.md and policies.json."""


def main(args: Args) -> int:
    """Run what is missing and write the report after every run; return 1 if a run failed.

    Raises:
        ValueError: if a row is unknown, there are no episodes, or OUT holds the results of
            another budget.
    """
    from hrm_gym.files import write_text
    from hrm_gym.scripts.experiments import policies
    from hrm_gym.scripts.experiments.rows import run_rows

    known = policies.entries()
    chosen = args.entries or tuple(known)
    for name in chosen:
        if name not in known:
            names = ", ".join(map(repr, known))
            raise ValueError(f"entries: expected some of {names}, got {name!r}")
    if args.episodes < 1:
        raise ValueError(f"episodes: expected at least 1, got {args.episodes}")
    cells = [
        policies.PolicyCell(
            entry=name,
            seed=seed,
            episodes=args.episodes,
            seconds=args.seconds,
            threads=args.threads,
            **known[name],
        )
        for seed in range(args.seed, args.seed + args.seeds)
        for name in chosen
    ]
    budget = {"seconds": args.seconds, "episodes": args.episodes}

    def write(rows: Any, machine: Any) -> str:
        text = policies.report(rows, machine, chosen, budget, command("policies", args))
        write_text(args.out / "policies.md", text)
        return text

    path = args.out / "policies.json"
    return run_rows(cells, path, budget, write, args.workers, args.timeout)


if __name__ == "__main__":
    sys.exit(run(main, Args))
