"""The native vectors of the step environments, beyond being equal to single ones."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hrm_gym
from hrm_gym.registration import TABLE
from hrm_gym.testing import check_vector_env

IDS = [row.id for row in TABLE if row.vector is not None and row.task and "Answer" not in row.id]
every = pytest.mark.parametrize("env_id", IDS)
MODES = ["NextStep", "SameStep", "Disabled"]


def flat(value):
    """Yield every array of nested observations and infos, named."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from ((f"{name}/{path}", inner) for path, inner in flat(part))
    elif isinstance(value, (tuple, list)) or getattr(value, "dtype", np.int64) == np.dtype(object):
        for place, part in enumerate(value):
            yield from ((f"{place}/{path}", inner) for path, inner in flat(part))
    else:
        yield "", value


def assert_same(wanted, got):
    wanted, got = dict(flat(wanted)), dict(flat(got))
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(got[name], value, err_msg=name)


def play(env, steps, seed=0):
    """Play random legal actions, with an illegal one now and then; return all that came back."""
    random = np.random.default_rng(seed)
    trace = []
    for _ in range(steps):
        noise = random.random((env.num_envs, int(env.single_action_space.n)))
        actions = np.argmax(noise * env.unwrapped.action_masks(), axis=1)
        actions[random.random(env.num_envs) < 0.1] = random.integers(-2, 5)
        result = env.step(actions)
        trace.append(result)
        done = result[2] | result[3]
        if env.metadata["autoreset_mode"] == gym.vector.AutoresetMode.DISABLED and done.any():
            trace.append(env.reset(options={"reset_mask": done}))
    return trace


@every
def test_gym_make_vec_makes_the_native_vector(env_id):
    env = gym.make_vec(env_id, num_envs=3, autoreset_mode="SameStep")
    assert type(env).__name__.endswith("VectorEnv")
    assert type(env).__module__.startswith("hrm_gym.envs.")
    assert env.metadata["autoreset_mode"] is gym.vector.AutoresetMode.SAME_STEP
    assert env.unwrapped.max_steps == gym.make(env_id).unwrapped.max_steps
    observations, infos = env.reset(seed=0)
    assert env.observation_space.contains(observations)
    assert "action_mask" not in infos


@every
@pytest.mark.parametrize("mode", MODES)
def test_a_vector_survives_state_pickle_deepcopy_and_spec(env_id, mode):
    env = gym.make_vec(env_id, num_envs=4, autoreset_mode=mode, masks=True, max_steps=9)
    env.reset(seed=3)
    play(env, 5)
    state = env.unwrapped.get_state()
    twins = [copy.deepcopy(env), pickle.loads(pickle.dumps(env))]
    again = gym.make_vec(gym.envs.registration.EnvSpec.from_json(env.spec.to_json()))
    assert again.metadata == env.metadata
    again.unwrapped.set_state(state)
    trace = play(env, 15, seed=1)
    for twin in (*twins, again):
        assert_same(trace, play(twin, 15, seed=1))
    env.unwrapped.set_state(state)
    assert_same(trace, play(env, 15, seed=1))


@every
def test_a_state_of_another_environment_is_rejected(env_id):
    env = gym.make_vec(env_id, num_envs=2).unwrapped
    env.reset(seed=0)
    before = env.get_state()
    other_id = "HRMMaze-9x9-v0" if env_id != "HRMMaze-9x9-v0" else "HRMSudoku-6x6-v0"
    for other in (gym.make_vec(other_id, num_envs=2), gym.make_vec(env_id, num_envs=3)):
        other.reset(seed=0)
        with pytest.raises(ValueError, match=r"^state: expected 2 rows of"):
            env.set_state(other.unwrapped.get_state())
    for nonsense in ("x", {}, {"task": env.task.id}, {**before, "rows": {}}):
        with pytest.raises(ValueError, match=r"^state: expected 2 rows of"):
            env.set_state(nonsense)
    assert_same(before, env.get_state())


@given(st.data(), st.sampled_from(IDS), st.integers(0, 2**40))
def test_a_mask_is_true_where_an_action_is_legal(data, env_id, seed):
    env = gym.make_vec(env_id, num_envs=2, autoreset_mode="SameStep", masks=True)
    _, infos = env.reset(seed=seed)
    for _ in range(8):
        masks = env.unwrapped.action_masks()
        np.testing.assert_array_equal(infos["action_mask"], masks)
        place = data.draw(st.integers(0, 10**6))
        legal = data.draw(st.booleans())
        rows = [np.flatnonzero(mask == legal) for mask in masks]
        if not all(len(row) for row in rows):
            continue
        actions = np.array([row[place % len(row)] for row in rows])
        before = env.unwrapped.get_state()["rows"]
        _, _, terminated, truncated, infos = env.step(actions)
        ended = terminated | truncated
        invalid = infos["invalid_action"].copy()
        if ended.any():
            invalid |= infos["final_info"]["invalid_action"] & ended
        np.testing.assert_array_equal(invalid, not legal)
        if not legal:
            after = env.unwrapped.get_state()["rows"]
            assert not terminated.any()
            for name in set(before) - {"elapsed"}:
                np.testing.assert_array_equal(after[name][~ended], before[name][~ended])


@every
@pytest.mark.parametrize(("mode", "offered"), [("NextStep", True), ("Disabled", False)])
def test_the_mask_of_a_row_that_has_ended(env_id, mode, offered):
    """What is sent to it is ignored in NextStep mode, so that every action will do."""
    env = gym.make_vec(env_id, num_envs=3, autoreset_mode=mode, masks=True, max_steps=4)
    env.reset(seed=1)
    env.step(np.full(3, -1))
    env.reset(options={"reset_mask": np.array([True, False, False])})
    for _ in range(3):
        assert (env.unwrapped.action_masks().sum(axis=1) < env.single_action_space.n).all()
        *_, truncated, infos = env.step(np.full(3, -1))
    assert truncated.tolist() == [False, True, True]
    for masks in (infos["action_mask"].astype(bool), env.unwrapped.action_masks()):
        assert (masks[1:] == offered).all()
        assert masks[0].any()
        assert not masks[0].all()
    # The next step begins the next episodes, whatever is sent.
    _, rewards, _, truncated, infos = env.step(np.zeros(3, np.int64))
    assert truncated.tolist() == [True, *([not offered] * 2)]
    assert not rewards.any()
    assert infos["invalid_action"][1:].tolist() == [not offered] * 2


@every
def test_optimal_actions_solve_every_row_without_regret(env_id):
    env = gym.make_vec(env_id, num_envs=3, autoreset_mode="Disabled")
    env.reset(seed=5)
    solved = np.zeros(3, bool)
    labels = env.unwrapped.solve()
    for _ in range(env.unwrapped.max_steps):
        observations, rewards, terminated, _, infos = env.step(env.unwrapped.optimal_action())
        assert not infos["invalid_action"][~solved].any()
        fresh = terminated & ~solved
        assert (rewards[fresh] == 1).all()
        if fresh.any():
            assert (infos["regret"][fresh] == 0).all()
            if "Maze" in env_id:
                assert (infos["path_ratio"][fresh] == 1).all()
                assert infos["optimal"][fresh].all()
            else:
                np.testing.assert_array_equal(observations["tokens"][fresh], labels[fresh])
        solved |= terminated
        if solved.all():
            return
    raise AssertionError("not solved within the time limit")


@every
def test_a_vector_truncates_at_its_time_limit(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    limit = env.unwrapped.max_steps
    env.reset(seed=0)
    for number in range(1, limit + 1):
        _, _, _, truncated, info = env.step(-1)
        assert truncated is (number == limit)
    assert info["regret"] == (0 if "Maze" in env_id else (env.unwrapped.tokens == 1).sum())


@every
@pytest.mark.parametrize("seed", [np.uint8(254), np.int64(2**63 - 2)])
def test_numpy_seeds_of_any_width_equal_python_integers(env_id, seed):
    observations, _ = gym.make_vec(env_id, num_envs=4).reset(seed=seed)
    wanted, _ = gym.make_vec(env_id, num_envs=4).reset(seed=int(seed))
    for name, value in wanted.items():
        np.testing.assert_array_equal(observations[name], value)


@every
def test_the_error_names_a_wrong_call(env_id):
    env = gym.make_vec(env_id, num_envs=2).unwrapped
    for call in (env.get_state, env.solve, env.optimal_action, env.action_masks):
        with pytest.raises(gym.error.ResetNeeded):
            call()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.zeros(2, int))
    for words, kwargs in (
        ("seed: expected 2 seeds", {"seed": [1]}),
        ("seed: expected integers of at least 0, got -1", {"seed": -1}),
        ("seed: expected integers of at least 0, got 'a'", {"seed": ["a", 1]}),
        ("seed: expected an integer, or one for each row, got 1.5", {"seed": 1.5}),
        ("seed: expected an integer, or one for each row, got 'ab'", {"seed": "ab"}),
        ("options: expected a dictionary", {"options": ["index"]}),
        (r"reset_mask: expected \(2,\) bool, got int64", {"options": {"reset_mask": [0, 1]}}),
        ("options: expected reset_mask, index or difficulty", {"options": {"colour": 1}}),
        ("reset_mask: expected", {"options": {"reset_mask": [True]}}),
        ("reset_mask: the first reset", {"options": {"reset_mask": [True, False]}}),
        ("index: expected 2 integers", {"options": {"index": [0.5, 1.0]}}),
        ("index: expected 0..", {"options": {"index": [-1, 0]}}),
    ):
        with pytest.raises(ValueError, match=f"^{words}"):
            env.reset(**kwargs)
    env.reset(seed=1)
    for actions in ([0], [0.0, 1.0], [[0, 1]]):
        with pytest.raises(ValueError, match=r"^actions: expected \(2,\) integers"):
            env.step(actions)
    for words, kwargs in (
        ("num_envs: expected", {"num_envs": 0}),
        ("max_steps: expected", {"max_steps": 0}),
        ("max_steps: expected", {"max_steps": True}),
        ("limit: expected", {"limit": True}),
        ("augment: expected true or false", {"augment": "maybe"}),
        ("masks: expected true or false", {"masks": "no"}),
        ("autoreset_mode: expected one of NextStep, SameStep", {"autoreset_mode": "Never"}),
        ("render_mode: expected rgb_array", {"render_mode": "human"}),
    ):
        with pytest.raises(ValueError, match=f"^{words}"):
            gym.make_vec(env_id, **{"num_envs": 2, **kwargs})


def test_the_option_index_selects_a_puzzle_as_stored():
    env = gym.make_vec("HRMSudoku-v0", num_envs=2).unwrapped
    observations, _ = env.reset(options={"index": [4, 2]})
    np.testing.assert_array_equal(observations["tokens"], env.puzzles.inputs[[4, 2]])


def million(env_id: str, count: int) -> None:
    rows = 256
    env = gym.make_vec(env_id, num_envs=rows, autoreset_mode="SameStep")
    env.reset(seed=0)
    random = np.random.default_rng(0)
    actions = int(env.single_action_space.n)
    for _ in range(count // rows):
        observations, rewards, *_ = env.step(random.integers(-1, actions + 1, rows))
        assert set(np.unique(rewards)) <= {0.0, 1.0}
    assert env.observation_space.contains(observations)
    state = env.unwrapped.get_state()["rows"]
    task = env.unwrapped.task
    for row in range(rows):
        if "Sudoku" in env_id:
            tokens, inputs = state["tokens"][row], state["inputs"][row]
            assert not task.conflicts(tokens).any()
            assert (tokens[inputs > 1] == inputs[inputs > 1]).all()
            assert state["blanks"][row] == (tokens == 1).sum()
        else:
            assert state["inputs"][row, state["position"][row]] != 1


@every
def test_random_actions_leave_a_valid_state(env_id):
    million(env_id, 50_000)


@pytest.mark.slow
@every
def test_a_million_random_actions_leave_a_valid_state(env_id):
    million(env_id, 1_000_000)


def single_actions(env_id: str, count: int) -> None:
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    env.action_space.seed(0)
    for number in range(count):
        if number % 17 == 0:
            shape = env.action_space.shape
            action = np.full(shape, -1 if number % 2 else 999)
        else:
            action = env.action_space.sample()
        observation, reward, terminated, truncated, info = env.step(
            action if np.ndim(action) else int(action)
        )
        assert -1 <= reward <= 1
        ended = terminated or truncated
        assert ended or info["regret"] == 0
        if ended or number % 500 == 0:
            assert env.observation_space.contains(observation)
        if ended:
            env.reset()


@pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
def test_random_actions_leave_the_single_environment_valid(env_id):
    single_actions(env_id, 150)


@pytest.mark.slow
@pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)
def test_fifty_thousand_random_actions_leave_the_single_environment_valid(env_id):
    # A million over all ids; a million each on the native vectors are above.
    single_actions(env_id, 50_000)


def test_the_check_finds_a_vector_that_differs(monkeypatch):
    from hrm_gym.envs.sudoku.vector import SudokuVectorEnv

    monkeypatch.setattr(
        SudokuVectorEnv, "_ending", lambda self, results, ended: {"regret": 0 * results.regret}
    )
    with pytest.raises(AssertionError, match=r"HRMSudoku-4x4-v0, NextStep, row .*regret"):
        check_vector_env("HRMSudoku-4x4-v0")
