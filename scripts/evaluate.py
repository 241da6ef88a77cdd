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
    """Bundled agent, checkpoint folder, random or oracle."""
    env: str | None = None
    """Environment; by default the Answer environment that the agent was trained on."""
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
    from hrm_gym.evaluation import evaluate, make_env
    from hrm_gym.tracking import machine, write_json

    agent: object
    env_id = args.env
    if args.agent in ("random", "oracle"):
        from hrm_gym.agents.simple import OracleAgent, RandomAgent

        if env_id is None:
            raise ValueError(f"env: the agent {args.agent} needs --env")
        space = make_env(env_id).action_space
        agent = OracleAgent() if args.agent == "oracle" else RandomAgent(space, args.seed)
    else:
        from hrm_gym.agents.hrm import HRMAgent

        loaded = HRMAgent.from_pretrained(args.agent, args.device)
        agent, env_id = loaded, env_id or str(loaded.about.get("env"))
    if args.save_traces is not None:
        save_traces(args, agent, env_id)
    tested = evaluate(agent, env_id, args.episodes, args.split, args.data)  # type: ignore[arg-type]
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
