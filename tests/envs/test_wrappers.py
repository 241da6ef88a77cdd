"""Wrappers: curriculum, planes and dense reward, on every environment they fit."""

from __future__ import annotations

import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import hrm_gym
from hrm_gym.envs.wrappers import DenseReward, OneHotPlanes, RatingCurriculum, rating_bands

IDS = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMMaze-Dynamic-v0", "HRMARC-v0"]
IDS += ["HRMSudokuAnswer-4x4-v0", "HRMMazeAnswer-7x7-v0"]
WRAPPERS = [RatingCurriculum, OneHotPlanes, DenseReward]


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_checker_json_and_pickle(env_id, wrapper):
    env = wrapper(gym.make(env_id, disable_env_checker=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The checker warns about every wrapped environment that it is wrapped.
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version.*")
        check_env(env, skip_render_check=True)
    again = gym.make(EnvSpec.from_json(env.spec.to_json()), disable_env_checker=True)
    one, two = env.reset(seed=3)[0], again.reset(seed=3)[0]
    twin = pickle.loads(pickle.dumps(env))
    for part in (two, twin.unwrapped._observe() if wrapper is not OneHotPlanes else one):
        if isinstance(part, dict):
            for name, value in part.items():
                np.testing.assert_array_equal(value, one[name])
        else:
            np.testing.assert_array_equal(part, one)
    action = env.unwrapped.optimal_action()
    assert twin.step(action)[1] == env.step(action)[1] == again.step(action)[1]


def episode(env, solve: bool, options=None):
    _, info = env.reset(options=options)
    done = truncated = False
    while not (done or truncated):
        action = env.unwrapped.optimal_action() if solve else 0
        _, _, done, truncated, last = env.step(action)
        assert last["band"] == info["band"]
    return info


def test_the_curriculum_moves_up_as_puzzles_are_solved():
    env = gym.make("HRMMaze-7x7-v0", max_steps=25)
    env = RatingCurriculum(env, bands=[8, 12, 20], window=10, threshold=0.8, review=4)
    env.reset(seed=0)
    ends = [(-1, 8), (8, 12), (12, 20)]
    # Never solved, never moved up.
    for _ in range(30):
        info = episode(env, solve=False)
        assert info["rating"] <= 8
    assert env.band == 0
    reached, seen = [], []
    for _ in range(60):
        info = episode(env, solve=True)
        reached.append(env.band)
        seen.append(info["band"])
        low, high = ends[info["band"]]
        low = low if info["band"] == max(seen) else -1
        assert low < info["rating"] <= high
    assert reached[0] == 0
    assert reached == sorted(reached)
    assert reached[-1] == 2
    # A quarter of the episodes look back once there is something below.
    late = seen[-20:]
    assert late.count(1) == 5
    assert late.count(2) == 15
    # What the caller chose is passed on, and does not count.
    before = list(env.bands.recent)
    assert episode(env, False, {"index": 0})["rating"] == env.unwrapped.puzzles[0].rating
    assert list(env.bands.recent) == before


def test_every_puzzle_is_in_exactly_one_band():
    ratings = np.array([0, 0, 0, 0, 0, 1, 2, 5, 9, 9], np.float32)
    for bands in (1, 2, 5, 100):
        found = rating_bands(ratings, bands)
        counts = [((ratings >= low) & (ratings <= high)).sum() for low, high in found]
        assert sum(counts) == len(ratings)
        assert min(counts) > 0
        assert found == sorted(found)
    assert rating_bands(ratings, [0, 9]) == [(0, 0), (1, 9)]


@pytest.mark.parametrize("env_id", IDS)
def test_one_hot_planes_contain_the_whole_observation(env_id):
    env = OneHotPlanes(gym.make(env_id, disable_env_checker=True))
    env.reset(seed=1)
    planes = env.step(env.unwrapped.optimal_action())[0]
    observation = env.unwrapped._observe()
    assert planes.shape == env.observation_space.shape
    assert planes.dtype == np.uint8
    start = 0
    for name, vocabulary in env.fields:
        value = np.asarray(observation[name])
        if vocabulary:
            count = value.size // env.side**2
            part = planes[start : start + count * vocabulary]
            part = part.reshape(count, vocabulary, env.side**2)
            assert (part.sum(axis=1) == 1).all()
            np.testing.assert_array_equal(part.argmax(axis=1).ravel(), value)
            start += count * vocabulary
        else:
            part = planes[start].ravel()
            wanted = part.argmax() if name == "position" else part
            np.testing.assert_array_equal(wanted, value)
            start += 1
    assert start == len(planes)
    assert {name for name, _ in env.fields} == set(observation) - {"puzzle_id"}


@pytest.mark.parametrize("env_id", IDS)
@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_shaping_adds_the_same_amount_to_every_return(env_id, gamma):
    env = DenseReward(gym.make(env_id, disable_env_checker=True), gamma=gamma, scale=2.0)
    plain = gym.make(env_id, disable_env_checker=True)
    random = np.random.default_rng(0)
    env.action_space.seed(0)
    for number in range(6):
        seed = {"seed": 5} if number % 2 else {"seed": 6}
        env.reset(**seed)
        plain.reset(**seed)
        start = env.potential()
        assert -1 <= start <= 0
        total, discount, done, steps = 0.0, 1.0, False, 0
        while not done and steps < 300:
            best = random.random() < number / 5
            action = env.unwrapped.optimal_action() if best else env.action_space.sample()
            _, shaped, done, truncated, info = env.step(action)
            reward = plain.step(action)[1]
            assert shaped == pytest.approx(reward + info["shaping"])
            total += discount * info["shaping"]
            discount *= gamma
            steps += 1
            done = done or truncated
        end = 0.0 if done and not truncated else env.potential()
        assert total == pytest.approx(2 * (discount * end - start), abs=1e-6)


@pytest.mark.parametrize("env_id", ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"])
def test_progress_is_rewarded(env_id):
    env = DenseReward(gym.make(env_id), gamma=1.0)
    for seed in range(4):
        env.reset(seed=seed)
        done = False
        while not done:
            _, reward, done, _, info = env.step(env.unwrapped.optimal_action())
            assert info["shaping"] > 0
        assert reward > 1


@pytest.mark.parametrize(
    ("wrapper", "env_id", "kwargs", "words"),
    [
        (RatingCurriculum, "HRMMaze-7x7-v0", {"bands": 0}, "bands: expected at least 1"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"bands": [9, 8]}, "bands: expected"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"bands": [1, 20]}, "bands: no puzzle has a rating"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"window": 0}, "window: expected"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"threshold": 2}, "threshold: expected"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"threshold": "x"}, "threshold: expected"),
        (
            RatingCurriculum,
            "HRMMaze-7x7-v0",
            {"bands": "x"},
            "bands: expected a number or",
        ),
        (
            RatingCurriculum,
            "HRMMaze-7x7-v0",
            {"bands": True},
            "bands: expected a number or",
        ),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"window": True}, "window: expected"),
        (RatingCurriculum, "HRMMaze-7x7-v0", {"review": -1}, "review: expected"),
        (RatingCurriculum, "CartPole-v1", {}, "env: expected an environment over puzzles"),
        (OneHotPlanes, "HRMHalt-v0", {}, "env: expected an observation with tokens"),
        (DenseReward, "HRMHalt-v0", {}, "env: expected an observation with tokens"),
        (DenseReward, "HRMMaze-7x7-v0", {"gamma": 2}, "gamma: expected a number in 0..1"),
        (DenseReward, "HRMMaze-7x7-v0", {"gamma": None}, "gamma: expected a number in 0..1"),
        (DenseReward, "HRMMaze-7x7-v0", {"scale": float("nan")}, "scale: expected a finite"),
        (DenseReward, "HRMMaze-7x7-v0", {"scale": "x"}, "scale: expected a finite"),
    ],
)
def test_the_error_names_a_wrong_argument(wrapper, env_id, kwargs, words):
    assert env_id in (*hrm_gym.ENV_IDS, "CartPole-v1")
    with pytest.raises(ValueError, match=f"^{words}"):
        wrapper(gym.make(env_id), **kwargs)
