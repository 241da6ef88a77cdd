"""A curriculum by rating: easy puzzles first."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar, SupportsFloat

import gymnasium as gym
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import AutoresetMode, VectorEnv, VectorWrapper
from numpy.typing import NDArray

from hrm_gym.checks import check_number, check_whole

from ..infos import final_infos, with_masks
from ..vector import PuzzleVectorEnv
from .vector import ForVectors, check_vector, reset_rows


class Bands:
    """The bands of a curriculum and the episodes that count; see ``RatingCurriculum``."""

    def __init__(
        self,
        ratings: NDArray[np.float32],
        bands: int | Sequence[float],
        window: int,
        threshold: float,
        review: int,
    ) -> None:
        self.threshold = check_number("threshold", threshold, 0, 1)
        self.ranges = rating_bands(ratings, bands)
        self.window = check_whole("window", window)
        self.review = check_whole("review", review, 0)
        self.band = 0
        self.recent: deque[bool] = deque(maxlen=window)
        self.episodes = 0

    @property
    def solve_rate(self) -> float:
        """The solve rate over the last episodes of the current band, 0 before the first."""
        return float(np.mean(self.recent)) if self.recent else 0.0

    def draw(self) -> tuple[list[float], int, bool]:
        """Return the ratings of the next episode, its band, and whether it counts."""
        self.episodes += 1
        if self.review and self.band and self.episodes % self.review == 0:
            return [self.ranges[0][0], self.ranges[self.band - 1][1]], self.band - 1, False
        return list(self.ranges[self.band]), self.band, True

    def count(self, success: bool) -> None:
        """Count an episode of the current band, and go on to the next band where it is solved."""
        self.recent.append(success)
        full = len(self.recent) == self.window
        if full and self.solve_rate >= self.threshold and self.band + 1 < len(self.ranges):
            self.band += 1
            self.recent.clear()


class HasBands:
    """A wrapper with bands."""

    bands: Bands

    @property
    def band(self) -> int:
        """The current band, counted from 0."""
        return self.bands.band

    @property
    def solve_rate(self) -> float:
        """The solve rate over the last episodes of the current band, 0 before the first."""
        return self.bands.solve_rate


class VectorRatingCurriculum(HasBands, VectorWrapper):
    """``RatingCurriculum`` for a native vectorized environment.

    All rows share the bands. The wrapper begins the episodes of rows that have ended, in
    ``SameStep`` mode; the wrapped environment must be in ``Disabled`` mode.

    Args:
        env: A native vectorized environment in ``Disabled`` mode, without another wrapper.
        bands: See ``RatingCurriculum``.
        window: See ``RatingCurriculum``.
        threshold: See ``RatingCurriculum``.
        review: See ``RatingCurriculum``.

    Raises:
        ValueError: if an argument is out of range, or the environment does not fit.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        bands: int | Sequence[float] = 5,
        window: int = 100,
        threshold: float = 0.8,
        review: int = 5,
    ) -> None:
        super().__init__(check_vector(env))
        native = isinstance(env, PuzzleVectorEnv)
        if not isinstance(env, PuzzleVectorEnv) or env.autoreset_mode != AutoresetMode.DISABLED:
            found = env.autoreset_mode.value if native else str(env)  # type: ignore[attr-defined]
            raise ValueError(
                "env: RatingCurriculum begins the episodes itself, in SameStep mode; expected a "
                f"native vector with autoreset_mode='Disabled', got {found}"
            )
        self.bands = Bands(env.puzzles.ratings, bands, window, threshold, review)
        self.autoreset_mode = AutoresetMode.SAME_STEP
        self.metadata = {**env.metadata, "autoreset_mode": self.autoreset_mode}
        self._counts = np.zeros(env.num_envs, np.bool_)
        self._shown = np.zeros(env.num_envs, np.int64)

    def reset(
        self, *, seed: Any = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin episodes, of the current band if no options choose the puzzles."""
        options = dict(options or {})
        chosen = reset_rows(self.env, options)
        if options.keys() - {"reset_mask"}:
            observations, infos = self.env.reset(seed=seed, options=options)
            self._counts = self._counts & ~chosen
            self._shown = np.where(chosen, self.band, self._shown)
        else:
            observations, infos = self._begin(chosen, seed)
        return observations, {**infos, **with_masks({"band": self._shown.copy()}, chosen)}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Play one action in every row, and begin the next episode of those that have ended."""
        observations, rewards, terminated, truncated, infos = self.env.step(actions)
        every, ended = np.ones(self.num_envs, np.bool_), terminated | truncated
        infos = {**infos, **with_masks({"band": self._shown.copy()}, every)}
        if not ended.any():
            return observations, rewards, terminated, truncated, infos
        success = infos["is_success" if "is_success" in infos else "exact"]
        for row in np.flatnonzero(ended & self._counts).tolist():
            self.bands.count(bool(success[row]))
        last = final_infos(observations, infos, ended)
        observations, begun = self._begin(ended, None)
        begun |= with_masks({"band": self._shown.copy()}, ended)
        merged = _merged(infos, begun, ended)
        return observations, rewards, terminated, truncated, {**merged, **last}

    def _begin(self, chosen: NDArray[np.bool_], seed: Any) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in the chosen rows, each of the ratings that are drawn for it."""
        groups: dict[tuple[float, ...], NDArray[np.bool_]] = {}
        for row in np.flatnonzero(chosen).tolist():
            difficulty, self._shown[row], self._counts[row] = self.bands.draw()
            mask = groups.setdefault(tuple(difficulty), np.zeros(self.num_envs, np.bool_))
            mask[row] = True
        infos: dict[str, Any] = {}
        observations: Any = None
        for difficulty_of, mask in groups.items():
            options = {"reset_mask": mask, "difficulty": list(difficulty_of)}
            observations, begun = self.env.reset(seed=seed, options=options)
            infos = _merged(infos, begun, mask) if infos else begun
        return observations, infos


def _merged(infos: dict[str, Any], begun: dict[str, Any], rows: NDArray[np.bool_]) -> Any:
    """Return infos in which some rows are replaced, with their masks."""
    merged = dict(infos)
    for name, value in begun.items():
        if name.startswith("_"):
            merged[name] = infos[name] | value
        else:
            chosen = rows.reshape(-1, *[1] * (np.ndim(value) - 1))
            merged[name] = np.where(chosen, value, infos[name])
    return merged


class RatingCurriculum(
    HasBands, ForVectors, gym.Wrapper[Any, Any, Any, Any], RecordConstructorArgs
):
    """Draw easy puzzles first, and harder puzzles as they are solved.

    Puzzles are divided into bands by rating. Episodes are drawn from the current band, with the
    option ``difficulty`` of ``reset``. When at least ``threshold`` of the last ``window`` episodes
    were a success, the next band begins. Every ``review``-th episode is drawn from all lower bands
    instead, so that they are not forgotten, and does not count. A reset with options is passed on
    unchanged and does not count either. ``info["band"]`` is the band of the episode.

    Args:
        env: An environment over puzzles, or a native vectorized one in ``Disabled`` mode.
        bands: The number of bands, of about the same number of puzzles each; or their upper ends,
            in increasing order.
        window: The number of episodes over which the solve rate is computed.
        threshold: The solve rate, in 0..1, from which the next band begins.
        review: One in this many episodes is drawn from the lower bands; 0 for none.

    Raises:
        ValueError: if an argument is out of range, or a band contains no puzzle.
    """

    counterpart: ClassVar[Any] = VectorRatingCurriculum

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
        self.bands = Bands(puzzles.ratings, bands, window, threshold, review)
        self._counts, self._shown = False, 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode of the current band; see the class."""
        self._counts, self._shown = False, self.band
        if not options:
            difficulty, self._shown, self._counts = self.bands.draw()
            options = {"difficulty": difficulty}
        observation, info = self.env.reset(seed=seed, options=options)
        return observation, {**info, "band": np.int64(self._shown)}

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """Play one action, and count the episode if it has ended."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        if (terminated or truncated) and self._counts:
            self._counts = False
            self.bands.count(bool(info.get("is_success", False)))
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
