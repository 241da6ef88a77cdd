"""What the parts of an HRM buy: a small grid, one change at a time, on puzzles a CPU can learn.

Every variant trains for the same number of steps (or the same time) on the same puzzles and is
tested on the same held-out ones. A cell that is done is kept in OUT/ablation.json, so that a run
that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, described, run

Row = dict[str, Any]

BASE = {"H_cycles": 1, "L_cycles": 3, "grad": "last_cycle"}
"""Four updates a segment, one of the planner after three of the executor, all with gradient."""
VARIANTS: dict[str, dict[str, Any]] = {
    "hierarchical": {},
    "flat": {"model": {"H_cycles": 2, "L_cycles": 1, "shared": True, "grad": "segment"}},
    "one-step gradient": {"model": {"grad": "one_step"}},
    "no ACT": {"halting": "fixed"},
    "no average": {"ema": None},
}
"""Changes of the small preset of a level, with the cycles of ``BASE``."""
MEANING = """\
- *hierarchical*: the small preset (two modules, gradient through the last H cycle, learned halting,
  averaged weights) with one update of the planner after three of the executor in each segment.
- *flat*: as many updates in a segment, all with gradient, but of one module and at one pace.
- *one-step gradient*: only the last update of each module carries gradient, two of the four.
- *no ACT*: every puzzle gets the most segments of training, in training and in the test.
- *no average*: the last weights instead of their moving average.
"""
LEVELS = ("sudoku-4x4", "sudoku-6x6", "maze-7x7")


@dataclass
class Args:
    """Arguments of the ablation."""

    seconds: float | None = None
    """Training time of one cell; of seconds and steps, what comes first ends it."""
    steps: int | None = None
    """Optimiser steps of one cell; by default those of the preset."""
    seeds: int = 2
    """Runs of one cell."""
    episodes: int = 500
    """Held-out test puzzles."""
    levels: tuple[str, ...] = LEVELS
    """Presets that are varied."""
    threads: int | None = None
    """Torch threads; by default all cores."""
    device: str = "cpu"
    """Where to train."""
    out: Path = Path("results")
    """Folder of the report: ablation.md and ablation.json."""


def train_cell(args: Args, level: str, variant: str, seed: int) -> Row:
    """Train and test one cell; return its row."""
    from hrm_gym.agents.hrm.inference.depth import measure_depth
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.agents.hrm.training.run import run as train
    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.data import load_puzzles

    config, changes = get_preset(level), dict(VARIANTS[variant])
    changes["model"] = {**config.model, **BASE, **changes.get("model", {})}
    trainer = Trainer(dataclasses.replace(config, **changes), seed, args.device)
    if train(trainer, args.steps, args.seconds) == "stopped":
        raise KeyboardInterrupt
    agent = trainer.agent()
    puzzles = load_puzzles(agent.task, split="test", limit=args.episodes)
    depth = measure_depth(agent, puzzles)
    # Without ACT there is no learned halting to use, so the test thinks as long as training did.
    fixed = variant == "no ACT"
    last = trainer.config.max_segments
    right = depth.exact[last - 1] if fixed else depth.halted
    return {
        "name": f"{level}, {variant}, seed {seed}",
        "value": float(right.mean()),
        "unit": "share",
        "level": level,
        "variant": variant,
        "seed": seed,
        "puzzles": len(puzzles),
        "right": int(right.sum()),
        "segments": float(last if fixed else depth.segments.mean()),
        "always": float(depth.curve[-1]),
        "steps": trainer.step,
        "seconds": trainer.seconds,
        "parameters": agent.parameters,
    }


def grid(
    rows: Sequence[Row], levels: Sequence[str], cell: Callable[[Sequence[Row]], str]
) -> list[str]:
    """Return a Markdown table, variants down and levels across; ``cell`` gets the runs of one."""
    lines = ["| variant | " + " | ".join(levels) + " |", "|---|" + "---:|" * len(levels)]
    for variant in VARIANTS:
        runs = [[r for r in rows if (r["level"], r["variant"]) == (v, variant)] for v in levels]
        lines.append(
            f"| {variant} | " + " | ".join(cell(own) if own else "" for own in runs) + " |"
        )
    return lines


def mean(rows: Sequence[Row], name: str) -> float:
    """Return the mean of a field over the runs of a cell."""
    return float(sum(row[name] for row in rows) / len(rows))


def exact(rows: Sequence[Row]) -> str:
    """Return what a cell says of its exact accuracy: mean, 95% interval, every seed."""
    from hrm_gym.evaluation import wilson_interval

    # All seeds answer the same puzzles, so several seeds are no larger sample of them.
    low, high = wilson_interval(round(mean(rows, "right")), rows[0]["puzzles"])
    seeds = ", ".join(f"{100 * row['value']:.1f}" for row in rows)
    return f"{mean(rows, 'value'):.1%} ({100 * low:.1f} to {100 * high:.1f}; {seeds})"


def report(rows: Sequence[Row], args: Args, machine: dict[str, Any]) -> str:
    """Return the whole report in Markdown."""
    minutes = sum(row["seconds"] for row in rows) / 60
    lines = [
        "# What the parts of an HRM buy",
        "",
        "Made by",
        "",
        f"    {command('ablate', args)}",
        "",
        f"on: {described(machine)}. {len(rows)} cells, {minutes:.0f} minutes of training in all.",
        "",
        MEANING,
        "## Exact accuracy on held-out puzzles",
        "",
        "Mean over seeds (95% Wilson interval of such a share of "
        f"{rows[0]['puzzles']} test puzzles, which says nothing of how seeds differ; every seed).",
        "",
        *grid(rows, args.levels, exact),
        "",
        "## Segments a puzzle, and exact accuracy when all think to the last segment",
        "",
        *grid(
            rows,
            args.levels,
            lambda own: f"{mean(own, 'segments'):.2f}; {mean(own, 'always'):.1%}",
        ),
        "",
        "## Parameters",
        "",
        *grid(rows, args.levels, lambda own: f"{own[0]['parameters']:,}"),
    ]
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Train what is missing of the grid and write the report after every cell.

    Raises:
        ValueError: A level is unknown, a number is not positive, or OUT holds another grid.
    """
    import torch

    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.files import write_text
    from hrm_gym.machine import machine
    from hrm_gym.results import read_rows, write_json

    for level in args.levels:
        get_preset(level)
    for name in ("seeds", "episodes"):
        if getattr(args, name) <= 0:
            raise ValueError(f"{name}: expected a positive number, got {getattr(args, name)}")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    path = args.out / "ablation.json"
    budget: Row = {"seconds": args.seconds, "steps": args.steps, "episodes": args.episodes}
    budget |= {"base": BASE, "variants": VARIANTS}
    rows: list[Row] = read_rows(path, budget)
    done = {row["name"] for row in rows}
    for seed in range(args.seeds):
        for level in args.levels:
            for variant in VARIANTS:
                if f"{level}, {variant}, seed {seed}" in done:
                    continue
                row = train_cell(args, level, variant, seed)
                rows.append({**row, "budget": budget})
                write_json(path, machine(), rows)
                write_text(args.out / "ablation.md", report(rows, args, machine()))
                print(f"{row['name']}: {row['value']:.1%} exact, {row['steps']} steps", flush=True)
    # Also where no cell was missing: the report may be read in another way than it was written.
    write_text(args.out / "ablation.md", report(rows, args, machine()))
    print(report(rows, args, machine()), end="")


if __name__ == "__main__":
    sys.exit(run(main, Args))
