"""Compare agents on one environment: the same puzzles, the same training time, one table."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run
from hrm_gym.scripts.results import (
    Comparison,
    Contestant,
    Point,
    json_rows,
    markdown_table,
    rich_table,
)

CURVE_EPISODES = 100
"""Puzzles of an evaluation on the way; the last one takes all ``--episodes``."""
CURVE_POINTS = 6


@dataclass
class Args:
    """Arguments of the comparison."""

    env: str = "HRMMaze-7x7-v0"
    """Step environment that all agents are tested on; hrm learns on its Answer counterpart."""
    agents: list[str] = field(default_factory=lambda: ["hrm", "maskable-ppo", "random", "oracle"])
    """Any of hrm, ppo, dqn, maskable-ppo, random, depth-first and oracle."""
    seconds: float = 60.0
    """Training time of every agent that learns."""
    seed: int = 0
    """Seed of every agent."""
    episodes: int = 500
    """Held-out test puzzles, the same for all."""
    puzzles: int = 1000
    """Training puzzles, the same for all."""
    preset: str | None = None
    """Configuration of hrm; the smallest for the environment where none is named."""
    device: str = "cpu"
    """Where the networks run."""
    threads: int = 1
    """Torch threads of every agent. Networks this small gain little from a second one, and lose
    most of their speed where another program wants its core."""
    out: Path = Path("runs")
    """Folder of TensorBoard runs, of report.md and of comparison.png."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def check(args: Args) -> None:
    """Find mistakes before anything is trained.

    Raises:
        ValueError: An agent or environment is unknown, or a number is not positive.
    """
    from hrm_gym.agents.catalog import AGENTS, learns
    from hrm_gym.evaluation import make_env
    from hrm_gym.registration import answer_id

    if not args.agents:
        raise ValueError(f"agents: expected some of {', '.join(AGENTS)}, got none")
    for name in args.agents:
        learns(name)
    if len(set(args.agents)) < len(args.agents):
        raise ValueError(f"agents: expected each once, got {' '.join(args.agents)}")
    for option, value in (
        ("seconds", args.seconds),
        ("episodes", args.episodes),
        ("puzzles", args.puzzles),
        ("threads", args.threads),
    ):
        if value <= 0:
            raise ValueError(f"{option}: expected a positive number, got {value}")
    if answer_id(args.env) == args.env:
        raise ValueError(
            f"env: expected a step environment such as HRMMaze-7x7-v0, got {args.env!r}"
        )
    make_env(args.env, split="test").close()
    if "hrm" in args.agents:
        from hrm_gym.agents.hrm.presets import get_preset, preset_for

        trained = get_preset(args.preset or preset_for(answer_id(args.env))).env
        if trained != answer_id(args.env):
            raise ValueError(
                f"preset: expected one for {answer_id(args.env)}, but {args.preset} trains on "
                f"{trained}"
            )


def compare(args: Args, say: Callable[[str], None] = print) -> Comparison:
    """Train and test every agent, one after the other.

    Args:
        args: As on the command line.
        say: Takes a line about what is going on.

    Returns:
        The results; an agent that failed is among them, with its reason.

    Raises:
        ValueError: As ``check``.
    """
    import torch

    from hrm_gym.agents.catalog import learns
    from hrm_gym.tracking import Tracker, run_folder

    check(args)
    torch.set_num_threads(args.threads)
    contestants = []
    for name in args.agents:
        say(f"{args.env}: {name}" + (f", {args.seconds:g} s" if learns(name) else ""))
        contestant = Contestant(name)
        try:
            with Tracker(run_folder(args.out, args.env, name, args.seed)) as tracker:
                _take_part(contestant, args, tracker)
        except Exception as error:
            # One broken agent must not cost the hours of the others.
            reason = " ".join(str(error).split()) or type(error).__name__
            contestant.failure = (
                reason if isinstance(error, ValueError) else (f"{type(error).__name__}: {reason}")
            )
            contestant.evaluation = None
            say(f"{args.env}: {name} failed: {contestant.failure}")
        contestants.append(contestant)
    return Comparison(args.env, contestants)


def _take_part(contestant: Contestant, args: Args, tracker: Any) -> None:
    """Train an agent where it learns, and test it; fills in ``contestant``."""
    from hrm_gym.agents.catalog import obtain
    from hrm_gym.evaluation import evaluate

    def on_progress(result: Any) -> None:
        few = evaluate(result.agent, args.env, min(CURVE_EPISODES, args.episodes))
        contestant.curve.append(Point.of(few, result.env_steps, result.seconds))
        tracker.evaluation(few, result.env_steps, result.seconds)

    result = obtain(
        contestant.name,
        args.env,
        seed=args.seed,
        seconds=args.seconds,
        device=args.device,
        limit=args.puzzles,
        on_progress=on_progress,
        progress_evaluations=CURVE_POINTS,
        tracker=tracker,
        preset=args.preset,
    )
    agent = result.agent
    contestant.env_steps, contestant.seconds = result.env_steps, result.seconds
    contestant.signal, contestant.parameters = agent.signal, agent.parameters
    tested = evaluate(agent, args.env, args.episodes)
    contestant.evaluation = tested
    contestant.curve.append(Point.of(tested, contestant.env_steps, contestant.seconds))
    tracker.evaluation(tested, contestant.env_steps, contestant.seconds)
    settings = {
        "agent": contestant.name,
        "signal": agent.signal,
        "seed": args.seed,
        "budget_seconds": args.seconds,
        "puzzles": args.puzzles,
        "parameters": agent.parameters,
    }
    tracker.hparams(settings, {"hparam/solve_rate": tested.solve_rate})


def report(comparison: Comparison, args: Args) -> str:
    """Return the report of a comparison in Markdown."""
    tested = [c.evaluation for c in comparison.contestants if c.evaluation is not None]
    count = len(tested[0].episodes) if tested else args.episodes
    return (
        f"## {comparison.env_id}\n\n"
        f"Every agent that learns had {args.seconds:g} s and {args.puzzles} training puzzles "
        f"(seed {args.seed}); all were tested on the same {count} held-out puzzles. "
        "The interval is Wilson's.\n\n" + markdown_table(comparison)
    )


def main(args: Args) -> int:
    """Compare, and write the table, the figure and the file for programs; 1 if an agent failed."""
    from rich.console import Console

    from hrm_gym.tracking import machine, write_json, write_text

    console = Console()
    begun = time.perf_counter()
    comparison = compare(args, lambda line: console.print(line, markup=False, highlight=False))
    console.print(rich_table(comparison))
    folder = args.out / args.env
    write_text(folder / "report.md", report(comparison, args))
    if any(c.evaluation is not None for c in comparison.contestants):
        from hrm_gym.scripts.plots import comparison_figure, save_png

        save_png(comparison_figure([comparison]), folder / "comparison.png")
    if args.json is not None:
        write_json(args.json, machine(), json_rows(comparison))
    seconds = time.perf_counter() - begun
    console.print(
        f"{seconds:.0f} s; {folder}/report.md, comparison.png; tensorboard --logdir {args.out}",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 1 if comparison.failed else 0


if __name__ == "__main__":
    sys.exit(run(main, Args))
