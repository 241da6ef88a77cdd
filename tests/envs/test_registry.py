"""What holds of every registered environment."""

from __future__ import annotations

import copy
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import hrm_gym
from hrm_gym.envs.wrappers import DenseReward, RatingCurriculum
from hrm_gym.puzzles import get_task

STEP_IDS = [i for i in hrm_gym.ENV_IDS if "Answer" not in i and "Halt" not in i]
SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0", "HRMSudokuAnswer-4x4-v0"]
SCALARS = {np.bool_, np.int64, np.float64, np.ndarray, tuple, str}
every = pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)


@every
def test_gymnasium_checker(env_id):
    env = gym.make(env_id, render_mode="rgb_array", disable_env_checker=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env.unwrapped)
    env.close()


@every
def test_sb3_checker(env_id):
    env = gym.make(env_id)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sb3_check_env(env, warn=True)
    env.close()


@every
def test_the_same_seed_gives_the_same_episode(env_id, digest, play):
    traces = []
    for seed in (3, 3, 4):
        env = gym.make(env_id)
        traces.append([digest(env.reset(seed=seed)), *play(env, 40)])
        env.close()
    assert traces[0] == traces[1]
    assert traces[0] != traces[2]


@every
def test_episodes_without_a_seed_follow_the_seeded_one(env_id, digest):
    env = gym.make(env_id)
    first = [digest(env.reset(seed=5)[0]), *(digest(env.reset()[0]) for _ in range(3))]
    again = [digest(env.reset(seed=5)[0]), *(digest(env.reset()[0]) for _ in range(3))]
    assert first == again
    assert len(set(first)) > 1


@every
def test_spec_survives_json(env_id, digest):
    env = gym.make(env_id, limit=3)
    spec = gym.envs.registration.EnvSpec.from_json(env.spec.to_json())
    again = gym.make(spec)
    assert digest(again.reset(seed=1)) == digest(env.reset(seed=1))
    assert len(again.unwrapped.puzzles) == 3
    assert again.unwrapped.max_steps == gym.make(env_id).unwrapped.max_steps


@every
def test_every_info_names_the_task(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    _, info = env.reset(seed=2)
    for _ in range(3):
        assert info["task"] == env.unwrapped.task.id
        assert get_task(info["task"]).seq_len == env.unwrapped.task.seq_len
        *_, info = env.step(env.unwrapped.optimal_action())


@pytest.mark.parametrize("env_id", [*SMALL, "HRMMaze-Dynamic-v0", "HRMHalt-v0"])
@pytest.mark.parametrize("mode", ["NextStep", "SameStep", "Disabled"])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_every_info_of_a_vector_names_the_task(env_id, mode, device):
    kwargs = {"autoreset_mode": mode}
    if gym.spec(env_id).vector_entry_point is None:
        kwargs = {"vector_kwargs": {"autoreset_mode": gym.vector.AutoresetMode(mode)}}
    if device is not None:
        if "Answer" not in env_id:
            return
        kwargs["device"] = device
    envs = gym.make_vec(env_id, 3, **kwargs)
    wanted = gym.make(env_id).unwrapped.task.id
    _, infos = envs.reset(seed=2)
    last = 0
    for _ in range(20):
        assert infos["task"].tolist() == [wanted] * 3
        assert infos["_task"].tolist() == [True] * 3
        *_, infos = envs.step(envs.action_space.sample())
        if "final_info" in infos:
            ended = infos["_final_info"]
            last += int(ended.sum())
            assert all(name == wanted for name in infos["final_info"]["task"][np.asarray(ended)])
        if mode == "Disabled":
            envs.reset(options={"reset_mask": np.ones(3, bool)})
    envs.close()
    if mode == "SameStep" and env_id in ("HRMSudokuAnswer-4x4-v0", "HRMHalt-v0"):
        assert last > 0


def test_the_task_names_of_a_copied_vector_are_read_only():
    envs = gym.make_vec("HRMSudoku-4x4-v0", 2)
    for twin in (envs, copy.deepcopy(envs), pickle.loads(pickle.dumps(envs))):
        twin.reset(seed=0)
        *_, infos = twin.step(twin.action_space.sample())
        for name in ("task", "_task"):
            assert not infos[name].flags.writeable


@pytest.mark.parametrize("env_id", STEP_IDS)
def test_masks_mark_exactly_the_legal_actions(env_id, snapshot):
    env = gym.make(env_id, disable_env_checker=True).unwrapped
    random = np.random.default_rng(0)
    env.reset(seed=1)
    env.action_space.seed(0)
    seen, refused = set(), False
    for _ in range(150):
        action = env.action_space.sample()
        mask = env.action_masks()
        refused |= not mask.all() or not isinstance(env.action_space, gym.spaces.Discrete)
        assert mask.dtype == bool
        if isinstance(env.action_space, gym.spaces.Discrete):
            if random.random() < 0.4:
                action = random.choice(np.flatnonzero(mask))
            legal = bool(mask[action])
        else:
            # Painting outside the canvas is the one thing that a mask a component cannot say.
            assert mask.all()
            legal = action[0] >= 10 or (action[1:] < env.canvas.shape).all()
        before = snapshot(env)
        observation, reward, terminated, truncated, info = env.step(action)
        assert bool(info["invalid_action"]) is not legal
        seen.add(legal)
        if not legal:
            assert snapshot(env) == before
            assert reward == 0
            assert not terminated
        shown = info["action_mask"]
        shown = np.concatenate(shown) if isinstance(shown, tuple) else shown
        np.testing.assert_array_equal(shown.astype(bool), env.action_masks())
        assert shown.dtype == np.int8
        assert env.observation_space.contains(observation)
        if terminated or truncated:
            env.reset()
    # An environment may have no illegal actions at all.
    assert seen == ({True, False} if refused else {True})


@every
@pytest.mark.parametrize("wrapped", [False, True])
def test_every_info_has_the_same_keys_and_types(env_id, wrapped):
    env = gym.make(env_id, disable_env_checker=True)
    if wrapped:
        env = RatingCurriculum(env)
        # The observation of HRMHalt-v0 has no tokens, which the reward is made from.
        env = env if env_id == "HRMHalt-v0" else DenseReward(env)
    env.action_space.seed(0)
    for number in range(2):
        _, info = env.reset(seed=number)
        assert {"task", "rating", "action_mask", "is_success", "invalid_action"} <= info.keys()
        kinds = {name: type(value) for name, value in info.items()}
        assert set(kinds.values()) <= SCALARS
        assert not info["is_success"]
        for step in range(12):
            # Every third action is invalid, the others are any of the space.
            action = env.action_space.sample()
            if np.ndim(action) and len(action) > 3:
                action[-1] = 0
            *_, terminated, truncated, info = env.step(-1 if step % 3 == 0 else action)
            assert {name: type(value) for name, value in info.items()} == kinds
            if terminated or truncated:
                break
        else:
            # The episode ends at last, by a right answer if it is an answer.
            while not (terminated or truncated):
                *_, terminated, truncated, info = env.step(env.unwrapped.optimal_action())
            assert {name: type(value) for name, value in info.items()} == kinds


@every
def test_actions_outside_the_space_change_nothing(env_id, play, snapshot):
    env = gym.make(env_id, disable_env_checker=True).unwrapped
    env.reset(seed=1)
    play(env, 2)
    for value in (-1, -(2**31), 10**6):
        if isinstance(env.action_space, gym.spaces.Discrete):
            bad = [value, np.int64(value)]
        else:
            bad = [np.full(env.action_space.shape, value)]
            for place in (0, -1):
                action = np.array(env.optimal_action(), np.int64)
                action[place] = value
                bad.append(action)
        for action in bad:
            before = snapshot(env)
            *_, terminated, truncated, info = env.step(action)
            assert info["invalid_action"]
            assert not info["is_success"]
            assert snapshot(env) == before
            assert not truncated
            if terminated:  # the last segment halts by itself, whatever was answered
                env.reset()


@every
def test_masked_samples_are_legal(env_id):
    env = gym.make(env_id)
    _, info = env.reset(seed=4)
    for _ in range(20):
        action = env.action_space.sample(mask=info["action_mask"])
        _, _, terminated, truncated, info = env.step(action)
        if not env_id.startswith("HRMARC-"):
            assert not info["invalid_action"]
        if terminated or truncated:
            _, info = env.reset()


@every
def test_observations_and_infos_never_contain_the_solution(env_id, flat):
    env = gym.make(env_id, disable_env_checker=True)
    observation, info = env.reset(seed=6)
    for _ in range(6):
        labels = env.unwrapped.labels
        hidden = {labels.tobytes(), env.unwrapped.puzzle.labels.tobytes()}
        assert env.unwrapped.inputs.tobytes() not in hidden
        for path, part in flat([observation, info]):
            assert not isinstance(part, (bytes, str)) or path.endswith(
                ("task", "task_id", "test_index")
            )
            assert np.asarray(part).dtype != object
            if np.ndim(part):
                assert not np.shares_memory(part, labels), path
                block = np.asarray(part).astype(np.uint8).tobytes()
                assert not any(label in block for label in hidden), path
        action = env.action_space.sample()
        if "Answer" in env_id:
            action[-1] = 0
        observation, _, terminated, _, info = env.step(action)
        if terminated:
            observation, info = env.reset()


@every
def test_returned_arrays_are_not_used_again(env_id, flat, digest, actions_of):
    env = gym.make(env_id, disable_env_checker=True)
    observation, info = env.reset(seed=8)
    for action in actions_of(env, 10):
        twin = copy.deepcopy(env)
        for _, part in flat([observation, info]):
            if isinstance(part, np.ndarray):
                part[...] = 1
        observation, reward, terminated, truncated, info = env.step(action)
        assert digest((observation, reward, info)) == digest(
            [part for i, part in enumerate(twin.step(action)) if i not in (2, 3)]
        )
        if terminated or truncated:
            observation, info = env.reset()
    env.unwrapped.solve()[:] = 0
    env.unwrapped.action_masks()[:] = False
    assert env.unwrapped.labels.any()
    assert env.unwrapped.action_masks().any()


@pytest.mark.parametrize("env_id", SMALL)
def test_an_async_vector_can_be_made(env_id):
    async_kwargs = {"vectorization_mode": "async", "vector_kwargs": {"context": "spawn"}}
    plain, other = (
        gym.make_vec(env_id, 2, limit=5, **mode)
        for mode in ({"vectorization_mode": "sync"}, async_kwargs)
    )
    try:
        wanted, got = plain.reset(seed=3), other.reset(seed=3)
        for name, value in wanted[0].items():
            np.testing.assert_array_equal(got[0][name], value)
        plain.action_space.seed(0)
        for _ in range(4):
            actions = plain.action_space.sample()
            wanted, got = plain.step(actions), other.step(actions)
            for name, value in wanted[0].items():
                np.testing.assert_array_equal(got[0][name], value)
            for left, right in zip(wanted[1:4], got[1:4], strict=True):
                np.testing.assert_array_equal(left, right)
    finally:
        plain.close()
        other.close()


@pytest.mark.parametrize("env_id", SMALL)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"index": -1}, "index: expected"),
        ({"index": 10**9}, "index: expected"),
        ({"index": "a"}, "index: expected"),
        ({"index": None}, "index: expected"),
        ({"puzzle": "x"}, ""),
        ({"puzzle": None}, ""),
        ({"level": 1}, "options: expected index, puzzle, difficulty, got 'level'"),
        ({"difficulty": [1e9, 2e9]}, "difficulty: no puzzle is rated"),
        ({"difficulty": "x"}, "difficulty: expected"),
        ({"index": 0, "difficulty": [0, 1]}, "options: expected one of them"),
    ],
)
def test_the_error_names_a_wrong_option(env_id, options, words, digest, play):
    env = gym.make(env_id)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=rf"^{words}") as caught:
        env.reset(seed=0, options=options)
    assert "\n" not in str(caught.value)
    # What failed leaves nothing behind that matters once an episode is begun.
    trace = [digest(env.reset(seed=2)), *play(env, 3)]
    other = gym.make(env_id)
    assert [digest(other.reset(seed=2)), *play(other, 3)] == trace
