"""How a training run shows its progress, in the terminal and in TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from hrm_gym.agents.hrm.training.trainer import Trainer
    from hrm_gym.scripts.training.prepare import TrainingRun
    from hrm_gym.tracking import Tracker


class ProgressLog:
    """Writes the metrics of a run to TensorBoard and the terminal; only the first rank does.

    Args:
        training: The run.
        tracker: Its TensorBoard run.
        bar: The progress bar.
        quiet: The bar is not shown; lines are printed instead.
    """

    def __init__(self, training: TrainingRun, tracker: Tracker, bar: Progress, quiet: bool) -> None:
        self.training, self.tracker, self.bar, self.quiet = training, tracker, bar, quiet
        self.work = bar.add_task("training", total=1.0)
        self.begin = training.trainer.env_steps, training.trainer.seconds

    def on_log(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Log the training metrics."""
        if not trainer.world.is_first:
            return
        for name, value in metrics.items():
            self.tracker.scalar(f"train/{name}", value, trainer.env_steps, trainer.seconds)
        env_steps, seconds = self.begin
        rate = (trainer.env_steps - env_steps) / max(trainer.seconds - seconds, 1e-9)
        text = (
            f"step {trainer.step}: loss {metrics.get('loss', float('nan')):.4f}, exact "
            f"{metrics['exact_accuracy']:.1%}, {metrics['segments']:.1f} segments, "
            f"{rate / max(metrics['segments'], 1):.0f} puzzles/s"
        )
        by_steps = trainer.step / (self.training.steps or 1 << 60)
        by_seconds = trainer.seconds / (self.training.seconds or 1e18)
        self.bar.update(self.work, completed=max(by_steps, by_seconds), description=text)
        if self.quiet:
            print(text, flush=True)

    def on_eval(self, trainer: Trainer, metrics: dict[str, float]) -> None:
        """Log the result of a validation."""
        from hrm_gym.scripts.reporting.calibration import PUZZLES, track_calibration

        if not trainer.world.is_first:
            return
        for name, value in metrics.items():
            self.tracker.scalar(f"eval/{name}", value, trainer.env_steps, trainer.seconds)
        assert self.training.validation is not None
        puzzles = self.training.validation.take(slice(PUZZLES))
        track_calibration(
            self.tracker, trainer.agent(), puzzles, trainer.env_steps, trainer.seconds
        )
        self.bar.console.print(
            f"step {trainer.step}: {metrics['exact_accuracy']:.1%} of the held-out puzzles exact, "
            f"{metrics['solve_rate']:.1%} solved, {metrics['steps']:.1f} segments"
        )
