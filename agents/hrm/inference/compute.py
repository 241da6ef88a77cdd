"""Test-time compute: accuracy against the number of segments, of votes and of restarts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import wrong_cells

from .restarts import Restarts, solve_with_restarts
from .thinking import ReasoningAgent
from .voting.symmetries import VoteBy, vote


@dataclass(frozen=True)
class Compute:
    """The accuracy that a limit of segments and a number of votes lead to.

    Attributes:
        segments: The last segment of each vote.
        votes: Number of symmetries that voted.
        accuracy: Share of answers that equal the label.
        spent: Mean number of segments of a puzzle, over all its votes.
        seconds: Wall time over all puzzles.
    """

    segments: int
    votes: int
    accuracy: float
    spent: float
    seconds: float


@dataclass(frozen=True)
class Restarted:
    """The accuracy that a number of restarts leads to.

    Attributes:
        restarts: Largest number of restarts.
        accuracy: Share of answers that equal the label.
        solved: Share of answers that the rules accept.
        spent: Mean number of segments of a puzzle, over all its attempts.
        seconds: Wall time over all puzzles.
    """

    restarts: int
    accuracy: float
    solved: float
    spent: float
    seconds: float


def measure_restarts(
    agent: ReasoningAgent,
    puzzles: PuzzleSet,
    restarts: Restarts,
    segments: int | None = None,
) -> list[Restarted]:
    """Measure the accuracy after 0, 1, 2, 4 ... restarts and after the last one.

    Args:
        agent: Answers the puzzles.
        puzzles: Puzzles with labels.
        restarts: How often to think again, and with which noise.
        segments: The last segment of an attempt; default: the agent's.
    """
    counts = {0, restarts.limit, *(1 << k for k in range(restarts.limit.bit_length()))}
    task, found, started = agent.task_for(puzzles.inputs.shape[1]), [], time.perf_counter()
    attempts = solve_with_restarts(agent, puzzles.inputs, restarts, puzzles.puzzle_ids, segments)
    for count, (solution, _, _) in enumerate(attempts):
        seconds = time.perf_counter() - started
        if count in counts:
            solved = [
                task.is_solved(puzzles[row], answer) for row, answer in enumerate(solution.answer)
            ]
            accuracy = float(np.mean(wrong_cells(puzzles.labels, solution.answer) == 0))
            spent = float(solution.segments.mean())
            found.append(Restarted(count, accuracy, float(np.mean(solved)), spent, seconds))
    return found


def measure_compute(
    agent: ReasoningAgent, puzzles: PuzzleSet, segments: Sequence[int], votes: int, by: VoteBy
) -> list[Compute]:
    """Measure the accuracy for several limits of segments and numbers of votes.

    Args:
        agent: Answers the puzzles.
        puzzles: Puzzles with labels.
        segments: Limits of segments to measure.
        votes: The largest number of votes. The first 1, 2, 4 ... of them are counted as well.
        by: How votes are counted, see ``Ballots.tally``.
    """
    counts = sorted({1 << k for k in range(votes.bit_length())} | {votes})
    found = []
    for last in segments:
        ballots = vote(agent, puzzles.inputs, votes, last)
        for count in counts:
            solution = ballots.tally(by, count)
            accuracy = float(np.mean(wrong_cells(puzzles.labels, solution.answer) == 0))
            spent, seconds = float(solution.segments.mean()), float(ballots.seconds[:count].sum())
            found.append(Compute(last, count, accuracy, spent, seconds))
    return found
