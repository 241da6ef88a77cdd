"""Thinking and solving with NumPy arrays, independent of what computes the segments.

An HRM in PyTorch and an exported HRM share this code: halting, and the batch that shrinks as
puzzles halt. This module does not load torch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.checks import check_whole
from hrm_gym.data.readers import read_puzzle
from hrm_gym.halt_rule import repeats_answer
from hrm_gym.halting import sigmoid
from hrm_gym.puzzles import PAD, Symmetry, Task, Tokens

from ...base import Agent, Signal

Rows = list[NDArray[np.int64]]


class Noise(NamedTuple):
    """Gaussian noise in the carry, with which an agent thinks differently each time.

    Attributes:
        start: Standard deviation of the noise in the initial carry.
        carry: Standard deviation of the noise added after every segment.
        seed: Seed of the noise.
    """

    start: float
    carry: float
    seed: int

    @property
    def is_silent(self) -> bool:
        """Whether there is no noise at all."""
        return not (self.start or self.carry)


class Segment(NamedTuple):
    """The outputs of one segment for B puzzles.

    Attributes:
        answer: ``(B, seq_len)`` uint8.
        q_halt: ``(B,)`` float32.
        q_continue: ``(B,)`` float32, ``None`` for a model without q_continue.
        confidence: ``(B, seq_len)`` float32, the probability of the token at each position.
        entropy: ``(B,)`` float32, the mean entropy of a token, from 0 (certain) to 1 (uniform).
        halt: ``(B,)`` bool, whether the model halts after this segment.
    """

    answer: Tokens
    q_halt: NDArray[np.float32]
    q_continue: NDArray[np.float32] | None
    confidence: NDArray[np.float32]
    entropy: NDArray[np.float32]
    halt: NDArray[np.bool_]


class Solution(NamedTuple):
    """The answers to B puzzles; a single puzzle has no batch dimension.

    Attributes:
        answer: ``(B, seq_len)`` uint8.
        segments: ``(B,)`` int64, the number of segments.
        q_halt: ``(B,)`` float32, at the last segment.
        confidence: ``(B,)`` float32, the predicted probability that the answer is right.
        certainty: ``(B, seq_len)`` float32, the probability of the token at each position.
    """

    answer: Tokens
    segments: NDArray[np.int64]
    q_halt: NDArray[np.float32]
    confidence: NDArray[np.float32]
    certainty: NDArray[np.float32]

    def take(self, rows: Any) -> Solution:
        """Return copies of the answers to some puzzles, in the order of ``rows``."""
        parts: tuple[Any, ...] = self
        return Solution(*(part[rows].copy() for part in parts))

    def turned(self, symmetry: Symmetry) -> Solution:
        """Return the answers under a symmetry of their task."""
        answer, certainty = symmetry.apply(self.answer), self.certainty[..., symmetry.positions]
        return self._replace(answer=answer, certainty=certainty)

    def put(self, rows: Any, others: Solution) -> None:
        """Replace the answers to some puzzles, but add their segments."""
        self.segments[rows] += others.segments
        parts: tuple[Any, ...] = self
        for part, new in zip(parts, others, strict=True):
            if part is not self.segments:
                part[rows] = new


class ReasoningAgent(Agent):
    """An agent that answers a whole puzzle in each segment, until it halts.

    Args:
        task: The task of the agent.
        max_segments: The last segment.
        steady: Halt only after two consecutive segments with equal answers. This helps a model that
            has memorized its training puzzles and is too confident after the first segment.
    """

    name = "hrm"
    signal: ClassVar[Signal] = "labels"
    num_puzzles = 0
    """Rows of the puzzle embedding; 0 if the model has none."""
    any_size = False
    """Whether the agent answers puzzles of every size of its family."""
    trained_noise: tuple[float, float] = (0.0, 0.0)
    """Standard deviations of the noise of the training: in the initial carry, and that added after
    every segment."""

    def __init__(self, task: Task, max_segments: int, steady: bool = False) -> None:
        self.task = task
        self.max_segments = max_segments
        self.steady = steady
        self._tasks = {task.seq_len: task}

    def task_for(self, seq_len: int) -> Task:
        """Return the task of the agent's family with a number of positions.

        Raises:
            ValueError: if the agent cannot answer puzzles of this size.
        """
        if seq_len not in self._tasks:
            side = math.isqrt(seq_len)
            if not self.any_size or side * side != seq_len:
                raise ValueError(
                    f"tokens: expected (batch, {self.task.seq_len}) for {self.task.id}, got "
                    f"{seq_len} positions"
                )
            task = self.task.resized(side)
            self._add_task(task)
            self._tasks[seq_len] = task
        return self._tasks[seq_len]

    def _add_task(self, task: Task) -> None:
        """Prepare the agent for puzzles of another size."""

    def impossible(self, seq_len: int) -> NDArray[np.bool_]:
        """Return which tokens no answer with this number of positions contains, ``(vocab,)`` bool.

        An agent far from the sizes of its training may prefer one of them, such as padding.
        """
        task = self.task_for(seq_len)
        return np.isin(np.arange(task.vocab_size), task.answer_tokens, invert=True)

    @abstractmethod
    def _segments(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        """Yield the outputs of each segment, and a list that is empty at first.

        The caller may append the indices of the rows that stay in the batch to the list.

        Args:
            tokens: ``(B, seq_len)`` uint8.
            puzzle_ids: ``(B,)``.
            segments: Largest number of segments.
            noise: Noise in the carry.
        """

    def _thoughts(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        """Yield like ``_segments``, with the halting rule of this agent."""
        before: Tokens | None = None
        for segment, rows in self._segments(tokens, puzzle_ids, segments, noise):
            answer = segment.answer
            if self.steady:
                repeats = repeats_answer(answer, before)
                segment = segment._replace(halt=segment.halt & repeats)
            yield segment, rows
            before = answer[rows[-1]] if rows else answer

    def _batch(
        self, tokens: NDArray[Any], puzzle_ids: ArrayLike | None
    ) -> tuple[Tokens, NDArray[np.int64]]:
        """Return tokens and puzzle ids of a batch after checking them.

        Raises:
            ValueError: if the shape, a token or a puzzle id does not fit the task or the model.
        """
        values = np.atleast_2d(tokens)
        if values.ndim != 2:
            raise ValueError(
                f"tokens: expected (batch, {self.task.seq_len}) for {self.task.id}, got "
                f"shape {values.shape}"
            )
        task = self.task_for(values.shape[1])
        if values.size and not (values.min() >= 0 and values.max() < task.vocab_size):
            raise ValueError(
                f"tokens: those of {task.id} lie in 0..{task.vocab_size - 1}, got "
                f"{values.min()}..{values.max()}"
            )
        if not task.holds_padding and np.any(values == PAD):
            raise ValueError(
                f"tokens: 0 is padding, which no question of {task.id} contains; expected tokens "
                f"1..{task.vocab_size - 1}, or the rows of a grid of digits as nested lists"
            )
        ids = np.zeros(len(values)) if puzzle_ids is None else np.asarray(puzzle_ids)
        if ids.shape != (len(values),):
            raise ValueError(f"puzzle_ids: expected shape ({len(values)},), got {ids.shape}")
        # A model without a puzzle embedding ignores the ids.
        if self.num_puzzles and ids.size and not (ids.min() >= 0 and ids.max() < self.num_puzzles):
            raise ValueError(
                f"puzzle_ids: this model knows 0..{self.num_puzzles - 1}, got "
                f"{ids.min():.0f}..{ids.max():.0f}"
            )
        return values.astype(np.uint8), ids.astype(np.int64)

    def as_tokens(self, puzzles: ArrayLike) -> NDArray[Any]:
        """Return puzzles as an array of tokens.

        Args:
            puzzles: ``(seq_len,)`` or ``(B, seq_len)`` tokens, which are returned as they are; or
                ``(side, side)`` or ``(B, side, side)`` digits or characters, 0 for a blank cell.

        Raises:
            ValueError: if a grid is not a puzzle of a size that the agent answers.
        """
        try:
            values = np.asarray(puzzles)
        except ValueError:
            raise ValueError("tokens: expected rows of the same length") from None
        if values.ndim < 2 or values.shape[-1] != values.shape[-2] or self.task.holds_padding:
            return values
        side = values.shape[-1]
        known = side in self._tasks or (self.any_size and math.isqrt(side) ** 2 == side)
        if values.ndim == 2 and known and values.dtype.kind in "iu" and not np.any(values == PAD):
            return values
        task = self.task_for(side * side)
        if values.ndim == 2:
            return read_puzzle(task, values)
        return np.stack([read_puzzle(task, grid) for grid in values])

    def _most(self, segments: int | None) -> int:
        """Return the number of the last segment.

        Raises:
            ValueError: if ``segments`` is not positive.
        """
        return self.max_segments if segments is None else check_whole("segments", segments)

    # Thinking ----------------------------------------------------------------------------------

    def think(
        self,
        tokens: ArrayLike,
        puzzle_ids: ArrayLike | None = None,
        halt: bool = True,
        segments: int | None = None,
    ) -> Iterator[Segment]:
        """Think about puzzles and yield the outputs of each segment.

        Args:
            tokens: ``(seq_len,)`` or ``(B, seq_len)`` integers; or grids, see ``as_tokens``.
            puzzle_ids: ``(B,)`` rows of the puzzle embedding; default: 0.
            halt: End when every row has halted, instead of at the last segment.
            segments: The last segment; default: ``max_segments``, which it may exceed.

        Raises:
            ValueError: if the shape, a token or a puzzle id does not fit, or ``segments`` is not
                positive.
        """
        batch, ids = self._batch(self.as_tokens(tokens), puzzle_ids)
        ended = np.zeros(len(batch), bool)
        for segment, _ in self._thoughts(batch, ids, self._most(segments)):
            yield segment
            ended |= segment.halt
            if halt and ended.all():
                return

    def solve(
        self,
        tokens: ArrayLike,
        puzzle_ids: ArrayLike | None = None,
        halt: bool = True,
        segments: int | None = None,
        noise: Noise | None = None,
    ) -> Solution:
        """Answer puzzles; each puzzle leaves the batch when it halts.

        Args:
            tokens: ``(seq_len,)`` or ``(B, seq_len)`` integers; or grids, see ``as_tokens``.
            puzzle_ids: ``(B,)`` rows of the puzzle embedding; default: 0.
            halt: Let puzzles halt early; otherwise every puzzle takes all segments.
            segments: The last segment; default: ``max_segments``, which it may exceed.
            noise: Noise in the carry; default: none.

        Raises:
            ValueError: if the shape, a token or a puzzle id does not fit, or ``segments`` is not
                positive.
        """
        tokens = self.as_tokens(tokens)
        batch, ids = self._batch(tokens, puzzle_ids)
        answers = np.zeros(batch.shape, np.uint8)
        spent = np.zeros(len(batch), np.int64)
        q_halt = np.zeros(len(batch), np.float32)
        certainty = np.zeros(batch.shape, np.float32)
        going = np.arange(len(batch))
        for segment, rows in self._thoughts(batch, ids, self._most(segments), noise):
            answers[going] = segment.answer
            q_halt[going] = segment.q_halt
            certainty[going] = segment.confidence
            spent[going] += 1
            if halt:
                going = shrink(going, segment, rows)
        confidence = sigmoid(q_halt).astype(np.float32)
        solution = Solution(answers, spent, q_halt, confidence, certainty)
        return solution.take(0) if np.ndim(tokens) == 1 else solution


def shrink(going: NDArray[np.int64], segment: Segment, rows: Rows) -> NDArray[np.int64]:
    """Remove the rows that halt from the batch; return the remaining ones.

    Args:
        going: ``(B,)`` the rows that are still in the batch.
        segment: The outputs of the batch.
        rows: The list that was yielded with the segment.
    """
    kept = np.flatnonzero(~segment.halt)
    if len(kept) < len(going):
        rows.append(kept)
    return going[kept]
