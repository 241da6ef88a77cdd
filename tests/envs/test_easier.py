"""Easier puzzles in the Answer environment."""

import gymnasium as gym
import numpy as np
import pytest
import torch

import hrm_gym  # noqa: F401 - registers the environments
from hrm_gym.puzzles import get_task


def test_an_easier_sudoku_keeps_its_answer():
    task = get_task("sudoku-9x9")
    puzzle = task.generate(3)
    blanks = [int((task.easier(puzzle, key).inputs == 1).sum()) for key in range(20)]
    assert len(set(blanks)) > 10, "the share differs"
    assert max(blanks) <= (puzzle.inputs == 1).sum()
    easier = task.easier(puzzle, 5)
    assert np.array_equal(task.solve(easier.inputs), puzzle.labels)
    assert ((easier.inputs == puzzle.inputs) | (puzzle.inputs == 1)).all()
    assert np.array_equal(easier.inputs, task.easier(puzzle, 5).inputs)


def test_the_vector_is_the_single_environments():
    arguments = {"task": "sudoku-4x4", "easier": 0.5, "source": "bank"}
    vector = gym.make_vec("HRMAnswer-v0", num_envs=6, device="cpu", **arguments)
    rows, _ = vector.reset(seed=11)
    plain = gym.make_vec("HRMAnswer-v0", num_envs=6, device="cpu", task="sudoku-4x4", source="bank")
    whole, _ = plain.reset(seed=11)
    for row in range(6):
        single = gym.make("HRMAnswer-v0", **arguments)
        found, _ = single.reset(seed=11 + row)
        assert np.array_equal(found["tokens"], rows["tokens"][row].numpy())
    eased = (rows["tokens"] != whole["tokens"]).any(1)
    assert torch.equal(vector.unwrapped.labels, plain.unwrapped.labels)
    assert 0 < int(eased.sum()) < 6


@pytest.mark.parametrize("easier", [-0.1, 2, "half", True])
def test_a_share_that_is_none(easier):
    with pytest.raises(ValueError, match=r"easier: expected a number in 0\.\.1"):
        gym.make("HRMAnswer-v0", task="sudoku-4x4", easier=easier)


def test_easier_needs_labels_that_follow():
    with pytest.raises(ValueError, match="needs targets='turned'"):
        gym.make("HRMMazeAnswer-7x7-v0", targets="solved", easier=0.5)
