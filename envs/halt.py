"""The Halt environment: recorded segments are played back, and halting is the only choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.checks import check_number, check_whole
from hrm_gym.data import PuzzleSet
from hrm_gym.data.source import check_choice, choose
from hrm_gym.data.traces import Traces, bundled_names, bundled_traces, read_traces
from hrm_gym.puzzles import SPLITS, Puzzle, Task, get_task
from hrm_gym.registration import DEFAULT_AGENT

from .actions import as_integer
from .base import PuzzleEnv
from .checks import refuse_max_steps

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

CONTINUE, HALT = 0, 1
READINGS = ("q_halt", "q_continue", "entropy", "changed", "segment", "rating")
"""The components of an observation, in this order."""
Q_SCALE, RATING_SCALE = 4.0, 10.0
TRAIN_SHARE, VAL_SHARE = 70, 10
"""Shares of the traces that are not ``ood``, in percent; the rest is ``test``."""


@dataclass(frozen=True, eq=False, kw_only=True)
class TracePuzzle(Puzzle):
    """A puzzle of a trace file with its recording of S segments.

    Attributes:
        readings: ``(S, 6)`` float32, the observations.
        exact: ``(S,)`` bool, whether the answer equals the label.
        accepted: ``(S,)`` bool, whether the rules accept the answer.
        q_halt: ``(S,)`` float32, for the picture.
        q_continue: ``(S,)`` float32, for the picture.
    """

    readings: NDArray[np.float32]
    exact: NDArray[np.bool_]
    accepted: NDArray[np.bool_]
    q_halt: NDArray[np.float32]
    q_continue: NDArray[np.float32]

    def __deepcopy__(self, memo: dict[int, object]) -> TracePuzzle:
        """Return the puzzle itself, since its arrays are read-only."""
        return self


class HaltEnv(PuzzleEnv[np.int64]):
    """Decide after every segment whether a reasoning model should stop.

    ## Description
    This environment isolates the halting decision of adaptive computation time (HRM paper, arXiv
    2506.21734, section 2). A trace file records what a model answered after each segment and how
    confident it was; an episode plays back one puzzle of the file. No model runs, so steps are as
    fast as in any small environment, and every halting policy sees the same segments.

    ## Action Space
    ``Discrete(2)``: 0 continue, 1 halt.

    ## Observation Space
    ``Box(-1, 1, (6,), float32)``, six numbers about the last segment: q_halt and q_continue, where
    a logit q is scaled as q / (4 + |q|), which keeps their order; the mean entropy of a token (0 is
    certain, 1 is uniform); the share of cells that the segment changed (the first segment is
    compared with the question); segment / max_segments; the rating r of the puzzle, scaled as
    r / (10 + r).

    ## Rewards
    0 for continuing. On halting, 1 if the rules accept the answer and else 0, minus
    ``ponder_cost`` for each segment.

    ## Starting State
    A puzzle of the split after its first segment.

    ## Episode End
    The episode terminates on halt. Segment ``max_segments`` always halts, so continuing to it ends
    the episode with the answer of that segment. The info then holds ``exact``, whether the answer
    equals the label; ``is_success``, whether the rules accept it; and ``regret``, by how much the
    reward of halting at the best segment exceeds the reward of the episode.

    ## Arguments
    ``source`` (``sudoku``): the bundled traces of the pretrained agent ``sudoku`` on 9x9 Sudokus or
    ``maze`` on 30x30 mazes, or a trace file. ``max_segments``: all recorded segments by default.
    ``ponder_cost`` (0.01). ``difficulty``, ``limit`` and ``render_mode`` are the same in every
    environment. ``split``: puzzles that the task sets aside as out of distribution are ``ood``; of
    the others, the canonical hash assigns 70% to ``train``, 10% to ``val`` and 20% to ``test``.
    These are not the splits of the task: an agent should be recorded on puzzles that it was not
    trained on, and these have to provide all splits of this environment.

    ## Version History
    * v0: first version.
    """

    endings: ClassVar[Mapping[str, Any]] = {"regret": 0.0, "exact": False}
    state_fields: ClassVar[tuple[str, ...]] = ("segment",)

    def __init__(
        self,
        source: str = DEFAULT_AGENT,
        max_segments: int | None = None,
        ponder_cost: float = 0.01,
        **kwargs: Any,
    ) -> None:
        refuse_max_steps(kwargs)
        self.traces = load_traces(source, max_segments)
        self.max_segments = self.traces.segments
        self.ponder_cost = check_number("ponder_cost", ponder_cost, 0, 1)
        if kwargs.setdefault("augment", False) is not False:
            raise ValueError("augment: recorded traces cannot be augmented; expected false")
        super().__init__(get_task(self.traces.task), source=source, **kwargs)
        self.observation_space = reading_space()  # type: ignore[assignment]
        self.action_space = spaces.Discrete(2)
        self.costs = np.arange(1, self.max_segments + 1) * self.ponder_cost

    def _load(
        self,
        source: str,
        split: str,
        difficulty: Sequence[float] | None,
        limit: int | None,
        task_id: str | None,
    ) -> PuzzleSet:
        if task_id is not None:
            raise ValueError(f"task_id: traces have no names, got {task_id!r}")
        return trace_puzzles(self.traces, source, split, difficulty, limit)

    def _check_options(self, options: dict[str, Any]) -> None:
        if "puzzle" in options:
            raise ValueError(
                "options: only recorded puzzles can be played; expected index, got 'puzzle'"
            )
        super()._check_options(options)

    def _identity(self) -> str:
        return f"{super()._identity()}, {self.max_segments} segments at {self.ponder_cost}"

    def _begin(self) -> None:
        self.segment = 1

    def _play(self, action: Any) -> tuple[float, bool, dict[str, Any]]:
        """Halt or continue."""
        extra: dict[str, Any] = {}
        reward, done = 0.0, False
        choice = as_integer(action)
        if choice not in (CONTINUE, HALT):
            extra["invalid_action"] = True
        else:
            if choice == CONTINUE:
                self.segment = min(self.segment + 1, self.max_segments)
            done = bool(choice == HALT or self.segment == self.max_segments)
        if done:
            reward = float(self.returns()[self.segment - 1])
            extra["exact"] = bool(self.trace.exact[self.segment - 1])
            extra["is_success"] = bool(self.trace.accepted[self.segment - 1])
        return reward, done, extra

    def _ending(self) -> dict[str, Any]:
        returns = self.returns()
        return {"regret": float(returns.max() - returns[self.segment - 1])}

    @property
    def trace(self) -> TracePuzzle:
        """The puzzle of the episode with its recording."""
        assert isinstance(self.puzzle, TracePuzzle)
        return self.puzzle

    def returns(self) -> NDArray[np.float64]:
        """Return the reward for halting after each segment, ``(max_segments,)``."""
        self._require_episode()
        return self.trace.accepted - self.costs

    def _observe(self) -> NDArray[np.float32]:  # type: ignore[override]
        return self.trace.readings[self.segment - 1].copy()

    def _info(self, **extra: Any) -> dict[str, Any]:
        return super()._info(segment=self.segment, **extra)

    def _legal(self) -> NDArray[np.bool_]:
        """Return ``(2,)`` bool: both actions are always legal."""
        return np.ones(2, bool)

    def optimal_action(self) -> int:
        """Return 1 (halt) if no later segment pays more, else 0.

        That is at the first correct answer, if it pays more than halting now. If no later answer is
        correct, it halts immediately.
        """
        return HALT if int(self.returns()[self.segment - 1 :].argmax()) == 0 else CONTINUE

    def _scene(self) -> Scene:
        last = self.max_segments
        return halt_scene(self.task, self.trace, self.segment, self.terminated, last)


def halt_scene(task: Task, trace: TracePuzzle, segment: int, halted: bool, last: int) -> Scene:
    """Return the picture of a trace up to a segment."""
    from hrm_gym.rendering import HaltScene

    state = "halted" if halted else "thinking"
    return HaltScene(
        trace.q_halt,
        trace.q_continue,
        trace.accepted,
        segment,
        halted,
        caption=f"{task.id}, rating {trace.rating:g}: {state} at segment {segment} of {last}",
    )


def reading_space() -> spaces.Box:
    """Return the observation space of one environment."""
    return spaces.Box(-1.0, 1.0, (len(READINGS),), np.float32)


def load_traces(source: str, max_segments: int | None) -> Traces:
    """Return the first segments of bundled traces or of a trace file; all for ``None``.

    Raises:
        ValueError: if the file is missing or damaged, or has fewer segments.
    """
    bundled = source in bundled_names()
    traces = bundled_traces(source) if bundled else read_traces(source)
    if max_segments is None:
        return traces
    if check_whole("max_segments", max_segments) > traces.segments:
        raise ValueError(
            f"max_segments: expected 1..{traces.segments}, the segments of {source}, got "
            f"{max_segments!r}"
        )
    return traces.first(max_segments)


@lru_cache(maxsize=8)
def readings(traces: Traces) -> NDArray[np.float32]:
    """Return the observations of every segment, ``(N, S, 6)`` float32; see ``HaltEnv``."""
    shape = traces.q_halt.shape
    segment = np.arange(1, traces.segments + 1) / traces.segments
    rating = traces.ratings / (RATING_SCALE + traces.ratings)
    parts = [
        *(q / (Q_SCALE + np.abs(q)) for q in (traces.q_halt, traces.q_continue)),
        traces.entropy.clip(0, 1),
        traces.changed,
        np.broadcast_to(segment, shape),
        np.broadcast_to(rating[:, None], shape),
    ]
    values = np.stack(parts, axis=2).astype(np.float32)
    values.setflags(write=False)
    return values


def trace_splits(traces: Traces) -> NDArray[np.int64]:
    """Return the index in ``SPLITS`` of the split of each trace, ``(N,)``."""
    # The two decimal digits before those that decide the split of the task.
    share = traces.digests // np.uint64(100) % np.uint64(100)
    inside = np.where(share < TRAIN_SHARE, 0, np.where(share < TRAIN_SHARE + VAL_SHARE, 1, 2))
    return np.where(traces.ood, SPLITS.index("ood"), inside)


def trace_puzzles(
    traces: Traces,
    source: str,
    split: str,
    difficulty: Sequence[float] | None,
    limit: int | None,
) -> PuzzleSet:
    """Return the traces that an environment draws from, as puzzles.

    Raises:
        ValueError: if an argument is invalid, or no trace is left.
    """
    check_choice(split, difficulty, limit)
    rows = np.flatnonzero(trace_splits(traces) == SPLITS.index(split))  # type: ignore[arg-type]
    if len(rows) == 0:
        raise ValueError(f"split: {source} has no trace of split {split!r}")
    seen, exact = readings(traces), traces.exact
    puzzles = [
        TracePuzzle(
            traces.inputs[row],
            traces.labels[row],
            float(traces.ratings[row]),
            source,
            readings=seen[row],
            exact=exact[row],
            accepted=traces.accepted[row],
            q_halt=traces.q_halt[row],
            q_continue=traces.q_continue[row],
        )
        for row in rows.tolist()
    ]
    found = PuzzleSet(
        traces.inputs[rows],
        traces.labels[rows],
        traces.ratings[rows],
        np.zeros(len(rows), np.int32),
        source,
        puzzles=puzzles,
    )
    return choose(found, source, split, difficulty, limit)
