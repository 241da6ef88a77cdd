"""How episodes end: any time limit, what the last info says, and steps past the end."""

from __future__ import annotations

import copy
import gc
import pickle
import weakref

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import Autoreset, TimeLimit

from hrm_gym.envs.infos import with_scalars
from hrm_gym.registration import TABLE
from hrm_gym.testing import check_vector_env

NATIVE = [row.id for row in TABLE if row.vector is not None and row.task and "Answer" not in row.id]
STEP_IDS = [*NATIVE, "HRMMaze-Dynamic-v0", "HRMARC-v0"]
SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0"]
ANSWERS = ["HRMSudokuAnswer-4x4-v0", "HRMMazeAnswer-7x7-v0", "HRMARCAnswer-v0"]
ENDING = [*SMALL, "HRMMaze-Dynamic-v0", "HRMARC-v0", *ANSWERS, "HRMHalt-v0"]


def nothing(env):
    """Return an action that changes nothing."""
    return -1 if isinstance(env.action_space, gym.spaces.Discrete) else np.array([0, 99, 0])


def going_on(env):
    """Return a legal action that does not end the episode by itself."""
    action = env.unwrapped.optimal_action()
    if isinstance(env.action_space, gym.spaces.MultiDiscrete) and len(action) > 3:
        action[-1] = 0
    return 0 if env.unwrapped.spec.id.startswith("HRMHalt") else action


def text(value) -> str:
    with np.printoptions(threshold=10**6):
        return str(value)


@pytest.mark.parametrize("env_id", STEP_IDS)
@pytest.mark.parametrize("limit", [1, 6])
def test_an_episode_is_truncated_at_its_time_limit(env_id, limit):
    env = gym.make(env_id, max_steps=limit, disable_env_checker=True)
    for _ in range(2):
        env.reset(seed=0)
        for number in range(1, limit + 1):
            _, _, terminated, truncated, info = env.step(nothing(env))
            assert not terminated
            assert truncated is (number == limit)
            assert "path_ratio" not in info or (info["path_ratio"] == 0) == (not truncated)
        assert ("path_ratio" in info) is ("Maze" in env_id)


@pytest.mark.parametrize("env_id", SMALL)
@pytest.mark.parametrize("limit", [1, 7, 300])
def test_vector_equals_single_under_any_time_limit(env_id, limit):
    check_vector_env(env_id, steps=70, max_steps=limit)


@pytest.mark.parametrize("env_id", STEP_IDS)
@pytest.mark.parametrize("how", [lambda env: env, copy.deepcopy, "pickle"])
def test_a_state_contains_the_number_of_steps(env_id, how):
    env = gym.make(env_id, max_steps=8, disable_env_checker=True)
    env.reset(seed=0)

    def go_on(env, steps):
        return [env.step(nothing(env))[3] for _ in range(steps)]

    assert go_on(env, 3) == [False] * 3
    state = env.unwrapped.get_state()
    assert go_on(env, 5) == [False] * 4 + [True]
    env = pickle.loads(pickle.dumps(env)) if how == "pickle" else how(env)
    env.unwrapped.set_state(state)
    assert go_on(env, 5) == [False] * 4 + [True]
    env.unwrapped.set_state(state)
    env.reset()
    assert go_on(env, 8) == [False] * 7 + [True]


def test_max_steps_truncates_inside_the_environment():
    env = gym.make("HRMMaze-7x7-v0")
    assert env.spec.max_episode_steps is None
    assert env.unwrapped.max_steps == 196
    # Whoever holds the environment alone sees the same episode.
    env = gym.make("HRMMaze-7x7-v0", max_steps=5).unwrapped
    env.reset(seed=0)
    assert [env.step(-1)[3] for _ in range(6)] == [False] * 4 + [True] * 2
    free = gym.make("HRMMaze-7x7-v0", max_steps=None)
    free.reset(seed=0)
    assert free.unwrapped.max_steps is None
    assert not any(free.step(-1)[3] for _ in range(400))


@pytest.mark.parametrize("env_id", STEP_IDS)
@pytest.mark.parametrize("limit", [0, -1, True, 2.0, "9"])
def test_max_steps_must_be_a_positive_whole_number(env_id, limit):
    with pytest.raises(ValueError, match=r"^max_steps: expected (an integer of )?at least 1, got"):
        gym.make(env_id, max_steps=limit)


@pytest.mark.parametrize("env_id", [*ANSWERS, "HRMHalt-v0"])
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_environments_with_max_segments_reject_max_steps(env_id, make):
    with pytest.raises(ValueError, match=r"^max_steps: these episodes end by max_segments"):
        make(env_id, max_steps=3)


class Skip(gym.Wrapper):
    """Every action counts four times."""

    def step(self, action):
        for _ in range(4):
            last = self.env.step(action)
        return last


class NoopReset(gym.Wrapper):
    """An episode begins after five steps."""

    def reset(self, **kwargs):
        self.env.reset(**kwargs)
        for _ in range(5):
            observation, *_, info = self.env.step(-1)
        return observation, info


class Swallow(gym.Wrapper):
    """Every second action is lost."""

    def reset(self, **kwargs):
        self.taken, self.begun = 0, self.env.reset(**kwargs)
        return self.begun

    def step(self, action):
        self.taken += 1
        if self.taken % 2:
            return self.begun[0], 0.0, False, False, self.begun[1]
        return self.env.step(action)


class Restarting(TimeLimit):
    """A limit that begins episodes itself."""

    def step(self, action):
        last = super().step(action)
        if last[3]:
            self.env.reset()
        return last


@pytest.mark.parametrize("inner", [Skip, NoopReset, Swallow, Autoreset])
@pytest.mark.parametrize("limit", [1, 9, 10])
def test_a_time_limit_wrapper_truncates_independently_of_max_steps(inner, limit):
    for own in (None, 500):
        made = gym.make("HRMMaze-7x7-v0", max_steps=own, disable_env_checker=True)
        env = TimeLimit(inner(made), limit)
        for _ in range(2):
            env.reset(seed=0)
            ends = [env.step(-1)[3] for _ in range(limit)]
            assert ends == [False] * (limit - 1) + [True]
            assert env.unwrapped.max_steps == own
            assert not env.unwrapped.ended


@pytest.mark.parametrize(
    ("inner", "seen"),
    # Four steps an action; five steps of ten in the reset; every second action lost; as it is.
    [(Skip, 3), (NoopReset, 5), (Swallow, 20), (gym.Wrapper, 10)],
)
def test_max_steps_counts_steps_of_the_environment_under_any_wrapper(inner, seen):
    env = inner(gym.make("HRMMaze-7x7-v0", max_steps=10, disable_env_checker=True))
    for _ in range(2):
        env.reset(seed=0)
        assert [env.step(-1)[3] for _ in range(seen)] == [False] * (seen - 1) + [True]
        assert env.unwrapped.ended


def test_a_subclass_of_time_limit_does_not_change_max_steps():
    free = gym.make("HRMMaze-7x7-v0", max_steps=None, disable_env_checker=True)
    env = Restarting(free, 4)
    env.reset(seed=0)
    assert [env.step(-1)[3] for _ in range(4)] == [False] * 3 + [True]
    assert env.unwrapped.max_steps is None
    assert (env.unwrapped.elapsed, env.unwrapped.ended) == (0, False)


@pytest.mark.parametrize("env_id", ENDING)
def test_a_time_limit_wrapper_does_not_end_the_episode_of_the_environment(env_id):
    env = gym.make(env_id, max_episode_steps=2, disable_env_checker=True)
    env.reset(seed=1)
    for number in (1, 2):
        *_, terminated, truncated, info = env.step(going_on(env))
        assert (terminated, truncated) == (False, number == 2)
    assert not env.unwrapped.ended
    assert flat_mask(info).any()
    before = text(env.unwrapped.get_state())
    assert not env.unwrapped.step(going_on(env))[4]["invalid_action"]
    assert text(env.unwrapped.get_state()) != before


def test_an_environment_holds_no_reference_to_a_wrapper():
    env = gym.make("HRMMaze-7x7-v0", max_episode_steps=50)
    env.reset(seed=0)
    env.step(0)
    env.unwrapped.set_state(env.unwrapped.get_state())
    env.step(0)
    again = pickle.loads(pickle.dumps(env.unwrapped))
    assert b"TimeLimit" not in pickle.dumps(env.unwrapped)
    assert text(again.step(0)) == text(env.step(0))
    gc.collect()
    gc.disable()
    try:
        gone = weakref.ref(env.unwrapped)
        del env
        assert gone() is None
    finally:
        gc.enable()


def test_a_restored_step_count_applies_to_another_limit():
    env = gym.make("HRMMaze-7x7-v0", max_steps=9)
    env.reset(seed=0)
    for _ in range(3):
        env.step(-1)
    fresh = gym.make("HRMMaze-7x7-v0", max_steps=5).unwrapped
    fresh.set_state(env.unwrapped.get_state())
    assert [fresh.step(-1)[3] for _ in range(3)] == [False, True, True]
    assert fresh.max_steps == 5


@pytest.mark.parametrize(
    ("kwargs", "limit"),
    [
        ({}, 196),
        ({"max_steps": 3}, 3),
        ({"max_steps": None}, None),
        # These ask Gymnasium for no wrapper, which is nothing to a native vector.
        ({"max_episode_steps": -1}, 196),
        ({"max_episode_steps": None}, 196),
    ],
)
def test_a_vector_has_the_max_steps_of_the_single_environment(kwargs, limit):
    assert gym.make_vec("HRMMaze-7x7-v0", 2, **kwargs).unwrapped.max_steps == limit
    assert gym.make("HRMMaze-7x7-v0", **kwargs).unwrapped.max_steps == limit


@pytest.mark.parametrize("env_id", [*SMALL, *ANSWERS, "HRMHalt-v0"])
def test_a_native_vector_rejects_max_episode_steps(env_id):
    with pytest.raises(ValueError, match=r"^max_episode_steps: .* expected max_steps"):
        gym.make_vec(env_id, 2, max_episode_steps=3)


def flat_mask(info):
    return np.concatenate([np.ravel(part) for part in info["action_mask"]])


@pytest.mark.parametrize(
    ("env_id", "cut"),
    [*((i, False) for i in ENDING), *((i, True) for i in ENDING if i in STEP_IDS)],
)
def test_a_step_after_the_end_changes_nothing(env_id, cut, to_the_end):
    """Nor by an action that would have changed the state had the episode not been over."""
    kwargs = {"max_steps": 2} if cut else {}
    env, twin = (gym.make(env_id, disable_env_checker=True, **kwargs) for _ in range(2))
    env.reset(seed=1)
    twin.reset(seed=1)
    assert flat_mask(env.unwrapped._info()).any()
    if cut:
        for _ in range(2):
            observation, reward, *how, info = env.step(going_on(env))
        assert how == [False, True]
        # Without the end these would do something.
        actions = [env.unwrapped.optimal_action(), going_on(env)]
        for action in actions:
            open_one = copy.deepcopy(env.unwrapped)
            open_one.truncated, open_one.max_steps = False, None
            assert not open_one.step(action)[4]["invalid_action"]
            assert text(open_one.get_state()) != text(env.unwrapped.get_state())
    else:
        observation, reward, *how, info = to_the_end(env)
        assert how == [True, False]
        assert reward > 0 or env_id == "HRMHalt-v0"
        actions = [env.unwrapped.optimal_action(), env.action_space.sample()]
    success = info["is_success"]
    assert success != cut or env_id == "HRMHalt-v0"
    assert not flat_mask(info).any()
    state = text(env.unwrapped.get_state())
    limit = env.unwrapped.max_steps or 0
    for number in range(4 if env_id == "HRMARC-v0" else limit + 3):
        seen, *after, said = env.step(actions[number % 2])
        assert after == [0.0, *how]
        assert said["invalid_action"]
        assert said["is_success"] == success
        assert not flat_mask(said).any()
        assert not env.unwrapped.action_masks().any()
        unknown = {name: said[name] for name in env.unwrapped.endings}
        assert text(unknown) == text(with_scalars(dict(env.unwrapped.endings)))
    assert text(seen) == text(observation)
    assert text(env.unwrapped.get_state()) == state
    to_the_end(twin)
    assert text(env.reset()) == text(twin.reset())
    assert to_the_end(env)[1] == to_the_end(twin)[1]


@pytest.mark.parametrize("env_id", [*SMALL, ANSWERS[0], ANSWERS[1], "HRMHalt-v0"])
@pytest.mark.parametrize("limit", [4, None])
def test_after_the_end_a_vector_without_autoreset_equals_single(env_id, limit):
    kwargs = {} if env_id not in SMALL or limit is None else {"max_steps": limit}
    masks = {"masks": True} if env_id in SMALL else {}
    envs = gym.make_vec(env_id, 4, autoreset_mode="Disabled", **kwargs, **masks)
    rows = [gym.make(env_id, disable_env_checker=True, **kwargs) for _ in range(4)]
    envs.reset(seed=2)
    for k, env in enumerate(rows):
        env.reset(seed=2 + k)
    random, paid, past = np.random.default_rng(0), np.zeros(4), 0
    solved = 0
    for _ in range(40):
        actions = np.array([env.unwrapped.optimal_action() for env in rows])
        if actions.ndim == 2:
            actions[:, -1] = random.random(4) < 0.3
        state = copy.deepcopy(envs.unwrapped.get_state())
        got = envs.step(actions)
        over = [env.unwrapped.ended for env in rows]
        wanted = [env.step(action) for env, action in zip(rows, actions, strict=True)]
        for column in (1, 2, 3):
            assert got[column].tolist() == [row[column] for row in wanted]
        for row, (_, _, _, _, info) in enumerate(wanted):
            past += over[row]
            assert got[4]["invalid_action"][row] == info["invalid_action"]
            if "is_success" in got[4]:
                assert got[4]["is_success"][row] == info["is_success"]
                solved += over[row] and info["is_success"]
            if env_id in SMALL:
                np.testing.assert_array_equal(got[4]["action_mask"][row], info["action_mask"])
                assert (over[row] or rows[row].unwrapped.ended) <= (not info["action_mask"].any())
            for name in envs.unwrapped.endings:
                assert got[4][f"_{name}"][row]
                np.testing.assert_equal(got[4][name][row], info[name])
        paid += got[1]
        if all(over):
            assert text(envs.unwrapped.get_state()) == text(state)
    assert past > 40
    assert bool(solved > 0) is (not kwargs and env_id not in ANSWERS)
    assert (paid <= 1).all()


@pytest.mark.parametrize("env_id", ANSWERS)
def test_the_regret_of_an_answer_is_its_number_of_wrong_cells(env_id, to_the_end):
    single, vector = gym.make(env_id, disable_env_checker=True), gym.make_vec(env_id, 2)
    single.reset(seed=4)
    vector.reset(seed=4)
    action = single.unwrapped.optimal_action()
    counts = np.flatnonzero(single.unwrapped.labels)[:3]
    action[counts] = single.unwrapped.labels[counts] % 3 + 1
    assert (action[counts] != single.unwrapped.labels[counts]).all()
    for halt in (0, 1):
        action[-1] = halt
        _, reward, _, _, info = single.step(action)
        *_, infos = vector.step(np.stack([action, action]))
        assert reward == 0
        assert info["regret"] == infos["regret"][0] == (3 if halt else 0)
    single.reset()
    assert to_the_end(single)[4]["regret"] == 0
