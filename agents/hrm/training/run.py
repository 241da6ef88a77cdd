"""The loop of a run: when to log, test, save, go back and stop."""

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

from hrm_gym.checks import check_positive
from hrm_gym.data import load_puzzles
from hrm_gym.data.puzzle_set import PuzzleSet
from hrm_gym.puzzles import get_task

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
"""Skipped steps in a row after which a run returns to its last checkpoint."""
RETURNS = 3
"""Returns after which it gives up."""


@dataclasses.dataclass
class Callbacks:
    """What is done between training steps: logging, tests and saves.

    Attributes:
        folder: Of the checkpoints; None saves nothing.
        save_every: Seconds between two saves.
        log_every: Seconds of training between two calls of ``on_log``.
        on_log: Gets the trainer and the means since its last call; its time is not counted.
        eval_every: Steps between two tests on ``validation``.
        validation: Held-out puzzles.
        stop_at: Share of them answered exactly that ends the run; where any right answer is taught
            (``targets="any"``), the share solved.
        on_eval: Gets the trainer and the figures of a test.
        on_message: Gets a sentence where something went wrong and was mended.
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
) -> str:
    """Train until ``steps`` in all or ``seconds`` of training in all, whichever comes first.

    Args:
        trainer: New or resumed.
        steps: Default: the configuration's, or no end where ``seconds`` is given.
        seconds: Training time; tests, saves and callbacks are not counted.
        callbacks: When to log, test and save.

    Returns:
        Why it ended: ``budget``, ``stopped`` (SIGTERM or Ctrl-C; the run is saved) or ``reached``
        (``stop_at``).

    Raises:
        Diverged: Steps were skipped over and over, and going back did not help.
        ValueError: A checkpoint could not be written.
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
        started = time.perf_counter() - trainer.seconds
        while not reason and trainer.step < last and trainer.seconds < limit:
            # Counted from 1, as the published loop counts: no warm-up begins at a rate of 0.
            trainer.train_step(max((trainer.step + 1) / last, trainer.seconds / limit))
            # The slowest clock and any rank's signal count for all.
            trainer.seconds, stop, since_save = trainer.world.maximum(
                time.perf_counter() - started, bool(stopped), time.monotonic() - saved
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
                # Never over a good checkpoint while steps are being skipped.
                if reason or over or not int(trainer.guard.in_a_row):
                    trainer.save(callbacks.folder)
                saved = time.monotonic()
            started = time.perf_counter() - trainer.seconds
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
    """Return to the last checkpoint, if this run saved one, and take other puzzles from there."""
    step, folder = trainer.step, callbacks.folder
    what = f"step {step}: {PATIENCE} steps in a row had a loss or Q-value that is not finite"
    # What another run left in the folder is no checkpoint of this one.
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
    """Return held-out puzzles: the ``val`` split, or the rows of a file that training leaves over.

    Raises:
        ValueError: Training takes every row of the file.
    """
    task = get_task(config.task_id)
    if config.source is None or not Path(config.source).is_file():
        return load_puzzles(task, config.source, "val")
    puzzles = load_puzzles(task, config.source)
    if config.limit is None or config.limit >= len(puzzles):
        raise ValueError(
            f"eval_every: training takes all {len(puzzles)} rows of {config.source}; leave some "
            "for tests with --puzzles"
        )
    return puzzles.take(np.arange(config.limit, len(puzzles)))


def validate(trainer: Trainer, puzzles: PuzzleSet, batch: int = 256) -> Metrics:
    """Answer puzzles with the agent as it stands; the first rank does, all get the figures."""
    right = solved = segments = 0
    if trainer.world.is_first:
        agent = trainer.agent()
        for start in range(0, len(puzzles), batch):
            rows = slice(start, start + batch)
            questions, labels = puzzles.inputs[rows], puzzles.labels[rows]
            found = agent.solve(questions, puzzles.puzzle_ids[rows])
            right += int(((found.answer == labels) | (labels == 0)).all(1).sum())
            solved += sum(map(agent.task.accepts, questions, found.answer))
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
    """Train an agent by a configuration.

    Args:
        config: Of the run; its steps are the budget where none is given.
        seed: Of everything.
        seconds: Training time; ``steps`` likewise. Whichever comes first ends the run.
        steps: Optimiser steps.
        device: Where.
        on_progress: Called with the run so far, at the start and evenly spread over it; its time
            is not counted.
        progress_evaluations: How often.
        tracker: Gets the training metrics.

    Raises:
        ValueError: The configuration does not fit its environment.
    """
    trainer = Trainer(config, seed, device)
    total_steps = steps if steps is not None else (1 << 60 if seconds else config.steps)
    due, ended = 1, 0.0

    def so_far() -> TrainResult[HRMAgent]:
        # Those that ended, and those at hand.
        puzzles = config.batch_size + int(ended)
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
    """Train an HRM for an environment, step or Answer; it learns on the Answer id.

    Args:
        env_id: The environment it is wanted for.
        preset: A name of ``PRESETS``; default: the smallest for the environment.
        limit: Labelled puzzles at most.
        budget: As ``train``: seed, seconds, steps, device, what to report to.

    Raises:
        ValueError: The environment or preset is unknown.
    """
    config = get_preset(preset or preset_for(env_id))
    return train(dataclasses.replace(config, limit=limit), **budget)
