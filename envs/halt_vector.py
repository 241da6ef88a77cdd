"""The native vector of the Halt environment: a step is a few table lookups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from hrm_gym.checks import check_number
from hrm_gym.puzzles import get_task, keys
from hrm_gym.registration import DEFAULT_AGENT

from .actions import host
from .halt import CONTINUE, HALT, HaltEnv, halt_scene, load_traces, reading_space, trace_puzzles
from .infos import final_infos, with_masks
from .state import check_shapes, check_state
from .vector import PuzzleVectorEnv

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

STATE = ("keys", "episodes", "rows", "segments", "done")
"""The entries of a state, in addition to ``env``."""


class HaltVectorEnv(PuzzleVectorEnv):
    """``num_envs`` Halt environments in one; ``HaltEnv`` describes the decision process.

    Row i of a vector with seed s equals the single environment with seed s + i.

    Args:
        num_envs: The number of rows, B.
        source: Bundled traces or a trace file; see ``HaltEnv``.
        max_segments: The segment that always halts; ``None`` for the last recorded segment.
        ponder_cost: The cost of a segment.
        autoreset_mode: ``NextStep``, ``SameStep`` or ``Disabled``; a string, so that
            ``spec.to_json()`` can contain it.
        split: ``train``, ``val``, ``test`` or ``ood``.
        difficulty: Lowest and highest rating, both included.
        limit: The largest number of traces to use.
        augment: Must be ``False``, as in the single environment.
        render_mode: ``rgb_array`` or ``None``; see ``render``.
        unknown: Any other argument; it raises ``TypeError``.

    Raises:
        ValueError: if an argument is invalid; the message names it.
        TypeError: if an argument is unknown; the message names it.
    """

    endings: ClassVar[Mapping[str, Any]] = HaltEnv.endings

    def __init__(
        self,
        num_envs: int,
        source: str = DEFAULT_AGENT,
        *,
        max_segments: int | None = None,
        ponder_cost: float = 0.01,
        autoreset_mode: str | AutoresetMode = "NextStep",
        split: str = "train",
        difficulty: Sequence[float] | None = None,
        limit: int | None = None,
        augment: bool = False,
        render_mode: str | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(num_envs, autoreset_mode, render_mode, unknown)
        if augment is not False:
            raise ValueError("augment: recorded traces cannot be augmented; expected false")
        self.augment = augment
        traces = load_traces(source, max_segments)
        self.max_segments = traces.segments
        self.ponder_cost = check_number("ponder_cost", ponder_cost, 0, 1)
        self.puzzles = trace_puzzles(traces, source, split, difficulty, limit)
        self._set_task(get_task(traces.task))
        self._set_spaces(reading_space(), spaces.Discrete(2))
        # Tables by trace and segment, the traces in the order of the puzzles.
        picked: list[Any] = [self.puzzles[row] for row in range(len(self.puzzles))]
        self._readings = np.stack([puzzle.readings for puzzle in picked])
        self._exact = np.stack([puzzle.exact for puzzle in picked])
        self._accepted = np.stack([puzzle.accepted for puzzle in picked])
        costs = np.arange(1, self.max_segments + 1) * self.ponder_cost
        self._returns = self._accepted - costs
        self._regrets = self._returns.max(axis=1, keepdims=True) - self._returns
        self._keys = np.zeros(num_envs, np.uint64)
        self._episodes = np.full(num_envs, -1, np.int64)
        self._rows = np.zeros(num_envs, np.int64)
        self._segments = np.zeros(num_envs, np.int64)
        self._done = np.zeros(num_envs, bool)

    # Episodes ----------------------------------------------------------------------------------

    def _set_keys(self, rows: list[int], found: list[int]) -> None:
        self._keys[rows], self._episodes[rows] = found, -1

    def _draw(self, among: NDArray[np.int64]) -> NDArray[np.int64]:
        following = keys.lane_array(self._keys, (self._episodes + 1).astype(np.uint64))
        return among[keys.pick_array(following, len(among))]

    def _begin_rows(
        self, chosen: NDArray[np.bool_], index: NDArray[np.int64], as_stored: bool
    ) -> None:
        self._episodes[chosen] += 1
        self._rows[chosen] = index[chosen]
        self._segments[chosen] = 1
        self._done[chosen] = False

    def _reset_outputs(
        self, chosen: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        no = np.zeros(self.num_envs, bool)
        infos = self._info(no, no) | self._unknown_info()
        return self._observe(), {k: v & chosen if k[0] == "_" else v for k, v in infos.items()}

    def _begin(self, mask: NDArray[np.bool_]) -> None:
        """Begin the next episode of the masked rows."""
        if mask.any():
            drawn = self._draw(np.arange(len(self.puzzles)))
            self._begin_rows(mask, drawn, as_stored=False)

    # Steps -------------------------------------------------------------------------------------

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Halt or continue in every row.

        Args:
            actions: ``(B,)`` integers.

        Returns:
            The observations ``(B, 6)`` float32, rewards ``(B,)`` float64, terminations and
            truncations ``(B,)`` bool, and infos. Infos do not contain ``action_mask``, since both
            actions are always legal.

        Raises:
            ValueError: if the actions are not one integer for each row.
        """
        self._require_episode()
        actions = host(actions)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise ValueError(
                f"actions: expected ({self.num_envs},) integers, got {actions.dtype} "
                f"{actions.shape}"
            )
        mode = self.autoreset_mode
        # Rows that ended before this step begin their next episode, or wait for their reset.
        past = self._done.copy()
        halt, proceed = (actions == HALT) & ~past, (actions == CONTINUE) & ~past
        self._segments = np.minimum(self._segments + proceed, self.max_segments)
        done = halt | (proceed & (self._segments == self.max_segments))
        # In ``Disabled`` mode a row that has ended keeps its ``is_success``.
        over = done | past if mode == AutoresetMode.DISABLED else done
        at = (self._rows, self._segments - 1)
        success = self._accepted[at] & over
        ending = {
            "exact": self._exact[at] & done,
            "regret": np.where(done, self._regrets[at], 0.0),
        }
        rewards = np.where(done, self._returns[at], 0.0)
        invalid = ~(halt | proceed)
        if mode == AutoresetMode.NEXT_STEP:
            self._begin(past)
            invalid &= ~past
        infos = self._info(success, invalid) | with_masks(ending, self._every_row)
        observations = self._observe()
        self._done = over.copy()
        if mode == AutoresetMode.SAME_STEP and done.any():
            last = final_infos(observations, infos, done)
            self._begin(done)
            infos = self._info(success & ~done, invalid & ~done) | self._unknown_info() | last
            observations = self._observe()
        return observations, rewards, over, np.zeros(self.num_envs, bool), infos

    def _observe(self) -> NDArray[np.float32]:
        return self._readings[self._rows, self._segments - 1]

    def _info(self, success: NDArray[np.bool_], invalid: NDArray[np.bool_]) -> dict[str, Any]:
        """Return the infos that every row has at every step, with their masks."""
        values = {
            "rating": self.puzzles.ratings[self._rows],
            "segment": self._segments.copy(),
            "is_success": success,
            "invalid_action": invalid,
        }
        return self._task_info() | with_masks(values, self._every_row)

    # Solutions ---------------------------------------------------------------------------------

    def optimal_action(self) -> NDArray[np.int64]:
        """Return the optimal action of every row, ``(B,)``; see ``HaltEnv.optimal_action``."""
        self._require_episode()
        segments = np.arange(1, self.max_segments + 1)
        ahead = segments >= self._segments[:, None]
        returns = np.where(ahead, self._returns[self._rows], -np.inf)
        return np.where(returns.argmax(axis=1) == self._segments - 1, HALT, CONTINUE)

    def get_state(self) -> dict[str, Any]:
        """Return a snapshot of arrays, from which ``set_state`` continues exactly."""
        self._require_episode()
        tables = {name: getattr(self, f"_{name}").copy() for name in STATE}
        return {"env": self._identity(), **tables}

    def set_state(self, state: dict[str, Any]) -> None:
        """Return to a snapshot of ``get_state``.

        Raises:
            ValueError: if the state is incomplete, or was taken from a vector with other arguments.
                The vector is then unchanged.
        """
        own = self._identity()
        check_state(state, own, ("env", *STATE))
        check_shapes(state, own, {name: getattr(self, f"_{name}") for name in STATE})
        for name in STATE:
            setattr(self, f"_{name}", state[name].copy())
        self._begun = True

    def _scene(self, row: int) -> Scene:
        trace: Any = self.puzzles[int(self._rows[row])]
        segment, halted = int(self._segments[row]), bool(self._done[row])
        return halt_scene(self.task, trace, segment, halted, self.max_segments)

    def _identity(self) -> str:
        return f"{super()._identity()}, {self.max_segments} segments at {self.ponder_cost}"
