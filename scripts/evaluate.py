"""Evaluate an agent on held-out puzzles or on a file of puzzles."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hrm_gym.checks import check_number, check_positive
from hrm_gym.registration import DEFAULT_AGENT
from hrm_gym.scripts.cli import check_file, check_needed, run

NEEDED = {
    "start_noise": "restarts",
    "carry_noise": "restarts",
    "adapt_weights": "adapt_seconds",
    "trace_segments": "save_traces",
    "trace_splits": "save_traces",
}
"""Arguments that have no effect without another one."""


@dataclass
class Args:
    """Arguments of the evaluation."""

    agent: str = DEFAULT_AGENT
    """Agent to evaluate: a pretrained one, the folder of a trained one, an exported .onnx file,
    random, oracle or depth-first; where demonstrations are shown, copy-input, common-symbol or
    nearest-cell."""
    env: str | None = None
    """Environment; by default the one that the agent was trained on."""
    task: str | None = None
    """Task that the agent was trained on, if its files do not say: an id or, for a custom task,
    module:Class."""
    data: str | None = None
    """Puzzles: a CSV file (used as a whole), a dataset folder, bank, generator:N; by default those
    of the environment."""
    split: str = "test"
    """Split of the puzzles: train, val, test or ood."""
    episodes: int = 500
    """Number of puzzles at most."""
    device: str = "cpu"
    """Device of the model: cpu, cuda, cuda:1."""
    seed: int = 0
    """Seed of the random agent."""
    segments: tuple[int, ...] = ()
    """Further limits of segments to try; they may exceed the limit of the training."""
    votes: int | None = None
    """Answer every puzzle under this number of symmetries and let the answers vote. In a dataset
    folder with augmentations, these vote; all of them by default."""
    vote_by: Literal["count", "confidence"] = "count"
    """Which answer wins a vote: the most frequent one, or the one with the highest q_halt."""
    restarts: int | None = None
    """Answer a puzzle again, this number of times at most, until its answer cannot be improved:
    with some cells assumed of which the agent was sure if answers fill in blanks, and else under
    another symmetry. In a step environment the agent acts on the best answer; in an Answer
    environment a table shows what the restarts gain."""
    start_noise: float | None = None
    """Standard deviation of the noise in the initial carry of a restart; by default that of the
    agent's training."""
    carry_noise: float | None = None
    """Standard deviation of the noise that a restart adds to the carry after every segment; by
    default that of the agent's training."""
    adapt_seconds: float | None = None
    """Before the test inputs of a task are answered, train a copy of the agent on its
    demonstrations for at most this number of seconds; for tasks that the agent was not trained on.
    Tasks that do not fit on the agent's canvas are left out."""
    adapt_weights: bool = True
    """With --adapt-seconds, train all weights, not the puzzle embedding alone."""
    submission: Path | None = None
    """Also write the two best attempts at every test input to this file, in the format of Kaggle's
    ARC Prize; for dataset folders whose augmentations vote, and with --adapt-seconds."""
    out: Path | None = None
    """Folder of figures: also draw accuracy against segments and votes, and the calibration of
    q_halt, to OUT/segments.png."""
    json: Path | None = None
    """Also write the result to this file as JSON."""
    save_traces: Path | None = None
    """Write all segments, without early halting, to this .npz file, for HRMHalt-v0 and watch; the
    figures printed are those of the recorded segments."""
    trace_segments: int | None = None
    """Number of segments of each trace; by default the agent's limit."""
    trace_splits: tuple[str, ...] = ()
    """Splits in the trace file, with at most --episodes puzzles each; by default --split."""


def main(args: Args) -> None:
    """Evaluate the agent, print the aggregates and write them to a file.

    Raises:
        ValueError: if there is no such agent or environment, or an argument does not fit the agent.
    """
    from hrm_gym.agents.catalog import env_of, load_agent
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    check_counts(args)
    if args.submission is not None:
        check_file("submission", args.submission)
    agent = load_agent(args.agent, args.device, args.env, args.seed, args.task)
    env_id = args.env or env_of(agent)
    if env_id is None:
        raise ValueError(f"env: the agent {args.agent} needs --env")
    env_kwargs = env_arguments(args, agent, env_id)
    if args.save_traces is not None:
        from hrm_gym.scripts.evaluating.traces import save_traces

        rows = save_traces(args, agent, env_id, env_kwargs)
        print_rows(rows)
    else:
        rows = evaluate_agent(args, agent, env_id, env_kwargs)
    if args.json is not None:
        write_json(args.json, machine(), rows)


def evaluate_agent(
    args: Args, agent: Any, env_id: str, env_kwargs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Evaluate the agent as its family or as any other, and return the rows of a result file.

    Raises:
        ValueError: if the arguments do not fit the agent.
    """
    rows = evaluate_as_family(args, agent)
    if rows is not None:
        return rows
    if args.adapt_seconds is not None:
        raise ValueError(
            f"adapt-seconds: {args.agent} cannot adapt; expected an HRM whose puzzles come with "
            "demonstrations"
        )
    if args.submission is not None:
        raise ValueError(
            "submission: expected an HRM and --data with a dataset folder whose test inputs are "
            "augmented, so that their answers can vote"
        )
    return evaluate_episodes(args, agent, env_id, env_kwargs)


def check_counts(args: Args) -> None:
    """Check the numbers of segments, votes and restarts, the noise, and the time to adapt.

    Raises:
        ValueError: if one is out of range, or an argument has no effect without another one.
    """
    votes = () if args.votes is None else (args.votes,)
    restarts = () if args.restarts is None else (args.restarts,)
    options = (("segments", args.segments), ("votes", votes), ("restarts", restarts))
    for option, values in options:
        if min(values, default=1) < 1:
            raise ValueError(f"{option}: expected at least 1, got {min(values)}")
    if args.adapt_seconds is not None:
        check_positive("adapt_seconds", args.adapt_seconds)
    for option, noise in (("start-noise", args.start_noise), ("carry-noise", args.carry_noise)):
        if noise is not None:
            check_number(option, noise, 0, 10)
    check_needed(args, NEEDED)


def env_arguments(args: Args, agent: Any, env_id: str) -> dict[str, Any]:
    """Return the keyword arguments of the environment: its puzzles and, if it has any, its task."""
    kwargs = {} if args.data is None else {"source": args.data}
    name = getattr(agent, "task_name", None)
    # A run can train on another task than that of its environment, such as one of another size.
    chosen = env_id == "HRMAnswer-v0" or (args.env is None and "Answer" in env_id)
    return {**kwargs, "task": name} if name is not None and chosen else kwargs


def evaluate_as_family(args: Args, agent: Any) -> list[dict[str, Any]] | None:
    """Return the rows of an evaluation that only one family has, ``None`` if there is none."""
    from hrm_gym.families import family_module

    task = getattr(agent, "task", None)
    module = None if task is None else family_module("hrm_gym.scripts.evaluating", task.family)
    if module is None:
        return None
    rows: list[dict[str, Any]] | None = module.evaluate_agent(args, agent)
    return rows


def evaluate_episodes(
    args: Args, agent: Any, env_id: str, env_kwargs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Play the puzzles in the environment, print the aggregates and return them as rows."""
    from hrm_gym.agents.catalog import check_task
    from hrm_gym.evaluation import evaluate, make_env
    from hrm_gym.scripts.evaluating.segments import has_segments, report_segments
    from hrm_gym.scripts.reporting.evaluation import evaluation_rows

    env: Any = make_env(env_id, split=args.split, **env_kwargs).unwrapped
    task = getattr(env, "task", None)
    if task is not None:
        check_task(args.agent, agent, task.spec, env_id)
    thinks = has_segments(args, agent, env_id)
    if args.restarts is not None:
        from hrm_gym.agents.hrm.inference.restarts import Restarts

        agent.restarts = Restarts(args.restarts, args.start_noise, args.carry_noise)
    rows = evaluation_rows(evaluate(agent, env_id, args.episodes, args.split, **env_kwargs))
    print_rows(rows)
    if thinks:
        rows += report_segments(args, agent, env.puzzles.take(slice(args.episodes)))
    return rows


def print_rows(rows: list[dict[str, Any]]) -> None:
    """Print the name and the value of every row."""
    for row in rows:
        print(f"{row['name']:16} {row['value']:10.4f}")


if __name__ == "__main__":
    sys.exit(run(main, Args))
