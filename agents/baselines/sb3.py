"""Stable-Baselines3 agents on the step environments: the libraries' own, unmodified algorithms."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from sb3_contrib import MaskablePPO
from stable_baselines3 import DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.vec_env import VecEnv, VecMonitor
from torch import nn

from hrm_gym.evaluation import make_env
from hrm_gym.sb3 import SB3VecEnv
from hrm_gym.tracking import write_bytes, write_text

from ..base import Agent, Info, Observation, Signal, TrainResult
from .features import GridFeatures
from .hyperparameters import Hyperparameters, hyperparameters

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "ppo": PPO,
    "dqn": DQN,
    "maskable-ppo": MaskablePPO,
}
FORMAT = "hrm-gym-sb3-1"
ENDLESS = 1_000_000_000
"""Steps asked of a run that a clock ends."""
LAST_RATE_SHARE = 0.1
"""The learning rate ends at this share of where it began."""

Progress = Callable[[TrainResult["SB3Agent"]], None]


class SB3Agent(Agent):
    """A policy of Stable-Baselines3 or sb3-contrib.

    Args:
        algorithm: ``ppo``, ``dqn`` or ``maskable-ppo``.
        model: The library's algorithm object.
        env_id: The environment it was made for.
        settings: Its hyper-parameters.
    """

    signal: ClassVar[Signal] = "reward"

    def __init__(
        self, algorithm: str, model: BaseAlgorithm, env_id: str, settings: Hyperparameters
    ) -> None:
        self.name = algorithm
        self.model = model
        self.env_id = env_id
        self.settings = settings
        # The target network of Q-learning is a copy, not something trained.
        trained: Any = model.policy.q_net if algorithm == "dqn" else model.policy
        self.parameters = sum(p.numel() for p in trained.parameters())

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the action for one observation, by ``info["action_mask"]`` for MaskablePPO."""
        return self.act_batch([obs], [info])[0]

    def act_batch(self, observations: list[Observation], infos: list[Info]) -> list[Any]:
        """Return an action for each observation from one pass through the network."""
        stacked = {name: np.stack([obs[name] for obs in observations]) for name in observations[0]}
        options: dict[str, Any] = {"deterministic": self.settings.deterministic}
        if self.name == "maskable-ppo":
            options["action_masks"] = np.stack([_flat_mask(info) for info in infos])
        if isinstance(self.model, DQN):
            # Amid training much more is left to chance than a test should leave to it.
            exploring = self.model.exploration_rate
            self.model.exploration_rate = self.model.exploration_final_eps
            actions, _ = self.model.predict(stacked, **options)
            self.model.exploration_rate = exploring
        else:
            actions, _ = self.model.predict(stacked, **options)
        return list(actions)

    def save(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``; the library's own files hold pickles."""
        folder = Path(folder)
        # Clones, since the library registers one features extractor under several names.
        state = {k: v.detach().clone().cpu() for k, v in self.model.policy.state_dict().items()}
        write_bytes(folder / "model.safetensors", save(state))
        config = {"format": FORMAT, "algorithm": self.name, "env": self.env_id}
        write_text(folder / "config.json", json.dumps(config, indent=1) + "\n")

    @classmethod
    def load(cls, folder: str | Path, device: str = "cpu") -> SB3Agent:
        """Rebuild the algorithm and load its weights; nothing is unpickled.

        Raises:
            ValueError: The folder holds no agent of this kind, or its weights do not fit.
        """
        folder = Path(folder)
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: expected a folder with {name}")
        try:
            config = json.loads((folder / "config.json").read_text())
            named = (config["algorithm"], config["env"]) if config["format"] == FORMAT else None
        except (ValueError, KeyError, TypeError):
            named = None
        if named is None:
            raise ValueError(f"{folder}: expected a config.json of format {FORMAT}")
        agent = build(*named, device=device, acting_only=True)
        try:
            agent.model.policy.load_state_dict(load_file(folder / "model.safetensors"))
        except (RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{folder / 'model.safetensors'}: damaged, or the weights do not fit: {reason}"
            ) from None
        return agent


def _flat_mask(info: Info) -> np.ndarray[Any, np.dtype[np.bool_]]:
    mask = info["action_mask"]
    return np.asarray(np.concatenate(mask) if isinstance(mask, tuple) else mask, bool)


def check_fit(algorithm: str, env: gym.Env[Any, Any], env_id: str) -> tuple[str, int]:
    """Return the task family and the rows of the grid of a step environment.

    Raises:
        ValueError: The algorithm is unknown or does not fit the environment.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"agent: expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    fields = env.observation_space.spaces if isinstance(env.observation_space, spaces.Dict) else {}
    families = {"given": "sudoku", "position": "maze", "canvas": "arc"}
    family = next((name for key, name in families.items() if key in fields), None)
    if family is None or "tokens" not in fields:
        raise ValueError(
            f"env: {algorithm} expects a step environment such as HRMMaze-7x7-v0, got {env_id!r}"
        )
    if algorithm == "dqn" and not isinstance(env.action_space, spaces.Discrete):
        kind = type(env.action_space).__name__
        raise ValueError(f"agent: dqn expects Discrete actions, and those of {env_id} are {kind}")
    return family, int(spaces.flatdim(fields["tokens"]) ** 0.5)


def build(
    algorithm: str,
    env_id: str,
    seed: int = 0,
    num_envs: int | None = None,
    device: str = "cpu",
    env_kwargs: dict[str, Any] | None = None,
    learning_rate: Callable[[float], float] | None = None,
    acting_only: bool = False,
) -> SB3Agent:
    """Build an untrained agent and its training environments.

    Args:
        algorithm: ``ppo``, ``dqn`` or ``maskable-ppo``.
        env_id: A step environment.
        seed: Of the weights, the exploration and the puzzles.
        num_envs: Parallel environments; ``None`` as the table of hyper-parameters says.
        device: ``cpu``, ``cuda`` and so on.
        env_kwargs: Keyword arguments of the environment.
        learning_rate: Schedule in place of the table's constant.
        acting_only: Keep no replay buffer.

    Raises:
        ValueError: As ``check_fit``.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"agent: expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    first = make_env(env_id, **(env_kwargs or {}))
    task, side = check_fit(algorithm, first, env_id)
    settings = hyperparameters(algorithm, task, side)
    count = 1 if acting_only else num_envs or settings.num_envs
    envs: VecEnv = VecMonitor(SB3VecEnv(make_vector(first, env_id, count, env_kwargs or {})))
    options = dict(settings.algorithm)
    if acting_only and "buffer_size" in options:
        options["buffer_size"] = 1
    if "n_steps" in options:
        # Minibatches of equal size, however many environments there are.
        options["batch_size"] = math.gcd(options["batch_size"], options["n_steps"] * count)
    policy = {
        "features_extractor_class": GridFeatures,
        "features_extractor_kwargs": settings.features,
        "net_arch": settings.net_arch,
    }
    model = ALGORITHMS[algorithm](
        "MultiInputPolicy",
        envs,
        learning_rate=learning_rate or settings.learning_rate,
        policy_kwargs=policy,
        seed=seed,
        device=device,
        **options,
    )
    if task == "sudoku":
        # Features and actions are both cells times digits: start by passing them through.
        policy_network: Any = model.policy
        is_dqn = algorithm == "dqn"
        last = policy_network.q_net.q_net[-1] if is_dqn else policy_network.action_net
        nn.init.eye_(last.weight)
        nn.init.zeros_(last.bias)
    return SB3Agent(algorithm, model, env_id, settings)


def make_vector(
    first: gym.Env[Any, Any], env_id: str, count: int, env_kwargs: dict[str, Any]
) -> VectorEnv[Any, Any, Any]:
    """Return the native vector of an id or, where it has none, copies of its environment."""
    if gym.spec(env_id).vector_entry_point is not None:
        return gym.make_vec(env_id, count, autoreset_mode="SameStep", **env_kwargs)
    # Copies share their puzzles, which making each environment anew would read again.
    copies = [lambda: copy.deepcopy(first) for _ in range(count)]
    return SyncVectorEnv(copies, autoreset_mode=AutoresetMode.SAME_STEP)


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
) -> TrainResult[SB3Agent]:
    """Train a baseline on a step environment.

    Args:
        algorithm: ``ppo``, ``dqn`` (Discrete actions only) or ``maskable-ppo``.
        env_id: A step environment.
        seed: Of the weights, the exploration and the puzzles.
        seconds: Wall-clock budget; the round of updates that runs then is finished first.
        steps: Budget of environment steps over all parallel environments.
        num_envs: Parallel environments; ``None`` as the table of hyper-parameters says.
        device: ``cpu``, ``cuda`` and so on.
        limit: Training puzzles; ``None`` takes all.
        env_kwargs: Further keyword arguments of the environment.
        on_progress: Called with the run so far, at the start and ``progress_evaluations`` times at
            most; its time does not count.
        progress_evaluations: See ``on_progress``.
        tracker: Where training curves go.

    Raises:
        ValueError: The algorithm does not fit the environment, or there is no positive budget.
    """
    for name, value in (("seconds", seconds), ("steps", steps)):
        if value is not None and value <= 0:
            raise ValueError(f"{name}: expected a positive budget, got {value}")
    if seconds is None and steps is None:
        raise ValueError("seconds: expected a budget of seconds or steps, got neither")
    clock = Clock(seconds, steps)
    kwargs = {"split": "train", "limit": limit, **(env_kwargs or {})}

    def rate(_: float) -> float:
        """The library's own schedule counts steps, and the clock may end the run."""
        return start * (1 - (1 - LAST_RATE_SHARE) * clock.used)

    start = 0.0
    agent = build(algorithm, env_id, seed, num_envs, device, kwargs, rate)
    start = agent.settings.learning_rate
    if isinstance(agent.model, DQN):
        # Exploration too has a schedule of steps, which a run by the clock would never finish.
        epsilon = agent.model.exploration_schedule
        agent.model.exploration_schedule = lambda _: epsilon(1.0 - clock.used)
    output = [TrackerOutput(tracker, clock)] if tracker is not None else []
    agent.model.set_logger(Logger(folder=None, output_formats=list(output)))
    callback = Budget(agent, clock, on_progress, progress_evaluations)
    agent.model.learn(steps or ENDLESS, callback=callback)
    return callback.so_far()
