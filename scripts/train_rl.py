"""Train a reinforcement-learning baseline, and test it."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the baseline trainer."""

    env: str = "HRMMaze-7x7-v0"
    """Environment to train on: a step or Answer environment, or HRMHalt-v0."""
    agent: Literal["ppo", "dqn", "maskable-ppo", "a2c", "qrdqn", "recurrent-ppo"] = "maskable-ppo"
    """Algorithm; dqn and qrdqn need Discrete actions, maskable-ppo a step environment."""
    policy: Literal["mlp", "cnn", "transformer", "structured", "hrm"] | None = None
    """Network; where none is named, that of agents/baselines/hyperparameters.yml."""
    seconds: float | None = None
    """Training time; where neither this nor --steps is given, the file's n_timesteps."""
    steps: int | None = None
    """Environment steps, over all parallel environments."""
    seed: int = 0
    """Seed of the weights, the puzzles and the exploration."""
    puzzles: int = 1000
    """Training puzzles."""
    episodes: int = 500
    """Held-out test puzzles at the end."""
    device: str = "cpu"
    """Where the networks run."""
    threads: int = 1
    """Torch threads; small networks gain nothing from more."""
    out: Path = Path("runs")
    """Folder of runs; this one is written to OUT/ENV/AGENT/seedSEED."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def main(args: Args) -> None:
    """Train, save the agent beside its curves, test it and print the result."""
    import torch
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from hrm_gym.agents.base import TrainResult
    from hrm_gym.agents.baselines import SB3Agent, train_rl
    from hrm_gym.evaluation import evaluate
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json
    from hrm_gym.tracking import Tracker, run_folder

    if args.episodes == 0:
        raise ValueError("episodes: expected at least 1, got 0")
    torch.set_num_threads(args.threads)
    name = args.agent if args.policy is None else f"{args.agent}-{args.policy}"
    folder = run_folder(args.out, args.env, name, args.seed)
    evaluations = 6
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Tracker(folder) as tracker, Progress(*columns, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(args.agent, total=evaluations)

        def on_progress(result: TrainResult[SB3Agent]) -> None:
            few = evaluate(result.agent, args.env, min(100, args.episodes), limit=None)
            tracker.evaluation(few, result.env_steps, result.seconds)
            done = f"{args.agent}: {result.env_steps} steps, {few.solve_rate:.0%} solved"
            bar.update(task, advance=1, description=done)

        result = train_rl(
            args.agent,
            args.env,
            seed=args.seed,
            policy=args.policy,
            seconds=args.seconds,
            steps=args.steps,
            device=args.device,
            limit=args.puzzles,
            on_progress=on_progress,
            progress_evaluations=evaluations,
            tracker=tracker,
        )
        tested = evaluate(result.agent, args.env, args.episodes)
        tracker.evaluation(tested, result.env_steps, result.seconds)
        settings = {**dataclasses.asdict(args), "out": None, "json": None}
        tracker.hparams(settings, {"hparam/solve_rate": tested.solve_rate})
        result.agent.save(folder)
    low, high = tested.interval
    print(
        f"{args.agent} on {args.env}: {tested.solve_rate:.1%} of {len(tested.episodes)} puzzles "
        f"solved (95% {low:.1%} to {high:.1%}) after {result.env_steps} environment steps in "
        f"{result.seconds:.0f} s; written to {folder}"
    )
    if args.json is not None:
        rows = [
            {"name": name, "value": value, "unit": "s" if name == "seconds" else "1"}
            for name, value in tested.summary().items()
        ]
        rows.append({"name": "env_steps", "value": result.env_steps, "unit": "steps"})
        rows.append({"name": "train_seconds", "value": result.seconds, "unit": "s"})
        write_json(args.json, machine(), rows)


if __name__ == "__main__":
    sys.exit(run(main, Args))
