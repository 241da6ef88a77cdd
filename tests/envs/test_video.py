"""Every environment can be filmed by Gymnasium's own wrapper."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import RecordVideo

import hrm_gym


@pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
def test_frames_suit_a_video_encoder(env_id):
    env = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True)
    env.reset(seed=0)
    frames = [env.render()]
    env.step(env.unwrapped.optimal_action())
    frames.append(env.render())
    for frame in frames:
        assert frame.dtype == np.uint8
        assert frame.ndim == 3
        assert frame.shape == frames[0].shape
        assert frame.shape[2] == 3
        # yuv420p, which players want, halves both sides.
        assert frame.shape[0] % 2 == 0
        assert frame.shape[1] % 2 == 0
    assert (frames[0] != frames[1]).any()
    assert env.metadata["render_fps"] > 0
    env.close()


@pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
def test_a_video_is_written(env_id, tmp_path):
    pytest.importorskip("moviepy", reason="RecordVideo needs the extra 'video'")
    env = RecordVideo(
        gym.make(env_id, render_mode="rgb_array", disable_env_checker=True),
        str(tmp_path / "videos"),
        episode_trigger=lambda episode: episode == 0,
        disable_logger=True,
    )
    env.reset(seed=0)
    for _ in range(3):
        _, _, terminated, truncated, _ = env.step(env.unwrapped.optimal_action())
        if terminated or truncated:
            break
    env.close()
    (video,) = (tmp_path / "videos").glob("*.mp4")
    assert video.stat().st_size > 1000
