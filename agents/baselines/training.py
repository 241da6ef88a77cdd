"""Training a baseline by a budget of seconds or steps, whichever runs out first."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger

from ..base import TrainResult
from ..hrm.training.guard import check_finite
from .hyperparameters import Hyperparameters, hyperparameters
from .sb3 import Q_LEARNING, SB3Agent, build

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

ENDLESS = 1_000_000_000
"""Steps asked of a run that a clock ends."""

Progress = Callable[[TrainResult["SB3Agent"]], None]


class Clock:
    """Training time without the pauses, and how much of the budget is used."""

    def __init__(self, seconds: float | None, steps: int | None) -> None:
        self.budget_seconds, self.budget_steps = seconds, steps
        self.begun: float | None = None
        self.steps = 0
        self.paused = 0.0

    @property
    def seconds(self) -> float:
        """Training seconds so far."""
        return 0.0 if self.begun is None else time.perf_counter() - self.begun - self.paused

    @property
    def used(self) -> float:
        """Share of the budget that is used, of whichever runs out first."""
        by_time = 0.0 if self.budget_seconds is None else self.seconds / self.budget_seconds
        by_steps = 0.0 if self.budget_steps is None else self.steps / self.budget_steps
        return min(1.0, max(by_time, by_steps))


class Budget(BaseCallback):
    """Stops training when the clock has run out, and calls for progress in between."""

    def __init__(self, agent: SB3Agent, clock: Clock, progress: Progress | None, times: int):
        super().__init__()
        self.agent, self.clock, self.progress, self.times = agent, clock, progress, times
        self.called = 0
        self.ended = 0

    def so_far(self) -> TrainResult[SB3Agent]:
        """Return the run as it stands; of puzzles, those that ended and those at hand."""
        puzzles = self.training_env.num_envs + self.ended
        return TrainResult(self.agent, self.num_timesteps, self.clock.seconds, puzzles)

    def _on_training_start(self) -> None:
        self.clock.begun = time.perf_counter()
        self._report()

    def _on_step(self) -> bool:
        self.clock.steps = self.num_timesteps
        self.ended += int(self.locals["dones"].sum())
        used = self.clock.used
        if used < 1.0:
            self._report()
        return used < 1.0

    def _report(self) -> None:
        """Call for progress at the start and at every n-th part of the budget, outside the time."""
        if self.progress is None or self.clock.used * self.times < self.called:
            return
        self.called = int(self.clock.used * self.times) + 1
        result, begun = self.so_far(), time.perf_counter()
        training = self.model.policy.training
        self.progress(result)
        self.model.policy.set_training_mode(training)
        self.clock.paused += time.perf_counter() - begun


class TrackerOutput(KVWriter):
    """Hands what the library logs (``train/``, ``rollout/``) to a tracker."""

    def __init__(self, tracker: Tracker, clock: Clock) -> None:
        self.tracker, self.clock = tracker, clock

    def write(
        self, key_values: dict[str, Any], key_excluded: dict[str, tuple[str, ...]], step: int = 0
    ) -> None:
        """Write the numbers among ``key_values``."""
        for key, value in key_values.items():
            if isinstance(value, int | float | np.number) and "tensorboard" not in (
                key_excluded.get(key) or ()
            ):
                self.tracker.scalar(key, float(value), step, self.clock.seconds)

    def close(self) -> None:
        """Leave the tracker open: it belongs to the caller."""


def train_rl(
    algorithm: str,
    env_id: str,
    seed: int = 0,
    seconds: float | None = None,
    steps: int | None = None,
    num_envs: int | None = None,
    device: str = "cpu",
    limit: int | None = 1000,
    env_kwargs: dict[str, Any] | None = None,
    on_progress: Progress | None = None,
    progress_evaluations: int = 6,
    tracker: Tracker | None = None,
    policy: str | None = None,
    settings: Hyperparameters | None = None,
) -> TrainResult[SB3Agent]:
    """Train a baseline.

    Args:
        algorithm: Of ``ALGORITHM_NAMES``; Q-learning needs Discrete actions.
        env_id: A step environment, an Answer environment or ``HRMHalt-v0``.
        seed: Of the weights, the exploration and the puzzles.
        seconds: Wall-clock budget; the round of updates that runs then is finished first.
        steps: Budget of environment steps over all parallel environments; where there is no budget
            at all, that of the file of hyper-parameters.
        num_envs: Parallel environments; ``None`` as the file of hyper-parameters says.
        device: ``cpu``, ``cuda`` and so on.
        limit: Training puzzles; ``None`` takes all.
        env_kwargs: Further keyword arguments of the environment.
        on_progress: Called with the run so far, at the start and ``progress_evaluations`` times at
            most; its time does not count.
        progress_evaluations: See ``on_progress``.
        tracker: Where training curves go.
        policy: Network; ``None`` as the file of hyper-parameters says.
        settings: Hyper-parameters in place of the file's.

    Raises:
        ValueError: The algorithm or the network does not fit the environment, or a budget is not
            positive.
        Diverged: Weights are no longer finite.
    """
    for name, value in (("seconds", seconds), ("steps", steps)):
        if value is not None and value <= 0:
            raise ValueError(f"{name}: expected a positive budget, got {value}")
    settings = settings or hyperparameters(algorithm, env_id, policy)
    if seconds is None and steps is None:
        steps = settings.n_timesteps
    clock = Clock(seconds, steps)
    kwargs = {"split": "train", "limit": limit, **(env_kwargs or {})}
    # The library's own schedules count steps, and the clock may end the run.
    agent = build(algorithm, env_id, settings, seed, num_envs, device, kwargs, lambda: clock.used)
    if isinstance(agent.model, Q_LEARNING):
        epsilon = agent.model.exploration_schedule
        agent.model.exploration_schedule = lambda _: epsilon(1.0 - clock.used)
    output = [TrackerOutput(tracker, clock)] if tracker is not None else []
    agent.model.set_logger(Logger(folder=None, output_formats=list(output)))
    callback = Budget(agent, clock, on_progress, progress_evaluations)
    try:
        agent.model.learn(steps or ENDLESS, callback=callback)
    except (ValueError, RuntimeError):
        # Torch draws no action from logits that are not finite: by a check of its distributions,
        # or where somebody has switched that off, in drawing.
        check_finite(agent.model.policy)
        raise
    check_finite(agent.model.policy)
    return callback.so_far()
