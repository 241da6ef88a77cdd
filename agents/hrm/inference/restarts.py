"""More compute at test time: a puzzle is thought about again from other initial states.

With noise in the carry an agent thinks differently each time. The rules of a task tell a valid
answer from an invalid one without its label, so that a puzzle leaves the batch once its answer
cannot be improved. Votes over symmetries do nothing for a model that is equivariant under them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.checks import check_whole

from .thinking import Noise, ReasoningAgent, Solution

START_NOISE, CARRY_NOISE = 0.5, 0.1
"""Standard deviations of the noise in the initial carry, and of that after every segment."""


def solve_with_restarts(
    agent: ReasoningAgent,
    tokens: ArrayLike,
    restarts: int,
    segments: int | None = None,
    *,
    start_noise: float = START_NOISE,
    carry_noise: float = CARRY_NOISE,
    seed: int = 0,
    halt: bool = True,
) -> tuple[Solution, NDArray[np.int64]]:
    """Answer puzzles once without noise, then again with noise until the rules are satisfied.

    Of several answers the one of least ``Task.cost`` is kept; if the rules allow none of them, the
    one of highest q_halt.

    Args:
        agent: The agent.
        tokens: ``(B, seq_len)`` integers.
        restarts: Largest number of further attempts.
        segments: The last segment of an attempt; default: the agent's.
        start_noise: Standard deviation of the noise in the initial carry.
        carry_noise: Standard deviation of the noise added after every segment.
        seed: Seed of the noise; attempt k uses ``seed + k``.
        halt: Whether an attempt ends early where the agent halts.

    Returns:
        The answers, ``segments`` being those of all attempts together; and the number of attempts,
        ``(B,)``.

    Raises:
        ValueError: if ``restarts`` is negative, or the tokens do not fit the agent.
    """
    check_whole("restarts", restarts, 0)
    questions = np.atleast_2d(np.asarray(tokens)).astype(np.uint8)
    task = agent.task_for(questions.shape[1])
    first = agent.solve(questions, halt=halt, segments=segments)
    answers, spent = first.answer.copy(), first.segments.copy()
    q_halt, confidence = first.q_halt.copy(), first.confidence.copy()
    costs = np.array([task.cost(q, a) for q, a in zip(questions, answers, strict=True)])
    attempts = np.ones(len(questions), np.int64)
    for attempt in range(1, restarts + 1):
        rows = np.flatnonzero(costs > 0)
        if len(rows) == 0:
            break
        noise = Noise(start_noise, carry_noise, seed + attempt)
        found = agent.solve(questions[rows], halt=halt, segments=segments, noise=noise)
        spent[rows] += found.segments
        attempts[rows] += 1
        for place, row in enumerate(rows):
            cost = task.cost(questions[row], found.answer[place])
            if (cost, -found.q_halt[place]) < (costs[row], -q_halt[row]):
                costs[row], q_halt[row] = cost, found.q_halt[place]
                answers[row], confidence[row] = found.answer[place], found.confidence[place]
    return Solution(answers, spent, q_halt, confidence), attempts
