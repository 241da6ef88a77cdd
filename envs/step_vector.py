"""What the native vectors of the step environments share: rows, autoreset, infos, state."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Task, Tokens, keys

from . import kernels
from .base import Observation, refuse_unknown

MODES = {
    AutoresetMode.NEXT_STEP: kernels.NEXT_STEP,
    AutoresetMode.SAME_STEP: kernels.SAME_STEP,
    AutoresetMode.DISABLED: kernels.DISABLED,
}
Infos = dict[str, Any]
Result = tuple[Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], Infos]


class StepVectorEnv(VectorEnv[Observation, Any, Any]):
    """``num_envs`` step environments in one array a field; a step is one call of a kernel.

    Row i of a vector seeded s is the single environment seeded s + i, bit for bit. Infos are
    arrays ``(B, ...)`` with masks ``_name`` that say in which rows a value holds, as Gymnasium
    builds them: ``rating``, ``is_success``, ``invalid_action`` and, where episodes ended,
    ``regret`` and what the environment adds (with ``SameStep`` in ``final_info``, beside
    ``final_obs``). Arrays are fresh in every step.

    Args:
        task: The task.
        observation: The space of one row.
        num_envs: Rows B.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; as strings, since enums do not
            survive ``spec.to_json()``.
        masks: Put ``action_mask`` ``(B, actions)`` int8 in every info; ``action_masks()`` gives
            them on demand.
        max_episode_steps: Steps before truncation, which ``gym.make_vec`` hands on from the
            registration table; ``None`` or -1 is no limit.
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
        max_episode_steps: int | None = None,
        source: str = "bank",
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        augment: bool = True,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown(unknown)
        if not isinstance(num_envs, int) or num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs!r}")
        if render_mode is not None:
            raise ValueError("render_mode: the native vector draws nothing; make a single one")
        if max_episode_steps in (None, -1):
            steps = kernels.UNLIMITED
        elif not isinstance(max_episode_steps, int) or max_episode_steps < 1:
            raise ValueError(
                f"max_episode_steps: expected at least 1, or None, got {max_episode_steps!r}"
            )
        else:
            steps = max_episode_steps
        self.num_envs = num_envs
        self.task = task
        self.augment = bool(augment)
        self.masks = bool(masks)
        self.max_episode_steps = steps
        self.puzzles = load_puzzles(task, source, split, difficulty, limit)
        self._bank = kernels.Bank(
            np.ascontiguousarray(self.puzzles.inputs),
            np.ascontiguousarray(self.puzzles.labels),
            np.ascontiguousarray(self.puzzles.ratings),
        )
        mode = AutoresetMode(autoreset_mode)
        self.metadata = {"autoreset_mode": mode, "render_modes": []}
        self._mode = MODES[mode]
        self.single_observation_space = observation
        self.single_action_space = spaces.Discrete(actions)
        self.observation_space = batch_space(observation, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.render_mode = None
        self.spec = None
        self._begun = False
        self._rows: Any = self._new_rows()
        # Where the kernel leaves what only the rows that ended have to say.
        self._final: Any = self._new_seen()
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
    def _look(self, seen: Any) -> None:
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

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, Infos]:
        """Begin an episode in every row, or in those of ``options["reset_mask"]`` (B,) bool.

        Args:
            seed: s seeds row i with s + i; a sequence seeds each row.
            options: ``{"reset_mask": mask}`` or ``{"index": (B,) integers}``, the puzzles to take
                as they are.

        Returns:
            Observations and infos.

        Raises:
            ValueError: An option is unknown, or does not have one fitting value a row.
        """
        options = options or {}
        for name in options:
            if name not in ("reset_mask", "index"):
                raise ValueError(f"options: expected reset_mask or index, got {name!r}")
        if isinstance(seed, (int, np.integer)):
            seed = [int(seed) + row for row in range(self.num_envs)]
        if seed is not None and len(seed) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, got {len(seed)}")
        chosen = np.ones(self.num_envs, np.bool_)
        if options.get("reset_mask") is not None:
            chosen = np.array(options["reset_mask"]).astype(np.bool_)
            if chosen.shape != (self.num_envs,):
                raise ValueError(f"reset_mask: expected ({self.num_envs},), got {chosen.shape}")
            if not (self._begun or chosen.all()):
                raise ValueError("reset_mask: the first reset begins an episode in every row")
        index = self._check_index(options.get("index"))
        if not self._begun and seed is None:
            seed = [None] * self.num_envs
        if seed is not None:
            # By the generator that a single environment has.
            for row, value in enumerate(seed):
                if chosen[row] and (value is not None or not self._begun):
                    self._rows.keys[row] = keys.seed_key(np.random.default_rng(value))
                    self._rows.episodes[row] = -1
        self._begin(chosen, index)
        self._begun = True
        seen = self._new_seen()
        self._look(seen)
        no = np.zeros(self.num_envs, np.bool_)
        return self._observation(seen), self._infos(chosen, no, no, seen.masks)

    def _check_index(self, index: Any) -> NDArray[np.int64]:
        """Return ``options["index"]``, -1 where a puzzle is drawn."""
        if index is None:
            return np.full(self.num_envs, -1)
        rows = np.asarray(index)
        if rows.shape != (self.num_envs,) or rows.dtype.kind not in "iu":
            raise ValueError(f"index: expected {self.num_envs} integers, got {index!r}")
        if rows.min() < 0 or rows.max() >= len(self.puzzles):
            raise ValueError(f"index: expected 0..{len(self.puzzles) - 1}, got {index!r}")
        return rows.astype(np.int64)

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
        before = self._rows.ratings.copy()
        count = self._play(moves.astype(np.int64, copy=False), results, seen)
        every = np.ones(self.num_envs, np.bool_)
        rewards, terminated, truncated, invalid, *_ = results
        success = rewards > 0
        if not count:
            infos = self._infos(every, success, invalid, seen.masks)
        elif self._mode == kernels.SAME_STEP:
            ended = terminated | truncated
            infos = self._infos(every, success & ~ended, invalid & ~ended, seen.masks)
            last = self._infos(ended, success, invalid & ended, None)
            last["rating"] = np.where(ended, before, np.float32(0))
            if self.masks:
                last["action_mask"] = np.zeros_like(seen.masks)
                last["action_mask"][ended] = self._final.masks[ended]
                last["_action_mask"] = ended.copy()
            infos["final_obs"], infos["_final_obs"] = self._final_obs(ended), ended.copy()
            infos["final_info"] = last | self._masked(self._ending(results, ended), ended)
            infos["_final_info"] = ended
        else:
            ended = terminated | truncated
            infos = self._infos(every, success, invalid, seen.masks)
            infos |= self._masked(self._ending(results, ended), ended)
        # Rows of one array would keep each other alive.
        return self._observation(seen), rewards, terminated.copy(), truncated.copy(), infos

    def _observation(self, seen: Any) -> Observation:
        return {name: getattr(seen, name) for name in self.single_observation_space}  # type: ignore[attr-defined]

    def _infos(
        self,
        rows: NDArray[np.bool_],
        success: NDArray[np.bool_],
        invalid: NDArray[np.bool_],
        masks: NDArray[np.int8] | None,
    ) -> Infos:
        """Return what every info says, in the given rows."""
        infos = {
            "rating": self._rows.ratings.copy(),
            "_rating": rows.copy(),
            "is_success": success.copy(),
            "_is_success": rows.copy(),
            "invalid_action": invalid.copy(),
            "_invalid_action": invalid.copy(),
        }
        if self.masks and masks is not None:
            infos["action_mask"], infos["_action_mask"] = masks, rows.copy()
        return infos

    @staticmethod
    def _masked(values: Infos, rows: NDArray[np.bool_]) -> Infos:
        return values | {f"_{name}": rows.copy() for name in values}

    def _final_obs(self, ended: NDArray[np.bool_]) -> NDArray[Any]:
        """Return the last observations of the rows that ended, one dictionary a row."""
        rows = np.flatnonzero(ended)
        parts = self._observation(self._final)
        columns = zip(*(list(part[rows]) for part in parts.values()), strict=True)
        final = np.full(self.num_envs, None, object)
        for row, values in zip(rows.tolist(), columns, strict=True):
            final[row] = dict(zip(parts, values, strict=True))
        return final

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal, ``(B, actions)`` bool."""
        self._require_episode()
        masks = np.empty((self.num_envs, int(self.single_action_space.n)), np.int8)
        self._write_masks(masks)
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

    def _require_episode(self) -> None:
        if not self._begun:
            raise ResetNeeded(f"{type(self).__name__}: call reset() before this")

    # State --------------------------------------------------------------------------------------

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot, arrays and plain values; ``set_state`` goes on from it exactly."""
        self._require_episode()
        rows = {name: part.copy() for name, part in self._rows._asdict().items()}
        return {"task": self.task.id, "env": type(self).__name__, "rows": rows}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go back to a snapshot of ``get_state``.

        Raises:
            ValueError: It is of another task or number of rows; nothing changes then.
        """
        own = f"{self.num_envs} rows of {type(self).__name__} on {self.task.id}"
        rows = state.get("rows") if isinstance(state, dict) else None
        shapes = {name: (part.shape, part.dtype) for name, part in self._rows._asdict().items()}
        if rows is None or state.get("task") != self.task.id or not isinstance(rows, dict):
            raise ValueError(f"state: expected {own}, got something else")
        if {name: (np.shape(part), np.asarray(part).dtype) for name, part in rows.items()} != (
            shapes
        ):
            raise ValueError(f"state: expected {own}, got {len(rows.get('keys', ()))} rows")
        for name, part in rows.items():
            getattr(self._rows, name)[...] = part
        self._begun = True
