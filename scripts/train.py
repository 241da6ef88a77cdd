"""Train an HRM on puzzles and test it on held-out ones."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import command, run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hrm_gym.agents.hrm.presets import TrainConfig
    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.data import PuzzleSet


@dataclass
class Args:
    """Arguments of the HRM trainer."""

    preset: str | None = None
    """Whole configuration: sudoku-4x4, sudoku-6x6, maze-7x7, maze-9x9, arc-small on a CPU;
    sudoku-extreme-1k, maze-hard-1k, arc-agi-1, arc-agi-2, trm-sudoku and trm-maze are the published
    runs; sudoku-extreme-fast and maze-hard-fast train in under half an hour on one GPU."""
    env: str | None = None
    """Environment to train for, where no preset is named."""
    task: str | None = None
    """A task of one's own instead: module:Class of a subclass of hrm_gym.puzzles.Task."""
    data: str | None = None
    """Puzzles to train on: a CSV file, a dataset folder, bank, generator:N."""
    puzzles: int | None = None
    """Labelled puzzles at most; 1000 by default."""
    steps: int | None = None
    """Optimiser steps."""
    seconds: float | None = None
    """Training time; what comes first, steps or seconds, ends the run."""
    batch_size: int | None = None
    """Rows of the vector environment."""
    seed: int | None = None
    """Seed of the weights, the puzzles and the exploration."""
    device: str = "cpu"
    """Where to train: cpu, cuda, cuda:1."""
    bf16: bool | None = None
    """Compute in bfloat16; by default on CUDA alone."""
    compile: bool | None = None
    """Compile the model; by default on CUDA alone."""
    halting: str | None = None
    """How halting is learned: q (HRM), bce (TRM), td (target network, discount) or fixed. The model
    gets the second Q-value that q and td teach, whatever the preset has."""
    targets: str | None = None
    """What mazes with several shortest paths are taught: turned (the label, turned with the maze),
    solved (the label that the solver gives the turned maze) or any (of all shortest paths the one
    that the answer is nearest to)."""
    curriculum: tuple[tuple[float, int, int], ...] = ()
    """Depth to begin with, as rows SHARE H L: think in H x L cycles up to this share of the run,
    such as 0.3 1 1 0.6 1 2; after the last row as deep as the preset."""
    eval_every: int | None = None
    """Steps between two tests on held-out puzzles: split val, or the rows of a file that
    --puzzles leaves over."""
    stop_at: float | None = None
    """End once so large a share of the held-out puzzles is answered exactly, such as 0.98; with
    --targets any, is solved."""
    save_every: float = 300.0
    """Seconds between two saves; Ctrl-C and SIGTERM save and end the run."""
    wandb: str | None = None
    """Also log to this Weights & Biases project (extra wandb)."""
    threads: int | None = None
    """Torch threads on a CPU; by default all cores."""
    episodes: int = 500
    """Held-out test puzzles at the end, of the bundled bank or, where --data is the generator, as
    many of its own at most; 0 tests nothing."""
    out: Path = Path("runs")
    """Folder of runs; this one is written to OUT/ENV/hrm/seedSEED."""
    resume: Path | None = None
    """Go on with the run in this folder."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def changed(config: TrainConfig, changes: Mapping[str, Any]) -> TrainConfig:
    """Return a configuration with changes; a rule of halting brings the Q-values that it needs."""
    model = dict(config.model)
    if "halting" in changes:
        model["q_continue"] = changes["halting"] in ("q", "td")
    return dataclasses.replace(config, model=model, **changes)


def make_trainer(args: Args) -> Trainer:
    """Return a new trainer, or a resumed one whose configuration is what the arguments say."""
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.agents.hrm.presets import get_preset, preset_for
    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.registration import answer_id

    changes: dict[str, Any] = {
        "limit": args.puzzles,
        "source": args.data,
        "batch_size": args.batch_size,
        "halting": args.halting,
        "targets": args.targets,
        "curriculum": args.curriculum or None,
        "task": args.task,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if args.preset is not None and args.env is not None:
        wanted = get_preset(args.preset).env
        if answer_id(args.env) != wanted:
            raise ValueError(f"env: preset {args.preset} trains on {wanted}, got {args.env!r}")
    env = args.env or ("HRMAnswer-v0" if args.task else None)
    named = args.preset or (preset_for(env) if env else None)
    if args.resume is not None:
        about, saved = checkpoint.read_run(args.resume)
        for name in ("seed", "bf16"):
            given = getattr(args, name)
            if given not in (None, about[name]):
                raise ValueError(f"{name}: this run has {about[name]}, got {given}")
        # A preset is a whole configuration, and so is compared whole.
        config = changed(saved if named is None else get_preset(named), changes)
        return Trainer.resume(args.resume, config, args.device, args.compile)
    if named is None:
        raise ValueError("preset: expected --preset, --env or --task, got none")
    config = changed(get_preset(named), changes)
    return Trainer(config, args.seed or 0, args.device, args.bf16, args.compile)


def leave_out(trainer: Trainer, tests: PuzzleSet, what: str) -> NDArray[np.bool_]:
    """Return which held-out puzzles training does see, and say how many.

    The splits of a task never overlap, but a file or folder may hold any puzzle. ARC is split by
    task, and the tests of its folders are those of the tasks that it trains on.

    Raises:
        ValueError: It sees all of them.
    """
    import numpy as np

    from hrm_gym.data.overlap import overlap
    from hrm_gym.puzzles import get_task

    source, task = trainer.config.source, get_task(trainer.config.task_id)
    if source is None or not Path(source).exists() or task.name == "arc":
        return np.zeros(len(tests), bool)
    seen = overlap(task, trainer.envs.puzzles, tests)  # type: ignore[attr-defined]
    count, among = int(seen.sum()), f"among the training puzzles of {source}"
    if seen.all():
        raise ValueError(f"data: every {what} puzzle is {among}; expected others to train on")
    if trainer.world.is_first and count:
        print(f"{count} of the {len(tests)} {what} puzzles are {among}, up to symmetry: left out")
    elif trainer.world.is_first:
        print(f"none of the {len(tests)} {what} puzzles is {among}")
    return seen


def main(args: Args) -> None:
    """Train, save the agent beside its curves, test it and print the result."""
    import torch
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.agents.hrm.training.run import Callbacks, validation_puzzles
    from hrm_gym.agents.hrm.training.run import run as train
    from hrm_gym.evaluation import evaluate, make_env
    from hrm_gym.machine import machine
    from hrm_gym.puzzles import get_task
    from hrm_gym.results import write_json
    from hrm_gym.scripts.calibration import PUZZLES, track_calibration
    from hrm_gym.scripts.depth import subset
    from hrm_gym.tracking import Tracker, run_folder

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if args.stop_at is not None and args.eval_every is None:
        raise ValueError("stop_at: needs --eval-every, the steps between two tests")
    if args.eval_every is not None and args.eval_every < 1:
        raise ValueError(f"eval_every: expected at least 1, got {args.eval_every}")
    trainer = make_trainer(args)
    config, env_id, first = trainer.config, trainer.config.env, trainer.world.is_first
    validation = None
    if args.eval_every is not None:
        validation = validation_puzzles(config)
        validation = validation.take(~leave_out(trainer, validation, "validation"))
    task = get_task(config.task_id)
    kwargs: dict[str, Any] = {} if config.task is None else {"task": config.task}
    generated = config.source is not None and config.source.partition(":")[0] == "generator"
    if task.name == "arc" or generated:
        # The tests of the very tasks whose demonstrations it has seen; of sizes without a bank too.
        kwargs["source"] = config.source
    if args.episodes:
        try:
            env = make_env(env_id, split="test", **kwargs)
        except ValueError as error:
            raise ValueError(f"{error}; or --episodes 0, which tests nothing") from None
        tests = subset(env.unwrapped.puzzles, args.episodes)  # type: ignore[attr-defined]
        seen = leave_out(trainer, tests, "test")
    shown = env_id if config.task is None else f"{env_id}-{task.id}"
    folder = args.resume or run_folder(args.out, shown, "hrm", trainer.seed)
    if args.resume is None and checkpoint.holds(folder, checkpoint.TRAINER):
        there = checkpoint.read_json(folder, checkpoint.TRAINER).get("step")
        raise ValueError(
            f"out: {folder} holds a run of {there} steps; go on with --resume {folder}, or name "
            "another --out"
        )
    # As they would have to be given again, into the default folder: the whole way to here.
    usual = run_folder(Path("runs"), shown, "hrm", trainer.seed)
    again = args if args.resume is None else dataclasses.replace(args, resume=usual)
    trainer.commands.append(command("train", again))
    steps, seconds = args.steps, args.seconds
    if steps is None and seconds is None:
        # A resumed run goes on to where it was meant to end.
        steps, seconds = trainer.budget["steps"], trainer.budget["seconds"]
        steps = config.steps if steps is None and seconds is None else steps
    parameters = sum(p.numel() for p in trainer.model.parameters())
    if first:
        shows = trainer.envs.puzzles  # type: ignore[attr-defined]
        count, copies = len(shows.originals), len(shows)
        more = f", {copies} with their copies" if copies > count else ""
        print(f"hrm on {shown}: {parameters:,} parameters, {count} puzzles{more}")
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    quiet = not (first and sys.stderr.isatty())
    with Tracker(folder, args.wandb if first else None) as tracker:
        bar = Progress(*columns, disable=quiet)
        work = bar.add_task("training", total=1.0)

        def log(trainer: Trainer, metrics: dict[str, float]) -> None:
            if not first:
                return
            for name, value in metrics.items():
                tracker.scalar(f"train/{name}", value, trainer.env_steps, trainer.seconds)
            rate = (trainer.env_steps - begun[0]) / max(trainer.seconds - begun[1], 1e-9)
            text = (
                f"step {trainer.step}: loss {metrics.get('loss', float('nan')):.4f}, exact "
                f"{metrics['exact_accuracy']:.1%}, {metrics['segments']:.1f} segments, "
                f"{rate / max(metrics['segments'], 1):.0f} puzzles/s"
            )
            share = max(trainer.step / (steps or 1 << 60), trainer.seconds / (seconds or 1e18))
            bar.update(work, completed=share, description=text)
            if quiet:
                print(text, flush=True)

        def tested(trainer: Trainer, figures: dict[str, float]) -> None:
            if not first:
                return
            for name, value in figures.items():
                tracker.scalar(f"eval/{name}", value, trainer.env_steps, trainer.seconds)
            assert validation is not None
            own = trainer.agent(), subset(validation, PUZZLES)
            track_calibration(tracker, *own, trainer.env_steps, trainer.seconds)
            bar.console.print(
                f"step {trainer.step}: {figures['exact_accuracy']:.1%} of the held-out puzzles "
                f"exact, {figures['solve_rate']:.1%} solved, {figures['steps']:.1f} segments"
            )

        begun = trainer.env_steps, trainer.seconds
        callbacks = Callbacks(
            folder=folder,
            save_every=args.save_every,
            log_every=5.0,
            on_log=log,
            eval_every=args.eval_every,
            validation=validation,
            stop_at=args.stop_at,
            on_eval=tested,
        )
        with bar:
            reason = train(trainer, steps, seconds, callbacks)
        trainer.world.leave()
        if not first:
            return
        print(f"{trainer.step} steps in {trainer.seconds:.0f} s; written to {folder}")
        if reason == "stopped":
            print(f"stopped; go on with --resume {folder}")
            return
        rows: list[dict[str, Any]] = [
            {"name": "train_seconds", "value": trainer.seconds, "unit": "s"},
            {"name": "env_steps", "value": trainer.env_steps, "unit": "steps"},
        ]
        if args.episodes:
            agent = trainer.agent()
            result = evaluate(agent, env_id, args.episodes, **kwargs)
            kept = [episode for episode in result.episodes if not seen[episode.index]]
            result = dataclasses.replace(result, episodes=kept)
            own = subset(tests.take(~seen), PUZZLES)
            track_calibration(tracker, agent, own, trainer.env_steps, trainer.seconds)
            tracker.evaluation(result, trainer.env_steps, trainer.seconds)
            tracker.hparams(
                {"preset": args.preset or env_id, "seed": trainer.seed},
                {"hparam/solve_rate": result.solve_rate},
            )
            checkpoint.note(
                folder,
                {
                    "exact_accuracy": result.exact_accuracy,
                    "solve_rate": result.solve_rate,
                    "test_puzzles": len(result.episodes),
                },
            )
            low, high = result.interval
            print(
                f"{result.solve_rate:.1%} of {len(result.episodes)} held-out puzzles solved "
                f"(95% {low:.1%} to {high:.1%}), {result.mean_steps:.2f} segments a puzzle"
            )
            rows += [
                {"name": name, "value": value, "unit": "s" if name == "seconds" else "1"}
                for name, value in result.summary().items()
            ]
    if args.json is not None:
        write_json(args.json, machine(), rows)


if __name__ == "__main__":
    sys.exit(run(main, Args))
