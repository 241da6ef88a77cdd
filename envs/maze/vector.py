"""The native vector of the maze environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles.maze import PATH, Maze

from ..kernels import Results
from ..step_vector import Infos, StepVectorEnv
from . import kernels
from .env import MazeEnv, default_max_steps, observation_space

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene


class MazeVectorEnv(StepVectorEnv):
    """``num_envs`` maze environments in one; ``MazeEnv`` describes the episode.

    Args:
        num_envs: The number of rows, B.
        size: See ``MazeEnv``.
        kind: See ``MazeEnv``.
        kwargs: See ``StepVectorEnv``.
    """

    endings: ClassVar[Mapping[str, Any]] = MazeEnv.endings

    def __init__(
        self, num_envs: int, size: int = 30, kind: str | None = None, **kwargs: Any
    ) -> None:
        self.task: Maze  # type: ignore[assignment]
        task = Maze(size, kind)
        kwargs.setdefault("max_steps", default_max_steps(size))
        super().__init__(task, observation_space(size), 4, num_envs, **kwargs)
        # The cells walked so far, which only pictures show.
        self._walks: list[list[int]] = [[] for _ in self.drawn_rows()]

    def _new_rows(self) -> kernels.MazeRows:
        places = (np.zeros(self.num_envs, np.int64) for _ in range(4))
        return kernels.MazeRows(*self._shared_rows(), *places)

    def _new_observations(self) -> kernels.MazeObservations:
        return kernels.MazeObservations(
            np.empty((self.num_envs, self.task.seq_len), np.uint8),
            np.empty(self.num_envs, np.int64),
            np.empty((self.num_envs, 4 if self.masks else 0), np.int8),
        )

    def _begin_rows(
        self, chosen: NDArray[np.bool_], index: NDArray[np.int64], as_stored: bool
    ) -> None:
        augment = self.augment and not as_stored
        kernels.maze_reset(
            self._rows, self._bank, self.task.dihedral, self.task.relabelings, augment, chosen,
            index,
        )  # fmt: skip
        self._follow()

    def _follow(self) -> None:
        """Note where the rows that pictures show have walked."""
        if self.render_mode is None:
            return
        for walk, row in zip(self._walks, self.drawn_rows(), strict=True):
            position = int(self._rows.position[row])
            if self._rows.elapsed[row] == 0:
                walk.clear()
            if not walk or walk[-1] != position:
                walk.append(position)

    def _write_observations(self, observations: Any) -> None:
        kernels.maze_observe_rows(self._rows, self.task.size, observations)

    def _play(self, actions: NDArray[np.int64], results: Results, observations: Any) -> int:
        count: int = kernels.maze_step_rows(
            self._rows, self._bank, self.task.dihedral, self.task.relabelings, self.task.size,
            self.augment, actions, self._mode, self._limit, results, observations, self._final,
        )  # fmt: skip
        self._follow()
        return count

    def _solved(self) -> NDArray[np.bool_]:
        return np.equal(self._rows.position, self._rows.goal)

    def _ending(self, results: Results, ended: NDArray[np.bool_]) -> Infos:
        regret = np.where(ended, results.regret, 0)
        shortest = np.where(ended, results.shortest, 1)
        return {
            "regret": regret,
            "path_ratio": np.where(ended, 1 + regret / shortest, 0.0),
            "optimal": results.terminated & ended & (regret == 0),
        }

    def _write_masks(self, masks: NDArray[np.int8]) -> None:
        kernels.maze_all_masks(self._rows, self.task.size, masks)

    def _write_optimal(self, actions: NDArray[np.int64]) -> None:
        kernels.maze_optimal(self._rows, self.task.size, actions)

    def _scene(self, row: int) -> Scene:
        from hrm_gym.puzzles.maze.scene import MazeScene

        position, walk = int(self._rows.position[row]), list(self._walks[row])
        if not walk or walk[-1] != position:
            # Another state was set.
            walk = [position]
        shortest = self._rows.labels[row] == PATH
        return MazeScene(self._rows.inputs[row].copy(), walk, position, shortest=shortest)
