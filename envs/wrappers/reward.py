"""A dense reward: progress towards the solution."""

from __future__ import annotations

from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from hrm_gym.checks import check_number

from ..actions import host
from ..vector import PuzzleVectorEnv
from .vector import ForVectors, autoreset_mode, check_vector, one_row, reset_rows


def check_tokens(space: spaces.Space[Any]) -> None:
    """Refuse observations without tokens, from which no progress can be computed.

    Raises:
        ValueError: if the observation has no ``tokens``.
    """
    if not isinstance(space, spaces.Dict) or "tokens" not in space.spaces:
        raise ValueError(f"env: expected an observation with tokens, got {space}")


class VectorDenseReward(VectorWrapper):
    """``DenseReward`` for a native vectorized environment, in every autoreset mode.

    Row i is rewarded as the single environment with ``DenseReward`` is. A step that begins an
    episode (``NextStep``) or follows its end (``Disabled``) adds nothing.

    Args:
        env: A native vectorized environment of NumPy arrays, possibly wrapped.
        gamma: See ``DenseReward``.
        scale: See ``DenseReward``.

    Raises:
        ValueError: if an argument is out of range, or the environment does not fit.
    """

    def __init__(
        self, env: VectorEnv[Any, Any, Any], gamma: float = 0.99, scale: float = 1.0
    ) -> None:
        super().__init__(check_vector(env))
        self.gamma, self.scale = check_number("gamma", gamma, 0, 1), check_number("scale", scale)
        check_tokens(env.single_observation_space)
        self.native: Any = env.unwrapped
        if not isinstance(self.native, PuzzleVectorEnv):
            raise ValueError(
                "env: expected a native vectorized environment; others take "
                "gym.make_vec(..., vectorization_mode='sync', wrappers=[DenseReward])"
            )
        self.autoreset_mode = autoreset_mode(env)
        self._before = np.zeros(env.num_envs)
        self._ended = np.zeros(env.num_envs, np.bool_)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes; see the vectorized environment."""
        chosen = reset_rows(self.env, options)
        observations, infos = self.env.reset(seed=seed, options=options)
        self._ended = self._ended & ~chosen
        self._measure(observations, chosen)
        shaping = {"shaping": np.zeros(self.num_envs), "_shaping": chosen.copy()}
        return observations, {**infos, **shaping}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Play one action in every row, and add to the rewards."""
        labels, past = host(self.native.labels).copy(), self._ended
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = terminated | truncated
        same = self.autoreset_mode == AutoresetMode.SAME_STEP
        after = np.zeros(self.num_envs)
        for row in np.flatnonzero(~terminated & ~past).tolist():
            final = same and ended[row]
            shown = infos["final_obs"][row] if final else one_row(observations, row)
            after[row] = self._potential(shown, labels[row])
        shaping = np.where(past, 0.0, self.scale * (self.gamma * after - self._before))
        self._before = after
        every = np.ones(self.num_envs, np.bool_)
        now = shaping
        if same and ended.any():
            last = {**infos["final_info"], "shaping": np.where(ended, shaping, 0.0)}
            infos = {**infos, "final_info": {**last, "_shaping": ended.copy()}}
            now = np.where(ended, 0.0, shaping)
            self._measure(observations, ended)
        if self.autoreset_mode == AutoresetMode.NEXT_STEP and past.any():
            self._measure(observations, past)
        self._ended = ended.copy() if not same else np.zeros(self.num_envs, np.bool_)
        infos = {**infos, "shaping": now.copy(), "_shaping": every}
        return observations, rewards + shaping, terminated, truncated, infos

    def _measure(self, observations: Any, rows: NDArray[np.bool_]) -> None:
        """Compute the potential at the start of the episodes of some rows."""
        labels = host(self.native.labels)
        for row in np.flatnonzero(rows).tolist():
            self._before[row] = self._potential(one_row(observations, row), labels[row])

    def _potential(self, observation: Any, labels: Any) -> float:
        return float(self.native.task.potential(observation, labels))


class DenseReward(ForVectors, gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Reward progress without changing which policy is optimal.

    Adds ``scale * (gamma * P(s') - P(s))``, where P is 0 on termination: with the learner's own
    discount this changes the return of every policy by the same amount (Ng, Harada and Russell
    1999, "Policy invariance under reward transformations"). P is computed from the solution by
    ``Task.potential``: in mazes it is minus the distance to the goal divided by the number of
    cells, in the current maze (-1 if there is no path); elsewhere, minus the share of wrong cells
    of the grid or answer. ``info["shaping"]`` is the added reward, 0 after ``reset``.

    Args:
        env: An environment over puzzles, or a native vectorized one.
        gamma: The discount of the learner, in 0..1.
        scale: The total reward for increasing the potential from -1 to 0.

    Raises:
        ValueError: if an argument is out of range, or the observation has no ``tokens``.
    """

    counterpart: ClassVar[Any] = VectorDenseReward

    def __init__(self, env: gym.Env[Any, Any], gamma: float = 0.99, scale: float = 1.0) -> None:
        RecordConstructorArgs.__init__(self, gamma=gamma, scale=scale)
        super().__init__(env)
        self.gamma, self.scale = check_number("gamma", gamma, 0, 1), check_number("scale", scale)
        check_tokens(env.unwrapped.observation_space)
        self._before = 0.0

    def potential(self) -> float:
        """Return P of the current state, in -1..0."""
        env: Any = self.env.unwrapped
        potential: float = env.task.potential(env._observe(), env.solve())
        return potential

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._before = self.potential()
        return observation, {**info, "shaping": np.float64(0.0)}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play one action, and add to the reward."""
        inner: Any = self.env.unwrapped
        over = inner.ended
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = 0.0 if terminated else self.potential()
        # A step after the end of an episode changes nothing.
        shaping = 0.0 if over else self.scale * (self.gamma * after - self._before)
        self._before = after
        info = {**info, "shaping": np.float64(shaping)}
        return observation, float(reward) + shaping, terminated, truncated, info
