"""Train an HRM on puzzles and test it on held-out puzzles."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import run
from hrm_gym.scripts.training.options import Options

if TYPE_CHECKING:
    from hrm_gym.evaluation import Evaluation
    from hrm_gym.scripts.training.prepare import TrainingRun
    from hrm_gym.tracking import Tracker


@dataclass
class Args(Options):
    """Arguments of the HRM trainer."""


def main(args: Args) -> None:
    """Train, save the agent next to its curves, test it and print the result."""
    from hrm_gym.scripts.training.prepare import prepare
    from hrm_gym.tracking import Tracker

    training = prepare(args)
    first = training.trainer.world.is_first
    with Tracker(training.folder, args.wandb if first else None) as tracker:
        reason = train(training, args, tracker)
        training.trainer.world.leave()
        if first:
            report(training, args, tracker, reason)


def train(training: TrainingRun, args: Args, tracker: Tracker) -> str:
    """Train to the end of the budget and return why the run ended; see ``training.run.run``."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from hrm_gym.agents.hrm.training.run import Callbacks
    from hrm_gym.agents.hrm.training.run import run as training_loop
    from hrm_gym.scripts.training.log import ProgressLog

    trainer = training.trainer
    if trainer.world.is_first:
        print(description(training))
    quiet = not (trainer.world.is_first and sys.stderr.isatty())
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    bar = Progress(*columns, disable=quiet)
    log = ProgressLog(training, tracker, bar, quiet)
    callbacks = Callbacks(
        folder=training.folder,
        save_every=args.save_every,
        log_every=5.0,
        on_log=log.on_log,
        eval_every=args.eval_every,
        validation=training.validation,
        stop_at=args.stop_at,
        on_eval=log.on_eval,
    )
    with bar:
        return training_loop(trainer, training.steps, training.seconds, callbacks)


def description(training: TrainingRun) -> str:
    """Return one line about the model and its training puzzles."""
    sets = [stream.envs.puzzles for stream in training.trainer.streams]
    parameters = sum(p.numel() for p in training.trainer.model.parameters())
    count, copies = sum(len(part.originals) for part in sets), sum(map(len, sets))
    more = f", {copies} with their copies" if copies > count else ""
    return f"hrm on {training.title}: {parameters:,} parameters, {count} puzzles{more}"


def report(training: TrainingRun, args: Args, tracker: Tracker, reason: str) -> None:
    """Test the trained agent, print the result and write it to a file."""
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json
    from hrm_gym.scripts.reporting.evaluation import evaluation_rows

    trainer = training.trainer
    print(f"{trainer.step} steps in {trainer.seconds:.0f} s; written to {training.folder}")
    if reason == "stopped":
        print(f"stopped; resume with --resume {training.folder}")
        return
    rows: list[dict[str, Any]] = [
        {"name": "train_seconds", "value": trainer.seconds, "unit": "s"},
        {"name": "env_steps", "value": trainer.env_steps, "unit": "steps"},
    ]
    if training.tests is not None:
        result = test(training, args, tracker)
        low, high = result.interval
        print(
            f"{result.solve_rate:.1%} of {len(result.episodes)} held-out puzzles solved "
            f"(95% {low:.1%} to {high:.1%}), {result.mean_steps:.2f} segments per puzzle"
        )
        rows += evaluation_rows(result)
    if args.json is not None:
        write_json(args.json, machine(), rows)


def test(training: TrainingRun, args: Args, tracker: Tracker) -> Evaluation:
    """Test the agent on held-out puzzles, and write the result to TensorBoard and its folder."""
    from hrm_gym.agents.hrm.exchange import checkpoint
    from hrm_gym.evaluation import evaluate
    from hrm_gym.scripts.reporting.calibration import PUZZLES, track_calibration

    assert training.tests is not None
    assert training.seen is not None
    trainer, env_id = training.trainer, training.trainer.config.env
    agent = trainer.agent()
    result = evaluate(agent, env_id, args.episodes, **training.env_kwargs)
    unseen = [episode for episode in result.episodes if not training.seen[episode.index]]
    result = dataclasses.replace(result, episodes=unseen)
    puzzles = training.tests.take(~training.seen).take(slice(PUZZLES))
    track_calibration(tracker, agent, puzzles, trainer.env_steps, trainer.seconds)
    tracker.evaluation(result, trainer.env_steps, trainer.seconds)
    settings = {"preset": args.preset or env_id, "seed": trainer.seed}
    tracker.hparams(settings, {"hparam/solve_rate": result.solve_rate})
    about = {
        "exact_accuracy": result.exact_accuracy,
        "solve_rate": result.solve_rate,
        "test_puzzles": len(result.episodes),
    }
    checkpoint.note(training.folder, about)
    return result


if __name__ == "__main__":
    sys.exit(run(main, Args))
