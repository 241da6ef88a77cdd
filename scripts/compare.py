"""Compare agents on the same puzzles with the same training time and several seeds.

Finished cells are kept in OUT, so that an interrupted comparison resumes. The named comparisons are
defined in scripts/experiments/suites/comparison.yaml.
"""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, run
from hrm_gym.scripts.comparing.comparison import Comparison, present
from hrm_gym.scripts.experiments.suites import read_suite


@dataclass
class Args:
    """Arguments of the comparison."""

    suite: str = "default"
    """A named comparison, which sets the options that are not given here: small (two environments,
    seven agents, three seeds, 180 s each), headline (9x9 Sudoku, mazes of 15x15 and 30x30, ten
    agents, two seeds, 1,200 s each), arc (Mini-ARC, eight agents, two seeds, 1,800 s
    each), or default (one environment, four agents, 60 s each)."""
    env: list[str] | None = None
    """Step environments that all agents are tested on; agents that learn from labels are trained
    in their Answer environments."""
    agents: list[str] | None = None
    """Names of the catalog, such as hrm, ppo, maskable-ppo, random and oracle, or module:Class of
    a custom agent."""
    seconds: float | None = None
    """Training time of every agent that learns."""
    seeds: int | None = None
    """Number of seeds of every agent. Intervals over several seeds need the extra compare."""
    workers: int | None = None
    """Number of cells (an agent, an environment, a seed) at a time, each in its own process."""
    seed: int = 0
    """The first seed."""
    episodes: int | None = None
    """Number of held-out puzzles of every split, the same for all agents; by default 500, and 200
    in headline."""
    puzzles: int = 1000
    """Number of training puzzles, the same for all agents."""
    preset: str | None = None
    """Configuration of hrm; by default the smallest for the environment."""
    policy: str | None = None
    """Network of agents that learn from reward, such as relations, the network of hrm; by default
    that of their hyperparameters."""
    device: str = "cpu"
    """Device of the networks: cpu, cuda, cuda:1."""
    threads: int = 1
    """Number of torch threads of a cell. Networks of this size gain little from a second thread,
    and are much slower if another program uses its core."""
    timeout: float | None = None
    """Seconds that a cell may take in total, tests included; a cell that exceeds them is stopped
    and has failed. By default five times the training time and half an hour."""
    rerun: bool = False
    """Run cells again that finished before with the same settings."""
    ray: str | None = None
    """Run the cells as tasks of a Ray cluster: its address, auto or local (extra cluster)."""
    out: Path = Path("runs/compare")
    """Folder of the report and of the cells, whose TensorBoard runs are in OUT/ENV/AGENT/seedK; the
    runs of train and train-rl in other folders stay as they are."""
    report: Path | None = None
    """Folder of the report; by default in OUT, named after the environment or the suite."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


def resolve(args: Args) -> Comparison:
    """Return the comparison that the options and the suite describe.

    Raises:
        ValueError: if there is no such suite, or an environment is named twice.
    """
    suites = read_suite("comparison")
    if args.suite not in suites:
        raise ValueError(f"suite: expected one of {', '.join(suites)}, got {args.suite!r}")
    given = {name: value for name, value in vars(args).items() if value is not None}
    settings: dict[str, Any] = {**suites[args.suite], **given}
    env_ids, seconds = settings["env"], settings["seconds"]
    if len(set(env_ids)) < len(env_ids):
        raise ValueError(f"env: expected each once, got {' '.join(env_ids)}")
    settings["seconds"] = dict.fromkeys(env_ids, seconds)
    names = {field.name for field in dataclasses.fields(Comparison)}
    return Comparison(**{name: value for name, value in settings.items() if name in names})


def main(args: Args) -> int:
    """Run the comparison, and write the report, also to TensorBoard; return 1 if a cell failed.

    Raises:
        ValueError: if no cell can be run.
    """
    from hrm_gym.tracking import Tracker

    comparison = resolve(args)
    env_ids = list(comparison.seconds)
    name = env_ids[0] if len(env_ids) == 1 else "comparison"
    if args.suite != Args.suite:
        name = args.suite
    folder, title = args.report or args.out / name, f"Comparison: {name}"
    status, text = present(comparison, folder, title, command("compare", args), args.json)
    with Tracker(args.out / name / "report") as tracker:
        tracker.text("report", text)
    return status


if __name__ == "__main__":
    sys.exit(run(main, Args))
