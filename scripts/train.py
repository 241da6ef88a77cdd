"""Train an HRM on puzzles and test it on held-out ones."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the HRM trainer."""

    preset: str | None = None
    """Whole configuration: sudoku-4x4, sudoku-6x6, maze-7x7, maze-9x9 on a CPU; sudoku-extreme-1k
    and maze-hard-1k are the published runs (27.3 M parameters, batch 384)."""
    env: str | None = None
    """Environment to train for, where no preset is named."""
    data: str | None = None
    """Puzzles to train on: a CSV file, a dataset folder, bank, generator:N."""
    puzzles: int = 1000
    """Labelled puzzles at most."""
    steps: int | None = None
    """Optimiser steps."""
    seconds: float | None = None
    """Training time; what comes first, steps or seconds, ends the run."""
    batch_size: int | None = None
    """Rows of the vector environment."""
    seed: int = 0
    """Seed of the weights, the puzzles and the exploration."""
    device: str = "cpu"
    """Where to train: cpu, cuda, cuda:1."""
    bf16: bool | None = None
    """Compute in bfloat16; by default on CUDA alone."""
    threads: int | None = None
    """Torch threads on a CPU; by default all cores."""
    episodes: int = 500
    """Held-out test puzzles at the end, of the bundled bank; 0 tests nothing."""
    out: Path = Path("runs")
    """Folder of runs; this one is written to OUT/ENV/hrm/seedSEED."""
    resume: Path | None = None
    """Go on with the run in this folder."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def command(args: Args) -> str:
    """Return the command that does this again, wherever its results go."""
    words = []
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if value != field.default and field.name not in ("out", "json"):
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return "python scripts/train.py " + shlex.join(words)


def main(args: Args) -> None:
    """Train, save the agent beside its curves, test it and print the result."""
    import torch
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from hrm_gym.agents.hrm.checkpoint import note
    from hrm_gym.agents.hrm.presets import get_preset, preset_for
    from hrm_gym.agents.hrm.trainer import Trainer
    from hrm_gym.evaluation import evaluate
    from hrm_gym.tracking import Tracker, machine, run_folder, write_json

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.resume is not None:
        trainer = Trainer.resume(args.resume, device=args.device)
    else:
        if args.preset is None and args.env is None:
            raise ValueError("preset: expected --preset or --env, got neither")
        config = get_preset(args.preset or preset_for(str(args.env)))
        changes: dict[str, Any] = {"limit": args.puzzles}
        if args.data is not None:
            changes["source"] = args.data
        if args.batch_size is not None:
            changes["batch_size"] = args.batch_size
        trainer = Trainer(dataclasses.replace(config, **changes), args.seed, args.device, args.bf16)
    env_id = trainer.config.env
    folder = args.resume or run_folder(args.out, env_id, "hrm", trainer.seed)
    parameters = sum(p.numel() for p in trainer.model.parameters())
    print(f"hrm on {env_id}: {parameters:,} parameters, {len(trainer.envs.puzzles)} puzzles")  # type: ignore[attr-defined]
    total = args.steps if args.steps is not None else trainer.config.steps
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Tracker(folder) as tracker, Progress(*columns, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("training", total=1.0)

        def log(trainer: Trainer, metrics: dict[str, float]) -> None:
            for name, value in metrics.items():
                tracker.scalar(f"train/{name}", value, trainer.env_steps, trainer.seconds)
            rate = trainer.env_steps / max(trainer.seconds, 1e-9)
            text = (
                f"step {trainer.step}: loss {metrics['loss']:.4f}, exact "
                f"{metrics['exact_accuracy']:.1%}, {metrics['segments']:.1f} segments, "
                f"{rate:.0f} puzzles x segments/s"
            )
            share = trainer.seconds / args.seconds if args.seconds else trainer.step / total
            bar.update(task, completed=share, description=text)
            if not sys.stderr.isatty():
                print(text, flush=True)

        steps = args.steps if args.seconds is not None else total
        trainer.run(steps, args.seconds, log, log_every=5.0)
        trainer.save(folder)
        agent = trainer.agent()
        rows: list[dict[str, Any]] = [
            {"name": "train_seconds", "value": trainer.seconds, "unit": "s"},
            {"name": "env_steps", "value": trainer.env_steps, "unit": "steps"},
        ]
        if args.episodes:
            tested = evaluate(agent, env_id, args.episodes)
            tracker.evaluation(tested, trainer.env_steps, trainer.seconds)
            tracker.hparams(
                {"preset": args.preset or env_id, "seed": trainer.seed},
                {"hparam/solve_rate": tested.solve_rate},
            )
            note(
                folder,
                {
                    "command": command(args),
                    "exact_accuracy": tested.exact_accuracy,
                    "solve_rate": tested.solve_rate,
                    "test_puzzles": len(tested.episodes),
                },
            )
            low, high = tested.interval
            print(
                f"{tested.solve_rate:.1%} of {len(tested.episodes)} held-out puzzles solved "
                f"(95% {low:.1%} to {high:.1%}), {tested.mean_steps:.2f} segments a puzzle"
            )
            rows += [
                {"name": name, "value": value, "unit": "s" if name == "seconds" else "1"}
                for name, value in tested.summary().items()
            ]
    print(f"{trainer.step} steps in {trainer.seconds:.0f} s; written to {folder}")
    if args.json is not None:
        write_json(args.json, machine(), rows)


if __name__ == "__main__":
    sys.exit(run(main, Args))
