"""When to stop thinking: PPO and DQN on ``HRMHalt-v0`` beside the rules that need no training.

Every policy and rule is tried on the same recorded segments. A price of a segment is one trade of
accuracy for segments; several prices, thresholds or depths are a line in the figure.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import command, described, run

if TYPE_CHECKING:
    from hrm_gym.data.traces import Traces
    from hrm_gym.halting import Halting

ALGORITHMS = ("ppo", "dqn")
SPLITS = ("test", "ood")
COLOURS = {"ppo": "#E69F00", "dqn": "#CC79A7", "sure": "#0072B2", "fixed": "#7F7F7F"}
MARKS = {"ppo": "^", "dqn": "D", "sure": "o", "fixed": "s"}
POINTS = {"q head": ("P", "#D55E00"), "steady": ("X", "#56B4E9"), "oracle": ("*", "#009E73")}


@dataclass
class Args:
    """Arguments of the comparison of halting rules."""

    source: str = "bundled"
    """Trace file that evaluate --save-traces wrote, or the bundled one."""
    steps: int = 100_000
    """Environment steps of each training."""
    seeds: int = 3
    """Trainings of each algorithm at each price."""
    costs: tuple[float, ...] = (0.001, 0.01, 0.05)
    """Prices of a segment that policies are trained for."""
    price: float = 0.01
    """Price of the table's rewards, for which numbers in rules are chosen on train."""
    threads: int = 1
    """Torch threads; small networks gain nothing from more."""
    out: Path = Path("results")
    """Folder of the report: halting.md, halting.png and halting.json."""


@dataclass(frozen=True)
class Line:
    """What one rule or algorithm comes to on one split.

    Attributes:
        name: The rule.
        kind: Of ``COLOURS`` or ``POINTS``, for the figure.
        cost: Price of a segment that a policy was trained for, else ``None``.
        runs: One entry a seed.
    """

    name: str
    kind: str
    cost: float | None
    runs: list[Halting]

    def mean(self, field: str) -> float:
        """Return the mean of a field over the seeds."""
        return float(sum(getattr(run, field) for run in self.runs) / len(self.runs))


def train(args: Args, algorithm: str, cost: float, seed: int) -> Any:
    """Return a policy that was trained on the ``train`` traces."""
    from hrm_gym.agents.baselines import train_rl

    env_kwargs = {"source": args.source, "ponder_cost": cost}
    result = train_rl(
        algorithm, "HRMHalt-v0", seed, steps=args.steps, limit=None, env_kwargs=env_kwargs
    )
    return result.agent


def halts(agent: Any, traces: Traces) -> Any:
    """Return after which segment a policy halts each puzzle, ``(N,)`` int64."""
    import numpy as np

    from hrm_gym.envs.halt import HALT, readings
    from hrm_gym.halting import first_halt

    seen = readings(traces)
    actions = agent.act_batch(list(seen.reshape(-1, seen.shape[2])), [{}] * seen[..., 0].size)
    return first_halt(np.reshape(actions, seen.shape[:2]) == HALT)


def rules(fit: Traces, traces: Traces, price: float) -> list[Line]:
    """Return the rules that need no training; numbers in them are chosen on ``fit``."""
    from hrm_gym import halting

    kinds = {"sure": "sure", "best": "fixed", "always": "fixed"}
    lines = []
    for found in halting.compare(fit, traces, price):
        kind = kinds.get(found.name.split()[0], found.name)
        lines.append(Line(found.name, kind, None, [found]))
    return lines


def main(args: Args) -> None:
    """Train the policies, try them and the rules, and write table and figure.

    Raises:
        ValueError: The trace file is not one, or a number is not positive.
    """
    import torch

    from hrm_gym import halting
    from hrm_gym.envs.halt import load_traces, trace_splits
    from hrm_gym.files import write_text
    from hrm_gym.machine import machine
    from hrm_gym.puzzles import SPLITS as ALL
    from hrm_gym.results import write_json
    from hrm_gym.scripts.reporting.plots import save_png

    if args.seeds < 1 or not args.costs:
        raise ValueError("seeds, costs: expected at least one of each")
    torch.set_num_threads(args.threads)
    traces = load_traces(args.source, None)
    splits = trace_splits(traces)
    parts = {name: traces.take(splits == ALL.index(name)) for name in ("train", *SPLITS)}
    parts = {name: part for name, part in parts.items() if len(part)}
    lines = {
        split: rules(parts["train"], parts[split], args.price) for split in SPLITS if split in parts
    }
    for algorithm in ALGORITHMS:
        for cost in args.costs:
            agents = [train(args, algorithm, cost, seed) for seed in range(args.seeds)]
            for split, found in lines.items():
                name = f"{algorithm}, trained for {cost:g}"
                runs = [
                    halting.score(name, parts[split], halts(agent, parts[split]), args.price)
                    for agent in agents
                ]
                found.append(Line(name, algorithm, cost, runs))
                print(f"{split}: {_row(found[-1])}", flush=True)
    write_json(args.out / "halting.json", machine(), _json_rows(lines))
    save_png(figure(parts, lines), args.out / "halting.png")
    text = report(args, traces, parts, lines, machine())
    write_text(args.out / "halting.md", text)
    print(text, end="")


def _row(line: Line) -> str:
    """Return a row of the table; the range over seeds where there are several."""
    values = []
    for name in ("accuracy", "segments", "reward"):
        digits = 2 if name == "segments" else 3
        value = f"{line.mean(name):.{digits}f}"
        if len(line.runs) > 1:
            each = [getattr(run, name) for run in line.runs]
            value += f" ({min(each):.{digits}f} to {max(each):.{digits}f})"
        values.append(value)
    return f"| {line.name} | " + " | ".join(values) + " |"


def _json_rows(lines: dict[str, list[Line]]) -> list[dict[str, Any]]:
    units = {"accuracy": "1", "segments": "segments", "reward": "1"}
    return [
        {"name": f"{split}, {line.name}: {field}", "value": line.mean(field), "unit": unit}
        | {"seeds": [getattr(run, field) for run in line.runs]}
        for split, found in lines.items()
        for line in found
        for field, unit in units.items()
    ]


def report(
    args: Args,
    traces: Traces,
    parts: dict[str, Traces],
    lines: dict[str, list[Line]],
    machine: dict[str, Any],
) -> str:
    """Return the report in Markdown."""
    text = [
        "# When to stop thinking: learned policies and fixed rules",
        "",
        "Made by",
        "",
        f"    {command('halting', args)}",
        "",
        f"on: {described(machine)}.",
        "",
        f"{len(traces)} puzzles of {traces.task}, {traces.segments} recorded segments each, of the "
        f"agent {traces.agent}. Policies learned on {len(parts['train'])} of them for "
        f"{args.steps:,} environment steps, {args.seeds} seeds (mean, then least to most); each "
        "row names the price of a segment that it was trained for. Numbers in rules were chosen on "
        f"the same puzzles. The reward is accuracy less {args.price:g} a segment for every row. "
        "The oracle reads the labels.",
        "",
        "![accuracy against mean segments](halting.png)",
    ]
    for split, found in lines.items():
        text += ["", f"## {split}, {len(parts[split])} puzzles", ""]
        text += ["| rule | accuracy | segments | reward |", "|---|---:|---:|---:|"]
        text += [_row(line) for line in sorted(found, key=lambda line: -line.mean("reward"))]
    return "\n".join(text) + "\n"


def figure(parts: dict[str, Traces], lines: dict[str, list[Line]]) -> Any:
    """Draw accuracy against mean segments, a panel a split."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import PercentFormatter

    from hrm_gym import halting

    drawn = Figure(figsize=(5.2 * len(lines), 4.2), dpi=150, layout="constrained")
    FigureCanvasAgg(drawn)
    panels = drawn.subplots(1, len(lines), squeeze=False)[0]
    for axes, (split, found) in zip(panels, lines.items(), strict=True):
        traces = parts[split]
        depths = [halting.fixed(traces, k) for k in range(1, traces.segments + 1)]
        sure = [halting.sure(traces, threshold) for threshold in halting.THRESHOLDS]
        curves = {
            "fixed": ("fixed depth 1, 2, ...", [halting.score("", traces, h) for h in depths]),
            "sure": ("confidence thresholds", [halting.score("", traces, h) for h in sure]),
        }
        for kind, (label, scores) in curves.items():
            _curve(axes, kind, label, scores)
        for algorithm in ALGORITHMS:
            runs = [run for line in found if line.kind == algorithm for run in line.runs]
            _curve(axes, algorithm, f"{algorithm}, several prices", runs, joined=False)
        for line in found:
            if line.kind in POINTS:
                marker, colour = POINTS[line.kind]
                where = [line.mean("segments")], [line.mean("accuracy")]
                axes.plot(*where, marker, color=colour, markersize=10, label=line.name, zorder=4)
        axes.set_title(f"{split}, {len(traces)} puzzles")
        axes.set_xlabel("mean segments")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(alpha=0.25)
    panels[0].set_ylabel("answers exactly right")
    panels[0].legend(fontsize=8, frameon=False)
    return drawn


def _curve(axes: Any, kind: str, label: str, scores: list[Halting], joined: bool = True) -> None:
    where = [s.segments for s in scores], [s.accuracy for s in scores]
    style = {"linewidth": 1.2 if joined else 0, "markersize": 4 if joined else 6}
    axes.plot(*where, marker=MARKS[kind], color=COLOURS[kind], label=label, alpha=0.85, **style)


if __name__ == "__main__":
    sys.exit(run(main, Args))
