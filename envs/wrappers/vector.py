"""What wrappers of vectorized environments share, and the flattening of observations.

Gymnasium's own observation wrappers for vectors refuse the ``SameStep`` mode, since they leave
``final_obs`` as it is. These wrappers convert it too.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from ..actions import host


class ForVectors:
    """A wrapper of environments that wraps vectorized environments too, by its ``counterpart``."""

    counterpart: ClassVar[Any]

    def __new__(cls, env: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return a ``counterpart`` if the environment is a vectorized one."""
        if isinstance(env, VectorEnv):
            return cls.counterpart(env, *args, **kwargs)
        return super().__new__(cls)


def check_vector(env: VectorEnv[Any, Any, Any]) -> VectorEnv[Any, Any, Any]:
    """Return a vectorized environment whose observations are NumPy arrays.

    Raises:
        ValueError: if they are tensors.
    """
    if not getattr(env.unwrapped, "as_numpy", True):
        raise ValueError(
            "env: expected a vectorized environment of NumPy arrays, that is, without device"
        )
    return env


def reset_rows(env: VectorEnv[Any, Any, Any], options: dict[str, Any] | None) -> NDArray[np.bool_]:
    """Return the rows in which ``reset`` begins an episode, ``(B,)`` bool.

    To be called before the ``reset`` of the wrapped environment, since some wrappers of Gymnasium
    remove ``reset_mask`` from the options.
    """
    mask = None if options is None else options.get("reset_mask")
    return np.ones(env.num_envs, np.bool_) if mask is None else host(mask).astype(np.bool_)


def autoreset_mode(env: VectorEnv[Any, Any, Any]) -> AutoresetMode:
    """Return the autoreset mode of a vectorized environment."""
    return AutoresetMode(env.metadata["autoreset_mode"])


def one_row(observations: Any, row: int) -> Any:
    """Return the observation of a row."""
    if isinstance(observations, dict):
        return {name: one_row(part, row) for name, part in observations.items()}
    return observations[row]


def as_batch(observation: Any) -> Any:
    """Return one observation as a batch of one."""
    if isinstance(observation, dict):
        return {name: as_batch(part) for name, part in observation.items()}
    return np.asarray(observation)[None]


class VectorObservation(VectorWrapper):
    """A wrapper that converts the observations of a vectorized environment, ``final_obs`` too.

    Args:
        env: A vectorized environment of NumPy arrays, in any autoreset mode.
        space: The space of a converted observation of one row.

    Raises:
        ValueError: if the observations are tensors.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any], space: spaces.Space[Any]) -> None:
        super().__init__(check_vector(env))
        self.autoreset_mode = autoreset_mode(env)
        self.single_observation_space = space
        self.observation_space = batch_space(space, env.num_envs)

    @abstractmethod
    def convert(self, observations: Any) -> Any:
        """Return N converted observations, given N observations of any rows."""

    def convert_final(self, observations: Any) -> Any:
        """Return N converted last observations of episodes."""
        return self.convert(observations)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes; see the vectorized environment."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self.convert(observations), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Play one action in every row."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        if "final_obs" in infos:
            infos = {**infos, "final_obs": self._final(infos["final_obs"])}
        return self.convert(observations), rewards, terminated, truncated, infos

    def _final(self, observations: NDArray[Any]) -> NDArray[Any]:
        final = np.empty(len(observations), object)
        for row, observation in enumerate(observations):
            if observation is not None:
                final[row] = one_row(self.convert_final(as_batch(observation)), 0)
        return final


class Flatten(VectorObservation):
    """Flatten the observations of a vectorized environment, as Gymnasium flattens those of one.

    Row i of an observation equals what ``gymnasium.wrappers.FlattenObservation`` returns for the
    single environment: the fields in their order, a ``Discrete`` one as one-hot vector.

    Args:
        env: A vectorized environment of NumPy arrays, in any autoreset mode.

    Raises:
        ValueError: if the observations are tensors.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.inner = env.single_observation_space
        super().__init__(env, spaces.flatten_space(self.inner))

    def convert(self, observations: Any) -> NDArray[Any]:
        """Return N flat observations, ``(N, size)``."""
        fields = self.inner.spaces if isinstance(self.inner, spaces.Dict) else {"": self.inner}
        values = observations if isinstance(observations, dict) else {"": observations}
        parts = []
        for name, field in fields.items():
            value = np.asarray(values[name])
            if isinstance(field, spaces.Discrete):
                parts.append(value[:, None] == np.arange(field.start, field.start + field.n))
            else:
                parts.append(value.reshape(len(value), -1))
        return np.concatenate(parts, axis=1).astype(self.single_observation_space.dtype)
