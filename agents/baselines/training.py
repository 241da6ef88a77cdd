"""Training of a baseline within a budget of seconds, of steps or of both."""

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
from .sb3 import SB3Agent, build

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

ENDLESS = 1_000_000_000
"""Number of steps requested from the library if only the time is limited."""

Progress = Callable[[TrainResult["SB3Agent"]], None]


class Clock:
    """Measures training time without pauses, and the used share of the budget."""

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
        """The used share of the budget, 0..1: the larger one of time and steps."""
        by_time = 0.0 if self.budget_seconds is None else self.seconds / self.budget_seconds
        by_steps = 0.0 if self.budget_steps is None else self.steps / self.budget_steps
        return min(1.0, max(by_time, by_steps))


class Budget(BaseCallback):
    """Stops training when the budget is used up, and reports progress until then."""

    def __init__(self, agent: SB3Agent, clock: Clock, progress: Progress | None, times: int):
        super().__init__()
        self.agent, self.clock, self.progress, self.times = agent, clock, progress, times
        self.called = 0
        self.ended = 0

    def so_far(self) -> TrainResult[SB3Agent]:
        """Return the result so far; its puzzles are those that have ended and the current ones."""
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
        """Report progress at the start and at equal intervals, while the clock is paused."""
        if self.progress is None or self.clock.used * self.times < self.called:
            return
        self.called = int(self.clock.used * self.times) + 1
        result, begun = self.so_far(), time.perf_counter()
        training = self.model.policy.training
        self.progress(result)
        self.model.policy.set_training_mode(training)
        self.clock.paused += time.perf_counter() - begun


class TrackerOutput(KVWriter):
    """Passes what the library logs (``train/``, ``rollout/``) to a tracker."""

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
        """Do nothing: the caller closes the tracker."""


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
        algorithm: A key of ``ALGORITHMS``; Q-learning needs Discrete actions.
        env_id: A step environment, an Answer environment or ``HRMHalt-v0``.
        seed: Seed of the weights, the exploration and the puzzles.
        seconds: Wall-clock budget. The round of updates that runs at its end is completed.
        steps: Budget of environment steps, summed over all parallel environments. Without any
            budget, ``n_timesteps`` of ``hyperparameters.yml`` is used.
        num_envs: Number of parallel environments, by default that of ``hyperparameters.yml``.
        device: Device of the networks, such as ``cpu`` or ``cuda``.
        limit: Maximum number of training puzzles; ``None`` uses all of them.
        env_kwargs: Further keyword arguments of the environment.
        on_progress: Called with the result so far, at the start and at most
            ``progress_evaluations`` times afterwards. The time it takes is not counted.
        progress_evaluations: See ``on_progress``.
        tracker: Receives the training curves.
        policy: Name of the network, by default that of ``hyperparameters.yml``.
        settings: Hyperparameters that replace those of the file.

    Raises:
        ValueError: if the algorithm or the network does not fit the environment, or a budget is
            not positive.
        Diverged: if the weights are no longer finite.
    """
    for name, value in (("seconds", seconds), ("steps", steps)):
        if value is not None and value <= 0:
            raise ValueError(f"{name}: expected a positive budget, got {value}")
    settings = settings or hyperparameters(algorithm, env_id, policy)
    if seconds is None and steps is None:
        steps = settings.n_timesteps
    clock = Clock(seconds, steps)
    kwargs = {"split": "train", "limit": limit, **settings.env_kwargs, **(env_kwargs or {})}
    # The library's schedules count steps only, but the clock may end the run earlier.
    agent = build(algorithm, env_id, settings, seed, num_envs, device, kwargs, lambda: clock.used)
    if agent.algorithm.value_net:
        model: Any = agent.model
        epsilon = model.exploration_schedule
        model.exploration_schedule = lambda _: epsilon(1.0 - clock.used)
    output = [TrackerOutput(tracker, clock)] if tracker is not None else []
    agent.model.set_logger(Logger(folder=None, output_formats=list(output)))
    callback = Budget(agent, clock, on_progress, progress_evaluations)
    try:
        agent.model.learn(steps or ENDLESS, callback=callback)
    except (ValueError, RuntimeError):
        # Torch cannot sample an action from logits that are not finite. Its distributions check
        # them, or if that check is disabled, sampling fails.
        check_finite(agent.model.policy)
        raise
    check_finite(agent.model.policy)
    return callback.so_far()
