"""Recording of every segment of an agent, for HRMHalt-v0 and for replays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_gym.agents.hrm.inference.recording import record_traces
from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
from hrm_gym.data.traces import Traces
from hrm_gym.evaluation import make_env
from hrm_gym.halting import first_halt

if TYPE_CHECKING:
    from hrm_gym.scripts.evaluate import Args


def save_traces(
    args: Args, agent: object, env_id: str, env_kwargs: dict[str, Any]
) -> list[dict[str, Any]]:
    """Record the segments of an agent, write the trace file and print what it contains.

    Args:
        args: Arguments of the evaluate script.
        agent: The agent.
        env_id: The environment that has the puzzles.
        env_kwargs: Keyword arguments of the environment.

    Returns:
        The rows of a result file, see ``trace_rows``.

    Raises:
        ValueError: if the agent has no segments, a split has no puzzles, or the arguments ask for
            an evaluation that needs more than the recorded segments.
    """
    assert args.save_traces is not None
    more = ("segments", "votes", "restarts", "adapt_seconds", "submission", "out")
    extra = [name.replace("_", "-") for name in more if getattr(args, name) not in (None, ())]
    if extra:
        raise ValueError(
            f"{extra[0]}: traces are recorded by one pass over the puzzles; expected no "
            f"--{extra[0]} beside --save-traces"
        )
    if not isinstance(agent, ReasoningAgent):
        raise ValueError(f"save-traces: the agent {args.agent} has no segments; expected an HRM")
    splits = args.trace_splits or (args.split,)
    sets = []
    for split in splits:
        env = make_env(env_id, split=split, limit=args.episodes, **env_kwargs)
        sets.append(env.unwrapped.puzzles)  # type: ignore[attr-defined]
    about = {
        "command": repeated_command(args, splits),
        "source": sets[0].origin,
        "splits": list(splits),
        "episodes": args.episodes,
        "max_segments": agent.max_segments,
    }
    name = Path(args.agent).name
    traces = record_traces(agent, sets, env_id, name, args.trace_segments, about=about)
    traces.save(args.save_traces)
    print(f"{len(traces)} traces of {traces.segments} segments written to {args.save_traces}")
    return trace_rows(traces.first(agent.max_segments))


def trace_rows(traces: Traces) -> list[dict[str, Any]]:
    """Return how often the agent is right where it halts, as rows of a result file.

    Args:
        traces: Traces up to the last segment of the agent.
    """
    halts = first_halt(traces.halts)
    rows, last = np.arange(len(traces)), halts - 1
    return [
        {"name": "episodes", "value": float(len(traces)), "unit": "1"},
        {"name": "solve_rate", "value": float(traces.accepted[rows, last].mean()), "unit": "1"},
        {"name": "exact_accuracy", "value": float(traces.exact[rows, last].mean()), "unit": "1"},
        {"name": "segments", "value": float(halts.mean()), "unit": "1"},
    ]


def repeated_command(args: Args, splits: tuple[str, ...]) -> str:
    """Return the command that records the same traces, wherever it writes them to."""
    words = ["--agent", args.agent]
    if args.env is not None:
        words += ["--env", args.env]
    if args.trace_segments is not None:
        words += ["--trace-segments", str(args.trace_segments)]
    if args.data is not None:
        words += ["--data", args.data]
    words += ["--episodes", str(args.episodes), "--trace-splits", *splits]
    return "python scripts/evaluate.py " + " ".join([*words, "--save-traces", "FILE"])
