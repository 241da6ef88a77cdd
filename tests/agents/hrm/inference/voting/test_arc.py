"""Voting over the augmentations of ARC tasks, with an agent whose answers are known."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.inference.thinking import Solution
from hrm_gym.agents.hrm.inference.voting.arc import ArcTest, evaluate_arc, has_votes
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc.augment import ArcTask
from hrm_gym.puzzles.arc.writer import write_arc


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
    ArcTask("flip", (flip(1, 2), flip(3, 4)), (flip(5, 6), flip(7, 8)), True),
    ArcTask("same", ((grid([1]), grid([1])),), ((grid([2]), grid([2])),), True),
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
        spent = np.full(len(tokens), 2)
        sure = np.full(len(tokens), 0.5, np.float32)
        return Solution(np.stack(found), spent, sure, sure, np.ones(np.shape(found)))

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


def test_arc_folders_of_another_run_are_rejected(tmp_path):
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


def mini_agent(count=3, **about):
    shape = {"vocab_size": 12, "seq_len": 25, "hidden_size": 8, "num_heads": 2, "H_layers": 1}
    config = {"L_layers": 1, "q_continue": False, "num_puzzles": 8 * count}
    model = HRM(HRMConfig.from_dict({**shape, **config}))
    return HRMAgent(model, "arc-5x5", max_segments=1, about=about)


def test_the_symmetries_of_mini_arc_vote(monkeypatch):
    source = "mini-arc:turned:3"
    assert has_votes(source)
    assert not has_votes("mini-arc")
    test = load_puzzles(get_task("arc-5x5"), source, "test")
    rows = zip(test.inputs, test.puzzle_ids, test.labels, strict=True)
    by_row = {(question.tobytes(), number): label for question, number, label in rows}

    def solve(tokens, puzzle_ids, segments=None):
        # Right under five of eight symmetries.
        answers = [
            by_row[q.astype(np.uint8).tobytes(), k] if k % 8 < 5 else np.full(25, 2, np.uint8)
            for q, k in zip(tokens, puzzle_ids, strict=True)
        ]
        ones = np.ones(len(tokens))
        return Solution(np.stack(answers), ones.astype(int), ones, ones / 2, np.ones_like(answers))

    agent = mini_agent()
    monkeypatch.setattr(agent, "solve", solve)
    result = evaluate_arc(agent, source)
    assert [test.task for test in result.tests] == ["mini-000", "mini-001", "mini-002"]
    assert result.scores[-1].votes == 8
    assert result.scores[-1].tests[1] == 3


def test_an_agent_of_other_tasks_is_rejected():
    with pytest.raises(ValueError, match="it has 32 puzzle identifiers, the agent was"):
        evaluate_arc(mini_agent(3), "mini-arc:turned:4")
    with pytest.raises(ValueError, match="identifiers of the agent belong to other tasks"):
        evaluate_arc(mini_agent(3, puzzles="0" * 64), "mini-arc:turned:3")
