"""What the parts of an HRM buy: a small grid, one change at a time, on puzzles a CPU can learn.

Every variant trains for the same time on the same puzzles and is tested on the same held-out ones.
A cell that is done is kept in OUT/ablation.json, so that a run that was stopped goes on.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run

VARIANTS: dict[str, dict[str, Any]] = {
    "hierarchical": {},
    # As many updates in a segment, all of one module and one pace.
    "flat": {"model": {"H_cycles": 3, "L_cycles": 1, "shared": True}},
    "one-step gradient": {"model": {"grad": "one_step"}},
    "no ACT": {"halting": "fixed"},
    "no average": {"ema": None},
}
"""Changes of the small preset, which is hierarchical and has a last-cycle gradient, ACT and EMA."""
LEVELS = ("sudoku-4x4", "sudoku-6x6", "maze-7x7")


@dataclass
class Args:
    """Arguments of the ablation."""

    seconds: float = 120.0
    """Training time of one cell; --steps likewise, what comes first ends it."""
    steps: int | None = None
    """Optimiser steps of one cell."""
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
    """Folder of the table: ablation.md and ablation.json."""


def train_cell(args: Args, level: str, variant: str, seed: int) -> dict[str, Any]:
    """Train and test one cell; return its row."""
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.agents.hrm.run import run as train
    from hrm_gym.agents.hrm.trainer import Trainer
    from hrm_gym.data import load_puzzles

    config, changes = get_preset(level), dict(VARIANTS[variant])
    changes["model"] = {**config.model, **changes.get("model", {})}
    trainer = Trainer(dataclasses.replace(config, **changes), seed, args.device)
    if train(trainer, args.steps, args.seconds) == "stopped":
        raise KeyboardInterrupt
    agent = trainer.agent()
    puzzles = load_puzzles(agent.task, split="test", limit=args.episodes)
    # Without ACT there is no learned halting to use, so the test thinks as long as training did.
    fixed = variant == "no ACT"
    last = trainer.config.max_segments if fixed else None
    found = agent.solve(puzzles.inputs, puzzles.puzzle_ids, halt=not fixed, segments=last)
    right = ((found.answer == puzzles.labels) | (puzzles.labels == 0)).all(1)
    return {
        "name": f"{level}, {variant}, seed {seed}",
        "value": float(right.mean()),
        "unit": "1",
        "level": level,
        "variant": variant,
        "seed": seed,
        "puzzles": len(puzzles),
        "segments": float(found.segments.mean()),
        "steps": trainer.step,
        "seconds": trainer.seconds,
        "parameters": agent.parameters,
    }


def table(rows: list[dict[str, Any]], levels: tuple[str, ...]) -> str:
    """Return the Markdown table: exact accuracy, mean over seeds, with their range and segments."""
    lines = ["| variant | " + " | ".join(levels) + " |", "|---|" + "---:|" * len(levels)]
    for variant in VARIANTS:
        cells = []
        for level in levels:
            own = [r for r in rows if (r["level"], r["variant"]) == (level, variant)]
            shares = [100 * row["value"] for row in own]
            if not own:
                cells.append("")
                continue
            mean = sum(shares) / len(shares)
            segments = sum(row["segments"] for row in own) / len(own)
            spread = f" ({min(shares):.1f} to {max(shares):.1f})" if len(own) > 1 else ""
            cells.append(f"{mean:.1f}%{spread}, {segments:.1f} seg.")
        lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main(args: Args) -> None:
    """Train what is missing of the grid and write the table after every cell.

    Raises:
        ValueError: A level is unknown, a number is not positive, or OUT holds another grid.
    """
    import torch

    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.tracking import machine, write_json, write_text

    for level in args.levels:
        get_preset(level)
    for name in ("seconds", "seeds", "episodes"):
        if getattr(args, name) <= 0:
            raise ValueError(f"{name}: expected a positive number, got {getattr(args, name)}")
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    path = args.out / "ablation.json"
    budget = {"seconds": args.seconds, "steps": args.steps, "episodes": args.episodes}
    rows: list[dict[str, Any]] = []
    if path.exists():
        try:
            rows = json.loads(path.read_text())["rows"]
            other = any(row["budget"] != budget for row in rows)
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{path}: damaged, expected the rows of an ablation") from None
        if other:
            raise ValueError(f"{path}: holds cells of another budget; give another --out")
    done = {row["name"] for row in rows}
    for seed in range(args.seeds):
        for level in args.levels:
            for variant in VARIANTS:
                if f"{level}, {variant}, seed {seed}" in done:
                    continue
                row = train_cell(args, level, variant, seed)
                rows.append({**row, "budget": budget})
                write_json(path, machine(), rows)
                write_text(args.out / "ablation.md", table(rows, args.levels))
                print(f"{row['name']}: {row['value']:.1%} exact, {row['steps']} steps", flush=True)
    print(table(rows, args.levels), end="")


if __name__ == "__main__":
    sys.exit(run(main, Args))
