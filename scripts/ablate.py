"""Ablation: train variants of the relational presets, each with one change.

Every variant trains for the same number of steps (or the same time) on the same puzzles and is
tested on the same held-out puzzles. Finished cells are kept in OUT/ablation.json, so that an
interrupted ablation resumes. The variants are defined in
scripts/experiments/suites/ablation.yaml.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import command, run


@dataclass
class Args:
    """Arguments of the ablation."""

    presets: tuple[str, ...] | None = None
    """Presets that are varied; by default those of the suite."""
    seconds: float | None = None
    """Training time of one cell in CPU seconds of all its threads; it ends at --seconds or --steps,
    whichever comes first."""
    steps: int | None = None
    """Optimizer steps of one cell; by default those of the preset."""
    seed: int = 0
    """The first seed."""
    seeds: int = 2
    """Number of seeds of every variant."""
    episodes: int = 500
    """Number of held-out test puzzles."""
    device: str = "cpu"
    """Device of the model: cpu, cuda, cuda:1."""
    threads: int | None = None
    """Number of torch threads of a cell; by default one per core."""
    workers: int = 1
    """Number of cells at a time."""
    timeout: float | None = None
    """Seconds that a cell may take in total; a cell that exceeds them is stopped and has failed. By
    default five times --seconds and half an hour, or a day without --seconds."""
    out: Path = Path("results")
    """Folder of the report: ablation.md and ablation.json."""


def main(args: Args) -> int:
    """Run the missing cells and write the report after every cell; return 1 if a cell failed.

    Raises:
        ValueError: if a preset is unknown, there are no episodes, or OUT holds the results of
            another ablation.
    """
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.files import write_text
    from hrm_gym.machine import cores
    from hrm_gym.scripts.experiments import ablation
    from hrm_gym.scripts.experiments.rows import run_rows
    from hrm_gym.scripts.experiments.suites import read_suite

    suite = read_suite("ablation")
    presets = args.presets or tuple(suite["presets"])
    for preset in presets:
        get_preset(preset)
    if args.episodes < 1:
        raise ValueError(f"episodes: expected at least 1, got {args.episodes}")
    cells = [
        ablation.AblationCell(
            preset,
            variant,
            changes,
            seed,
            args.steps,
            args.episodes,
            seconds=args.seconds,
            device=args.device,
            threads=args.threads or cores(),
            execution=suite.get("execution", {}),
        )
        for seed in range(args.seed, args.seed + args.seeds)
        for preset in presets
        for variant, changes in ablation.variants(suite, preset).items()
    ]
    budget = {"seconds": args.seconds, "steps": args.steps, "episodes": args.episodes}
    budget |= {"base": suite["base"], "variants": suite["variants"]}

    def write(rows: Any, machine: Any) -> str:
        text = ablation.report(suite, rows, machine, presets, command("ablate", args))
        write_text(args.out / "ablation.md", text)
        return text

    path = args.out / "ablation.json"
    return run_rows(cells, path, budget, write, args.workers, args.timeout)


if __name__ == "__main__":
    sys.exit(run(main, Args))
