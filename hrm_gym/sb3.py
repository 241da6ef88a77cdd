"""A vector environment of Gymnasium as one of Stable-Baselines3: no process an environment.

It lies in the ground, since environments offer it (``hrm_gym.envs.SB3VecEnv``) and agents train on
it, and neither knows the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn

BATCHED = ("final_obs", "final_info", "action_mask")
"""Infos that are handed on in another way: ``terminal_observation``, and ``env_method``."""


class SB3VecEnv(VecEnv):
    """Lets Stable-Baselines3 and sb3-contrib train on a vector environment as it is.

    Every row's info holds what the vector's infos say of it, ``TimeLimit.truncated`` and, where an
    episode ended, ``terminal_observation`` and what its last info says (``is_success``,
    ``regret``). Put ``VecMonitor`` around it for episode statistics. MaskablePPO finds
    ``action_masks`` by itself.

    Args:
        vector: A vector environment in ``SameStep`` mode, such as
            ``gym.make_vec("HRMSudoku-v0", 64, autoreset_mode="SameStep")``.

    Raises:
        ValueError: It resets in another way, which the library cannot follow.
    """

    def __init__(self, vector: VectorEnv[Any, Any, Any]) -> None:
        mode = vector.metadata.get("autoreset_mode")
        if mode != AutoresetMode.SAME_STEP:
            found = mode.value if isinstance(mode, AutoresetMode) else mode
            raise ValueError(f"autoreset_mode: expected SameStep for SB3VecEnv, got {found}")
        self.vector = vector
        self.render_mode = vector.render_mode
        super().__init__(
            vector.num_envs, vector.single_observation_space, vector.single_action_space
        )
        self._actions: NDArray[Any]

    # Episodes -----------------------------------------------------------------------------------

    def reset(self) -> VecEnvObs:
        """Begin an episode in every row, with the seeds of ``seed`` if there are any."""
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        if any(self._options):
            raise ValueError("options: rows of one vector share their options; expected none")
        observations, infos = self.vector.reset(seed=seeds)  # type: ignore[arg-type]
        self.reset_infos = self._split(infos)
        self._reset_seeds()
        self._reset_options()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Play the kept actions: observations, rewards float32, dones, infos."""
        observations, rewards, terminated, truncated, infos = self.vector.step(self._actions)
        dones = terminated | truncated
        rows = self._split(infos)
        for row, info in enumerate(rows):
            info["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
        if dones.any():
            last = self._split(infos["final_info"])
            for row in np.flatnonzero(dones).tolist():
                # What is said of the episode that ended, beside the new one's reset: the library
                # reads return and length of "episode", which RecordEpisodeStatistics gives too.
                of_ended = ("TimeLimit.truncated", "episode")
                ended = {name: rows[row].pop(name) for name in of_ended if name in rows[row]}
                self.reset_infos[row] = rows[row]
                rows[row] = {
                    **last[row],
                    **ended,
                    "terminal_observation": infos["final_obs"][row],
                }
        return observations, rewards.astype(np.float32), dones, rows

    def _split(self, infos: dict[str, Any]) -> list[dict[str, Any]]:
        """Return one dictionary a row of what the masks ``_name`` say it has."""
        rows: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for name, values in infos.items():
            mask = infos.get(f"_{name}")
            if mask is None or name in BATCHED:
                continue
            if isinstance(values, dict):
                # Wrappers nest theirs, as RecordEpisodeStatistics does.
                plain: Any = self._split(values)
            else:
                plain = values.tolist() if values.ndim == 1 else values
            for row in np.flatnonzero(mask).tolist():
                rows[row][name] = plain[row]
        return rows

    def close(self) -> None:
        """Close the vector environment."""
        self.vector.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return the pictures of all rows, where the vector draws any."""
        frames = self.vector.render() if self.render_mode == "rgb_array" else None
        return [None] * self.num_envs if frames is None else list(frames)  # type: ignore[arg-type]

    # What the library asks of the environments ---------------------------------------------------

    def _values(self, name: str, *args: Any, **kwargs: Any) -> Sequence[Any]:
        """Call a method, or read an attribute, of every row of the vector."""
        call = getattr(self.vector, "call", None)
        if call is not None:
            return list(call(name, *args, **kwargs))
        found = getattr(self.vector, name)
        values = found(*args, **kwargs) if callable(found) else found
        if np.ndim(values) == 0 or len(values) != self.num_envs:
            raise AttributeError(f"{name}: expected one value a row of {self.vector}")
        return list(values)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the vector for each of the rows.

        Raises:
            AttributeError: The vector has none of that name.
        """
        if getattr(self.vector, "call", None) is not None:
            values = self.vector.get_attr(attr_name)  # type: ignore[attr-defined]
            return [values[row] for row in self._get_indices(indices)]
        value = getattr(self.vector, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Refuse: the rows share their attributes.

        Raises:
            AttributeError: Always.
        """
        raise AttributeError(f"{attr_name}: rows of one vector share their attributes")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector that returns one value a row, such as ``action_masks``.

        Raises:
            AttributeError: The vector has no such method.
        """
        values = self._values(method_name, *args, **kwargs)
        return [values[row] for row in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Say of each row that nothing is wrapped around it."""
        return [False for _ in self._get_indices(indices)]
