"""More compute at test time: a puzzle is answered under several symmetries, and the answers vote.

A model is not invariant under the symmetries of its task, so it makes different errors under each
of them. The answers are transformed back. Either the most frequent answer wins, or the one with the
highest q_halt.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.checks import check_whole
from hrm_gym.halting import sigmoid
from hrm_gym.puzzles import Symmetry, Task, Tokens
from hrm_gym.puzzles.keys import lane

from ..thinking import Noise, ReasoningAgent, Solution

VoteBy = Literal["count", "confidence"]
BATCH = 256
"""Puzzles answered in one batch."""


@dataclass(frozen=True, eq=False)
class Ballots:
    """V votes on each of B puzzles; the first vote is for the untransformed puzzle.

    Attributes:
        answers: ``(V, B, seq_len)`` uint8, transformed back.
        q_halt: ``(V, B)`` float32.
        segments: ``(V, B)`` int64, number of segments.
        seconds: ``(V,)`` float64, the time of each vote over all puzzles.
    """

    answers: Tokens
    q_halt: NDArray[np.float32]
    segments: NDArray[np.int64]
    seconds: NDArray[np.float64]

    def tally(self, by: VoteBy = "count", votes: int | None = None) -> Solution:
        """Count the first ``votes`` votes, all by default.

        Args:
            by: ``count``, the most frequent answer, with ties resolved by q_halt; or
                ``confidence``, the answer with the highest q_halt.
            votes: Number of votes to count.

        Returns:
            The answers; ``segments`` is the sum over all votes, ``q_halt`` is the maximum over the
            votes for the answer, and ``certainty`` is the share of the votes for each token.

        Raises:
            ValueError: if ``by`` is neither of the two.
        """
        if by not in get_args(VoteBy):
            raise ValueError(f"by: expected count or confidence, got {by!r}")
        answers, q_halt = self.answers[:votes], self.q_halt[:votes]
        count = np.ones(q_halt.shape, np.int64)
        if by == "count":
            # One answer at a time, since the memory for all pairs is quadratic in the votes.
            count = np.stack([(answers == one).all(axis=-1).sum(axis=0) for one in answers])
        # Lexicographic: votes first, then confidence.
        best = np.lexsort((q_halt, count), axis=0)[-1]
        rows = np.arange(answers.shape[1])
        sure = q_halt[best, rows]
        confidence = sigmoid(sure).astype(np.float32)
        spent = self.segments[:votes].sum(axis=0)
        answer = answers[best, rows]
        agreed = (answers == answer).mean(axis=0, dtype=np.float32)
        return Solution(answer, spent, sure, confidence, agreed)


def distinct_symmetries(task: Task, count: int, seed: int = 0) -> list[Symmetry | None]:
    """Return ``count`` different symmetries of a task; the first is ``None``, the identity.

    Raises:
        ValueError: if the task has fewer symmetries.
    """
    check_whole("votes", count)
    found = symmetries_of(task, count, seed)
    if len(found) < count:
        raise ValueError(f"votes: {task.id} has {len(found)} symmetries, got {count}")
    return found


def symmetries_of(task: Task, limit: int, seed: int = 0) -> list[Symmetry | None]:
    """Return different symmetries of a task; the first is ``None``, the identity.

    Args:
        task: The task.
        limit: Largest number of symmetries.
        seed: Seed of their order.
    """
    still = np.arange(task.seq_len).tobytes() + np.arange(task.vocab_size, dtype=np.uint8).tobytes()
    found: list[Symmetry | None] = [None]
    seen = {still}
    for draw in range(50 * limit):
        if len(found) == limit:
            return found
        symmetry = task.symmetry(lane(seed, draw))
        form = symmetry.positions.tobytes() + symmetry.tokens.tobytes()
        if form not in seen:
            seen.add(form)
            found.append(symmetry)
    return found


def solve_under(
    agent: ReasoningAgent,
    symmetry: Symmetry | None,
    questions: Tokens,
    puzzle_ids: NDArray[np.int64] | None = None,
    halt: bool = True,
    segments: int | None = None,
    noise: Noise | None = None,
) -> Solution:
    """Return the answers to puzzles that the agent sees under a symmetry, transformed back.

    Args:
        agent: The agent.
        symmetry: The symmetry; ``None`` shows the puzzles as they are.
        questions: ``(B, seq_len)`` uint8.
        puzzle_ids: See ``ReasoningAgent.solve``, as for the other arguments.
        halt: Whether the agent may halt early.
        segments: The last segment; default: the agent's.
        noise: Noise in the carry.
    """
    if symmetry is None:
        return agent.solve(questions, puzzle_ids, halt, segments, noise)
    found = agent.solve(symmetry.apply(questions), puzzle_ids, halt, segments, noise)
    return found.turned(symmetry.inverse())


def vote(
    agent: ReasoningAgent,
    tokens: ArrayLike,
    votes: int = 8,
    segments: int | None = None,
    halt: bool = True,
    seed: int = 0,
    batch: int = BATCH,
    on_batch: Callable[[], None] | None = None,
) -> Ballots:
    """Answer puzzles under several symmetries of their task.

    Args:
        agent: The agent.
        tokens: ``(B, seq_len)`` integers.
        votes: Number of symmetries, including the identity; the same ones for every puzzle.
        segments: The last segment of each vote; default: ``max_segments`` of the agent.
        halt: Let each vote halt before the last segment.
        seed: Seed of the symmetries.
        batch: Number of puzzles in a batch.
        on_batch: Called after every batch.

    Raises:
        ValueError: if the shape does not fit the task, or the task has fewer symmetries.
    """
    questions = np.atleast_2d(np.asarray(tokens)).astype(np.uint8)
    symmetries = distinct_symmetries(agent.task_for(questions.shape[1]), votes, seed)
    shape = (votes, len(questions))
    answers = np.zeros((*shape, questions.shape[1]), np.uint8)
    q_halt, spent = np.zeros(shape, np.float32), np.zeros(shape, np.int64)
    seconds = np.zeros(votes)
    for number, symmetry in enumerate(symmetries):
        begun = time.perf_counter()
        for start in range(0, len(questions), batch):
            rows = slice(start, start + batch)
            solution = solve_under(agent, symmetry, questions[rows], None, halt, segments)
            answers[number, rows] = solution.answer
            q_halt[number, rows], spent[number, rows] = solution.q_halt, solution.segments
            if on_batch is not None:
                on_batch()
        seconds[number] = time.perf_counter() - begun
    return Ballots(answers, q_halt, spent, seconds)
