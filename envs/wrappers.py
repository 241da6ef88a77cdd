"""Wrappers for training: a curriculum by rating, one-hot planes and a dense reward."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from numpy.typing import NDArray

from hrm_gym.checks import check_number, check_whole


class RatingCurriculum(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Draw easy puzzles first, and harder puzzles as they are solved.

    Puzzles are divided into bands by rating. Episodes are drawn from the current band, with the
    option ``difficulty`` of ``reset``. When at least ``threshold`` of the last ``window`` episodes
    were a success, the next band begins. Every ``review``-th episode is drawn from all lower bands
    instead, so that they are not forgotten, and does not count. A reset with options is passed on
    unchanged and does not count either. ``info["band"]`` is the band of the episode.

    Args:
        env: An environment over puzzles.
        bands: The number of bands, of about the same number of puzzles each; or their upper ends,
            in increasing order.
        window: The number of episodes over which the solve rate is computed.
        threshold: The solve rate, in 0..1, from which the next band begins.
        review: One in this many episodes is drawn from the lower bands; 0 for none.

    Attributes:
        band: The current band, counted from 0.

    Raises:
        ValueError: if an argument is out of range, or a band contains no puzzle.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        bands: int | Sequence[float] = 5,
        window: int = 100,
        threshold: float = 0.8,
        review: int = 5,
    ) -> None:
        RecordConstructorArgs.__init__(
            self, bands=bands, window=window, threshold=threshold, review=review
        )
        super().__init__(env)
        puzzles = getattr(env.unwrapped, "puzzles", None)
        if puzzles is None:
            raise ValueError(f"env: expected an environment over puzzles, got {env}")
        self.threshold = check_number("threshold", threshold, 0, 1)
        self.ranges = rating_bands(puzzles.ratings, bands)
        self.window = check_whole("window", window)
        self.review = check_whole("review", review, 0)
        self.band = 0
        self._recent: deque[bool] = deque(maxlen=window)
        self._episodes = 0
        self._counts, self._shown = False, 0

    @property
    def solve_rate(self) -> float:
        """The solve rate over the last episodes of the current band, 0 before the first."""
        return float(np.mean(self._recent)) if self._recent else 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode of the current band; see the class."""
        self._counts = not options
        self._shown = self.band
        if not options:
            self._episodes += 1
            low, high = self.ranges[self.band]
            if self.review and self.band and self._episodes % self.review == 0:
                low, high = self.ranges[0][0], self.ranges[self.band - 1][1]
                self._counts, self._shown = False, self.band - 1
            options = {"difficulty": [low, high]}
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "band": self._shown}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play one action, and count the episode if it has ended."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if (terminated or truncated) and self._counts:
            self._counts = False
            self._recent.append(bool(info.get("is_success", False)))
            full = len(self._recent) == self.window
            if full and self.solve_rate >= self.threshold and self.band + 1 < len(self.ranges):
                self.band += 1
                self._recent.clear()
        return observation, reward, terminated, truncated, {**info, "band": self._shown}


def rating_bands(
    ratings: NDArray[np.float32], bands: int | Sequence[float]
) -> list[tuple[float, float]]:
    """Return the lowest and the highest rating of each band, both included.

    There are fewer bands where quantiles coincide, such as if half of the puzzles have one rating.

    Raises:
        ValueError: if ``bands`` is neither a positive number nor increasing upper ends, or a band
            contains no puzzle.
    """
    ends: NDArray[Any]
    if isinstance(bands, (int, np.integer)) and not isinstance(bands, bool):
        count = check_whole("bands", bands)
        ends = np.unique(np.quantile(ratings, np.arange(1, count + 1) / count, method="higher"))
    else:
        try:
            ends = np.array(bands, np.float64)
        except (TypeError, ValueError):
            ends = np.empty(0)
        if ends.ndim != 1 or len(ends) == 0 or np.any(np.diff(ends) <= 0):
            raise ValueError(f"bands: expected a number or increasing upper ends, got {bands!r}")
    found = []
    below = -np.inf
    for end in ends.tolist():
        inside = ratings[(ratings > below) & (ratings <= end)]
        if len(inside) == 0:
            raise ValueError(
                f"bands: no puzzle has a rating above {below:g} up to {end:g}; the ratings are "
                f"{ratings.min():g} to {ratings.max():g}"
            )
        found.append((float(inside.min()), float(inside.max())))
        below = end
    return found


class OneHotPlanes(gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Convert observations to one-hot planes, channels first, for convolutions.

    The observation becomes one ``Box(0, 1, (channels, s, s), uint8)``. Every token field
    (``tokens``, ``canvas``, ``answer``, each demonstration of ``demos``), in the order of the
    observation, has one plane for each token; ``given`` and ``position`` have one plane. A
    ``puzzle_id`` is left out.

    Raises:
        ValueError: if the observation has no ``tokens`` of a square grid.
    """

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        space = env.observation_space
        fields = space.spaces if isinstance(space, spaces.Dict) else {}
        if not isinstance(fields.get("tokens"), spaces.Box):
            raise ValueError(f"env: expected an observation with tokens, got {space}")
        cells = int(np.prod(fields["tokens"].shape or ()))
        self.side = round(cells**0.5)
        if self.side**2 != cells:
            raise ValueError(f"env: expected tokens of a square grid, got {cells}")
        self.fields: list[tuple[str, int]] = []
        channels = 0
        for name, field in fields.items():
            if isinstance(field, spaces.Box) and field.shape[0] % cells == 0:
                vocabulary = int(field.high.max()) + 1
                self.fields.append((name, vocabulary))
                channels += field.shape[0] // cells * vocabulary
            elif name in ("given", "position"):
                self.fields.append((name, 0))
                channels += 1
        self.observation_space = spaces.Box(0, 1, (channels, self.side, self.side), np.uint8)

    def observation(self, observation: dict[str, Any]) -> NDArray[np.uint8]:
        """Return the planes of one observation."""
        cells = self.side**2
        planes = []
        for name, vocabulary in self.fields:
            value = np.asarray(observation[name])
            if vocabulary:
                grids = value.reshape(-1, 1, cells)
                one_hot = grids == np.arange(vocabulary, dtype=np.uint8)[:, None]
                planes.append(one_hot.reshape(-1, cells))
            elif name == "position":
                planes.append(np.arange(cells)[None] == value)
            else:
                planes.append(value[None] > 0)
        stacked = np.concatenate(planes).astype(np.uint8)
        return stacked.reshape(-1, self.side, self.side)


class DenseReward(gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Reward progress without changing which policy is optimal.

    Adds ``scale * (gamma * P(s') - P(s))``, where P is 0 on termination: with the learner's own
    discount this changes the return of every policy by the same amount (Ng, Harada and Russell
    1999, "Policy invariance under reward transformations"). P is computed from the solution by
    ``Task.potential``: in mazes it is minus the distance to the goal divided by the number of
    cells, in the current maze (-1 if there is no path); elsewhere, minus the share of wrong cells
    of the grid or answer. ``info["shaping"]`` is the added reward, 0 after ``reset``.

    Args:
        env: An environment over puzzles.
        gamma: The discount of the learner, in 0..1.
        scale: The total reward for increasing the potential from -1 to 0.

    Raises:
        ValueError: if an argument is out of range, or the observation has no ``tokens``.
    """

    def __init__(self, env: gym.Env[Any, Any], gamma: float = 0.99, scale: float = 1.0) -> None:
        RecordConstructorArgs.__init__(self, gamma=gamma, scale=scale)
        super().__init__(env)
        self.gamma, self.scale = check_number("gamma", gamma, 0, 1), check_number("scale", scale)
        space = env.unwrapped.observation_space
        if not isinstance(space, spaces.Dict) or "tokens" not in space.spaces:
            raise ValueError(f"env: expected an observation with tokens, got {space}")
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
        return observation, {**info, "shaping": 0.0}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play one action, and add to the reward."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        after = 0.0 if terminated else self.potential()
        shaping = self.scale * (self.gamma * after - self._before)
        self._before = after
        info = {**info, "shaping": shaping}
        return observation, float(reward) + shaping, terminated, truncated, info
