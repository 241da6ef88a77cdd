"""A curriculum by rating: easy puzzles first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, SupportsFloat

import gymnasium as gym
import numpy as np
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
        return observation, {**info, "band": np.int64(self._shown)}

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
        return observation, reward, terminated, truncated, {**info, "band": np.int64(self._shown)}


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
