"""What the native vectors of the step environments share: rows, autoreset, infos, state."""

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
from hrm_gym.puzzles import Task, Tokens

from . import kernels
from .base import Observation
from .checks import check_max_steps
from .state import check_names, check_shapes, check_state
from .vector import PuzzleVectorEnv, final_infos, with_masks

MODES = {
    AutoresetMode.NEXT_STEP: kernels.NEXT_STEP,
    AutoresetMode.SAME_STEP: kernels.SAME_STEP,
    AutoresetMode.DISABLED: kernels.DISABLED,
}
Infos = dict[str, Any]
Result = tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]


class StepVectorEnv(PuzzleVectorEnv):
    """``num_envs`` step environments in one array a field; a step is one call of a kernel.

    Row i of a vector seeded s is the single environment seeded s + i, bit for bit. Infos are
    arrays ``(B, ...)`` with masks ``_name`` that say in which rows a value holds, as Gymnasium
    builds them: ``rating``, ``is_success``, ``invalid_action`` and, where episodes ended,
    ``regret`` and what the environment adds (with ``SameStep`` in ``final_info``, beside
    ``final_obs``). Arrays are fresh in every step. With ``Disabled``, a row that has ended stays as
    it is until it is reset: every action is invalid there, none is in the mask, each pays 0, and
    ``is_success`` stays as it was.

    Args:
        task: The task.
        observation: The space of one row.
        num_envs: Rows B.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; as strings, since enums do not
            survive ``spec.to_json()``.
        masks: Put ``action_mask`` ``(B, actions)`` int8 in every info; ``action_masks()`` gives
            them on demand.
        max_steps: The number of steps after which an episode is truncated, ``None`` for no limit.
        source: See the single environment, as for ``split``, ``difficulty``, ``limit`` and
            ``augment``.
        split: The split.
        difficulty: Lowest and highest rating.
        limit: At most so many puzzles.
        augment: Show every puzzle under a random symmetry.
        render_mode: Must be ``None``; make the single environment to see pictures.
        unknown: Refused by name.

    Raises:
        ValueError: An argument is wrong; the sentence names it.
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
        source: str = "bank",
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
        self._mode = MODES[self.mode]
        self._set_spaces(observation, spaces.Discrete(actions))
        # In a space's own order; to ask the space in every step takes longer than to look.
        self._names = tuple(observation)
        self._rows: Any = self._new_rows()
        # Where the kernel leaves what only the rows that ended have to say.
        self._final: Any = self._new_seen()._replace(masks=np.empty((num_envs, 0), np.int8))
        self._outcome = np.zeros((2, num_envs), np.int64)

    # What a task adds ---------------------------------------------------------------------------

    @abstractmethod
    def _new_rows(self) -> Any:
        """Return the state of all rows, a named tuple of arrays."""

    @abstractmethod
    def _new_seen(self) -> Any:
        """Return fresh arrays for observations and masks, a named tuple that ends in ``masks``."""

    @abstractmethod
    def _begin(self, chosen: NDArray[np.bool_], index: NDArray[np.int64]) -> None:
        """Begin an episode in the chosen rows; ``index`` -1 draws."""

    @abstractmethod
    def _see(self, seen: Any) -> None:
        """Write what every row sees."""

    @abstractmethod
    def _play(self, actions: NDArray[np.int64], results: kernels.Results, seen: Any) -> int:
        """Play a step; return how many rows ended."""

    @abstractmethod
    def _write_masks(self, masks: NDArray[np.int8]) -> None:
        """Write the masks of all rows."""

    @abstractmethod
    def _write_optimal(self, actions: NDArray[np.int64]) -> None:
        """Write the teacher's actions."""

    @abstractmethod
    def _solved(self) -> NDArray[np.bool_]:
        """Return in which rows the goal is reached."""

    def _ending(self, results: kernels.Results, ended: NDArray[np.bool_]) -> Infos:
        """Return what the last infos say beside what every info does."""
        return {"regret": np.where(ended, results.regret, 0)}

    # Episodes -----------------------------------------------------------------------------------

    def _shared_rows(self) -> tuple[Any, Any, Any, Any, Any, Any, Any]:
        """Return the arrays that the states of all tasks begin with."""
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

    def _begin_rows(self, chosen: NDArray[np.bool_], index: NDArray[np.int64] | None) -> None:
        self._begin(chosen, np.full(self.num_envs, -1) if index is None else index)

    def _look(self, chosen: NDArray[np.bool_]) -> tuple[Observation, Infos]:
        seen = self._new_seen()
        self._see(seen)
        no = np.zeros(self.num_envs, np.bool_)
        return self._observation(seen), self._infos(chosen, no, no, seen.masks)

    def step(self, actions: Any) -> Result:
        """Play one action a row.

        Args:
            actions: ``(B,)`` integers; those outside the space change nothing, as in the single
                environment.

        Returns:
            Observations, rewards ``(B,)`` float64, terminations and truncations ``(B,)`` bool,
            and infos.

        Raises:
            ValueError: The actions are not one integer a row.
        """
        self._require_episode()
        moves = np.asarray(actions)
        if moves.shape != (self.num_envs,) or moves.dtype.kind not in "iu":
            raise ValueError(
                f"actions: expected ({self.num_envs},) integers, got {moves.dtype} {moves.shape}"
            )
        flags = np.empty((3, self.num_envs), np.bool_)
        results = kernels.Results(np.empty(self.num_envs), *flags, *self._outcome)
        seen = self._new_seen()
        before, past = self._rows.ratings.copy(), self._rows.ended.copy()
        count = self._play(moves.astype(np.int64, copy=False), results, seen)
        every = self._every_row
        rewards, terminated, truncated, invalid, *_ = results
        success = rewards > 0
        if self._mode == kernels.DISABLED:
            success |= past & self._solved()
        if not count:
            infos = self._infos(every, success, invalid, seen.masks)
        elif self._mode == kernels.SAME_STEP:
            ended = terminated | truncated
            infos = self._infos(every, success & ~ended, invalid & ~ended, seen.masks)
            last = self._infos(ended, success, invalid & ended, None)
            last["rating"] = np.where(ended, before, np.float32(0))
            if self.masks:
                last["action_mask"] = np.zeros_like(seen.masks)
                last["_action_mask"] = ended.copy()
            last |= with_masks(self._ending(results, ended), ended)
            infos |= final_infos(self._observation(self._final), last, ended)
        else:
            ended = (terminated | truncated) & ~past
            infos = self._infos(every, success, invalid, seen.masks)
            infos |= with_masks(self._ending(results, ended), ended)
        # Rows of one array would keep each other alive.
        return self._observation(seen), rewards, terminated.copy(), truncated.copy(), infos

    def _observation(self, seen: Any) -> Observation:
        return {name: getattr(seen, name) for name in self._names}

    def _infos(
        self,
        rows: NDArray[np.bool_],
        success: NDArray[np.bool_],
        invalid: NDArray[np.bool_],
        masks: NDArray[np.int8] | None,
    ) -> Infos:
        """Return what every info says, in the given rows."""
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
        masks[self._rows.ended] = self.mode == AutoresetMode.NEXT_STEP

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal, ``(B, actions)`` bool.

        A row that has ended offers every action in ``NextStep`` mode, and none in ``Disabled``.
        """
        self._require_episode()
        masks = np.empty((self.num_envs, int(self.single_action_space.n)), np.int8)
        self._write_masks(masks)
        self._mask_ended(masks)
        return masks.view(np.bool_)

    # The teacher's ------------------------------------------------------------------------------

    @property
    def labels(self) -> Tokens:
        """The answers of the current puzzles, ``(B, seq_len)`` uint8."""
        return self.solve()

    def solve(self) -> Tokens:
        """Return the answers of the current puzzles, ``(B, seq_len)`` uint8."""
        self._require_episode()
        return np.array(self._rows.labels)

    def optimal_action(self) -> NDArray[np.int64]:
        """Return an action of a shortest way to success for every row, ``(B,)`` int64."""
        self._require_episode()
        actions = np.empty(self.num_envs, np.int64)
        self._write_optimal(actions)
        return actions

    # State --------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot, arrays and plain values; ``set_state`` goes on from it exactly."""
        self._require_episode()
        rows = {name: part.copy() for name, part in self._rows._asdict().items()}
        return {"env": self._identity(), "rows": rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of ``get_state``.

        Raises:
            ValueError: It is of a vector made otherwise, or not whole; nothing changes then.
        """
        own = self._identity()
        check_state(state, own, ("env", "rows"))
        check_names(state["rows"], own, self._rows._fields)
        check_shapes(state["rows"], own, self._rows._asdict())
        for name, part in state["rows"].items():
            getattr(self._rows, name)[...] = part
        self._begun = True
