"""Test an agent on held-out puzzles, or on a file of them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

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
    task: str | None = None
    """Task of one's own, module:Class, that the agent was trained on."""
    segments: tuple[int, ...] = ()
    """Also try these as the last segment, more than trained for if wished."""
    votes: int | None = None
    """Answer every puzzle under so many symmetries, and let the answers vote; for an ARC dataset
    folder, augmentations of each test input (default there: all)."""
    vote_by: Literal["count", "confidence"] = "count"
    """What wins: the answer given most often, or the one the model is surest of."""
    out: Path | None = None
    """Also draw accuracy against segments and votes, and q_halt against the truth, as PNG file."""
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
    from hrm_gym.agents.catalog import check_task, env_of, load_agent
    from hrm_gym.evaluation import evaluate, make_env
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    votes = () if args.votes is None else (args.votes,)
    for option, values in (("segments", args.segments), ("votes", votes)):
        if min(values, default=1) < 1:
            raise ValueError(f"{option}: expected at least 1, got {min(values)}")
    agent = load_agent(args.agent, args.device, args.env, args.seed, args.task)
    env_id = args.env or env_of(agent)
    if env_id is None:
        raise ValueError(f"env: the agent {args.agent} needs --env")
    if args.save_traces is not None:
        save_traces(args, agent, env_id)
    folder = arc_folder(args, agent)
    if folder is not None:
        rows = evaluate_votes(args, agent, folder)
    else:
        kwargs = env_arguments(args, agent, env_id)
        task = getattr(make_env(env_id, **kwargs).unwrapped, "task", None)
        if task is not None:
            check_task(args.agent, agent, task.id, env_id)
        thinks = has_segments(args, agent, env_id)
        tested = evaluate(agent, env_id, args.episodes, args.split, **kwargs)
        rows = []
        for name, value in tested.summary().items():
            unit = "s" if name == "seconds" else "1"
            rows.append({"name": name, "value": value, "unit": unit})
            print(f"{name:16} {value:10.4f}")
        rows += thinking(args, agent, env_id) if thinks else []
    if args.json is not None:
        write_json(args.json, machine(), rows)


def env_arguments(args: Args, agent: Any, env_id: str) -> dict[str, Any]:
    """Return which puzzles the environment holds, and for that of any task, which one is meant."""
    kwargs = {} if args.data is None else {"source": args.data}
    name = getattr(agent, "task_name", None)
    return {**kwargs, "task": name} if name is not None and env_id == "HRMAnswer-v0" else kwargs


def arc_folder(args: Args, agent: Any) -> Path | None:
    """Return the dataset folder on which an ARC agent with puzzle embeddings is voted out."""
    from hrm_gym.agents.hrm import HRMAgent

    if not isinstance(agent, HRMAgent) or agent.task.name != "arc":
        return None
    trained = agent.about.get("train", {}).get("source")
    source = args.data or trained
    if source is None or not (Path(source) / "test" / "dataset.json").is_file():
        return None
    return Path(source)


def evaluate_votes(args: Args, agent: Any, folder: Path) -> list[dict[str, Any]]:
    """Let an ARC agent's answers vote, print pass@k and return the rows."""
    from rich.console import Console
    from rich.progress import Progress

    from hrm_gym.agents.hrm.inference.arc_voting import evaluate_arc
    from hrm_gym.scripts.reporting.depth import arc_rows, arc_table

    rows = []
    for last in args.segments or (agent.max_segments,):
        with Progress(disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task("voting")

            def show(done: int, total: int, bar: Any = bar, task: Any = task) -> None:
                bar.update(task, completed=done, total=total)

            result = evaluate_arc(agent, folder, args.votes, last, on_batch=show)
        if args.segments:
            print(f"up to {last} segments")
        Console().print(arc_table(result))
        name = f"segments{last}/" if args.segments else ""
        rows += [{**row, "name": name + row["name"]} for row in arc_rows(result)]
    return rows


def has_segments(args: Args, agent: Any, env_id: str) -> bool:
    """Say whether an agent thinks in segments there, of which more can be told.

    Raises:
        ValueError: It does not, and the arguments ask for more; or for more votes than there are.
    """
    from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
    from hrm_gym.agents.hrm.inference.voting import distinct_symmetries

    thinks = isinstance(agent, ReasoningAgent) and "Answer" in env_id
    if not thinks and (args.segments or args.votes is not None or args.out is not None):
        raise ValueError(
            "segments, votes and out: expected an HRM agent in an Answer environment, got "
            f"{args.agent} in {env_id}"
        )
    if thinks and args.votes is not None:
        distinct_symmetries(agent.task, args.votes)
    return thinks


def thinking(args: Args, agent: Any, env_id: str) -> list[dict[str, Any]]:
    """Print what thinking longer and voting are worth, draw it, and return the rows."""
    from rich.console import Console

    from hrm_gym.agents.hrm.inference.compute import Compute, measure_compute
    from hrm_gym.agents.hrm.inference.depth import measure_calibration, measure_depth
    from hrm_gym.evaluation import make_env
    from hrm_gym.scripts.reporting import depth as report
    from hrm_gym.scripts.reporting.calibration import calibration_rows, calibration_table

    kwargs = env_arguments(args, agent, env_id)
    env = make_env(env_id, split=args.split, **kwargs)
    puzzles = env.unwrapped.puzzles.take(slice(args.episodes))  # type: ignore[attr-defined]
    depth = measure_depth(agent, puzzles)
    console = Console()
    for table in report.depth_tables(depth):
        console.print(table)
    console.print(report.depth_sentence(depth), highlight=False)
    counts = measure_calibration(agent, puzzles)
    console.print(calibration_table(counts))
    rows = report.depth_rows(depth) + calibration_rows(counts)
    found: list[Compute] = []
    if args.segments or args.votes is not None:
        lasts = sorted({agent.max_segments, *args.segments})
        found = measure_compute(agent, puzzles, lasts, args.votes or 1, args.vote_by)
        console.print(report.compute_table(found, args.vote_by))
        rows += report.compute_rows(found)
    if args.out is not None:
        from hrm_gym.scripts.reporting.plots import save_png

        save_png(report.depth_figure(depth, counts, found), args.out)
        print(f"{args.out} written")
    return rows


def save_traces(args: Args, agent: object, env_id: str) -> None:
    """Record the agent's segments and write the trace file.

    Raises:
        ValueError: The agent has no segments, or a split holds no puzzle.
    """
    from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent
    from hrm_gym.agents.hrm.record import record_traces
    from hrm_gym.evaluation import make_env

    assert args.save_traces is not None
    if not isinstance(agent, ReasoningAgent):
        raise ValueError(f"save-traces: the agent {args.agent} has no segments; expected an HRM")
    kwargs = env_arguments(args, agent, env_id)
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
