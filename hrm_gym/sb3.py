"""A vectorized environment of Gymnasium as one of Stable-Baselines3, without a process per row.

This module belongs to neither environments nor agents, since environments export it
(``hrm_gym.envs.SB3VecEnv``) and agents train on it.
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
"""Infos that are passed on in another way, as ``terminal_observation`` and by ``env_method``."""


class SB3VecEnv(VecEnv):
    """Adapts a vectorized environment to Stable-Baselines3 and sb3-contrib.

    The info of a row contains its part of the vector's infos, ``TimeLimit.truncated`` and, at the
    end of an episode, ``terminal_observation`` and the entries of the last info (``is_success``,
    ``regret``). Wrap it in ``VecMonitor`` for episode statistics. MaskablePPO finds
    ``action_masks`` by itself.

    Args:
        vector: A vectorized environment in ``SameStep`` mode, such as
            ``gym.make_vec("HRMSudoku-v0", 64, autoreset_mode="SameStep")``.

    Raises:
        ValueError: if the autoreset mode is another one, which the library does not support.
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
        """Begin an episode in every row, with ``seed`` and ``set_options`` if they were called.

        ``set_options`` takes the options of the environment, such as ``{"index": k}`` or
        ``{"difficulty": [low, high]}``, for all rows. Rows of a native vector can begin on
        different puzzles, with ``{"index": [...]}`` or a list of ``{"index": k}``.

        Raises:
            ValueError: if an option is unknown or invalid, or rows have different options.
        """
        seeds = None if all(seed is None for seed in self._seeds) else self._seeds
        observations, infos = self.vector.reset(
            seed=seeds,  # type: ignore[arg-type]
            options=self._row_options(),
        )
        self.reset_infos = self._split(infos)
        self._reset_seeds()
        self._reset_options()
        return observations

    def _row_options(self) -> dict[str, Any] | None:
        """Return the options of ``set_options`` as those of the vector.

        Raises:
            ValueError: if rows have different options.
        """
        if not any(self._options):
            return None
        native = getattr(self.vector.unwrapped, "call", None) is None
        if native and all(set(options) == {"index"} for options in self._options):
            given = [options["index"] for options in self._options]
            return {"index": np.asarray(given[0] if np.ndim(given[0]) == 1 else given)}
        if any(options != self._options[0] for options in self._options):
            raise ValueError(
                "options: expected the same options for every row (or, in a native vector, one "
                f"index for each row), got {self._options}"
            )
        return dict(self._options[0])

    def step_async(self, actions: NDArray[Any]) -> None:
        """Store the actions for ``step_wait``."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """Take the stored actions and return observations, rewards (float32), dones and infos."""
        observations, rewards, terminated, truncated, infos = self.vector.step(self._actions)
        dones = terminated | truncated
        rows = self._split(infos)
        for row, info in enumerate(rows):
            info["TimeLimit.truncated"] = bool(truncated[row] and not terminated[row])
        if dones.any():
            last = self._split(infos["final_info"])
            for row in np.flatnonzero(dones).tolist():
                # These entries describe the episode that ended, all others the reset of the next
                # one. RecordEpisodeStatistics writes "episode", which the library reads.
                of_ended = ("TimeLimit.truncated", "episode")
                ended = {name: rows[row].pop(name) for name in of_ended if name in rows[row]}
                self.reset_infos[row] = rows[row]
                rows[row] = {
                    **last[row],
                    **ended,
                    "terminal_observation": infos["final_obs"][row],
                }
        return observations, rewards.astype(np.float32), dones, rows

    def _split(
        self, infos: dict[str, Any], outer: NDArray[np.bool_] | None = None
    ) -> list[dict[str, Any]]:
        """Return the infos of every row, according to the masks ``_name``.

        Args:
            infos: Infos of a vector, ``(B, ...)`` each, or a dictionary of infos inside of them.
            outer: ``(B,)`` bool, the mask of such a dictionary, which holds for its infos without a
                mask; ``None`` leaves those out.
        """
        rows: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for name, values in infos.items():
            mask = infos.get(f"_{name}", None if name.startswith("_") else outer)
            if mask is None or name in BATCHED:
                continue
            if isinstance(values, dict):
                # Some wrappers, such as RecordEpisodeStatistics, nest their infos.
                plain: Any = self._split(values, mask)
            else:
                plain = values.tolist() if values.ndim == 1 else values
            for row in np.flatnonzero(mask).tolist():
                rows[row][name] = plain[row]
        return rows

    def close(self) -> None:
        """Close the vectorized environment."""
        self.vector.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Return the pictures of the rows, ``None`` without the render mode ``rgb_array``.

        A native vector draws its first rows; the others are left out.
        """
        frames: Any = self.vector.render() if self.render_mode == "rgb_array" else None
        if frames is None:
            return [None] * self.num_envs
        drawn = getattr(self.vector.unwrapped, "drawn_rows", None)
        return list(frames)[: self.num_envs if drawn is None else len(drawn())]

    # What the library asks of the environments ---------------------------------------------------

    def _values(self, name: str, *args: Any, **kwargs: Any) -> Sequence[Any]:
        """Call a method, or read an attribute, of every row of the vector.

        Raises:
            AttributeError: if the vector has no such attribute, or not one value for each row.
        """
        call = getattr(self.vector.unwrapped, "call", None)
        if call is not None:
            return list(call(name, *args, **kwargs))
        found = self._find(name)
        values = found(*args, **kwargs) if callable(found) else found
        if np.ndim(values) == 0 or len(values) != self.num_envs:
            raise AttributeError(f"{name}: expected one value for each row of {self.vector}")
        return list(values)

    def _find(self, name: str) -> Any:
        """Return an attribute of the vector, or of the first vector under its wrappers that has it.

        Raises:
            AttributeError: if none has it.
        """
        vector: Any = self.vector
        while vector is not None:
            if hasattr(vector, name):
                return getattr(vector, name)
            vector = getattr(vector, "env", None)
        raise AttributeError(f"{name}: {self.vector} has no such attribute")

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """Return an attribute of the vector for each of the rows.

        Raises:
            AttributeError: if the vector has no such attribute.
        """
        inner: Any = self.vector.unwrapped
        if getattr(inner, "call", None) is not None:
            values = inner.get_attr(attr_name)
            return [values[row] for row in self._get_indices(indices)]
        value = self._find(attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Raise an error, since the rows share their attributes.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(f"{attr_name}: rows of one vector share their attributes")

    def env_method(
        self, method_name: str, *args: Any, indices: VecEnvIndices = None, **kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector that returns one value per row, such as ``action_masks``.

        Raises:
            AttributeError: if the vector has no such method.
        """
        values = self._values(method_name, *args, **kwargs)
        return [values[row] for row in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: Any, indices: VecEnvIndices = None) -> list[bool]:
        """Return ``False`` for every row, since rows have no wrappers."""
        return [False for _ in self._get_indices(indices)]
