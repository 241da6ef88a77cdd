"""Easier puzzles in the Answer environment."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
import torch

import hrm_gym  # noqa: F401 - registers the environments
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze import OPEN, PATH, START, WALL, Maze


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


@pytest.mark.parametrize(("size", "kind"), [(7, "perfect"), (9, "braided"), (12, "hard")])
def test_an_easier_maze_is_a_part_of_the_path(size, kind):
    task = Maze(size, kind)
    puzzle = task.generate(3)
    whole = task.facts(puzzle.inputs).moves
    moves = set()
    for key in range(40):
        easier = task.easier(puzzle, key)
        assert task.is_solved(easier, easier.labels)
        assert ((easier.inputs == WALL) == (puzzle.inputs == WALL)).all()
        on_path = easier.labels >= START
        assert (puzzle.labels[on_path] >= START).all()
        moves.add(task.facts(easier.inputs).moves)
    assert min(moves) >= 2
    assert max(moves) <= whole
    assert len(moves) > 5, "the length differs"


def test_a_maze_without_a_single_path_stays():
    task = get_task("maze-7x7")
    puzzle = task.generate(3)
    unknown = dataclasses.replace(puzzle, labels=np.zeros_like(puzzle.labels))
    everything = np.where(puzzle.inputs == OPEN, PATH, puzzle.inputs).astype(np.uint8)
    marked = dataclasses.replace(puzzle, labels=everything)
    for strange in (unknown, marked):
        easier = task.easier(strange, 5)
        assert np.array_equal(easier.inputs, strange.inputs)
        assert np.array_equal(easier.labels, strange.labels)


@pytest.mark.parametrize("task", ["sudoku-4x4", "maze-7x7"])
def test_the_vector_is_the_single_environments(task):
    arguments = {"task": task, "easier": 0.5, "source": "bank"}
    vector = gym.make_vec("HRMAnswer-v0", num_envs=6, device="cpu", **arguments)
    rows, _ = vector.reset(seed=11)
    plain = gym.make_vec("HRMAnswer-v0", num_envs=6, device="cpu", task=task, source="bank")
    whole, _ = plain.reset(seed=11)
    for row in range(6):
        single = gym.make("HRMAnswer-v0", **arguments)
        found, _ = single.reset(seed=11 + row)
        assert np.array_equal(found["tokens"], rows["tokens"][row].numpy())
    eased = (rows["tokens"] != whole["tokens"]).any(1)
    same = (vector.unwrapped.labels == plain.unwrapped.labels).all(1)
    # Filling in blanks keeps the label of a Sudoku; a part of a path is another one.
    assert torch.equal(same, torch.ones_like(eased) if task == "sudoku-4x4" else ~eased)
    assert 0 < int(eased.sum()) < 6


@pytest.mark.parametrize("easier", [-0.1, 2, "half", True])
def test_a_share_that_is_none(easier):
    with pytest.raises(ValueError, match=r"easier: expected a number in 0\.\.1"):
        gym.make("HRMAnswer-v0", task="sudoku-4x4", easier=easier)


def test_easier_needs_labels_that_follow():
    with pytest.raises(ValueError, match="needs targets='turned'"):
        gym.make("HRMMazeAnswer-7x7-v0", targets="solved", easier=0.5)
