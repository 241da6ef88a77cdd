"""Stable-Baselines3 agents: the unmodified algorithms on native vectorized environments."""

from __future__ import annotations

import copy
import dataclasses
import importlib
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
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecMonitor
from torch import nn

from hrm_gym.evaluation import make_env
from hrm_gym.files import write_bytes, write_text
from hrm_gym.sb3 import SB3VecEnv

from ..base import Agent, Info, Observation, Signal
from .algorithms import Algorithm, find_algorithm
from .features import GridFeatures
from .hyperparameters import Hyperparameters, hyperparameters
from .optimizers import OPTIMIZERS
from .reasoning import HRMPolicy, model_config
from .relations import RelationFeatures, relational_policy

FORMAT = "hrm-gym-sb3-2"

Memory = tuple[NDArray[np.float32], NDArray[np.float32]] | None
"""Both LSTM states of one episode, each ``(layers, width)``; ``None`` at its start."""


class SB3Agent(Agent):
    """A policy of Stable-Baselines3 or sb3-contrib.

    Args:
        name: A key of ``ALGORITHMS``.
        model: The library's algorithm object.
        env_id: The environment it is trained on.
        settings: Its hyperparameters.

    Attributes:
        remembers: Whether it is recurrent, so that its actions depend on earlier steps.
    """

    signal: ClassVar[Signal] = "reward"

    def __init__(
        self, name: str, model: BaseAlgorithm, env_id: str, settings: Hyperparameters
    ) -> None:
        self.name = name
        self.algorithm = find_algorithm(name)
        self.model = model
        self.env_id = env_id
        self.settings = settings
        self.remembers = self.algorithm.recurrent
        policy: Any = model.policy
        # The target network of Q-learning is a copy and is not counted.
        value_net = self.algorithm.value_net
        trained = getattr(policy, value_net) if value_net else policy
        self.parameters = sum(p.numel() for p in trained.parameters())
        space = model.observation_space
        # In a maze actions are sampled: nothing but the position changes there, so that a
        # deterministic policy that turns back once would do so forever.
        walks = isinstance(space, spaces.Dict) and not {"given", "answer"} & set(space.spaces)
        self.deterministic = not walks
        self.memory: Memory = None

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the action for one observation; MaskablePPO also uses ``info["action_mask"]``.

        A recurrent agent continues from the previous call; ``memory = None`` starts an episode.
        """
        actions, (self.memory,) = self.act_on([obs], [info], [self.memory])
        return actions[0]

    def act_batch(self, observations: list[Observation], infos: list[Info]) -> list[Any]:
        """Return an action for each observation from one pass through the network."""
        return self.act_on(observations, infos, [None] * len(observations))[0]

    def act_on(
        self, observations: list[Observation], infos: list[Info], memories: list[Memory]
    ) -> tuple[list[Any], list[Memory]]:
        """Return an action and the new memory for each observation.

        Args:
            observations: One observation per episode.
            infos: The infos that came with them.
            memories: What the previous call returned for each episode; ``None`` at its start.
        """
        if isinstance(observations[0], dict):
            names = observations[0]
            stacked: Any = {name: np.stack([obs[name] for obs in observations]) for name in names}
        else:
            stacked = np.stack(observations)
        options: dict[str, Any] = {"deterministic": self.deterministic}
        model: Any = self.model
        if self.algorithm.masked:
            options["action_masks"] = np.stack([_flat_mask(info) for info in infos])
        if self.remembers:
            layers, _, width = model.policy.lstm_hidden_state_shape
            start = np.zeros((layers, width), np.float32)
            known = [memory or (start, start) for memory in memories]
            options["state"] = tuple(np.stack(part, axis=1) for part in zip(*known, strict=True))
        if self.algorithm.value_net:
            # During training the exploration rate is much higher than a test should have.
            exploring, model.exploration_rate = model.exploration_rate, model.exploration_final_eps
            actions, _ = model.predict(stacked, **options)
            model.exploration_rate = exploring
            return list(actions), memories
        actions, state = model.predict(stacked, **options)
        if self.remembers:
            memories = [(state[0][:, row], state[1][:, row]) for row in range(len(observations))]
        return list(actions), memories

    def save(self, folder: str | Path) -> None:
        """Write ``config.json`` and ``model.safetensors``; the library's files contain pickles."""
        folder = Path(folder)
        # Cloned, because the library registers one features extractor under several names.
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
            ValueError: if the folder contains no agent of this kind, or its weights do not fit.
        """
        folder = Path(folder)
        for name in ("config.json", "model.safetensors"):
            if not (folder / name).is_file():
                raise ValueError(f"{folder}: expected a folder with {name}")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
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

    def at(self, env_id: str, **env_kwargs: Any) -> SB3Agent:
        """Return the agent with the same weights for another environment, such as a larger maze.

        Only ``relations`` has weights that are independent of the size.

        Args:
            env_id: The environment.
            env_kwargs: Its keyword arguments.

        Raises:
            ValueError: if the weights do not fit the environment.
        """
        other = build(
            self.name,
            env_id,
            self.settings,
            device=str(self.model.device),
            env_kwargs=env_kwargs,
            acting_only=True,
        )
        try:
            other.model.policy.load_state_dict(self.model.policy.state_dict())
        except RuntimeError as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"policy: the weights of {self.settings.policy} do not fit {env_id}: {reason}"
            ) from None
        return other


def _flat_mask(info: Info) -> NDArray[np.bool_]:
    mask = info["action_mask"]
    return np.asarray(np.concatenate(mask) if isinstance(mask, tuple) else mask, bool)


def check_fit(name: str, env: gym.Env[Any, Any], env_id: str) -> None:
    """Refuse an environment on which an algorithm cannot be trained.

    Raises:
        ValueError: if the algorithm is unknown or does not fit the environment.
    """
    algorithm = find_algorithm(name)
    space = env.observation_space
    grid = isinstance(space, spaces.Dict) and "tokens" in space.spaces
    readings = isinstance(space, spaces.Box) and len(space.shape) == 1
    if not grid and not readings:
        raise ValueError(
            f"env: {name} expects observations with tokens, as HRMMaze-7x7-v0 has, or a flat "
            f"Box, got {env_id!r}"
        )
    if algorithm.value_net and not isinstance(env.action_space, spaces.Discrete):
        kind = type(env.action_space).__name__
        raise ValueError(
            f"agent: {name} expects Discrete actions, and those of {env_id} are {kind}"
        )
    answers = isinstance(space, spaces.Dict) and "answer" in space.spaces
    if algorithm.masked and (answers or not grid):
        raise ValueError(
            f"env: {name} expects a step environment such as HRMMaze-7x7-v0, got {env_id!r}"
        )


def build(
    name: str,
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
        name: A key of ``ALGORITHMS``.
        env_id: The environment.
        settings: Hyperparameters, by default those of ``hyperparameters.yml``.
        seed: Seed of the weights, the exploration and the puzzles.
        num_envs: Number of parallel environments, by default ``settings.n_envs``.
        device: Device of the networks, such as ``cpu`` or ``cuda``.
        env_kwargs: Keyword arguments of the environment.
        used: Returns the used share of the training budget, 0..1, for schedules.
        acting_only: Whether to omit the replay buffer, because the agent will not be trained.

    Raises:
        ValueError: if the algorithm, the environment and the settings do not fit each other.
    """
    algorithm = find_algorithm(name)
    first = make_env(env_id, **(env_kwargs or {}))
    check_fit(name, first, env_id)
    settings = settings or hyperparameters(name, env_id)
    count = 1 if acting_only else num_envs or settings.n_envs
    vector = make_vector(first, env_id, count, env_kwargs or {})
    if settings.dense_reward is not None and not acting_only:
        # By its name, because agents do not import environments.
        wrappers = importlib.import_module("hrm_gym.envs.wrappers")
        vector = wrappers.DenseReward(vector, **settings.dense_reward)
    envs: VecEnv = VecMonitor(SB3VecEnv(vector))
    options = dict(settings.algorithm)
    rate = settings.learning_rate
    if rate is not None:
        options["learning_rate"] = (lambda _: rate * (1 - used())) if settings.linear else rate
    if acting_only and algorithm.value_net:
        options["buffer_size"] = 1
    if "n_steps" in options and "n_epochs" in options:
        # Makes all minibatches equally large for any number of environments.
        options["batch_size"] = math.gcd(options["batch_size"], options["n_steps"] * count)
    policy, kwargs = _policy(algorithm, settings, first, env_id)
    make: Any = algorithm.load()
    try:
        model = make(policy, envs, policy_kwargs=kwargs, seed=seed, device=device, **options)
    except TypeError as error:
        raise ValueError(f"hyperparameters of {name} on {env_id}: {error}") from None
    _initialize(algorithm, model)
    return SB3Agent(name, model, env_id, settings)


def _policy(
    algorithm: Algorithm, settings: Hyperparameters, env: gym.Env[Any, Any], env_id: str
) -> tuple[Any, dict[str, Any]]:
    """Return the policy, as a class or by the library's name, and its keyword arguments."""
    kwargs = dict(settings.policy_kwargs)
    if "optimizer" in kwargs:
        named = kwargs.pop("optimizer")
        if named not in OPTIMIZERS:
            raise ValueError(f"optimizer: expected one of {', '.join(OPTIMIZERS)}, got {named!r}")
        kwargs["optimizer_class"] = OPTIMIZERS[named]
    recurrent = algorithm.recurrent
    if not isinstance(env.observation_space, spaces.Dict):
        if settings.policy != "mlp":
            raise ValueError(f"policy: {env_id} has no grid; expected mlp, got {settings.policy!r}")
        return "MlpLstmPolicy" if recurrent else "MlpPolicy", kwargs
    sizes = {"network": settings.policy, **kwargs.pop("features_extractor_kwargs", {})}
    if settings.policy in ("transformer", "hrm", "relations"):
        task = getattr(getattr(env.unwrapped, "task", None), "base_id", env_id)
        sizes["config"] = model_config(settings.policy, task)
    if settings.policy == "relations":
        sizes = {**sizes, "task": task}
        del sizes["network"]
        kwargs |= {"features_extractor_class": RelationFeatures, "features_extractor_kwargs": sizes}
        return relational_policy(algorithm, env.observation_space), kwargs
    if recurrent and settings.policy == "hrm":
        del sizes["network"]
        return HRMPolicy, {**kwargs, **sizes}
    kwargs |= {"features_extractor_class": GridFeatures, "features_extractor_kwargs": sizes}
    return "MultiInputLstmPolicy" if recurrent else "MultiInputPolicy", kwargs


def _initialize(algorithm: Algorithm, model: BaseAlgorithm) -> None:
    """Initialize the last layers.

    If features and actions correspond one to one, the last layer of the actions is the identity.
    The first values of a relational policy are 0: random values are much larger than the returns of
    a first policy, so that it learns to follow them.
    """
    policy: Any = model.policy
    if algorithm.recurrent:
        return
    if issubclass(policy.features_extractor_class, RelationFeatures):
        if not algorithm.value_net:
            nn.init.zeros_(policy.value_net.weight)
        return
    if algorithm.value_net:
        value_net = getattr(policy, algorithm.value_net)
        features, last = value_net.features_extractor, getattr(value_net, algorithm.value_net)[-1]
    else:
        features, last = policy.features_extractor, policy.action_net
    if getattr(features, "like_actions", False) and last.in_features == last.out_features:
        nn.init.eye_(last.weight)
        nn.init.zeros_(last.bias)


def make_vector(
    first: gym.Env[Any, Any], env_id: str, count: int, env_kwargs: dict[str, Any]
) -> VectorEnv[Any, Any, Any]:
    """Return the native vectorized environment of an id, or copies of its single environment.

    The environment may have been stepped already. The caller seeds it with ``reset``.
    """
    if gym.spec(env_id).vector_entry_point is not None:
        vector = gym.make_vec(env_id, count, autoreset_mode="SameStep", **env_kwargs)
        # The first step compiles kernels, which must not count as training time.
        vector.reset(seed=0)
        vector.step(vector.action_space.sample())
        return vector
    # Copies share their puzzles, so that the puzzles are read only once.
    copies = [lambda: copy.deepcopy(first) for _ in range(count)]
    return SyncVectorEnv(copies, autoreset_mode=AutoresetMode.SAME_STEP)
