"""The base class of the native vectors: seeds, options of ``reset``, infos with masks."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrm_gym.checks import check_whole
from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import Task, keys

from .actions import host
from .base import PuzzleEnv
from .checks import in_range, refuse_max_steps, refuse_unknown
from .infos import with_masks
from .state import drawn_from

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

DRAWN_ROWS = 16
"""The number of rows that ``render`` draws."""


class PuzzleVectorEnv(VectorEnv[Any, Any, Any]):
    """``num_envs`` environments, where row i is the single environment with seed + i.

    Subclasses hold the rows; ``reset`` calls their methods ``_set_keys``, ``_draw``,
    ``_begin_rows`` and ``_reset_outputs``.

    Args:
        num_envs: The number of rows, B.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``.
        render_mode: ``rgb_array`` or ``None``; see ``render``.
        unknown: Any other argument; it raises ``TypeError``.

    Raises:
        ValueError: if an argument is invalid; the message names it.
        TypeError: if an argument is unknown; the message names it.
    """

    # What the last info of an episode says, with the values of all other infos.
    endings: ClassVar[Mapping[str, Any]] = PuzzleEnv.endings
    task: Task
    puzzles: PuzzleSet
    augment: bool

    def __init__(
        self,
        num_envs: int,
        autoreset_mode: str | AutoresetMode,
        render_mode: str | None,
        unknown: dict[str, Any],
    ) -> None:
        # Gymnasium passes on the limit of a ``TimeLimit`` wrapper, which a vector cannot have.
        if unknown.pop("max_episode_steps", None) not in (None, -1):
            raise ValueError(
                "max_episode_steps: a native vector takes no TimeLimit; expected max_steps, the "
                "environment's own limit (or max_segments, where episodes end by it)"
            )
        refuse_max_steps(unknown)
        refuse_unknown(self, unknown)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"render_mode: expected rgb_array or None for a native vector, got {render_mode!r}"
            )
        self.num_envs = check_whole("num_envs", num_envs)
        try:
            self.autoreset_mode = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(mode.value for mode in AutoresetMode)
            raise ValueError(
                f"autoreset_mode: expected one of {modes}, got {autoreset_mode!r}"
            ) from None
        self.metadata = {
            "autoreset_mode": self.autoreset_mode,
            "render_modes": ["rgb_array"],
            "render_fps": PuzzleEnv.metadata["render_fps"],
        }
        self.render_mode = render_mode
        self.spec = None
        self._begun = False

    def _set_task(self, task: Task) -> None:
        """Set the task, and make the arrays of ``info["task"]``."""
        self.task = task
        self._tasks = np.full(self.num_envs, task.spec, object)
        self._every_row = np.ones(self.num_envs, np.bool_)
        self._unknown = {name: np.full(self.num_envs, v) for name, v in self.endings.items()}
        self._lock()

    def _lock(self) -> None:
        """Make the arrays that every step returns read-only."""
        for array in (self._tasks, self._every_row, *self._unknown.values()):
            array.setflags(write=False)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Set the attributes of a copy, whose arrays NumPy has made writable."""
        self.__dict__.update(state)
        self._lock()

    def _task_info(self, rows: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """Return ``info["task"]``, the id of the task in every row, and its mask.

        The arrays are read-only, so that every step can return the same ones.

        Args:
            rows: ``(B,)`` bool, the rows of the info; all by default.
        """
        return {"task": self._tasks, "_task": self._every_row if rows is None else rows.copy()}

    def _unknown_info(self, rows: NDArray[np.bool_] | None = None) -> dict[str, Any]:
        """Return what the last info of an episode says, unknown in every row, with its masks.

        The arrays are read-only, so that every step can return the same ones.

        Args:
            rows: ``(B,)`` bool, the rows of the info; all by default.
        """
        if rows is not None:
            return with_masks(self._unknown, rows)
        return {**self._unknown, **{f"_{name}": self._every_row for name in self._unknown}}

    def _set_spaces(self, observation: spaces.Space[Any], action: spaces.Space[Any]) -> None:
        """Set the spaces, given those of one row."""
        self.single_observation_space, self.single_action_space = observation, action
        self.observation_space = batch_space(observation, self.num_envs)
        self.action_space = batch_space(action, self.num_envs)

    # Methods of subclasses -----------------------------------------------------------------------

    @abstractmethod
    def _set_keys(self, rows: list[int], found: list[int]) -> None:
        """Set the keys of rows that were seeded; their first episode is yet to begin."""

    @abstractmethod
    def _draw(self, among: NDArray[np.int64]) -> Any:
        """Return the puzzle of the next episode of every row, ``(B,)``, drawn from some puzzles."""

    @abstractmethod
    def _begin_rows(self, chosen: NDArray[np.bool_], index: Any, as_stored: bool) -> None:
        """Begin an episode in the chosen rows.

        Args:
            chosen: ``(B,)`` bool.
            index: ``(B,)``, the puzzles of the episodes: the result of ``_draw``, or an array.
            as_stored: Whether a puzzle is shown as it is stored, without a random symmetry.
        """

    @abstractmethod
    def _reset_outputs(self, chosen: NDArray[np.bool_]) -> tuple[Any, dict[str, Any]]:
        """Return the observations of all rows and the infos of the chosen rows, for ``reset``."""

    @abstractmethod
    def _scene(self, row: int) -> Scene:
        """Return what a picture of a row shows."""

    def _identity(self) -> str:
        """Describe the vector that a state fits; subclasses add their own arguments."""
        # The mode decides what a row that has ended does next.
        rows = f"{self.num_envs} rows of {type(self).__name__} in {self.autoreset_mode.value}"
        return f"{rows} {drawn_from(self.task, self.augment, self.puzzles)}"

    # Episodes ------------------------------------------------------------------------------------

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode in every row, or in those of ``options["reset_mask"]`` (B,) bool.

        Args:
            seed: A number s, which seeds row i with s + i, or a sequence with a seed for each row.
            options: ``{"reset_mask": mask}``; with ``{"index": (B,) integers}``, the puzzles to
                take as stored, or ``{"difficulty": [low, high]}``, from which to draw them.

        Returns:
            The observations of all rows, and the infos of the rows that were reset.

        Raises:
            ValueError: if an option is unknown, or does not have one valid value for each row. The
                vector is then unchanged.
        """
        options = options or {}
        if not isinstance(options, dict):
            raise ValueError(f"options: expected a dictionary, got {options!r}")
        for name in options:
            if name not in ("reset_mask", "index", "difficulty"):
                raise ValueError(f"options: expected reset_mask, index or difficulty, got {name!r}")
        if "index" in options and "difficulty" in options:
            raise ValueError("options: expected one of index and difficulty, got both")
        seeds = self._check_seeds(seed)
        chosen = self._check_mask(options.get("reset_mask"))
        index = self._check_index(options.get("index"))
        among = np.arange(len(self.puzzles))
        if "difficulty" in options:
            among = in_range(self.puzzles.ratings, options["difficulty"])
        rows = [
            row
            for row, value in enumerate(seeds)
            if chosen[row] and (value is not None or not self._begun)
        ]
        # With the random generator of a single environment.
        self._set_keys(rows, [keys.seed_key(np.random.default_rng(seeds[row])) for row in rows])
        drawn = self._draw(among) if index is None else index
        self._begin_rows(chosen, drawn, index is not None)
        self._begun = True
        return self._reset_outputs(chosen)

    def _check_seeds(self, seed: Any) -> list[int | None]:
        """Return the seed of each row, ``None`` for a row without a seed."""
        if seed is None:
            return [None] * self.num_envs
        whole = isinstance(seed, (int, np.integer)) and not isinstance(seed, bool)
        if not (whole or isinstance(seed, (Sequence, np.ndarray))) or isinstance(seed, str):
            raise ValueError(f"seed: expected an integer, or one for each row, got {seed!r}")
        # A NumPy integer would overflow.
        seeds = [int(seed) + row for row in range(self.num_envs)] if whole else list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seeds)}")
        for value in seeds:
            known = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
            if value is not None and not (known and value >= 0):
                raise ValueError(f"seed: expected integers of at least 0, got {value!r}")
        return seeds

    def _check_mask(self, mask: Any) -> NDArray[np.bool_]:
        """Return ``options["reset_mask"]``, all rows by default."""
        if mask is None:
            return np.ones(self.num_envs, np.bool_)
        chosen = host(mask)
        if chosen.shape != (self.num_envs,) or chosen.dtype != np.bool_:
            raise ValueError(
                f"reset_mask: expected ({self.num_envs},) bool, got {chosen.dtype} {chosen.shape}"
            )
        if not (self._begun or chosen.all()):
            raise ValueError("reset_mask: the first reset must begin an episode in every row")
        return chosen

    def _check_index(self, index: Any) -> NDArray[np.int64] | None:
        """Return ``options["index"]``."""
        if index is None:
            return None
        rows = host(index)
        if rows.shape != (self.num_envs,) or rows.dtype.kind not in "iu":
            raise ValueError(f"index: expected {self.num_envs} integers, got {index!r}")
        if rows.min() < 0 or rows.max() >= len(self.puzzles):
            raise ValueError(f"index: expected 0..{len(self.puzzles) - 1}, got {index!r}")
        return rows.astype(np.int64)

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:  # type: ignore[override]
        """Return a picture ``(height, width, 3)`` uint8 of each row, as Gymnasium's vectors do.

        Only ``drawn_rows`` are drawn, by the painter of the single environment; the others are
        black. Without the render mode ``rgb_array`` nothing is returned.
        """
        if self.render_mode is None:
            return None
        self._require_episode()
        from hrm_gym import rendering

        drawn = [rendering.to_array(self._scene(row).paint()) for row in self.drawn_rows()]
        black = np.zeros_like(drawn[0])
        return (*drawn, *[black] * (self.num_envs - len(drawn)))

    def drawn_rows(self) -> range:
        """Return the rows that ``render`` draws, the first 16."""
        return range(min(self.num_envs, DRAWN_ROWS))

    def _require_episode(self) -> None:
        if not self._begun:
            raise ResetNeeded(f"{type(self).__name__}: call reset() before this")
