"""The loop of a training run: when to log, evaluate, save, return to a checkpoint and stop."""

from __future__ import annotations

import dataclasses
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hrm_gym.checks import check_positive
from hrm_gym.data import load_puzzles
from hrm_gym.data.puzzle_set import PuzzleSet
from hrm_gym.puzzles import get_task, wrong_cells

from ...base import Diverged, TrainResult
from ..agent import HRMAgent
from ..presets import get_preset, preset_for
from ..train_config import TrainConfig
from .trainer import Trainer

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

Metrics = dict[str, float]
Progress = Callable[[Trainer, Metrics], None]

PATIENCE = 20
"""Number of consecutive skipped steps after which a run returns to its last checkpoint."""
HELD_OUT = 10_000
"""Largest number of rows of a file that are kept for validation."""
COMPILED_FROM = 300.0
"""Seconds of training from which on compiling a model for a CPU, which takes about a minute, pays
off."""
RETURNS = 3
"""Number of returns after which a run fails."""


@dataclasses.dataclass
class Callbacks:
    """What happens between training steps: logging, evaluation and saving.

    Attributes:
        folder: Folder of the checkpoints; None: nothing is saved.
        save_every: Seconds between two saves.
        log_every: Seconds of training between two calls of ``on_log``.
        on_log: Called with the trainer and the means since the last call; its time is not counted.
        eval_every: Steps between two evaluations on ``validation``.
        validation: Held-out puzzles.
        stop_at: Exact accuracy on ``validation`` at which the run ends; with ``targets="any"``, the
            solve rate.
        on_eval: Called with the trainer and the results of an evaluation.
        on_message: Called with a message when the run returns to a checkpoint.
    """

    folder: Path | None = None
    save_every: float = math.inf
    log_every: float = 1.0
    on_log: Progress | None = None
    eval_every: int | None = None
    validation: PuzzleSet | None = None
    stop_at: float | None = None
    on_eval: Progress | None = None
    on_message: Callable[[str], None] = print


def run(
    trainer: Trainer,
    steps: int | None = None,
    seconds: float | None = None,
    callbacks: Callbacks | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> str:
    """Train until the total number of steps or the total training time is reached.

    Args:
        trainer: A new or resumed trainer.
        steps: Total number of steps, including those before a resume; default: the steps of the
            configuration, or no limit if ``seconds`` is given.
        seconds: Total training time, without evaluation, saving and callbacks.
        callbacks: When to log, evaluate and save.
        clock: Returns the time in seconds. With ``time.process_time``, ``seconds`` are those that
            the CPU spends on this process, which do not depend on other processes.

    Returns:
        Why the run ended: ``budget``, ``stopped`` (SIGTERM or Ctrl-C; the run is saved) or
        ``reached`` (``stop_at``).

    Raises:
        Diverged: if steps were skipped repeatedly, even after returning to the last checkpoint.
        ValueError: if a budget is not positive, or a checkpoint cannot be written.
    """
    for name, budget in (("steps", steps), ("seconds", seconds)):
        if budget is not None:
            check_positive(name, budget)
    callbacks = callbacks or Callbacks()
    if steps is None and seconds is None:
        steps = trainer.config.steps
    trainer.budget = {"steps": steps, "seconds": seconds}
    last, limit = steps or math.inf, seconds or math.inf
    trainer.model.train()
    logged, returns, reason = trainer.seconds, 0, ""
    saved = time.monotonic()
    with _stop_signals() as stopped:
        started = clock() - trainer.seconds
        while not reason and trainer.step < last and trainer.seconds < limit:
            # Counted from 1, as in the published code, so that the first rate is not 0.
            trainer.train_step(max((trainer.step + 1) / last, trainer.seconds / limit))
            # All ranks use the slowest clock, and stop at the signal of any rank.
            trainer.seconds, stop, since_save = trainer.world.maximum(
                clock() - started, bool(stopped), time.monotonic() - saved
            )
            over = trainer.step >= last or trainer.seconds >= limit
            if stop:
                reason = "stopped"
            if reason or over or trainer.seconds - logged >= callbacks.log_every:
                metrics = trainer.read_metrics()
                if metrics["skipped_in_a_row"] >= PATIENCE:
                    returns += 1
                    _go_back(trainer, callbacks, returns)
                elif callbacks.on_log is not None:
                    callbacks.on_log(trainer, metrics)
                logged = trainer.seconds
            if callbacks.eval_every and (over or trainer.step % callbacks.eval_every == 0):
                assert callbacks.validation is not None
                figures = validate(trainer, callbacks.validation)
                if callbacks.on_eval is not None:
                    callbacks.on_eval(trainer, figures)
                right = "solve_rate" if trainer.config.targets == "any" else "exact_accuracy"
                if callbacks.stop_at is not None and figures[right] >= callbacks.stop_at:
                    reason = "reached"
            if callbacks.folder is not None and (
                reason or over or since_save >= callbacks.save_every
            ):
                # While steps are skipped, a good checkpoint is not overwritten.
                if reason or over or not int(trainer.guard.in_a_row):
                    trainer.save(callbacks.folder)
                saved = time.monotonic()
            started = clock() - trainer.seconds
    return reason or "budget"


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """Collect SIGTERM and Ctrl-C; a second Ctrl-C interrupts at once."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return

    def catch(number: int, _: Any) -> None:
        if caught and number == signal.SIGINT:
            raise KeyboardInterrupt
        caught.append(number)

    before = {n: signal.signal(n, catch) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _go_back(trainer: Trainer, callbacks: Callbacks, attempt: int) -> None:
    """Return to the last checkpoint of this run, and continue with other puzzles.

    Raises:
        Diverged: if this run has no checkpoint, or returned to one too often.
    """
    step, folder = trainer.step, callbacks.folder
    what = f"step {step}: {PATIENCE} steps in a row had a loss or Q-value that is not finite"
    # The folder may contain a checkpoint of another run.
    if folder is None or trainer.folder != folder:
        raise Diverged(f"{what}, and there is no good checkpoint to return to; lower the rates")
    if attempt > RETURNS:
        raise Diverged(f"{what}, after {RETURNS} returns to the last checkpoint; lower the rates")
    skipped = trainer.guard.skipped
    trainer.restore(folder)
    trainer.guard.skipped = skipped
    trainer.reshuffle(attempt)
    callbacks.on_message(f"{what}; back to the checkpoint of step {trainer.step}, other puzzles")


def validation_puzzles(config: TrainConfig) -> PuzzleSet:
    """Return held-out puzzles: the ``val`` split, or the rows of a file that training leaves out.

    Of a large file, at most ``HELD_OUT`` rows are read.

    Raises:
        ValueError: if training uses every row of the file.
    """
    task = get_task(config.task_id)
    source, limit = config.main_source.source, config.main_source.limit
    if source is None or not Path(source).is_file():
        return load_puzzles(task, source, "val")
    puzzles = load_puzzles(task, source, limit=None if limit is None else limit + HELD_OUT)
    if limit is None or limit >= len(puzzles):
        raise ValueError(
            f"eval_every: training takes all {len(puzzles)} rows of {source}; leave some "
            "for tests with --puzzles"
        )
    return puzzles.take(np.arange(limit, len(puzzles)))


def validate(trainer: Trainer, puzzles: PuzzleSet, batch: int = 256) -> Metrics:
    """Evaluate the current agent on puzzles.

    The first rank does the work, and all ranks get the results.

    Args:
        trainer: The trainer of the agent.
        puzzles: The puzzles.
        batch: Number of puzzles in a batch.

    Returns:
        ``exact_accuracy``, ``solve_rate``, and the mean number of segments as ``steps``.
    """
    right = solved = segments = 0
    if trainer.world.is_first:
        agent = trainer.agent()
        for start in range(0, len(puzzles), batch):
            rows = slice(start, start + batch)
            questions, labels = puzzles.inputs[rows], puzzles.labels[rows]
            found = agent.solve(questions, puzzles.puzzle_ids[rows])
            right += int((wrong_cells(labels, found.answer) == 0).sum())
            solved += sum(
                agent.task.is_solved(puzzles[start + row], answer)
                for row, answer in enumerate(found.answer)
            )
            segments += int(found.segments.sum())
    sums = trainer.world.maximum(right, solved, segments)
    names = ("exact_accuracy", "solve_rate", "steps")
    return {name: value / len(puzzles) for name, value in zip(names, sums, strict=True)}


def train(
    config: TrainConfig,
    seed: int = 0,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "cpu",
    on_progress: Callable[[TrainResult[HRMAgent]], None] | None = None,
    progress_evaluations: int = 6,
    tracker: Tracker | None = None,
) -> TrainResult[HRMAgent]:
    """Train the agent of a configuration.

    Args:
        config: Configuration of the run; its steps are the budget if none is given.
        seed: Seed of weights, puzzles and exploration.
        seconds: Training time. The run ends when ``seconds`` or ``steps`` is reached, whichever
            comes first. In a short run on a CPU the model is not compiled.
        steps: Optimizer steps.
        device: Device of the model.
        on_progress: Called with the result so far, at the start and at equal intervals of the
            budget. The time it takes is not counted.
        progress_evaluations: Maximum number of calls of ``on_progress`` after the first.
        tracker: Receives the training metrics.

    Raises:
        ValueError: if the configuration does not fit its environment.
    """
    short = seconds is not None and seconds < COMPILED_FROM
    compile = False if short and torch.device(device).type == "cpu" else None
    trainer = Trainer(config, seed, device, compile=compile)
    total_steps = steps if steps is not None else (1 << 60 if seconds else config.steps)
    due, ended = 1, 0.0

    def so_far() -> TrainResult[HRMAgent]:
        # Finished puzzles and the current ones.
        puzzles = sum(stream.batch_size for stream in trainer.streams) + int(ended)
        return TrainResult(trainer.agent(), trainer.env_steps, trainer.seconds, puzzles)

    def log(trainer: Trainer, metrics: Metrics) -> None:
        nonlocal due, ended
        ended += metrics["episodes"]
        if tracker is not None:
            for name, value in metrics.items():
                tracker.scalar(f"train/{name}", value, trainer.env_steps, trainer.seconds)
        done = max(trainer.step / total_steps, trainer.seconds / (seconds or math.inf))
        if on_progress is not None and done * progress_evaluations >= due:
            due = int(done * progress_evaluations) + 1
            on_progress(so_far())

    if on_progress is not None:
        on_progress(so_far())
    if run(trainer, steps, seconds, Callbacks(on_log=log)) == "stopped":
        raise KeyboardInterrupt
    return so_far()


def train_hrm(
    env_id: str, preset: str | None = None, limit: int | None = 1000, **budget: Any
) -> TrainResult[HRMAgent]:
    """Train an HRM for a step or Answer environment; it always learns in the Answer environment.

    Args:
        env_id: Id of the environment.
        preset: A name of ``PRESETS``; default: ``preset_for`` the environment.
        limit: Largest number of labelled puzzles.
        budget: Further arguments of ``train``.

    Raises:
        ValueError: if the environment or the preset is unknown.
    """
    config = get_preset(preset or preset_for(env_id))
    return train(config.with_puzzles(limit=limit), **budget)
