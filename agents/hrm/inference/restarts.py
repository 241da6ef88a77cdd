"""More compute at test time: a puzzle is thought about again from other initial states.

With noise in the carry an agent thinks differently each time. The rules of a task tell a valid
answer from an invalid one without its label, so that a puzzle leaves the batch once its answer
cannot be improved. Votes over symmetries do nothing for a model that is equivariant under them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import Task, Tokens

from .thinking import Noise, ReasoningAgent, Solution

START_NOISE, CARRY_NOISE = 0.5, 0.1
"""Standard deviations of the noise in the initial carry, and of that after every segment."""


class Restarts(NamedTuple):
    """How often, and with which noise, an agent thinks again.

    Attributes:
        limit: Largest number of further attempts.
        start_noise: Standard deviation of the noise in the initial carry.
        carry_noise: Standard deviation of the noise added after every segment.
        seed: Seed of the noise; attempt k uses ``seed + k``.
    """

    limit: int
    start_noise: float = START_NOISE
    carry_noise: float = CARRY_NOISE
    seed: int = 0


class Attempts(NamedTuple):
    """The best answers after some attempts.

    Attributes:
        solution: The best answers so far; its segments are those of all attempts together.
        attempts: ``(B,)`` int64, the attempts that each puzzle took.
        costs: ``(B,)`` float64, the ``Task.cost`` of each answer.
    """

    solution: Solution
    attempts: NDArray[np.int64]
    costs: NDArray[np.float64]


def solve_with_restarts(
    agent: ReasoningAgent,
    tokens: ArrayLike,
    restarts: Restarts,
    puzzle_ids: ArrayLike | None = None,
    segments: int | None = None,
    halt: bool = True,
) -> Iterator[Attempts]:
    """Answer puzzles once without noise, then again with noise until ``Task.cost`` is 0.

    Of several answers the one of least ``Task.cost`` is kept; if the rules allow none of them, the
    one of highest q_halt. The cost of a maze is the length of the walk, so mazes take all restarts.

    Args:
        agent: The agent.
        tokens: ``(B, seq_len)`` integers.
        restarts: How often to think again, and with which noise.
        puzzle_ids: ``(B,)`` rows of the puzzle embedding; default: 0.
        segments: The last segment of an attempt; default: the agent's.
        halt: Whether an attempt ends early where the agent halts.

    Yields:
        The best answers after the first attempt, and after each restart.

    Raises:
        ValueError: if the number of restarts is negative, or the tokens do not fit the agent.
    """
    check_whole("restarts", restarts.limit, 0)
    asked = np.atleast_2d(agent.as_tokens(tokens))
    ids = np.zeros(len(asked), np.int64) if puzzle_ids is None else np.asarray(puzzle_ids)
    # Solved before the cast, since the agent checks the tokens, and 260 would become 4.
    first = agent.solve(asked, ids, halt, segments)
    questions = asked.astype(np.uint8)
    task = agent.task_for(questions.shape[1])
    costs = np.array([task.cost(q, a) for q, a in zip(questions, first.answer, strict=True)])
    best = Attempts(first, np.ones(len(questions), np.int64), costs)
    yield best
    for attempt in range(1, restarts.limit + 1):
        rows = np.flatnonzero(best.costs > 0)
        if len(rows):
            noise = Noise(restarts.start_noise, restarts.carry_noise, restarts.seed + attempt)
            found = agent.solve(questions[rows], ids[rows], halt, segments, noise)
            best = _better(best, found, rows, task, questions)
        yield best


def _better(
    best: Attempts, found: Solution, rows: NDArray[np.int64], task: Task, questions: Tokens
) -> Attempts:
    """Return the best answers after an attempt at the puzzles of some rows."""
    answer, segments, q_halt, confidence = (part.copy() for part in best.solution)
    attempts, costs = best.attempts.copy(), best.costs.copy()
    segments[rows] += found.segments
    attempts[rows] += 1
    for place, row in enumerate(rows):
        cost = task.cost(questions[row], found.answer[place])
        if (cost, -found.q_halt[place]) < (costs[row], -q_halt[row]):
            costs[row], q_halt[row] = cost, found.q_halt[place]
            answer[row], confidence[row] = found.answer[place], found.confidence[place]
    return Attempts(Solution(answer, segments, q_halt, confidence), attempts, costs)  # type: ignore[arg-type]
