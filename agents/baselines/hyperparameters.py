"""Hyperparameters of each algorithm on each environment, from ``hyperparameters.yml``."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .algorithms import find_algorithm

FILE = Path(__file__).with_name("hyperparameters.yml")


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of one algorithm on one environment.

    Attributes:
        n_envs: Number of parallel environments.
        n_timesteps: Environment steps of a run without another budget.
        policy: Name of the network.
        learning_rate: Learning rate at the start; ``None`` uses the library's default.
        linear: Whether the learning rate decreases linearly to 0 over the run.
        policy_kwargs: The library's ``policy_kwargs``, without the features extractor class.
        algorithm: All other keyword arguments of the algorithm.
        env_kwargs: Keyword arguments of the training environments.
        dense_reward: Arguments of ``DenseReward`` around the training environments; ``None`` for
            the reward of the environment alone.
    """

    n_envs: int
    n_timesteps: int
    policy: str
    learning_rate: float | None
    linear: bool
    policy_kwargs: dict[str, Any]
    algorithm: dict[str, Any]
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    dense_reward: dict[str, Any] | None = None


@lru_cache(maxsize=4)
def _read(file: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{file}: expected a file of hyperparameters: {reason}") from None


def hyperparameters(
    algorithm: str, env_id: str, policy: str | None = None, file: Path = FILE
) -> Hyperparameters:
    """Return the settings of an algorithm for an environment.

    Args:
        algorithm: A key of ``ALGORITHMS``; one without a section uses the section ``default``.
        env_id: The environment; one without an entry in the section uses the entry ``default``.
        policy: Name of a network that replaces the one of the entry, in its default size. The
            values under its name in the entry's ``policies`` replace those of the entry.
        file: YAML in the format of RL Baselines3 Zoo, with one section per algorithm.

    Raises:
        ValueError: if the algorithm is unknown, or the file does not have this format.
    """
    find_algorithm(algorithm)
    sections = _read(file)
    section = None
    if isinstance(sections, dict):
        section = sections.get(algorithm, sections.get("default"))
    if not isinstance(section, dict):
        raise ValueError(f"{file}: expected a section {algorithm}")
    entry = section.get(env_id, section.get("default"))
    where = f"{file}: {algorithm}, {env_id if env_id in section else 'default'}"
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: expected an entry of hyperparameters")
    values = copy.deepcopy(entry)
    own = values.pop("policies", {})
    if not isinstance(own, dict) or not all(isinstance(part, dict) for part in own.values()):
        raise ValueError(f"{where}: expected policies as a mapping of mappings, got {own!r}")
    replaced = policy is not None and policy != values.get("policy")
    if replaced:
        policy_kwargs = values.get("policy_kwargs")
        if isinstance(policy_kwargs, dict):
            policy_kwargs.pop("features_extractor_kwargs", None)
        values |= {"policy": policy, **own.get(policy, {})}
    try:
        n_envs, n_timesteps = int(values.pop("n_envs")), int(values.pop("n_timesteps"))
        named = str(values.pop("policy"))
        rate = values.pop("learning_rate", None)
        linear = isinstance(rate, str) and rate.startswith("lin_")
        rate = None if rate is None else float(str(rate).removeprefix("lin_"))
    except KeyError as error:
        raise ValueError(f"{where}: expected {error.args[0]}") from None
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from None
    if min(n_envs, n_timesteps) < 1:
        raise ValueError(f"{where}: expected n_envs and n_timesteps of at least 1")
    policy_kwargs = values.pop("policy_kwargs", {})
    if not isinstance(policy_kwargs, dict):
        # The Zoo would execute a string as Python code.
        raise ValueError(f"{where}: expected policy_kwargs as a mapping, got {policy_kwargs!r}")
    training = {k: values.pop(k) for k in ("env_kwargs", "dense_reward") if k in values}
    for name, value in training.items():
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected {name} as a mapping, got {value!r}")
    return Hyperparameters(
        n_envs, n_timesteps, named, rate, linear, policy_kwargs, values, **training
    )
