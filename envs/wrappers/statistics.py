"""Returns and lengths of episodes, counted where the rewards are."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper

from .vector import autoreset_mode, reset_rows


class EpisodeStatistics(VectorWrapper):
    """Add the return and the length of every episode that ends to the infos of a vector.

    ``gymnasium.wrappers.vector.RecordEpisodeStatistics`` expects NumPy arrays. This wrapper counts
    on the device of the rewards and never waits for it, so it fits a vector that was made with
    ``device``. ``info["episode"]`` contains ``r`` and ``l``, ``(B,)`` each, at every step;
    ``info["_episode"]`` marks the rows whose episodes have ended in the step, all others are 0.

    Args:
        env: A vectorized environment of arrays or tensors, in any autoreset mode.
    """

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        super().__init__(env)
        self.autoreset_mode = autoreset_mode(env)
        self._counted: tuple[Any, Any, Any] | None = None

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes, whose returns begin with 0."""
        rows = np.flatnonzero(reset_rows(self.env, options))
        result = self.env.reset(seed=seed, options=options)
        if len(rows) == self.num_envs:
            self._counted = None
        elif self._counted is not None:
            self._counted = tuple(_without(part, rows) for part in self._counted)  # type: ignore[assignment]
        return result

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Play one action in every row, and count it."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        ended = terminated | truncated
        returns, lengths, past = self._counted or (rewards * 0, ended * 0, ended & ~ended)
        # A row that had ended before begins its next episode, or waits for its reset.
        ended = ended & ~past
        returns, lengths = (returns + rewards) * ~past, (lengths + 1) * ~past
        counts = {"r": returns * ended, "l": lengths * ended}
        infos = {**infos, "episode": counts, "_episode": ended}
        if self.autoreset_mode == AutoresetMode.DISABLED:
            past = past | ended
        elif self.autoreset_mode == AutoresetMode.NEXT_STEP:
            past = ended
        self._counted = returns * ~ended, lengths * ~ended, past
        return observations, rewards, terminated, truncated, infos


def _without(values: Any, rows: Any) -> Any:
    """Return a copy of an array or a tensor that is 0 in some rows."""
    left = values.clone() if hasattr(values, "clone") else values.copy()
    left[rows] = 0
    return left
