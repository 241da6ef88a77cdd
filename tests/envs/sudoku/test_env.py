"""Tests of the Sudoku environment."""

from __future__ import annotations

import gymnasium as gym
import numpy as np

from hrm_gym.puzzles import Puzzle


def test_an_episode_ends_when_no_action_is_legal():
    env = gym.make("HRMSudoku-4x4-v0")
    outcomes = set()
    for seed in range(20):
        _, info = env.reset(seed=seed)
        done = False
        while not done:
            legal = np.flatnonzero(info["action_mask"])
            _, reward, done, truncated, info = env.step(int(legal[-1]))
            assert not truncated
        outcomes.add(reward)
        assert not info["action_mask"].any()
        sudoku = env.unwrapped
        solved = sudoku.task.is_solved(Puzzle(sudoku.inputs, sudoku.labels), sudoku.tokens)
        assert bool(reward) == info["is_success"] == solved
    assert 0 in outcomes


def test_the_regret_is_the_number_of_wrong_cells():
    env = gym.make("HRMSudoku-4x4-v0")
    _, info = env.reset(seed=0)
    done = False
    while not done:
        assert info["regret"] == 0
        *_, done, _, info = env.step(int(np.flatnonzero(info["action_mask"])[-1]))
    wrong = int((env.unwrapped.tokens != env.unwrapped.solve()).sum())
    assert info["regret"] == wrong
    assert (wrong == 0) == info["is_success"]
