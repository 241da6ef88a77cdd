"""Stable-Baselines3 agents: the libraries' own, unmodified algorithms on native vectors."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from sb3_contrib import QRDQN, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecMonitor
from torch import nn

from hrm_gym.evaluation import make_env
from hrm_gym.files import write_bytes, write_text
from hrm_gym.sb3 import SB3VecEnv

from ..base import Agent, Info, Observation, Signal
from .features import GridFeatures
from .hyperparameters import Hyperparameters, hyperparameters
from .reasoning import HRMPolicy, model_config

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {
    "ppo": PPO,
    "dqn": DQN,
    "maskable-ppo": MaskablePPO,
    "a2c": A2C,
    "qrdqn": QRDQN,
    "recurrent-ppo": RecurrentPPO,
}
Q_LEARNING = (DQN, QRDQN)
FORMAT = "hrm-gym-sb3-2"


Memory = tuple[NDArray[np.float32], NDArray[np.float32]] | None
"""Of one episode: both states of an LSTM, each ``(layers, width)``; ``None`` at the start."""


class SB3Agent(Agent):
    """A policy of Stable-Baselines3 or sb3-contrib.

    Args:
        algorithm: Of ``ALGORITHM_NAMES``.
        model: The library's algorithm object.
        env_id: The environment it was made for.
        settings: Its hyper-parameters.

    Attributes:
        remembers: It is recurrent: what it does depends on the steps before.
    """

    signal: ClassVar[Signal] = "reward"

    def __init__(
        self, algorithm: str, model: BaseAlgorithm, env_id: str, settings: Hyperparameters
    ) -> None:
        self.name = algorithm
        self.model = model
        self.env_id = env_id
        self.settings = settings
        self.remembers = isinstance(model, RecurrentPPO)
        policy: Any = model.policy
        # The target network of Q-learning is a copy, not something trained.
        trained = {"dqn": "q_net", "qrdqn": "quantile_net"}.get(algorithm)
        self.parameters = sum(
            p.numel() for p in (getattr(policy, trained) if trained else policy).parameters()
        )
        space = model.observation_space
        # A walk is drawn: one that turns back once does so for ever, where nothing else changes.
        walks = isinstance(space, spaces.Dict) and not {"given", "answer"} & set(space.spaces)
        self.deterministic = not walks
        self.memory: Memory = None

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the action for one observation, by ``info["action_mask"]`` for MaskablePPO.

        A recurrent agent goes on from the call before; ``memory = None`` begins an episode.
        """
        actions, (self.memory,) = self.act_on([obs], [info], [self.memory])
        return actions[0]

    def act_batch(self, observations: list[Observation], infos: list[Info]) -> list[Any]:
        """Return an action for each observation from one pass through the network."""
        return self.act_on(observations, infos, [None] * len(observations))[0]

    def act_on(
        self, observations: list[Observation], infos: list[Info], memories: list[Memory]
    ) -> tuple[list[Any], list[Memory]]:
        """Return an action for each observation, and what each episode is to be remembered by.

        Args:
            observations: Of different episodes.
            infos: Beside them.
            memories: What the call before returned of the same episode, ``None`` at its start.
        """
        if isinstance(observations[0], dict):
            names = observations[0]
            stacked: Any = {name: np.stack([obs[name] for obs in observations]) for name in names}
        else:
            stacked = np.stack(observations)
        options: dict[str, Any] = {"deterministic": self.deterministic}
        model: Any = self.model
        if self.name == "maskable-ppo":
            options["action_masks"] = np.stack([_flat_mask(info) for info in infos])
        if self.remembers:
            layers, _, width = model.policy.lstm_hidden_state_shape
            start = np.zeros((layers, width), np.float32)
            known = [memory or (start, start) for memory in memories]
            options["state"] = tuple(np.stack(part, axis=1) for part in zip(*known, strict=True))
        if isinstance(model, Q_LEARNING):
            # Amid training much more is left to chance than a test should leave to it.
            exploring, model.exploration_rate = model.exploration_rate, model.exploration_final_eps
            actions, _ = model.predict(stacked, **options)
            model.exploration_rate = exploring
            return list(actions), memories
        actions, state = model.predict(stacked, **options)
        if self.remembers:
            memories = [(state[0][:, row], state[1][:, row]) for row in range(len(observations))]
        return list(actions), memories

    def save(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``; the library's own files hold pickles."""
        folder = Path(folder)
        # Clones, since the library registers one features extractor under several names.
        state = {k: v.detach().clone().cpu() for k, v in self.model.policy.state_dict().items()}
        write_bytes(folder / "model.safetensors", save(state))
        config = {
            "format": FORMAT,
            "algorithm": self.name,
            "env": self.env_id,
            "settings": dataclasses.asdict(self.settings),
        }
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
            if config["format"] != FORMAT:
                raise ValueError(config["format"])
            named = config["algorithm"], config["env"], Hyperparameters(**config["settings"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{folder}: expected a config.json of format {FORMAT}") from None
        agent = build(*named, device=device, acting_only=True)
        try:
            agent.model.policy.load_state_dict(load_file(folder / "model.safetensors"))
        except (RuntimeError, SafetensorError) as error:
            reason = str(error).splitlines()[0]
            raise ValueError(
                f"{folder / 'model.safetensors'}: damaged, or the weights do not fit: {reason}"
            ) from None
        return agent


def _flat_mask(info: Info) -> NDArray[np.bool_]:
    mask = info["action_mask"]
    return np.asarray(np.concatenate(mask) if isinstance(mask, tuple) else mask, bool)


def check_fit(algorithm: str, env: gym.Env[Any, Any], env_id: str) -> None:
    """Refuse an environment that an algorithm cannot be trained on.

    Raises:
        ValueError: The algorithm is unknown or does not fit the environment.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"agent: expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    space = env.observation_space
    grid = isinstance(space, spaces.Dict) and "tokens" in space.spaces
    readings = isinstance(space, spaces.Box) and len(space.shape) == 1
    if not grid and not readings:
        raise ValueError(
            f"env: {algorithm} expects observations of tokens, as HRMMaze-7x7-v0 has, or of "
            f"readings, got {env_id!r}"
        )
    if issubclass(ALGORITHMS[algorithm], Q_LEARNING) and not isinstance(
        env.action_space, spaces.Discrete
    ):
        kind = type(env.action_space).__name__
        raise ValueError(
            f"agent: {algorithm} expects Discrete actions, and those of {env_id} are {kind}"
        )
    answers = isinstance(space, spaces.Dict) and "answer" in space.spaces
    if algorithm == "maskable-ppo" and (answers or not grid):
        raise ValueError(
            f"env: maskable-ppo expects a step environment such as HRMMaze-7x7-v0, got {env_id!r}"
        )


def build(
    algorithm: str,
    env_id: str,
    settings: Hyperparameters | None = None,
    seed: int = 0,
    num_envs: int | None = None,
    device: str = "cpu",
    env_kwargs: dict[str, Any] | None = None,
    used: Callable[[], float] = lambda: 0.0,
    acting_only: bool = False,
) -> SB3Agent:
    """Build an untrained agent and its training environments.

    Args:
        algorithm: Of ``ALGORITHM_NAMES``.
        env_id: The environment.
        settings: ``None`` as the file of hyper-parameters says.
        seed: Of the weights, the exploration and the puzzles.
        num_envs: Parallel environments; ``None`` as the settings say.
        device: ``cpu``, ``cuda`` and so on.
        env_kwargs: Keyword arguments of the environment.
        used: Share of the training budget that is used, 0..1, for schedules.
        acting_only: Keep no replay buffer.

    Raises:
        ValueError: As ``check_fit``; or the settings do not fit the algorithm or the environment.
    """
    if algorithm not in ALGORITHMS:
        raise ValueError(f"agent: expected one of {', '.join(ALGORITHMS)}, got {algorithm!r}")
    first = make_env(env_id, **(env_kwargs or {}))
    check_fit(algorithm, first, env_id)
    settings = settings or hyperparameters(algorithm, env_id)
    count = 1 if acting_only else num_envs or settings.n_envs
    envs: VecEnv = VecMonitor(SB3VecEnv(make_vector(first, env_id, count, env_kwargs or {})))
    options = dict(settings.algorithm)
    rate = settings.learning_rate
    if rate is not None:
        options["learning_rate"] = (lambda _: rate * (1 - used())) if settings.linear else rate
    if acting_only and issubclass(ALGORITHMS[algorithm], Q_LEARNING):
        options["buffer_size"] = 1
    if "n_steps" in options and "n_epochs" in options:
        # Minibatches of equal size, however many environments there are.
        options["batch_size"] = math.gcd(options["batch_size"], options["n_steps"] * count)
    name, kwargs = _policy(algorithm, settings, first, env_id)
    try:
        model = ALGORITHMS[algorithm](
            name, envs, policy_kwargs=kwargs, seed=seed, device=device, **options
        )
    except TypeError as error:
        raise ValueError(f"hyper-parameters of {algorithm} on {env_id}: {error}") from None
    _pass_through(algorithm, model)
    return SB3Agent(algorithm, model, env_id, settings)


def _policy(
    algorithm: str, settings: Hyperparameters, env: gym.Env[Any, Any], env_id: str
) -> tuple[Any, dict[str, Any]]:
    """Return the library's name of a policy, or our class, and its keyword arguments."""
    kwargs = dict(settings.policy_kwargs)
    recurrent = algorithm == "recurrent-ppo"
    if not isinstance(env.observation_space, spaces.Dict):
        if settings.policy != "mlp":
            raise ValueError(f"policy: {env_id} has no grid; expected mlp, got {settings.policy!r}")
        return "MlpLstmPolicy" if recurrent else "MlpPolicy", kwargs
    sizes = {"network": settings.policy, **kwargs.pop("features_extractor_kwargs", {})}
    if settings.policy in ("transformer", "hrm"):
        task = getattr(env.unwrapped, "task", None)
        sizes["config"] = model_config(settings.policy, getattr(task, "id", env_id))
    if recurrent and settings.policy == "hrm":
        del sizes["network"]
        return HRMPolicy, {**kwargs, **sizes}
    kwargs |= {"features_extractor_class": GridFeatures, "features_extractor_kwargs": sizes}
    return "MultiInputLstmPolicy" if recurrent else "MultiInputPolicy", kwargs


def _pass_through(algorithm: str, model: BaseAlgorithm) -> None:
    """Where features and actions are both cells times tokens, begin by passing them on."""
    policy: Any = model.policy
    if algorithm == "dqn":
        features, last = policy.q_net.features_extractor, policy.q_net.q_net[-1]
    elif algorithm in ("qrdqn", "recurrent-ppo"):
        return
    else:
        features, last = policy.features_extractor, policy.action_net
    if getattr(features, "like_actions", False) and last.in_features == last.out_features:
        nn.init.eye_(last.weight)
        nn.init.zeros_(last.bias)


def make_vector(
    first: gym.Env[Any, Any], env_id: str, count: int, env_kwargs: dict[str, Any]
) -> VectorEnv[Any, Any, Any]:
    """Return the native vector of an id or, where it has none, copies of its environment.

    It may have been stepped: its seed is given with ``reset``.
    """
    if gym.spec(env_id).vector_entry_point is not None:
        vector = gym.make_vec(env_id, count, autoreset_mode="SameStep", **env_kwargs)
        # On a new machine kernels are compiled at the first step, which is no time of training.
        vector.reset(seed=0)
        vector.step(vector.action_space.sample())
        return vector
    # Copies share their puzzles, which making each environment anew would read again.
    copies = [lambda: copy.deepcopy(first) for _ in range(count)]
    return SyncVectorEnv(copies, autoreset_mode=AutoresetMode.SAME_STEP)
