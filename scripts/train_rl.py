"""Train a reinforcement-learning agent and test it on held-out puzzles."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from hrm_gym.agents.baselines import ALGORITHM_NAMES, POLICY_NAMES
from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from hrm_gym.agents.base import TrainResult
    from hrm_gym.agents.baselines import SB3Agent
    from hrm_gym.evaluation import Evaluation
    from hrm_gym.tracking import Tracker

    AlgorithmName: TypeAlias = str
    PolicyName: TypeAlias = str
else:
    AlgorithmName, PolicyName = Literal[ALGORITHM_NAMES], Literal[POLICY_NAMES]

EVALUATIONS = 6
"""Number of evaluations during training."""
EVALUATED = 100
"""Number of puzzles in each of them, at most."""


@dataclass
class Args:
    """Arguments of the reinforcement-learning trainer."""

    env: str = "HRMMaze-7x7-v0"
    """Environment to train on: a step or Answer environment, or HRMHalt-v0."""
    agent: AlgorithmName = "maskable-ppo"
    """Algorithm; dqn and qrdqn need Discrete actions, maskable-ppo a step environment."""
    policy: PolicyName | None = None
    """Policy network; the default is in agents/baselines/hyperparameters.yml."""
    seconds: float | None = None
    """Training time; without --seconds and --steps, n_timesteps of the same file is used."""
    steps: int | None = None
    """Environment steps, summed over all parallel environments."""
    seed: int = 0
    """Seed of the weights, the puzzles and the exploration."""
    puzzles: int = 1000
    """Number of training puzzles at most."""
    episodes: int = 500
    """Number of held-out puzzles in the final test."""
    device: str = "cpu"
    """Device of the networks: cpu, cuda, cuda:1."""
    threads: int = 1
    """Number of torch threads; small networks gain nothing from more."""
    out: Path = Path("runs")
    """Folder of all runs; this run is written to OUT/ENV/AGENT/seedSEED, which must not contain
    another one."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


def main(args: Args) -> None:
    """Train, save the agent next to its curves, test it and print the result.

    Raises:
        ValueError: if the algorithm, the network and the environment do not fit each other,
            ``episodes`` is 0, or the folder of the run is in use.
    """
    import torch

    from hrm_gym.evaluation import evaluate
    from hrm_gym.tracking import Tracker, check_free, run_folder

    if args.episodes == 0:
        raise ValueError("episodes: expected at least 1, got 0")
    torch.set_num_threads(args.threads)
    name = args.agent if args.policy is None else f"{args.agent}-{args.policy}"
    folder = run_folder(args.out, args.env, name, args.seed)
    check_free(folder)
    with Tracker(folder) as tracker:
        result = train(args, tracker)
        evaluation = evaluate(result.agent, args.env, args.episodes)
        tracker.evaluation(evaluation, result.env_steps, result.seconds)
        settings = {**dataclasses.asdict(args), "out": None, "json": None}
        tracker.hparams(settings, {"hparam/solve_rate": evaluation.solve_rate})
        result.agent.save(folder)
    report(args, result, evaluation, folder)


def train(args: Args, tracker: Tracker) -> TrainResult[SB3Agent]:
    """Return the trained agent; it is also evaluated during training."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from hrm_gym.agents.baselines import train_rl
    from hrm_gym.evaluation import evaluate

    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, disable=not sys.stderr.isatty()) as bar:
        work = bar.add_task(args.agent, total=EVALUATIONS)

        def on_progress(result: TrainResult[SB3Agent]) -> None:
            episodes = min(EVALUATED, args.episodes)
            evaluation = evaluate(result.agent, args.env, episodes, limit=None)
            tracker.evaluation(evaluation, result.env_steps, result.seconds)
            done = f"{result.env_steps} steps, {evaluation.solve_rate:.0%} solved"
            bar.update(work, advance=1, description=f"{args.agent}: {done}")

        return train_rl(
            args.agent,
            args.env,
            seed=args.seed,
            policy=args.policy,
            seconds=args.seconds,
            steps=args.steps,
            device=args.device,
            limit=args.puzzles,
            on_progress=on_progress,
            progress_evaluations=EVALUATIONS,
            tracker=tracker,
        )


def report(args: Args, result: TrainResult[SB3Agent], evaluation: Evaluation, folder: Path) -> None:
    """Print the result of the test and write it to a file."""
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json
    from hrm_gym.scripts.reporting.evaluation import evaluation_rows

    low, high = evaluation.interval
    print(
        f"{args.agent} on {args.env}: {evaluation.solve_rate:.1%} of {len(evaluation.episodes)} "
        f"puzzles solved (95% {low:.1%} to {high:.1%}) after {result.env_steps} environment steps "
        f"in {result.seconds:.0f} s; written to {folder}"
    )
    if args.json is not None:
        rows = evaluation_rows(evaluation)
        rows.append({"name": "env_steps", "value": result.env_steps, "unit": "steps"})
        rows.append({"name": "train_seconds", "value": result.seconds, "unit": "s"})
        write_json(args.json, machine(), rows)


if __name__ == "__main__":
    sys.exit(run(main, Args))
