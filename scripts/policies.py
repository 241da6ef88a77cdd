"""Networks of one reinforcement-learning policy side by side, the HRM among them.

Three questions: what PPO makes of each network on one maze environment in the same time; whether a
latent state that is carried from step to step helps where doors open and close; and whether PPO
alone learns to give a whole answer. A row that is done is kept in OUT/policies.json, so that a run
that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, described, run

Row = dict[str, Any]

MAZE, DOORS, ANSWER = "HRMMaze-7x7-v0", "HRMMaze-Dynamic-v0", "HRMSudokuAnswer-4x4-v0"
DOORS_KWARGS = {"size": 7}
"""The maze with doors at the size of the other maze."""
TITLES = {
    MAZE: "PPO on HRMMaze-7x7-v0",
    DOORS: "Doors: HRMMaze-Dynamic-v0 with size=7, at most 196 steps",
    ANSWER: "Whole answers: PPO on HRMSudokuAnswer-4x4-v0",
}


@dataclass(frozen=True)
class Entry:
    """One row: an algorithm, its network and the environment.

    Attributes:
        name: What the report calls it.
        env_id: The environment.
        algorithm: ``None`` acts at random.
        policy: Name of the network.
        sizes: Of the network, where they are not its own.
    """

    name: str
    env_id: str
    algorithm: str | None = None
    policy: str = ""
    sizes: dict[str, Any] = dataclasses.field(default_factory=dict)


ENTRIES = (
    Entry("random", MAZE),
    Entry("mlp", MAZE, "ppo", "mlp"),
    Entry("cnn", MAZE, "ppo", "cnn"),
    Entry("structured", MAZE, "ppo", "structured"),
    Entry("transformer", MAZE, "ppo", "transformer"),
    Entry("hrm, one segment", MAZE, "ppo", "hrm"),
    Entry("hrm, two segments", MAZE, "ppo", "hrm", {"segments": 2}),
    Entry("random, doors", DOORS),
    Entry("hrm, reset", DOORS, "recurrent-ppo", "hrm", {"carried": False}),
    Entry("hrm, carried", DOORS, "recurrent-ppo", "hrm", {"carried": True}),
    Entry("random, answers", ANSWER),
    Entry("cnn, answers", ANSWER, "ppo", "cnn"),
)


@dataclass
class Args:
    """Arguments of the comparison of policies."""

    seconds: float = 180.0
    """Training time of one run."""
    seeds: int = 1
    """Runs of one row."""
    episodes: int = 500
    """Held-out test puzzles."""
    entries: tuple[str, ...] = tuple(entry.name for entry in ENTRIES)
    """Rows to run."""
    threads: int = 1
    """Torch threads; small networks gain nothing from more."""
    out: Path = Path("results")
    """Folder of the report: policies.md and policies.json."""


def settings(entry: Entry) -> Any:
    """Return the hyper-parameters of a row: those of PPO on the maze, for every walking policy."""
    from hrm_gym.agents.baselines.hyperparameters import hyperparameters

    of = MAZE if entry.env_id == DOORS else entry.env_id
    found = hyperparameters("ppo", of, entry.policy)
    kwargs = dict(found.policy_kwargs)
    if entry.sizes:
        kwargs["features_extractor_kwargs"] = entry.sizes
    return dataclasses.replace(found, policy_kwargs=kwargs)


def run_entry(args: Args, entry: Entry, seed: int) -> Row:
    """Train and test one row; return what the report says of it."""
    from hrm_gym.agents.base import TrainResult
    from hrm_gym.agents.baselines import train_rl
    from hrm_gym.agents.simple import RandomAgent
    from hrm_gym.evaluation import evaluate, make_env

    kwargs: dict[str, Any] = DOORS_KWARGS if entry.env_id == DOORS else {}
    if entry.algorithm is None:
        agent = RandomAgent(make_env(entry.env_id, **kwargs).action_space, seed)
        result: Any = TrainResult(agent, 0, 0.0, 0)
    else:
        result = train_rl(
            entry.algorithm,
            entry.env_id,
            seed,
            seconds=args.seconds,
            env_kwargs=kwargs,
            settings=settings(entry),
        )
    tested = evaluate(result.agent, entry.env_id, args.episodes, **kwargs)
    return {
        "name": f"{entry.name}, seed {seed}",
        "value": tested.solve_rate,
        "unit": "share",
        "entry": entry.name,
        "seed": seed,
        "solved": sum(episode.success for episode in tested.episodes),
        "episodes": len(tested.episodes),
        "optimal": tested.optimal_rate,
        "parameters": result.agent.parameters,
        "env_steps": result.env_steps,
        "puzzles": result.puzzles,
        "seconds": result.seconds,
    }


def table(rows: Sequence[Row], env_id: str) -> list[str]:
    """Return the Markdown table of one environment."""
    from hrm_gym.evaluation import wilson_interval

    lines = ["| policy | parameters | environment steps | puzzles seen | solved (95%) | seeds |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    for entry in ENTRIES:
        own = [row for row in rows if row["entry"] == entry.name]
        if entry.env_id != env_id or not own:
            continue
        solved, tried = sum(r["solved"] for r in own), sum(r["episodes"] for r in own)
        low, high = wilson_interval(solved, tried)
        steps, puzzles = (sum(r[k] for r in own) // len(own) for k in ("env_steps", "puzzles"))
        each = ", ".join(f"{100 * row['value']:.1f}" for row in own)
        lines.append(
            f"| {entry.name} | {own[0]['parameters']:,} | {steps:,} | {puzzles:,} | "
            f"{solved / tried:.1%} ({100 * low:.1f} to {100 * high:.1f}) | {each} |"
        )
    return lines


def report(rows: Sequence[Row], args: Args, machine: dict[str, Any]) -> str:
    """Return the report in Markdown."""
    lines = [
        "# Networks of one policy",
        "",
        "Made by",
        "",
        f"    {command('policies', args)}",
        "",
        f"on: {described(machine)}. {args.seconds:g} s of training a run on 1,000 training "
        f"puzzles, {args.episodes} held-out test puzzles, the hyper-parameters of ppo on "
        "HRMMaze-7x7-v0 for every policy that walks. The interval is Wilson's over the "
        "puzzles of all seeds: of the puzzles, not of the seeds. Reward is 1 on success, unshaped.",
        "",
        "*transformer* has the blocks and the parameters of the HRM; *hrm* thinks one or two "
        "segments in every step, of which the last carries gradient. Parameters are those of the "
        "whole policy, with its layers for action and value.",
        "",
        "Where doors change, *reset* begins every step from the initial latent state and *carried* "
        "from that of the step before, both under RecurrentPPO: z_H and z_L stand in the place of "
        "an LSTM's states, and gradients stop at the carry.",
    ]
    for env_id, title in TITLES.items():
        if any(e.env_id == env_id and e.name in args.entries for e in ENTRIES):
            lines += ["", f"## {title}", "", *table(rows, env_id)]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Run what is missing and write the report after every row.

    Raises:
        ValueError: A row is unknown, a number is not positive, or OUT holds rows of another budget.
    """
    import torch

    from hrm_gym.files import write_text
    from hrm_gym.machine import machine
    from hrm_gym.results import read_rows, write_json

    known = {entry.name: entry for entry in ENTRIES}
    for name in args.entries:
        if name not in known:
            names = ", ".join(map(repr, known))
            raise ValueError(f"entries: expected some of {names}, got {name!r}")
    for name in ("seeds", "episodes"):
        if getattr(args, name) <= 0:
            raise ValueError(f"{name}: expected a positive number, got {getattr(args, name)}")
    torch.set_num_threads(args.threads)
    path = args.out / "policies.json"
    budget: Row = {"seconds": args.seconds, "episodes": args.episodes}
    rows: list[Row] = read_rows(path, budget)
    done = {row["name"] for row in rows}
    for seed in range(args.seeds):
        for name in args.entries:
            if f"{name}, seed {seed}" in done:
                continue
            row = run_entry(args, known[name], seed)
            rows.append({**row, "budget": budget})
            write_json(path, machine(), rows)
            write_text(args.out / "policies.md", report(rows, args, machine()))
            print(f"{row['name']}: {row['value']:.1%}, {row['env_steps']} steps", flush=True)
    print(report(rows, args, machine()), end="")


if __name__ == "__main__":
    sys.exit(run(main, Args))
