"""Tests of the maze environment."""

from __future__ import annotations

import gymnasium as gym
import pytest


def test_a_maze_with_a_marked_path_is_rejected():
    env = gym.make("HRMMaze-7x7-v0")
    with pytest.raises(ValueError, match="path mark"):
        env.reset(options={"puzzle": "So....." + "." * 35 + "......G"})


def test_a_walk_with_a_detour_succeeds_but_is_not_optimal():
    env = gym.make("HRMMaze-7x7-v0")
    env.reset(seed=0)
    there = env.unwrapped.optimal_action()
    env.step(there)
    env.step((there + 2) % 4)
    done = False
    while not done:
        _, reward, done, _, info = env.step(env.unwrapped.optimal_action())
    assert reward == 1
    assert info["is_success"]
    assert not info["optimal"]


def test_the_regret_is_the_number_of_additional_moves():
    env = gym.make("HRMMaze-7x7-v0")
    env.reset(options={"puzzle": "S.....G" + "." * 42})
    for action in (2, 0, 1, 1, 1, 1, 1):
        *_, info = env.step(action)
        assert info["path_ratio"] == 0
    *_, info = env.step(1)
    assert (info["regret"], info["path_ratio"], info["optimal"]) == (2, 8 / 6, False)
