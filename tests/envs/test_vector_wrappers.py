"""Wrappers of native vectors: every row is that of the wrapped single environment."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import FlattenObservation
from sb3_contrib import MaskablePPO
from stable_baselines3 import PPO

import hrm_gym  # noqa: F401
from hrm_gym.agents.baselines.features import PlaneFeatures
from hrm_gym.envs import SB3VecEnv
from hrm_gym.envs.wrappers import (
    DenseReward,
    EpisodeStatistics,
    Flatten,
    MaskInObservation,
    OneHotPlanes,
    RatingCurriculum,
)
from hrm_gym.testing import _Row

STEP = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"]
WRAPPERS = {
    "planes": (OneHotPlanes, OneHotPlanes),
    "flat": (Flatten, FlattenObservation),
    "dense": (DenseReward, DenseReward),
    "mask": (MaskInObservation, MaskInObservation),
    "nested": (
        lambda env: MaskInObservation(env, "mask", "obs", "bool"),
        lambda env: MaskInObservation(env, "mask", "obs", "bool"),
    ),
    "both": (
        lambda env: OneHotPlanes(DenseReward(env, gamma=0.9)),
        lambda env: OneHotPlanes(DenseReward(env, gamma=0.9)),
    ),
}
CASES = [(env_id, name) for env_id in STEP for name in WRAPPERS]
CASES += [("HRMSudokuAnswer-4x4-v0", name) for name in ("planes", "flat", "dense")]
CASES += [("HRMMazeAnswer-7x7-v0", "planes"), ("HRMMaze-Dynamic-v0", "mask")]


def assert_same(wanted, got):
    if isinstance(wanted, dict):
        assert wanted.keys() == got.keys()
        for name, value in wanted.items():
            assert_same(value, got[name])
    else:
        assert np.asarray(wanted).dtype == np.asarray(got).dtype
        np.testing.assert_array_equal(got, wanted)


def row_of(values, row):
    if isinstance(values, dict):
        return {name: row_of(value, row) for name, value in values.items()}
    return values[row]


@pytest.mark.parametrize(("env_id", "name"), CASES)
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_rows_are_those_of_the_wrapped_single_environment(env_id, name, mode):
    wrap, wrap_one = WRAPPERS[name]
    short = {"max_segments": 3} if "Answer" in env_id else {"max_steps": 6}
    how = {"autoreset_mode": mode.value}
    if gym.spec(env_id).vector_entry_point is None:
        how = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    envs = wrap(gym.make_vec(env_id, 3, **how, **short))
    rows = [_Row(wrap_one(gym.make(env_id, **short)), mode) for _ in range(3)]
    assert envs.autoreset_mode is mode
    observations, infos = envs.reset(seed=5)
    begun = [row.reset(5 + k) for k, row in enumerate(rows)]
    random, ends = np.random.default_rng(0), 0
    envs.single_action_space.seed(0)
    for _ in range(20):
        for k, part in enumerate(begun):
            assert_same(part["observation"], row_of(observations, k))
            if "shaping" in part["info"]:
                assert infos["shaping"][k] == pytest.approx(part["info"]["shaping"], abs=1e-12)
        assert envs.observation_space.contains(observations)
        best = [row.env.unwrapped.optimal_action() for row in rows]
        actions = [a if random.random() < 0.6 else envs.single_action_space.sample() for a in best]
        observations, rewards, terminated, truncated, infos = envs.step(np.array(actions))
        begun = [row.step(action) for row, action in zip(rows, actions, strict=True)]
        for k, part in enumerate(begun):
            assert rewards[k] == pytest.approx(part["reward"], abs=1e-12)
            assert (terminated[k], truncated[k]) == (part["termination"], part["truncation"])
            ends += terminated[k] or truncated[k]
            if "final_obs" in part:
                assert_same(part["final_obs"], infos["final_obs"][k])
                if "shaping" in part["final_info"]:
                    shaping = infos["final_info"]["shaping"][k]
                    assert shaping == pytest.approx(part["final_info"]["shaping"], abs=1e-12)
        ended = terminated | truncated
        waits = random.random() < 0.5 and envs.unwrapped.spec.vector_entry_point is not None
        if mode == AutoresetMode.DISABLED and ended.any() and not waits:
            observations, infos = envs.reset(options={"reset_mask": ended.copy()})
            begun = [
                row.reset() if ended[k] else {**begun[k], "info": {}} for k, row in enumerate(rows)
            ]
    assert ends
    envs.close()


@pytest.mark.parametrize("env_id", STEP)
def test_masks_in_observations_can_always_be_sampled(env_id):
    for mode in AutoresetMode:
        envs = MaskInObservation(gym.make_vec(env_id, 2, autoreset_mode=mode.value, max_steps=3))
        observations, _ = envs.reset(seed=0)
        for _ in range(8):
            assert observations["action_mask"].any(axis=1).all()
            actions = observations["action_mask"].argmax(axis=1)
            observations, *_, infos = envs.step(actions)
            for final in infos.get("final_obs", []):
                assert final is None or final["action_mask"].all()


@pytest.mark.parametrize("env_id", ["HRMSudoku-4x4-v0", "HRMARC-v0", "HRMHalt-v0"])
def test_the_mask_in_an_observation_is_that_of_the_environment(env_id):
    kwargs = {"observation": "obs"} if env_id == "HRMHalt-v0" else {}
    env = MaskInObservation(gym.make(env_id), dtype="float32", **kwargs)
    observation, _ = env.reset(seed=0)
    for _ in range(3):
        assert env.observation_space.contains(observation)
        assert observation["action_mask"].dtype == np.float32
        np.testing.assert_array_equal(observation["action_mask"], env.unwrapped.action_masks())
        observation = env.step(env.unwrapped.optimal_action())[0]
        if env.unwrapped.ended:
            assert observation["action_mask"].all()
            break


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("device", [None, "cpu"])
def test_statistics_are_those_of_gymnasium(mode, device):
    release = tuple(int(part) for part in gym.__version__.split(".")[:2])
    if mode == AutoresetMode.SAME_STEP and release < (1, 4):
        pytest.skip("Gymnasium before 1.4 counts wrong lengths in SameStep mode")

    def make(**kwargs):
        return gym.make_vec(
            "HRMSudokuAnswer-4x4-v0", 4, autoreset_mode=mode.value, max_segments=3, **kwargs
        )

    envs = EpisodeStatistics(make(**({} if device is None else {"device": device})))
    wanted = gym.wrappers.vector.RecordEpisodeStatistics(make())
    envs.reset(seed=0)
    wanted.reset(seed=0)
    counted = 0
    random = np.random.default_rng(0)
    for _ in range(20):
        labels = np.maximum(np.asarray(wanted.unwrapped.labels.numpy()), 1)
        actions = np.column_stack([labels, random.random(4) < 0.5]).astype(np.int64)
        *_, infos = envs.step(actions)
        _, _, terminated, truncated, told = wanted.step(actions)
        ended = terminated | truncated
        assert infos["_episode"].tolist() == ended.tolist()
        if ended.any():
            counted += 1
            assert infos["episode"]["r"].tolist() == told["episode"]["r"].tolist()
            assert infos["episode"]["l"].tolist() == told["episode"]["l"].tolist()
        if mode == AutoresetMode.DISABLED and ended.any():
            for vector in (envs, wanted):
                vector.reset(options={"reset_mask": ended.copy()})
    assert counted > 3


def test_wrappers_around_those_of_gymnasium_see_which_rows_are_reset():
    # Gymnasium's RecordEpisodeStatistics removes reset_mask from the options.
    shaped = [
        DenseReward(wrap(gym.make_vec("HRMMaze-7x7-v0", 2, autoreset_mode="Disabled", max_steps=4)))
        for wrap in (lambda envs: envs, gym.wrappers.vector.RecordEpisodeStatistics)
    ]
    for step in range(4):
        if step == 0:
            for envs in shaped:
                envs.reset(seed=0)
        actions = shaped[0].unwrapped.optimal_action()
        results = [envs.step(actions) for envs in shaped]
        np.testing.assert_array_equal(results[0][1], results[1][1])
    mask = np.array([True, False])
    for envs in shaped:
        infos = envs.reset(options={"reset_mask": mask.copy()})[1]
        assert infos["_shaping"].tolist() == [True, False]
    rewards = [envs.step(actions)[1] for envs in shaped]
    np.testing.assert_array_equal(rewards[0], rewards[1])


@pytest.mark.parametrize("env_id", ["HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0"])
def test_a_curriculum_over_a_vector_moves_up_as_puzzles_are_solved(env_id):
    single = gym.make(env_id)
    inner = gym.make_vec(env_id, 4, autoreset_mode="Disabled")
    envs = RatingCurriculum(inner, bands=[8, 12, 20], window=8, threshold=0.8, review=4)
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    ends = [(-1, 8), (8, 12), (12, 20)]
    _, infos = envs.reset(seed=0)
    reached, ended_rows = [], 0
    for step in range(160):
        for row in range(4):
            low, high = ends[infos["band"][row]]
            # A review draws from all lower bands.
            assert infos["rating"][row] <= high
            assert infos["rating"][row] > low or infos["band"][row] < envs.band or ended_rows
        if env_id == "HRMMaze-7x7-v0":
            actions = inner.optimal_action()
        else:
            actions = np.column_stack([inner.labels.numpy(), np.ones(4)]).astype(np.int64)
            actions[actions == 0] = 1
        if step < 2:
            actions[:] = single.action_space.sample()
        _, _, terminated, truncated, infos = envs.step(actions)
        ended = terminated | truncated
        ended_rows += int(ended.sum())
        assert infos["_rating"].all()
        assert infos["_band"].all()
        if ended.any():
            won = infos["final_info"]["exact" if "exact" in infos else "is_success"]
            assert step < 2 or won[ended].all()
            assert infos["_final_info"].tolist() == ended.tolist()
            assert not infos["regret"].any()
        reached.append(envs.band)
    assert reached[0] == 0
    assert reached == sorted(reached)
    assert reached[-1] == 2


@pytest.mark.parametrize("env_id", [*STEP, "HRMSudokuAnswer-4x4-v0", "HRMHalt-v0"])
def test_a_vector_draws_puzzles_of_a_difficulty_as_the_single_environment_does(env_id):
    envs = gym.make_vec(env_id, 3, autoreset_mode="Disabled")
    ratings = envs.unwrapped.puzzles.ratings
    difficulty = [float(np.median(ratings)), float(ratings.max())]
    rows = [gym.make(env_id) for _ in range(3)]
    for number in range(4):
        seeds = {"seed": 3} if number == 0 else {}
        observations, infos = envs.reset(options={"difficulty": difficulty}, **seeds)
        for k, env in enumerate(rows):
            seed = {"seed": 3 + k} if number == 0 else {}
            wanted, info = env.reset(options={"difficulty": difficulty}, **seed)
            assert_same(wanted, row_of(observations, k))
            assert infos["rating"][k] == info["rating"] >= difficulty[0]
    with pytest.raises(ValueError, match="difficulty: no puzzle is rated"):
        envs.reset(options={"difficulty": [1e8, 1e9]})
    with pytest.raises(ValueError, match="options: expected one of index and difficulty"):
        envs.reset(options={"difficulty": difficulty, "index": np.zeros(3, int)})


@pytest.mark.parametrize("env_id", STEP)
def test_stable_baselines_trains_on_wrapped_vectors(env_id):
    inner = gym.make_vec(env_id, 4, autoreset_mode="SameStep", max_steps=6)
    envs = SB3VecEnv(OneHotPlanes(DenseReward(inner)))
    kwargs = {"features_extractor_class": PlaneFeatures, "normalize_images": False}
    small = {"n_steps": 8, "batch_size": 16, "n_epochs": 1, "policy_kwargs": kwargs}
    MaskablePPO("CnnPolicy", envs, **small).learn(64)
    flat = SB3VecEnv(Flatten(gym.make_vec(env_id, 4, autoreset_mode="SameStep", max_steps=6)))
    PPO("MlpPolicy", flat, n_steps=8, batch_size=16, n_epochs=1).learn(64)


def test_the_error_names_what_does_not_fit():
    device = gym.make_vec("HRMSudokuAnswer-4x4-v0", 2, device="cpu")
    for wrap in (OneHotPlanes, DenseReward, Flatten):
        with pytest.raises(ValueError, match="env: expected a vectorized environment of NumPy"):
            wrap(device)
    sync = gym.make_vec("HRMMaze-Dynamic-v0", 2, vectorization_mode="sync")
    with pytest.raises(ValueError, match=r"env: .* vectorization_mode='sync', wrappers="):
        DenseReward(sync)
    with pytest.raises(ValueError, match=r"env: .* action_masks; .* vectorization_mode='sync'"):
        MaskInObservation(gym.make_vec("HRMSudokuAnswer-4x4-v0", 2))
    sync = gym.make_vec("HRMSudokuAnswer-4x4-v0", 2, vectorization_mode="sync")
    assert MaskInObservation(sync).reset(seed=0)[0]["action_mask"].any()
    with pytest.raises(ValueError, match="env: RatingCurriculum begins the episodes itself"):
        RatingCurriculum(gym.make_vec("HRMMaze-7x7-v0", 2))
    with pytest.raises(ValueError, match="observation: expected a key"):
        MaskInObservation(gym.make("HRMHalt-v0"))
    with pytest.raises(ValueError, match="mask: expected a key that is not taken"):
        MaskInObservation(gym.make("HRMMaze-7x7-v0"), mask="tokens")
