"""The native vector of the Sudoku environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles.sudoku import BLANK, Sudoku

from ..kernels import Results
from ..step_vector import StepVectorEnv
from . import kernels
from .env import default_max_steps, observation_space

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


class SudokuVectorEnv(StepVectorEnv):
    """``num_envs`` Sudoku environments in one; ``SudokuEnv`` describes the episode.

    Args:
        num_envs: The number of rows, B.
        size: See ``SudokuEnv``.
        kwargs: See ``StepVectorEnv``.
    """

    def __init__(self, num_envs: int, size: int = 9, **kwargs: Any) -> None:
        self.task: Sudoku  # type: ignore[assignment]
        task = Sudoku(size)
        self.box_of = task.tables.box_of
        kwargs.setdefault("max_steps", default_max_steps(size))
        super().__init__(task, observation_space(size), size**3, num_envs, **kwargs)

    def _new_rows(self) -> kernels.SudokuRows:
        count, size = self.num_envs, self.task.size
        return kernels.SudokuRows(
            *self._shared_rows(),
            np.zeros((count, size * size), np.uint8),
            np.zeros((count, 3, size), np.int32),
            np.zeros(count, np.int64),
        )

    def _new_observations(self) -> kernels.SudokuObservations:
        shape = (self.num_envs, self.task.seq_len)
        masks = (self.num_envs, self.task.size**3 if self.masks else 0)
        return kernels.SudokuObservations(
            np.empty(shape, np.uint8), np.empty(shape, np.int8), np.empty(masks, np.int8)
        )

    def _begin_rows(
        self, chosen: NDArray[np.bool_], index: NDArray[np.int64], as_stored: bool
    ) -> None:
        augment = self.augment and not as_stored
        kernels.sudoku_reset(
            self._rows, self._bank, self.task.box, self.box_of, augment, chosen, index
        )

    def _write_observations(self, observations: Any) -> None:
        kernels.sudoku_observe_rows(self._rows, self.box_of, observations)

    def _play(self, actions: NDArray[np.int64], results: Results, observations: Any) -> int:
        count: int = kernels.sudoku_step_rows(
            self._rows, self._bank, self.task.box, self.box_of, self.augment, actions,
            self._mode, self._limit, results, observations, self._final,
        )  # fmt: skip
        return count

    def _solved(self) -> NDArray[np.bool_]:
        return np.equal(self._rows.blanks, 0)

    def _write_masks(self, masks: NDArray[np.int8]) -> None:
        kernels.sudoku_all_masks(self._rows, self.box_of, masks)

    def _write_optimal(self, actions: NDArray[np.int64]) -> None:
        kernels.sudoku_optimal(self._rows, self.box_of, actions)

    def _scene(self, row: int) -> Scene:
        from hrm_gym.puzzles.sudoku.scene import SudokuScene

        tokens, inputs, labels = (
            part[row].copy() for part in (self._rows.tokens, self._rows.inputs, self._rows.labels)
        )
        wrong = (tokens > BLANK) & (tokens != labels)
        return SudokuScene(tokens, inputs > BLANK, self.task.box, wrong=wrong)
