"""Train an HRM on puzzles and test it on held-out ones."""

from __future__ import annotations

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hrm_gym.scripts.cli import run

if TYPE_CHECKING:
    from hrm_gym.evaluation import Evaluation
    from hrm_gym.scripts.training.prepare import TrainingRun
    from hrm_gym.tracking import Tracker


@dataclass
class Args:
    """Arguments of the HRM trainer."""

    preset: str | None = None
    """Name of a complete configuration; an unknown name lists all of them. Some train on a CPU in
    minutes, some repeat the published runs."""
    env: str | None = None
    """Environment to train for, if no preset is given."""
    task: str | None = None
    """Task to train on instead of the environment's own: an id or, for a custom task,
    module:Class."""
    data: str | None = None
    """Puzzles to train on: a CSV file, a dataset folder, bank, generator:N."""
    puzzles: int | None = None
    """Number of labelled training puzzles at most; 1000 by default."""
    steps: int | None = None
    """Optimizer steps."""
    seconds: float | None = None
    """Training time; the run ends at --steps or --seconds, whichever comes first."""
    batch_size: int | None = None
    """Number of environments in the vectorized environment."""
    seed: int | None = None
    """Seed of the weights, the puzzles and the exploration."""
    device: str = "cpu"
    """Device to train on: cpu, cuda, cuda:1."""
    bf16: bool | None = None
    """Compute in bfloat16; by default only on CUDA."""
    compile: bool | None = None
    """Compile the model; by default only on CUDA."""
    halting: str | None = None
    """How halting is learned: q (HRM), bce (TRM), td (target network, discount) or fixed. With q
    and td the model gets a second Q-value, with bce and fixed it does not, whatever the preset
    says."""
    targets: str | None = None
    """Label of a puzzle that has several right answers and is shown under a symmetry: turned (the
    puzzle's label under the same symmetry), solved (the solver's answer to the puzzle as shown) or
    any (the right answer that is closest to the model's answer)."""
    curriculum: tuple[tuple[float, int, int], ...] = ()
    """Smaller depths at the start of the run, as rows SHARE H L: think in H x L cycles up to this
    share of the run, such as 0.3 1 1 0.6 1 2. After the last row the preset's depth is used."""
    eval_every: int | None = None
    """Optimizer steps between two validations on held-out puzzles: the split val or, if --data is
    a file, the rows that --puzzles leaves over."""
    stop_at: float | None = None
    """Stop once this share of the validation puzzles is answered exactly, such as 0.98; with
    --targets any, once this share is solved."""
    save_every: float = 300.0
    """Seconds between two checkpoints; Ctrl-C and SIGTERM save a checkpoint and end the run."""
    wandb: str | None = None
    """Also log to this Weights & Biases project (extra wandb)."""
    threads: int | None = None
    """Number of torch threads on a CPU; by default one a core."""
    episodes: int = 500
    """Number of held-out puzzles in the final test; 0 skips the test. They come from the bundled
    bank or, if --data is the generator, from the generator."""
    out: Path = Path("runs")
    """Folder of all runs; this run is written to OUT/ENV/hrm/seedSEED."""
    resume: Path | None = None
    """Resume the run in this folder."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


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
    puzzles = training.trainer.envs.puzzles
    parameters = sum(p.numel() for p in training.trainer.model.parameters())
    count, copies = len(puzzles.originals), len(puzzles)
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
            f"(95% {low:.1%} to {high:.1%}), {result.mean_steps:.2f} segments a puzzle"
        )
        rows += evaluation_rows(result)
    if args.json is not None:
        write_json(args.json, machine(), rows)


def test(training: TrainingRun, args: Args, tracker: Tracker) -> Evaluation:
    """Test the agent on held-out puzzles, and note the result in TensorBoard and its folder."""
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
