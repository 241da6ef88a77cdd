"""Halting, voting and ARC voting, with agents whose answers are known."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.inference.arc_voting import ArcTest, evaluate_arc
from hrm_gym.agents.hrm.inference.depth import Depth, measure_calibration, measure_depth
from hrm_gym.agents.hrm.inference.thinking import ReasoningAgent, Segment
from hrm_gym.agents.hrm.inference.voting import Ballots, distinct_symmetries, vote
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.arc.augment import Examples
from hrm_gym.puzzles.arc.writer import write_arc

SUDOKU = get_task("sudoku-4x4")
PUZZLES = load_puzzles(SUDOKU, None, "test", limit=60)


class Scripted(ReasoningAgent):
    """Answers each question correctly in segment ``needs`` and later, and halts there."""

    def __init__(self, task, needs, solve=None):
        super().__init__(task, max_segments=4)
        self.needs = needs
        self.solve_one = solve or task.solve

    def _segments(self, tokens, puzzle_ids, segments):
        rows = []
        for number in range(1, segments + 1):
            known = np.array([number >= self.needs(t) for t in tokens], bool)
            right = np.stack([self.solve_one(t) for t in tokens])
            answer = np.where(known[:, None], right, 1).astype(np.uint8)
            size = len(tokens)
            q_halt = np.where(known, 2.0, -2.0).astype(np.float32)
            sure = np.ones(answer.shape, np.float32)
            yield Segment(answer, q_halt, None, sure, np.zeros(size, np.float32), known), rows
            if rows:
                tokens = tokens[rows.pop()]
                if not len(tokens):
                    return


def clues(tokens):
    return 1 + int((tokens == 1).sum()) % 3


def test_depth_says_where_puzzles_halt():
    needs = np.array([clues(t) for t in PUZZLES.inputs])
    puzzles = dataclasses.replace(PUZZLES, ratings=needs.astype(np.float32) * 10)
    depth = measure_depth(Scripted(SUDOKU, clues), puzzles, batch=16)
    np.testing.assert_array_equal(depth.segments, needs)
    np.testing.assert_allclose(depth.curve, [(needs <= s).mean() for s in range(1, 5)])
    np.testing.assert_allclose(depth.going, [(needs >= s).mean() for s in range(1, 5)])
    assert depth.halted.all()
    assert depth.segment_ratio == pytest.approx(4 / needs.mean())
    assert depth.correlation == pytest.approx(1)
    assert depth.speedup > 0
    covered = np.zeros(60, int)
    for low, high, rows in depth.bands():
        covered += rows
        assert low <= puzzles.ratings[rows].min() <= puzzles.ratings[rows].max() <= high
    assert (covered == 1).all()
    assert measure_depth(Scripted(SUDOKU, lambda t: 1), puzzles, 2).correlation is None


def test_calibration_counts_segments_until_halting():
    # Rows halt in segments 1 to 3; they are unsure before, and right afterwards.
    needs = np.array([clues(t) for t in PUZZLES.inputs])
    answers, predicted, right = measure_calibration(Scripted(SUDOKU, clues), PUZZLES, batch=16)
    low, high = (int(10 / (1 + np.exp(q))) for q in (2, -2))
    assert answers.sum() == answers[[low, high]].sum() == needs.sum()
    assert (answers[high], right[high], right[low]) == (60, 60, 0)
    assert predicted[high] / 60 == pytest.approx(1 / (1 + np.exp(-2)))


def test_ties_share_their_mean_rank():
    segments, ratings = np.array([5, 1, 5, 9]), np.array([1, 2, 3, 4], np.float32)
    depth = Depth(np.ones((9, 4), bool), np.ones(4, bool), segments, ratings, 1.0, 1.0)
    # The ranks of the segments are 2.5, 1, 2.5, 4, since the two fives share a rank.
    assert depth.correlation == pytest.approx(np.corrcoef([2.5, 1, 2.5, 4], [1, 2, 3, 4])[0, 1])


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
def test_votes_are_turned_back(task_id):
    task = get_task(task_id)
    puzzles = load_puzzles(task, None, "test", limit=12)
    agent = Scripted(task, lambda t: 2)
    ballots = vote(agent, puzzles.inputs, 6, batch=5)
    assert ballots.segments.tolist() == [[2] * 12] * 6
    for answers in ballots.answers:
        for question, answer in zip(puzzles.inputs, answers, strict=True):
            assert task.is_solved(Puzzle(question, question), answer)
    late = vote(agent, puzzles.inputs, 2, segments=1)
    assert not any(map(task.is_solved, puzzles, late.answers[0]))
    assert late.tally().segments.tolist() == [2] * 12


def test_the_tally():
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


def grid(*rows):
    return np.array(rows, np.uint8)


def test_arc_candidates_rank_by_votes_then_confidence():
    test = ArcTest("x", grid([1]))
    for answer, sure in (([2], 0.9), ([3], 0.2), ([3], 0.4), ([1], 0.3), ([1], 0.5)):
        test.add(grid(answer), sure)
    assert [c.grid.tolist() for c in test.ranked()] == [[[1]], [[3]], [[2]]]
    assert test.passed(1)
    test.add(grid([3]), 0.1)
    assert not test.passed(1)
    assert test.passed(2)


def flip(a, b):
    pair = grid([a, b])
    return pair, pair[:, ::-1].copy()


TASKS = [
    Examples("flip", (flip(1, 2), flip(3, 4)), (flip(5, 6), flip(7, 8)), True),
    Examples("same", ((grid([1]), grid([1])),), ((grid([2]), grid([2])),), True),
]


def arc_agent(puzzles=0):
    shape = {"vocab_size": 12, "seq_len": 16, "hidden_size": 8, "num_heads": 2, "H_layers": 1}
    config = {"L_layers": 1, "q_continue": False, "num_puzzles": puzzles}
    return HRMAgent(HRM(HRMConfig.from_dict({**shape, **config})), "arc-4x4", max_segments=2)


@pytest.mark.parametrize("listed", [True, False])
def test_arc_votes_over_augmentations(tmp_path, monkeypatch, listed):
    write_arc(tmp_path / "d", TASKS, num_aug=12, side=4)
    if not listed:  # the builder of the HRM writes no list of tests
        (tmp_path / "d" / "test_puzzles.json").unlink()
    test = load_puzzles(get_task("arc-4x4"), str(tmp_path / "d"), "test")
    labels = {
        q.tobytes() + bytes([i]): a
        for q, a, i in zip(test.inputs, test.labels, test.puzzle_ids, strict=True)
    }
    wrong = np.zeros(16, np.uint8)
    asked = []

    def solve(tokens, ids, segments=None, **_):
        # Right for every third augmentation, and a different wrong answer for each other one.
        found = []
        for question, i in zip(tokens, ids, strict=True):
            asked.append(int(i))
            other = wrong.copy()
            count = len(asked)
            other[:3] = [3 + count % 9, 3 + count // 9 % 9, 3]
            found.append(labels[question.tobytes() + bytes([i])] if i % 3 == 0 else other)
        from hrm_gym.agents.hrm.inference.thinking import Solution

        spent = np.full(len(tokens), 2)
        sure = np.full(len(tokens), 0.5, np.float32)
        return Solution(np.stack(found), spent, sure, sure)

    agent = arc_agent(test.num_puzzle_ids)
    monkeypatch.setattr(agent, "solve", solve)
    result = evaluate_arc(agent, tmp_path / "d", batch=7, steps=(1, 5))
    assert sorted(asked) == sorted(test.puzzle_ids.tolist())
    assert result.scores[0].votes == 1
    assert result.scores[-1].pass_at[1] == 1
    assert result.scores[-1].tests[1] == 3
    assert result.scores[-1].segments == 2 * len(test)
    attempts = result.submission()
    assert attempts["flip"][0]["attempt_1"] == [[6, 5]]
    assert set(attempts) == {"flip", "same"}
    few = evaluate_arc(agent, tmp_path / "d", votes=2)
    assert few.scores[-1].votes == 2


def test_arc_folders_of_another_run_are_refused(tmp_path):
    write_arc(tmp_path / "d", TASKS, num_aug=2, side=4)
    with pytest.raises(ValueError, match="it has 7 puzzle identifiers, the agent was trained on 9"):
        evaluate_arc(arc_agent(9), tmp_path / "d")
    agent = arc_agent(7)
    assert len(evaluate_arc(agent, tmp_path / "d").tests) == 3
    (tmp_path / "d" / "test_puzzles.json").write_text(json.dumps({"flip": {}}))
    with pytest.raises(ValueError, match=r"test_puzzles\.json: expected ARC tasks by name"):
        evaluate_arc(agent, tmp_path / "d")
    (tmp_path / "d" / "identifiers.json").write_text('["<blank>"]')
    with pytest.raises(ValueError, match=r"identifiers\.json: expected 7 names"):
        evaluate_arc(agent, tmp_path / "d")
