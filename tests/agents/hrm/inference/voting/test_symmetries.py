"""Voting over symmetries, with an agent whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from hrm_gym.agents.hrm.inference.voting.symmetries import Ballots, distinct_symmetries, vote
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task


def test_symmetries_are_distinct():
    maze = get_task("maze-7x7")
    found = distinct_symmetries(maze, 16)
    assert found[0] is None
    assert len({s.positions.tobytes() + s.tokens.tobytes() for s in found[1:]}) == 15
    with pytest.raises(ValueError, match="maze-7x7 has 16 symmetries, got 17"):
        distinct_symmetries(maze, 17)
    with pytest.raises(ValueError, match="votes: expected at least 1"):
        distinct_symmetries(maze, 0)


@pytest.mark.parametrize("task_id", ["sudoku-4x4", "maze-7x7"])
def test_votes_are_mapped_back_by_the_inverse_symmetry(task_id, scripted):
    task = get_task(task_id)
    puzzles = load_puzzles(task, None, "test", limit=12)
    agent = scripted(task, lambda t: 2)
    ballots = vote(agent, puzzles.inputs, 6, batch=5)
    assert ballots.segments.tolist() == [[2] * 12] * 6
    for answers in ballots.answers:
        for question, answer in zip(puzzles.inputs, answers, strict=True):
            assert task.is_solved(Puzzle(question, question), answer)
    late = vote(agent, puzzles.inputs, 2, segments=1)
    assert not any(map(task.is_solved, puzzles, late.answers[0]))
    assert late.tally().segments.tolist() == [2] * 12


def test_the_tally_counts_votes_or_takes_the_most_confident():
    answers = np.array([[[2, 2]], [[3, 3]], [[3, 3]], [[4, 4]], [[2, 2]]], np.uint8)
    q_halt = np.array([[1.0], [0.5], [2.0], [9.0], [0.0]], np.float32)
    ballots = Ballots(answers, q_halt, np.ones((5, 1), np.int64), np.ones(5))
    # A tie of two votes each: the more confident answer wins; by confidence, the most confident.
    assert ballots.tally("count").answer.tolist() == [[3, 3]]
    assert ballots.tally("confidence").answer.tolist() == [[4, 4]]
    assert ballots.tally("count", 1).answer.tolist() == [[2, 2]]
    assert ballots.tally("count").segments.tolist() == [5]
    with pytest.raises(ValueError, match="by: expected count or confidence"):
        ballots.tally("loudness")  # type: ignore[arg-type]
