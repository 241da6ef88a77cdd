"""Compare agents: the same puzzles, the same training time, several seeds, one report."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, run
from hrm_gym.scripts.comparing.cell import Cell, Result

DEFAULTS: dict[str, Any] = {
    "env": ["HRMMaze-7x7-v0"],
    "agents": ["hrm", "maskable-ppo", "random", "oracle"],
    "seconds": 60.0,
    "seeds": 1,
    "workers": 1,
}
SUITES: dict[str, dict[str, Any]] = {
    "small": {
        "env": ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"],
        "agents": ["hrm", "transformer", "ppo", "maskable-ppo", "dqn", "random", "oracle"],
        "seconds": 180.0,
        "seeds": 3,
        "workers": 2,
    },
}
"""What the options are in a suite; those on the command line come before it."""


@dataclass
class Args:
    """Arguments of the comparison."""

    suite: str | None = None
    """A named comparison: small (4x4 Sudoku and 7x7 mazes, 7 agents, 3 seeds, 180 s each)."""
    env: list[str] | None = None
    """Step environments that all agents are tested on; hrm learns on their Answer counterparts.
    Without a suite HRMMaze-7x7-v0."""
    agents: list[str] | None = None
    """Names of the catalog, such as hrm, ppo, maskable-ppo, random and oracle, or module:Class of
    an agent of your own. Without a suite hrm, maskable-ppo, random and oracle."""
    seconds: float | None = None
    """Training time of every agent that learns; without a suite 60."""
    seeds: int | None = None
    """Seeds of every agent; without a suite 1. Intervals over several need the extra compare."""
    workers: int | None = None
    """Cells (an agent, an environment, a seed) at a time, each a process; without a suite 1."""
    seed: int = 0
    """The first seed."""
    episodes: int = 500
    """Held-out puzzles of every split, the same for all."""
    puzzles: int = 1000
    """Training puzzles, the same for all."""
    preset: str | None = None
    """Configuration of hrm; the smallest for the environment where none is named."""
    device: str = "cpu"
    """Where the networks run."""
    threads: int = 1
    """Torch threads of a cell. Networks this small gain little from a second one, and lose most of
    their speed where another program wants its core."""
    timeout: float | None = None
    """Seconds that a cell may take in all, tests among them; one that is not done by then is ended
    and has failed. Without it five times the training time and half an hour."""
    rerun: bool = False
    """Run cells again that finished before with the same settings."""
    ray: str | None = None
    """Run the cells as tasks of a Ray cluster: its address, auto or local (extra cluster)."""
    out: Path = Path("runs")
    """Folder of TensorBoard runs and of the report."""
    report: Path | None = None
    """Folder of the report; by default in OUT, named after the environment or the suite."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def settle(args: Args) -> Args:
    """Return the arguments with what was left open filled in from the suite or the defaults.

    Raises:
        ValueError: There is no such suite.
    """
    if args.suite is not None and args.suite not in SUITES:
        raise ValueError(f"suite: expected one of {', '.join(SUITES)}, got {args.suite!r}")
    wanted = DEFAULTS | SUITES.get(args.suite or "", {})
    return dataclasses.replace(
        args, **{name: value for name, value in wanted.items() if getattr(args, name) is None}
    )


def check(args: Args) -> None:
    """Find mistakes in settled arguments that concern every cell, before anything is trained.

    Raises:
        ValueError: A number is not positive, a name is there twice or none is, or rliable is
            needed and missing.
    """
    from hrm_gym.agents.catalog import AGENTS

    assert args.agents is not None
    assert args.env is not None
    for option, names in (("agents", args.agents), ("env", args.env)):
        if len(set(names)) < len(names) or not names:
            got = " ".join(names) or "none"
            known = f"some of {', '.join(AGENTS)}, " if option == "agents" else ""
            raise ValueError(f"{option}: expected {known}each once, got {got}")
    for option in ("seconds", "seeds", "workers", "episodes", "puzzles", "threads", "timeout"):
        value = getattr(args, option)
        if value is not None and not value > 0:
            raise ValueError(f"{option}: expected a positive number, got {value}")
    if (args.seeds or 1) > 1:
        from hrm_gym.scripts.comparing.statistics import check_installed

        check_installed()


def mistakes(args: Args) -> dict[tuple[str, str], str]:
    """Return what is wrong with an environment and an agent, for those that cannot be run."""
    found: dict[tuple[str, str], str] = {}
    for env_id in args.env or ():
        for agent in args.agents or ():
            try:
                _check_fit(env_id, agent, args.preset)
            except ValueError as error:
                found[env_id, agent] = str(error)
    return found


def _check_fit(env_id: str, agent: str, preset: str | None) -> None:
    """Refuse a cell that cannot be run.

    Raises:
        ValueError: The agent or environment is unknown, or the preset is for another.
    """
    from hrm_gym.agents.catalog import AGENTS, learns
    from hrm_gym.evaluation import make_env
    from hrm_gym.registration import answer_id

    learns(agent)
    if answer_id(env_id) == env_id:
        raise ValueError(f"env: expected a step environment such as HRMMaze-7x7-v0, got {env_id!r}")
    make_env(env_id, split="test").close()
    # Baselines that learn from labels stand beside a run of hrm.
    if AGENTS.get(agent) == "labels":
        from hrm_gym.agents.hrm.presets import get_preset, preset_for

        trained = get_preset(preset or preset_for(answer_id(env_id))).env
        if trained != answer_id(env_id):
            raise ValueError(
                f"preset: expected one for {answer_id(env_id)}, but {preset} trains on {trained}"
            )


def compare(
    args: Args,
    say: Callable[[str], None] = print,
    seconds: Mapping[str, float] | None = None,
) -> list[Result]:
    """Train and test every agent on every environment with every seed.

    Args:
        args: As on the command line.
        say: Takes a line about what is going on.
        seconds: Training time of an environment, where it is not that of ``args``.

    Returns:
        The results; a cell that failed is among them, with its reason.

    Raises:
        ValueError: As ``check``, or no cell at all can be run.
    """
    from hrm_gym.agents.catalog import AGENTS
    from hrm_gym.machine import cores
    from hrm_gym.scripts.comparing.grid import run_grid

    args = settle(args)
    check(args)
    assert args.env is not None
    assert args.agents is not None
    assert args.seconds is not None
    # Seed by seed, so that an interrupted comparison has all agents.
    cells = [
        Cell(
            env_id,
            agent,
            seed,
            (seconds or {}).get(env_id, args.seconds),
            args.puzzles,
            args.episodes,
            args.preset if AGENTS.get(agent) == "labels" else None,
            args.device,
            args.threads,
        )
        for seed in range(args.seed, args.seed + (args.seeds or 1))
        for env_id in args.env
        for agent in args.agents
    ]
    wrong = mistakes(args)
    bad = {cell: reason for cell in cells if (reason := wrong.get((cell.env, cell.agent)))}
    if len(bad) == len(cells):
        raise ValueError(next(iter(bad.values())))
    for cell, reason in bad.items():
        say(f"{cell.name}: failed: {reason}")
    good = [cell for cell in cells if cell not in bad]
    workers = args.workers or 1
    if args.ray is None and workers * args.threads > cores():
        say(
            f"workers: {workers} x {args.threads} threads on {cores()} cores; cells slow each "
            "other down, and what they reach in their time cannot be compared"
        )
    run = iter(run_grid(good, args.out, workers, say, args.rerun, args.ray, args.timeout))
    return [Result(cell, failure=bad[cell]) if cell in bad else next(run) for cell in cells]


def present(
    args: Args,
    folder: Path,
    title: str,
    again: str,
    seconds: Mapping[str, float] | None = None,
) -> tuple[int, str]:
    """Compare, print the tables, write the report and the file for programs.

    Args:
        args: As on the command line.
        folder: Of the report.
        title: Its heading.
        again: The command that makes it.
        seconds: As ``compare``.

    Returns:
        The exit status, 1 if a cell failed, and the report in Markdown.
    """
    from rich.console import Console

    from hrm_gym.machine import machine
    from hrm_gym.results import write_json
    from hrm_gym.scripts.comparing.report import write_report
    from hrm_gym.scripts.comparing.tables import json_rows, rich_tables

    console = Console()

    def say(line: str) -> None:
        console.print(line, markup=False, highlight=False, soft_wrap=True)

    begun = time.perf_counter()
    results = compare(args, say, seconds)
    for table in rich_tables(results):
        console.print(table)
    text = write_report(results, folder, title, again)
    if args.json is not None:
        write_json(args.json, machine(), json_rows(results))
    say(
        f"Done in {time.perf_counter() - begun:.0f} s. Look at {folder}/report.html; "
        f"curves: tensorboard --logdir {args.out}"
    )
    return int(any(result.failure is not None for result in results)), text


def main(args: Args) -> int:
    """Compare, and write the report, to TensorBoard too; 1 if a cell failed."""
    from hrm_gym.tracking import Tracker

    again = command("compare", args)
    args = settle(args)
    assert args.env is not None
    name = args.suite or (args.env[0] if len(args.env) == 1 else "comparison")
    status, text = present(args, args.report or args.out / name, f"Comparison: {name}", again)
    with Tracker(args.out / name / "report") as tracker:
        tracker.text("report", text)
    return status


if __name__ == "__main__":
    sys.exit(run(main, Args))
