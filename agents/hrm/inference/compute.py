"""Test-time compute: accuracy against the number of segments and of votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hrm_gym.data import PuzzleSet

from .depth import right
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
            accuracy = float(right(puzzles.labels, solution.answer).mean())
            spent, seconds = float(solution.segments.mean()), float(ballots.seconds[:count].sum())
            found.append(Compute(last, count, accuracy, spent, seconds))
    return found
