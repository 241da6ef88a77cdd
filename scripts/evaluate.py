"""Test an agent on held-out puzzles, or on a file of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the evaluation."""

    agent: str = "sudoku-4x4"
    """Bundled agent, folder of an HRM or a baseline, exported .onnx file, random or oracle."""
    env: str | None = None
    """Environment; by default the one that the agent was trained on."""
    data: str | None = None
    """Puzzles: a CSV file (used whole), a dataset folder, bank."""
    split: str = "test"
    """Split of the puzzles: train, val, test or ood."""
    episodes: int = 500
    """Puzzles at most."""
    device: str = "cpu"
    """Where the model runs."""
    seed: int = 0
    """Seed of the random agent."""
    json: Path | None = None
    """Also write the result to this file, for programs."""
    save_traces: Path | None = None
    """Also write every segment, early halting off, to this .npz file: for HRMHalt-v0 and for the
    replay of segments."""
    trace_segments: int | None = None
    """Segments of each trace; by default the agent's own most."""
    trace_splits: tuple[str, ...] = ()
    """Splits that the trace file holds, at most --episodes puzzles of each; by default --split."""


def main(args: Args) -> None:
    """Play and print the aggregates."""
    from hrm_gym.evaluation import evaluate
    from hrm_gym.scripts.loading import env_of, load_agent
    from hrm_gym.tracking import machine, write_json

    agent = load_agent(args.agent, args.device, args.env, args.seed)
    env_id = args.env or env_of(agent)
    if env_id is None:
        raise ValueError(f"env: the agent {args.agent} needs --env")
    if args.save_traces is not None:
        save_traces(args, agent, env_id)
    tested = evaluate(agent, env_id, args.episodes, args.split, args.data)
    rows = []
    for name, value in tested.summary().items():
        unit = "s" if name == "seconds" else "1"
        rows.append({"name": name, "value": value, "unit": unit})
        print(f"{name:16} {value:10.4f}")
    if args.json is not None:
        write_json(args.json, machine(), rows)


def save_traces(args: Args, agent: object, env_id: str) -> None:
    """Record the agent's segments and write the trace file.

    Raises:
        ValueError: The agent has no segments, or a split holds no puzzle.
    """
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.record import record_traces
    from hrm_gym.evaluation import make_env

    assert args.save_traces is not None
    if not isinstance(agent, HRMAgent):
        raise ValueError(f"save-traces: the agent {args.agent} has no segments; expected an HRM")
    kwargs = {} if args.data is None else {"source": args.data}
    splits = args.trace_splits or (args.split,)
    sets = []
    for split in splits:
        env = make_env(env_id, split=split, limit=args.episodes, **kwargs)
        sets.append(env.unwrapped.puzzles)  # type: ignore[attr-defined]
    words = ["--agent", args.agent, "--trace-segments", str(args.trace_segments)]
    if args.trace_segments is None:
        words = words[:2]
    words += [] if args.data is None else ["--data", args.data]
    words += ["--episodes", str(args.episodes), "--trace-splits", *splits]
    about = {
        # What makes this file again; where it goes does not change it.
        "command": "python scripts/evaluate.py " + " ".join([*words, "--save-traces", "FILE"]),
        "source": sets[0].origin,
        "splits": list(splits),
        "episodes": args.episodes,
        "max_segments": agent.max_segments,
    }
    name = Path(args.agent).name
    traces = record_traces(agent, sets, env_id, name, args.trace_segments, about=about)
    traces.save(args.save_traces)
    print(f"{len(traces)} traces of {traces.segments} segments written to {args.save_traces}")


if __name__ == "__main__":
    sys.exit(run(main, Args))
