"""Every environment has pictures, whatever is in it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import hrm_gym

every = pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0", "HRMSudokuAnswer-4x4-v0"]


@every
@pytest.mark.parametrize("mode", ["human", "rgb_array", "ansi"])
def test_pictures(env_id, mode, actions_of):
    env = gym.make(env_id, render_mode=mode, disable_env_checker=True)
    env.reset(seed=3)
    frames = []
    for action in [None, *actions_of(env, 2)]:
        if action is not None:
            _, _, terminated, _, _ = env.step(action)
            if terminated:
                env.reset()
        frames.append(env.render())
    env.close()
    env.close()
    for frame in frames:
        if mode == "human":
            assert frame is None
        elif mode == "ansi":
            assert isinstance(frame, str)
            assert len(frame.splitlines()) >= 4
        else:
            assert frame.dtype == np.uint8
            assert frame.shape == frames[0].shape
            assert frame.ndim == 3
            assert frame.std() > 0


@every
def test_every_answer_can_be_painted(env_id):
    env = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True).unwrapped
    env.reset(seed=3)
    for value in (0, 1, 2):
        if "Answer" in env_id:
            env.step(np.append(np.full(env.task.seq_len, value), 0))
        assert env.render().ndim == 3
        env.render_mode = "ansi"
        assert isinstance(env.render(), str)
        env.render_mode = "rgb_array"


@pytest.mark.parametrize("env_id", SMALL)
def test_render_without_a_mode_warns(env_id):
    env = gym.make(env_id).unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode"):
        assert env.render() is None


@pytest.mark.parametrize(
    "env_id", ["HRMMaze-7x7-v0", "HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0", "HRMHalt-v0"]
)
def test_a_native_vector_draws_its_first_rows_as_the_single_environment(env_id):
    envs = gym.make_vec(env_id, 20, render_mode="rgb_array", autoreset_mode="Disabled")
    one = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True)
    assert gym.make_vec(env_id, 2).render() is None
    envs.reset(seed=0)
    one.reset(seed=1)
    for _ in range(3):
        frames = envs.render()
        assert len(frames) == 20
        # The single environment also marks the cell that was filled last.
        if env_id != "HRMSudoku-4x4-v0" or one.unwrapped.last is None:
            np.testing.assert_array_equal(frames[1], one.render())
        assert frames[15].any()
        assert not frames[16].any()
        action = one.unwrapped.optimal_action()
        if np.ndim(action):
            action[-1] = 0
        envs.step(np.stack([np.asarray(action)] * 20))
        one.step(action)
    with pytest.raises(ValueError, match="render_mode: expected rgb_array or None"):
        gym.make_vec(env_id, 2, render_mode="human")


@pytest.mark.parametrize("env_id", ["HRMMaze-7x7-v0", "HRMSudokuAnswer-4x4-v0", "HRMHalt-v0"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep"])
def test_a_native_vector_draws_the_next_episode(env_id, mode):
    envs = gym.make_vec(env_id, 1, render_mode="rgb_array", autoreset_mode=mode)
    one = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True)
    envs.reset(seed=1)
    one.reset(seed=1)
    over = False
    while not over:
        action = np.asarray(one.unwrapped.optimal_action())
        envs.step(action[None])
        *_, terminated, truncated, _ = one.step(action)
        over = terminated or truncated
    if mode == "NextStep":
        np.testing.assert_array_equal(envs.render()[0], one.render())
        envs.step(action[None])
    one.reset()
    np.testing.assert_array_equal(envs.render()[0], one.render())
