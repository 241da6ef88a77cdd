"""The base class of the native vectors of step environments: rows, autoreset, infos, state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from hrm_gym.checks import check_flag
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Task, Tokens, keys

from . import kernels
from .actions import host
from .base import Observation
from .checks import check_max_steps
from .infos import final_infos, with_masks
from .state import check_names, check_shapes, check_state
from .vector import PuzzleVectorEnv

MODES = {
    AutoresetMode.NEXT_STEP: kernels.NEXT_STEP,
    AutoresetMode.SAME_STEP: kernels.SAME_STEP,
    AutoresetMode.DISABLED: kernels.DISABLED,
}
Infos = dict[str, Any]
Result = tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]


class StepVectorEnv(PuzzleVectorEnv):
    """``num_envs`` step environments with one array a field; a kernel plays each step.

    Row i of a vector with seed s equals the single environment with seed s + i, bit for bit. Infos
    are arrays ``(B, ...)`` with masks ``_name``, as in Gymnasium: ``task``, ``rating``,
    ``is_success``, ``invalid_action``, ``regret`` and what else the environment says when an
    episode ends (in ``SameStep`` mode in ``final_info``, with ``final_obs``). Returned arrays are
    new or read-only.
    In ``Disabled`` mode a row that has ended does not change until it is reset: every action is
    invalid, the mask allows none, the reward is 0, and ``is_success`` stays the same.

    Args:
        task: The task of the puzzles.
        observation: The observation space of one row.
        actions: The number of actions.
        num_envs: The number of rows, B.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; a string, so that
            ``spec.to_json()`` can contain it.
        masks: Whether every info contains ``action_mask``, ``(B, actions)`` int8. The method
            ``action_masks`` is always available.
        max_steps: The number of steps after which an episode is truncated, ``None`` for no limit.
        source: See the single environment.
        split: See the single environment.
        difficulty: Lowest and highest rating, both included.
        limit: The largest number of puzzles to use.
        augment: Whether a puzzle is shown under a random symmetry of its task.
        render_mode: ``rgb_array`` or ``None``; see ``render``.
        unknown: Any other argument; it raises ``TypeError``.

    Raises:
        ValueError: if an argument is invalid; the message names it.
        TypeError: if an argument is unknown; the message names it.
    """

    single_action_space: spaces.Discrete

    def __init__(
        self,
        task: Task,
        observation: spaces.Dict,
        actions: int,
        num_envs: int,
        *,
        autoreset_mode: str | AutoresetMode = "NextStep",
        masks: bool = False,
        max_steps: int | None = None,
        source: str | None = None,
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        augment: bool = True,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(num_envs, autoreset_mode, render_mode, unknown)
        self.max_steps = check_max_steps(max_steps)
        self._set_task(task)
        self.augment = check_flag("augment", augment)
        self.masks = check_flag("masks", masks)
        self._limit = kernels.UNLIMITED if max_steps is None else max_steps
        self.puzzles = load_puzzles(task, source, split, difficulty, limit)
        self._bank = kernels.Bank(
            np.ascontiguousarray(self.puzzles.inputs),
            np.ascontiguousarray(self.puzzles.labels),
            np.ascontiguousarray(self.puzzles.ratings),
        )
        self._mode = MODES[self.autoreset_mode]
        self._set_spaces(observation, spaces.Discrete(actions))
        # In the order of the space; asking the space at every step is slow.
        self._names = tuple(observation)
        self._rows: Any = self._new_rows()
        # Arrays for the last observations and results of the rows that end.
        self._final: Any = self._new_observations()._replace(masks=np.empty((num_envs, 0), np.int8))
        self._outcome = np.zeros((2, num_envs), np.int64)

    # Methods of subclasses -----------------------------------------------------------------------

    @abstractmethod
    def _new_rows(self) -> Any:
        """Return the state of all rows, a named tuple of arrays."""

    @abstractmethod
    def _new_observations(self) -> Any:
        """Return new arrays for observations, a named tuple that ends with ``masks``."""

    @abstractmethod
    def _write_observations(self, observations: Any) -> None:
        """Write the observations and masks of all rows."""

    @abstractmethod
    def _play(self, actions: NDArray[np.int64], results: kernels.Results, observations: Any) -> int:
        """Play a step; return the number of rows that ended."""

    @abstractmethod
    def _write_masks(self, masks: NDArray[np.int8]) -> None:
        """Write the masks of all rows."""

    @abstractmethod
    def _write_optimal(self, actions: NDArray[np.int64]) -> None:
        """Write an optimal action of every row."""

    @abstractmethod
    def _solved(self) -> NDArray[np.bool_]:
        """Return which rows are solved."""

    def _ending(self, results: kernels.Results, ended: NDArray[np.bool_]) -> Infos:
        """Return the values of ``endings`` in the rows that have ended, unknown in the others."""
        return {"regret": np.where(ended, results.regret, 0)}

    # Episodes -----------------------------------------------------------------------------------

    def _shared_rows(self) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
        """Return the arrays that the rows of all tasks begin with."""
        count, cells = self.num_envs, self.task.seq_len
        return (
            np.zeros(count, np.uint64),
            np.full(count, -1),
            np.zeros(count, np.int64),
            np.zeros(count, np.bool_),
            np.zeros(count, np.float32),
            np.zeros((count, cells), np.uint8),
            np.zeros((count, cells), np.uint8),
        )

    def _set_keys(self, rows: list[int], found: list[int]) -> None:
        self._rows.keys[rows], self._rows.episodes[rows] = found, -1

    def _draw(self, among: NDArray[np.int64]) -> NDArray[np.int64]:
        following = keys.lane_array(self._rows.keys, (self._rows.episodes + 1).astype(np.uint64))
        return among[keys.pick_array(following, len(among))]

    def _reset_outputs(self, chosen: NDArray[np.bool_]) -> tuple[Observation, Infos]:
        observations = self._new_observations()
        self._write_observations(observations)
        no = np.zeros(self.num_envs, np.bool_)
        infos = self._infos(chosen, no, no, observations.masks) | self._unknown_info(chosen)
        return self._observation_dict(observations), infos

    def step(self, actions: Any) -> Result:
        """Play one action in every row.

        Args:
            actions: ``(B,)`` integers. An action outside the space changes nothing, as in the
                single environment.

        Returns:
            The observations, rewards ``(B,)`` float64, terminations and truncations ``(B,)`` bool,
            and infos.

        Raises:
            ValueError: if the actions are not one integer for each row.
        """
        self._require_episode()
        moves = host(actions)
        if moves.shape != (self.num_envs,) or moves.dtype.kind not in "iu":
            raise ValueError(
                f"actions: expected ({self.num_envs},) integers, got {moves.dtype} {moves.shape}"
            )
        flags = np.empty((3, self.num_envs), np.bool_)
        results = kernels.Results(np.empty(self.num_envs), *flags, *self._outcome)
        observations = self._new_observations()
        before, past = self._rows.ratings.copy(), self._rows.ended.copy()
        count = self._play(moves.astype(np.int64, copy=False), results, observations)
        every = self._every_row
        rewards, terminated, truncated, invalid, *_ = results
        success = rewards > 0
        if self._mode == kernels.DISABLED:
            success |= past & self._solved()
        if not count:
            infos = self._infos(every, success, invalid, observations.masks)
            infos |= self._unknown_info()
        elif self._mode == kernels.SAME_STEP:
            ended = terminated | truncated
            infos = self._infos(every, success & ~ended, invalid & ~ended, observations.masks)
            infos |= self._unknown_info()
            last = self._infos(ended, success, invalid & ended, None)
            last["rating"] = np.where(ended, before, np.float32(0))
            if self.masks:
                last["action_mask"] = np.zeros_like(observations.masks)
                last["_action_mask"] = ended.copy()
            last |= with_masks(self._ending(results, ended), ended)
            infos |= final_infos(self._observation_dict(self._final), last, ended)
        else:
            ended = (terminated | truncated) & ~past
            infos = self._infos(every, success, invalid, observations.masks)
            infos |= with_masks(self._ending(results, ended), every)
        # Copies, since rows of one array would share its memory.
        return (
            self._observation_dict(observations),
            rewards,
            terminated.copy(),
            truncated.copy(),
            infos,
        )

    def _observation_dict(self, observations: Any) -> Observation:
        return {name: getattr(observations, name) for name in self._names}

    def _infos(
        self,
        rows: NDArray[np.bool_],
        success: NDArray[np.bool_],
        invalid: NDArray[np.bool_],
        masks: NDArray[np.int8] | None,
    ) -> Infos:
        """Return what every info contains, with masks for the given rows."""
        values: Infos = {
            "rating": self._rows.ratings.copy(),
            "is_success": success.copy(),
            "invalid_action": invalid.copy(),
        }
        if self.masks and masks is not None:
            self._mask_ended(masks)
            values["action_mask"] = masks
        tasks = self._task_info(None if rows is self._every_row else rows)
        return tasks | with_masks(values, rows)

    def _mask_ended(self, masks: NDArray[np.int8]) -> None:
        """Write the masks of the rows whose episodes have ended.

        In ``NextStep`` mode such a row offers every action, since its next action is ignored, and a
        mask without any action cannot be sampled. In ``Disabled`` mode it offers none.
        """
        masks[self._rows.ended] = self.autoreset_mode == AutoresetMode.NEXT_STEP

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal, ``(B, actions)`` bool.

        A row that has ended offers every action in ``NextStep`` mode, and none in ``Disabled``.
        """
        self._require_episode()
        masks = np.empty((self.num_envs, int(self.single_action_space.n)), np.int8)
        self._write_masks(masks)
        self._mask_ended(masks)
        return masks.view(np.bool_)

    # Solutions ----------------------------------------------------------------------------------

    @property
    def labels(self) -> Tokens:
        """The labels of the current puzzles, ``(B, seq_len)`` uint8."""
        return self.solve()

    def solve(self) -> Tokens:
        """Return the labels of the current puzzles, ``(B, seq_len)`` uint8."""
        self._require_episode()
        return np.array(self._rows.labels)

    def optimal_action(self) -> NDArray[np.int64]:
        """Return an action of a shortest path to success for every row, ``(B,)`` int64."""
        self._require_episode()
        actions = np.empty(self.num_envs, np.int64)
        self._write_optimal(actions)
        return actions

    # State --------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot of arrays, from which ``set_state`` continues exactly."""
        self._require_episode()
        rows = {name: part.copy() for name, part in self._rows._asdict().items()}
        return {"env": self._identity(), "rows": rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of ``get_state``.

        Raises:
            ValueError: if the state is incomplete, or was taken from a vector with other arguments.
                The vector is then unchanged.
        """
        own = self._identity()
        check_state(state, own, ("env", "rows"))
        check_names(state["rows"], own, self._rows._fields)
        check_shapes(state["rows"], own, self._rows._asdict())
        for name, part in state["rows"].items():
            getattr(self._rows, name)[...] = part
        self._begun = True
