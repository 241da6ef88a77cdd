"""More compute at test time: an agent thinks about a puzzle again, differently each time.

The rules of a task tell a valid answer from an invalid one without its label, so that a puzzle
leaves the batch once its answer cannot be improved. The attempts differ in three ways. If an answer
only fills in blanks, an attempt *assumes* some of the cells that the agent is surest of, thinks
about the easier puzzle, assumes more cells, and so on. A wrong assumption spoils one attempt; the
next one begins with the original puzzle. In other tasks, every attempt shows the puzzle under
another symmetry, under which the agent makes other mistakes. An agent that was trained with noise
in the carry also thinks with that noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import Task, Tokens

from .thinking import Noise, ReasoningAgent, Solution
from .voting.symmetries import solve_under, symmetries_of

ROUNDS, CELLS = 4, 3
"""How often an attempt assumes further cells, and how many of them; the segments of the attempt are
divided among the rounds. Both were chosen on training puzzles of Sudoku-Extreme."""
SHARPNESS = 6.0
"""The probability that a cell is assumed grows with this power of the certainty of its token."""


class Restarts(NamedTuple):
    """How often, and with which noise, an agent thinks again.

    Attributes:
        limit: Largest number of further attempts.
        start_noise: Standard deviation of the noise in the initial carry; ``None``: that of the
            agent's training.
        carry_noise: Standard deviation of the noise added after every segment; ``None``: that of
            the agent's training.
        seed: Seed of the noise and of the assumptions; attempt k uses ``seed + k``.
    """

    limit: int
    start_noise: float | None = None
    carry_noise: float | None = None
    seed: int = 0

    def noise(self, agent: ReasoningAgent) -> Noise:
        """Return the noise in the carry of an agent, and the seed of the first attempt."""
        chosen = (self.start_noise, self.carry_noise)
        start, carry = (
            trained if own is None else own
            for own, trained in zip(chosen, agent.trained_noise, strict=True)
        )
        return Noise(start, carry, self.seed)


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
    """Answer puzzles once, then again in other ways until ``Task.cost`` is 0.

    Of several answers the one of least ``Task.cost`` is kept; if the rules allow none of them, the
    one of highest q_halt, or the first one if cells were assumed. The cost of a maze is the length
    of the walk, so mazes take all restarts. Without noise and assumed cells, the attempts end when
    every symmetry was shown, since further ones would only repeat them.

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
        ValueError: if the number of restarts is negative, all attempts would be equal, or the
            tokens do not fit the agent.
    """
    check_whole("restarts", restarts.limit, 0)
    asked = np.atleast_2d(agent.as_tokens(tokens))
    ids = np.zeros(len(asked), np.int64) if puzzle_ids is None else np.asarray(puzzle_ids)
    # Solved before the cast, since the agent checks the tokens, and 260 would become 4.
    first = agent.solve(asked, ids, halt, segments)
    questions = asked.astype(np.uint8)
    task = agent.task_for(questions.shape[1])
    # Puzzles that the agent knows by their ids are shown as they are.
    symmetries = symmetries_of(task, 1 if agent.num_puzzles else restarts.limit + 1)
    chosen = restarts.noise(agent)
    differ = restarts.limit + 1
    if chosen.is_silent and not task.fills_blanks:
        differ = len(symmetries)
    if restarts.limit and differ == 1:
        raise ValueError(
            f"restarts: the attempts of {agent.name} at {task.id} would all be equal, since it was "
            "trained without noise; expected a start_noise or a carry_noise above 0"
        )
    best = Attempts(first, np.ones(len(questions), np.int64), _costs(task, questions, first))
    yield best
    for attempt in range(1, restarts.limit + 1):
        rows = np.flatnonzero(best.costs > 0)
        if len(rows) and attempt < differ:
            noise = chosen._replace(seed=chosen.seed + attempt)
            again = questions[rows], ids[rows], halt
            if task.fills_blanks:
                found = _assume(agent, task, first.take(rows), *again, segments, noise)
            else:
                symmetry = symmetries[attempt % len(symmetries)]
                found = solve_under(agent, symmetry, *again, segments, noise)
            best = _better(best, found, rows, task, questions)
        yield best


def _costs(task: Task, questions: Tokens, found: Solution) -> NDArray[np.float64]:
    """Return the cost of each answer."""
    return np.array([task.cost(q, a) for q, a in zip(questions, found.answer, strict=True)])


def _assume(
    agent: ReasoningAgent,
    task: Task,
    begun: Solution,
    questions: Tokens,
    ids: NDArray[np.int64],
    halt: bool,
    segments: int | None,
    noise: Noise,
) -> Solution:
    """Return the answers of an attempt that assumes more and more cells of its answers.

    Args:
        agent: The agent.
        task: The task of the puzzles.
        begun: The answers that the first assumptions are taken from; they are replaced.
        questions: ``(B, seq_len)`` uint8.
        ids: ``(B,)`` rows of the puzzle embedding.
        halt: Whether a round ends early where the agent halts.
        segments: The last segment of the attempt, all rounds together; default: the agent's.
        noise: Noise in the carry, and the seed of the assumptions.
    """
    random = np.random.default_rng(noise.seed)
    limit = max(1, (agent.max_segments if segments is None else segments) // ROUNDS)
    begun.segments[:] = 0
    puzzles, rows = questions.copy(), np.arange(len(questions))
    for number in range(ROUNDS):
        blank = puzzles[rows] == task.blank
        sure = random.gumbel(size=blank.shape) + SHARPNESS * np.log(begun.certainty[rows] + 1e-9)
        cells = np.argsort(-np.where(blank, sure, -np.inf), axis=1)[:, :CELLS]
        # With fewer blanks than that, the last cells are none.
        chosen = np.take_along_axis(blank, cells, 1)
        which = np.broadcast_to(rows[:, None], cells.shape)[chosen], cells[chosen]
        puzzles[which] = begun.answer[which]
        seeded = noise._replace(seed=ROUNDS * noise.seed + number)
        found = agent.solve(puzzles[rows], ids[rows], halt, limit, seeded)
        begun.put(rows, found)
        costs = _costs(task, questions[rows], found)
        rows = rows[(costs > 0) & (puzzles[rows] == task.blank).any(axis=1)]
        if not len(rows):
            break
    return begun


def _better(
    best: Attempts, found: Solution, rows: NDArray[np.int64], task: Task, questions: Tokens
) -> Attempts:
    """Return the best answers after an attempt at the puzzles of some rows."""
    kept, attempts, costs = best.solution.take(slice(None)), best.attempts.copy(), best.costs.copy()
    new_costs = _costs(task, questions[rows], found)
    # The q_halt of a puzzle with assumed cells says nothing about the original one.
    surer = (found.q_halt > kept.q_halt[rows]) & (not task.fills_blanks)
    better = (new_costs < costs[rows]) | ((new_costs == costs[rows]) & surer)
    spent = kept.segments[rows] + found.segments
    kept.put(rows[better], found.take(better))
    kept.segments[rows] = spent
    costs[rows] = np.minimum(costs[rows], new_costs)
    attempts[rows] += 1
    return Attempts(kept, attempts, costs)
