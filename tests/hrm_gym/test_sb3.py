"""The adapter to Stable-Baselines3: the same episodes as the vector it wraps, said its way."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks, is_masking_supported
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

import hrm_gym  # noqa: F401
from hrm_gym.envs import SB3VecEnv
from hrm_gym.envs.wrappers import EpisodeStatistics

IDS = ("HRMSudoku-4x4-v0", "HRMMaze-7x7-v0")


def vector(env_id, rows=4, limit=12):
    return gym.make_vec(env_id, rows, autoreset_mode="SameStep", max_steps=limit)


@pytest.mark.parametrize("env_id", IDS)
def test_episodes_are_those_of_the_vector(env_id):
    plain, adapted = vector(env_id), SB3VecEnv(vector(env_id))
    adapted.seed(7)
    seen, shown = plain.reset(seed=[7, 8, 9, 10])[0], adapted.reset()
    plain.action_space.seed(0)
    truncated_rows = ended_rows = 0
    for _ in range(60):
        for name, values in seen.items():
            np.testing.assert_array_equal(values, shown[name])
        actions = plain.action_space.sample()
        seen, rewards, terminated, truncated, infos = plain.step(actions)
        shown, got, dones, rows = adapted.step(actions)
        np.testing.assert_array_equal(dones, terminated | truncated)
        np.testing.assert_array_equal(got, rewards.astype(np.float32))
        for row in range(4):
            assert rows[row]["TimeLimit.truncated"] is bool(truncated[row] and not terminated[row])
            assert ("terminal_observation" in rows[row]) == dones[row]
            if dones[row]:
                ended_rows += 1
                truncated_rows += rows[row]["TimeLimit.truncated"]
                assert rows[row]["regret"] == infos["final_info"]["regret"][row]
                for name, values in infos["final_obs"][row].items():
                    np.testing.assert_array_equal(rows[row]["terminal_observation"][name], values)
    assert ended_rows
    assert truncated_rows
    adapted.close()
    plain.close()


@pytest.mark.parametrize("env_id", IDS)
def test_masks_and_statistics_reach_the_library(env_id):
    inner = vector(env_id)
    envs = VecMonitor(SB3VecEnv(inner))
    assert is_masking_supported(envs)
    model = MaskablePPO("MultiInputPolicy", envs, n_steps=16, batch_size=32, n_epochs=1, seed=0)
    model.learn(256)
    np.testing.assert_array_equal(get_action_masks(envs), inner.action_masks())
    assert model.ep_info_buffer, "no episode was counted"
    assert all(episode["l"] <= 12 for episode in model.ep_info_buffer)


@pytest.mark.parametrize("env_id", IDS)
def test_masks_are_found_through_vector_wrappers(env_id):
    inner = vector(env_id)
    wrapped = gym.wrappers.vector.RecordEpisodeStatistics(inner)
    envs = SB3VecEnv(gym.wrappers.vector.ClipReward(wrapped, 0, 1))
    assert is_masking_supported(envs)
    model = MaskablePPO("MultiInputPolicy", envs, n_steps=16, batch_size=32, n_epochs=1, seed=0)
    model.learn(128)
    np.testing.assert_array_equal(get_action_masks(envs), inner.action_masks())
    assert model.ep_info_buffer, "no episode was counted"
    assert all(episode["r"] in (0, 1) for episode in model.ep_info_buffer)
    assert envs.get_attr("max_steps") == [12] * 4
    with pytest.raises(AttributeError, match="no_such_name"):
        envs.get_attr("no_such_name")


@pytest.mark.parametrize(
    "env_id", ["HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0", "HRMMazeAnswer-7x7-v0", "HRMHalt-v0"]
)
def test_every_native_vector_and_a_wrapped_one_can_be_stepped(env_id):
    inner = gym.make_vec(env_id, 3, autoreset_mode="SameStep")
    counted = gym.wrappers.vector.RecordEpisodeStatistics(inner)
    for envs in (SB3VecEnv(inner), SB3VecEnv(counted)):
        envs.reset()
        ended = 0
        inner.action_space.seed(1)
        for _ in range(80):
            _, _, dones, infos = envs.step(inner.action_space.sample())
            for row in np.flatnonzero(dones):
                ended += 1
                last = infos[row]["terminal_observation"]
                assert inner.single_observation_space.contains(last)
                assert ("episode" in infos[row]) == (envs.vector is counted)
                if envs.vector is counted:
                    assert infos[row]["episode"].keys() == {"r", "l", "t"}
        assert ended


def test_the_library_sees_the_returns_that_a_wrapper_counts():
    envs = SB3VecEnv(EpisodeStatistics(vector("HRMMaze-7x7-v0", limit=5)))
    model = MaskablePPO("MultiInputPolicy", envs, n_steps=16, batch_size=16, n_epochs=1)
    model.learn(64)
    assert all(episode["r"] in (0, 1) for episode in model.ep_info_buffer)
    assert max(episode["l"] for episode in model.ep_info_buffer) == 5


@pytest.mark.parametrize("env_id", [*IDS, "HRMHalt-v0", "HRMSudokuAnswer-4x4-v0"])
def test_the_option_index_chooses_puzzles(env_id):
    kwargs = {"max_steps": 12} if env_id in IDS else {}
    inner = gym.make_vec(env_id, 4, autoreset_mode="SameStep", **kwargs)
    envs = SB3VecEnv(inner)
    single = gym.make(env_id)
    for options, wanted in (
        ({"index": 3}, [3] * 4),
        ([{"index": k} for k in (2, 0, 1, 3)], [2, 0, 1, 3]),
        ({"index": [4, 0, 1, 3]}, [4, 0, 1, 3]),
    ):
        envs.set_options(options)
        seen = envs.reset()
        for row, index in enumerate(wanted):
            told = single.reset(options={"index": index})[0]
            for name, value in told.items() if isinstance(told, dict) else [(None, told)]:
                got = seen[row] if name is None else seen[name][row]
                np.testing.assert_array_equal(got, value)
    # The options hold for one reset, as in the library's own vectors.
    envs.seed(0)
    envs.reset()
    envs.set_options({"level": 3})
    with pytest.raises(ValueError, match=r"options: expected .*, got 'level'"):
        envs.reset()
    envs.set_options([{"index": 3}, {}, {}, {}])
    with pytest.raises(ValueError, match=r"options: expected the same options for every row"):
        envs.reset()


@pytest.mark.parametrize("how", ["native", "sync"])
def test_options_of_all_rows_are_those_of_the_library(how):
    if how == "native":
        kwargs = {"autoreset_mode": "SameStep"}
    else:
        kwargs = {
            "vectorization_mode": "sync",
            "vector_kwargs": {"autoreset_mode": AutoresetMode.SAME_STEP},
        }
    envs = SB3VecEnv(gym.make_vec("HRMMaze-7x7-v0", 3, **kwargs))
    own = DummyVecEnv([lambda: gym.make("HRMMaze-7x7-v0")] * 3)
    for options in ({"index": 3}, {"difficulty": [10, 12]}):
        for vector_ in (envs, own):
            vector_.seed(5)
            vector_.set_options(options)
        seen, wanted = envs.reset(), own.reset()
        for name, value in wanted.items():
            np.testing.assert_array_equal(seen[name], value)


def test_the_error_names_what_does_not_fit():
    with pytest.raises(ValueError, match=r"autoreset_mode: expected SameStep .* NextStep"):
        SB3VecEnv(gym.make_vec("HRMMaze-7x7-v0", 2))
    envs = SB3VecEnv(vector("HRMMaze-7x7-v0"))
    with pytest.raises(AttributeError, match="share their attributes"):
        envs.set_attr("augment", False)
    with pytest.raises(AttributeError):
        envs.env_method("no_such_method")
