"""Mazes with doors. Tests of all environments are in ``test_registry``."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.agents.simple import OracleAgent
from hrm_gym.evaluation import evaluate
from hrm_gym.registration import answer_id, step_id, task_id

ENV_ID = "HRMMaze-Dynamic-v0"
WAIT = 4
seeds = st.integers(0, 2**31)


def make(**kwargs):
    return gym.make(ENV_ID, disable_env_checker=True, **kwargs).unwrapped


@given(seeds)
def test_doors_do_not_depend_on_the_actions(seed):
    mazes = []
    for moves in (False, True):
        env = make(size=7)
        env.reset(seed=seed)
        seen = []
        for _ in range(15):
            done = env.step(env.optimal_action() if moves else WAIT)[2]
            seen.append(env.tokens.copy())
            if done:
                break
        mazes.append(seen)
    for one, two in zip(*mazes, strict=False):
        np.testing.assert_array_equal(one, two)


@given(seeds, st.floats(0, 1), st.floats(0, 1))
def test_only_doors_change(seed, share, probability):
    env = make(size=9, door_share=share, door_probability=probability)
    observation, _ = env.reset(seed=seed)
    first = observation["tokens"]
    np.testing.assert_array_equal(first, env.inputs)
    for _ in range(10):
        observation, _, _, _, info = env.step(WAIT)
        changed = np.flatnonzero(observation["tokens"] != first)
        assert set(changed) <= set(env.doors)
        assert not info["invalid_action"]
    assert set(first[env.doors]) <= {1, 2}


def test_doors_change_with_the_given_probability():
    env = make(door_probability=0.2, door_share=1.0)
    changes = count = 0
    for seed in range(30):
        env.reset(seed=seed)
        for _ in range(10):
            before = env.tokens
            env.step(WAIT)
            changes += int((env.tokens != before).sum())
            count += len(env.doors)
    assert count > 3000
    assert changes / count == pytest.approx(0.2, abs=0.02)


def test_an_invalid_step_does_not_change_the_doors():
    env = make(door_probability=1.0)
    env.reset(seed=3)
    legal = env.action_masks()
    bump = int(np.flatnonzero(~legal)[0])
    before = env.get_state()["fields"]
    info = env.step(bump)[4]
    assert info["invalid_action"]
    after = env.get_state()["fields"]
    assert before["time"] == after["time"] == 0
    np.testing.assert_array_equal(before["tokens"], after["tokens"])
    env.step(WAIT)
    assert (env.tokens[env.doors] != before["tokens"][env.doors]).all()


def brute_earliest(env) -> int:
    """Return the least number of steps to G, by a search over the cells reachable at each time."""
    state = env.get_state()
    here, time = {env.position}, 0
    while True:
        following = set()
        for cell in here:
            env.position = cell
            following |= {int(way) for way in env._targets() if way >= 0}
        time += 1
        if env.goal in following:
            env.set_state(state)
            return time
        env.tokens = env._next_maze(env.tokens, env.time)
        env.time += 1
        here = following


@given(seeds, st.sampled_from([0.0, 0.1, 0.5]))
def test_regret_compares_with_an_agent_that_knows_all_changes(seed, probability):
    env = make(size=7, door_probability=probability)
    _, info = env.reset(seed=seed)
    least = brute_earliest(env)
    assert probability > 0 or least == info["rating"]
    done = False
    while not done:
        _, _, done, _, info = env.step(env.optimal_action())
    assert info["regret"] == env.time - least >= 0
    assert info["path_ratio"] == env.time / least
    assert info["optimal"] == (info["regret"] == 0)
    if probability == 0:
        assert info["optimal"]


def test_a_dynamic_maze_without_doors_equals_the_plain_maze():
    dynamic, plain = make(size=7, door_share=0.0), gym.make("HRMMaze-7x7-v0").unwrapped
    for seed in range(5):
        one, two = dynamic.reset(seed=seed)[0], plain.reset(seed=seed)[0]
        np.testing.assert_array_equal(one["tokens"], two["tokens"])
        done = False
        while not done:
            action = plain.optimal_action()
            assert dynamic.optimal_action() == action
            done = plain.step(action)[2]
            assert dynamic.step(action)[2] is done


def test_the_oracle_reaches_the_goal_within_the_time_limit():
    tested = evaluate(OracleAgent(), ENV_ID, episodes=60)
    assert tested.solve_rate == 1
    assert tested.exact_accuracy is None
    assert 0 < tested.optimal_rate < 1
    # ``optimal_action`` also knows which walls are doors, and reaches the goal as well.
    steps = []
    env = gym.make(ENV_ID)
    for index in range(60):
        env.reset(seed=index, options={"index": index})
        done = truncated = False
        while not (done or truncated):
            _, _, done, truncated, _ = env.step(env.unwrapped.optimal_action())
        assert done
        steps.append(env.unwrapped.time)
    assert np.mean(steps) < 900 / 4


def test_doors_are_drawn_differently_from_walls():
    env = make(render_mode="rgb_array")
    env.reset(seed=1)
    scene = env._scene()
    closed = scene.doors
    assert closed.any()
    assert (scene.tokens[closed] == 2).all()
    assert (env.tokens[closed] == 1).all()


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"door_share": 2}, "door_share: expected a number in 0..1, got 2"),
        ({"door_probability": "x"}, "door_probability: expected a number in 0..1"),
    ],
)
def test_the_error_names_a_wrong_argument(kwargs, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        gym.make(ENV_ID, **kwargs)


@pytest.mark.parametrize("env_id", [ENV_ID, "HRMHalt-v0"])
def test_the_error_names_an_id_without_answer_environment(env_id):
    with pytest.raises(ValueError, match=f"^env: {env_id} has no Answer environment"):
        answer_id(env_id)


def test_step_id_of_answer_ids_and_other_ids():
    assert step_id("HRMMazeAnswer-7x7-v0") == "HRMMaze-7x7-v0"
    for unchanged in ("HRMMaze-7x7-v0", ENV_ID, "HRMHalt-v0", "HRMAnswer-v0"):
        assert step_id(unchanged) == unchanged


def test_task_id_of_an_environment_id():
    assert task_id(ENV_ID) == "maze-dynamic-15x15"
    with pytest.raises(ValueError, match=r"^env: expected one of .*, got 'HRMHalt-v0'"):
        task_id("HRMHalt-v0")


def test_the_regret_of_a_truncated_episode_includes_the_moves_to_the_goal():
    env = gym.make("HRMMaze-Dynamic-v0", door_share=0.0, max_steps=4)
    _, info = env.reset(seed=0)
    for action in (4, 4, 4, 4):
        *_, truncated, last = env.step(action)
    assert truncated
    assert (last["regret"], last["optimal"]) == (4, False)
    assert last["path_ratio"] == (info["rating"] + 4) / info["rating"]


@pytest.mark.parametrize("probability", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("limit", [12, 900])
def test_regret_equals_that_of_a_separate_search(probability, limit, to_the_end):
    env = gym.make("HRMMaze-Dynamic-v0", door_probability=probability, max_steps=limit)
    found = []
    for seed in range(6):
        # The doors depend only on the seed, so that an agent that waits sees all later mazes.
        seen, _ = env.reset(seed=seed)
        start, goal = int(seen["position"]), env.unwrapped.goal
        mazes = [seen["tokens"]]
        waiting = copy.deepcopy(env.unwrapped)
        waiting.max_steps = None
        for _ in range(limit + 225):
            mazes.append(waiting.step(4)[0]["tokens"])
        last_seen, _, terminated, _, last = to_the_end(env)
        steps = env.unwrapped.elapsed
        there = steps + search_steps(mazes, int(last_seen["position"]), goal, steps, 225)
        least = search_steps(mazes, start, goal, 0, there)
        assert last["regret"] == there - least
        assert last["path_ratio"] == there / least
        assert last["optimal"] == (terminated and there == least)
        found.append(there - least)
    if probability == 0.1 and limit == 900:
        assert max(found) > 0


def search_steps(mazes, position, goal, time, most):
    """Return the least moves and waits from a cell to G from a time on, at most ``most``."""
    places, spent = {position}, 0
    while goal not in places and spent < most:
        tokens = mazes[time + spent]
        around = {
            (cell + row * 15 + column)
            for cell in places
            for row, column in ((1, 0), (-1, 0), (0, 1), (0, -1))
            if 0 <= cell // 15 + row < 15 and 0 <= cell % 15 + column < 15
        }
        places |= {cell for cell in around if tokens[cell] != 1}
        spent += 1
    return spent
