"""How single environments begin, end and refuse: arguments, options, odd actions, time limits."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

import hrm_gym

SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0", "HRMSudokuAnswer-4x4-v0"]
SINGLE = [*SMALL, "HRMMaze-Dynamic-v0", "HRMHalt-v0"]
STEP_IDS = [i for i in hrm_gym.ENV_IDS if "Answer" not in i and "Halt" not in i]
ANSWER_IDS = [i for i in hrm_gym.ENV_IDS if "Answer" in i]
# What an episode's best actions earn is 1, but for the cost of thinking.
PAID = [*STEP_IDS, *ANSWER_IDS]
every = pytest.mark.parametrize("env_id", [*PAID, "HRMHalt-v0"])


def test_a_rejected_puzzle_changes_nothing():
    env, twin = (gym.make("HRMSudoku-4x4-v0", disable_env_checker=True) for _ in range(2))
    env.reset(seed=3)
    twin.reset(seed=3)
    with pytest.raises(ValueError, match="several solutions"):
        env.reset(options={"puzzle": "." * 16})
    np.testing.assert_array_equal(env.reset()[0]["tokens"], twin.reset()[0]["tokens"])


@pytest.mark.parametrize("env_id", SINGLE)
def test_a_rejected_reset_changes_nothing(env_id):
    env, twin = (gym.make(env_id, disable_env_checker=True) for _ in range(2))
    env.reset(seed=3)
    twin.reset(seed=3)
    for options in (
        {"index": -1},
        {"index": True},
        {"no": 1},
        {"difficulty": [9e8, 9e9]},
        ["index"],
    ):
        with pytest.raises(ValueError, match=r"^(index|options|difficulty):"):
            env.reset(options=options)
        with pytest.raises(ValueError, match=r"^(index|options|difficulty):"):
            env.reset(seed=99, options=options)
    for got, wanted in zip(env.reset(), twin.reset(), strict=True):
        assert str(got) == str(wanted)
    state = env.unwrapped.get_state()
    with pytest.raises(ValueError, match=r"^index:"):
        env.reset(options={"index": -1})
    env.unwrapped.set_state(state)
    np.testing.assert_array_equal(env.unwrapped.inputs, twin.unwrapped.inputs)
    if env_id == "HRMMaze-Dynamic-v0":
        np.testing.assert_array_equal(env.unwrapped.doors, twin.unwrapped.doors)


ODD = (1.5, float("nan"), float("inf"), np.float32(2), True, None, "1", [1], -7, 10**6)


@pytest.mark.parametrize("env_id", [i for i in SINGLE if i != "HRMSudokuAnswer-4x4-v0"])
@pytest.mark.parametrize("action", ODD, ids=repr)
@pytest.mark.filterwarnings("ignore:.*floating-point numbers is invalid")
def test_malformed_actions_are_invalid_and_never_raise(env_id, action):
    env = gym.make(env_id, disable_env_checker=True).unwrapped
    before, _ = env.reset(seed=0)
    values = [action] * 3 if env_id == "HRMARC-v0" else action
    after, reward, terminated, _, info = env.step(values)
    assert info["invalid_action"]
    assert (reward, terminated) == (0, False)
    assert str(after) == str(before)


@pytest.mark.parametrize(
    ("env_id", "kwargs", "words"),
    [
        ("HRMSudoku-4x4-v0", {"split": "dev"}, "split: expected one of train, val, test, ood"),
        ("HRMSudoku-4x4-v0", {"difficulty": 5}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"difficulty": "ab"}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"difficulty": [3, 1]}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"difficulty": "04"}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"source": "generator:\u00b2"}, "source: expected generator:N"),
        ("HRMSudoku-v0", {"difficulty": [500, 600]}, "difficulty: no puzzle is rated 500 to 600"),
        ("HRMSudoku-4x4-v0", {"source": "nowhere"}, "source: expected bank"),
        ("HRMSudoku-4x4-v0", {"source": "generator:0"}, "source: expected generator:N"),
        ("HRMSudoku-4x4-v0", {"size": 5}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": "4"}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": [4]}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": 8}, "source: the bundled bank contains"),
        ("HRMMaze-7x7-v0", {"size": 8}, "source: .*, not maze-8x8; expected source='generator'"),
        ("HRMSudoku-4x4-v0", {"limit": 0}, "limit: expected"),
        ("HRMSudoku-4x4-v0", {"limit": "3"}, "limit: expected"),
        ("HRMSudoku-4x4-v0", {"limit": True}, "limit: expected"),
        ("HRMHalt-v0", {"limit": True}, "limit: expected"),
        ("HRMSudokuAnswer-4x4-v0", {"max_segments": True}, "max_segments: expected"),
        ("HRMSudoku-4x4-v0", {"augment": "maybe"}, "augment: expected true or false"),
        ("HRMARC-v0", {"augment": 1}, "augment: expected true or false"),
        ("HRMSudokuAnswer-4x4-v0", {"augment": None}, "augment: expected true or false"),
        ("HRMMaze-7x7-v0", {"size": 2}, "size: expected"),
        ("HRMMaze-7x7-v0", {"size": 7.0}, "size: expected"),
        ("HRMMaze-7x7-v0", {"kind": "round"}, "kind: expected one of"),
        ("HRMMaze-7x7-v0", {"kind": "hard"}, "kind: the bundled puzzles of maze-7x7 are perfect"),
        (
            "HRMARC-v0",
            {"source": "arc-agi-3"},
            "source: expected arc-agi-1, arc-agi-2, mini-arc, or an existing file",
        ),
        ("HRMARC-v0", {"task_id": "nope"}, "task_id: no task 'nope'"),
        ("HRMARC-v0", {"size": 31}, "side: expected 2..30 for arc, got 31"),
        ("HRMARC-v0", {"size": "9"}, "side: expected 2..30 for arc, got '9'"),
        (
            "HRMARC-v0",
            {"size": 9, "source": "arc-agi-1"},
            "source: task 025d127b of arc-agi-1 has a grid of 10x10 cells, which does not fit on a "
            "canvas of 9x9",
        ),
        ("HRMARC-v0", {"size": 4}, "source: the grids of mini-arc have 5x5 cells"),
        ("HRMARC-5x5-v0", {"task_id": "nope"}, "task_id: no task 'nope' in mini-arc"),
        (
            "HRMARC-5x5-v0",
            {"source": "mini-arc:turned"},
            "source: the puzzles of 'mini-arc:tur",
        ),
        ("HRMARCAnswer-5x5-v0", {"source": "mini-arc:x"}, "source: expected mini-arc, mini-arc:tu"),
        ("HRMARCAnswer-5x5-v0", {"source": "mini-arc:turned:150"}, "source: expected mini-arc"),
        (
            "HRMSudokuAnswer-4x4-v0",
            {"kind": "hard"},
            "kind: sudoku-4x4 has only one kind of puzzle",
        ),
        ("HRMSudokuAnswer-4x4-v0", {"task": "chess"}, "task: expected"),
        ("HRMSudokuAnswer-4x4-v0", {"task": "sudoku-4x6"}, "task: expected"),
        ("HRMARC-v0", {"task_id": 7}, "task_id: no task 7 in arc-agi-1"),
        ("HRMARC-v0", {"task_id": "00576224"}, "task_id: 00576224 is in split 'test' of arc-agi-1"),
        ("HRMARC-v0", {"task_id": "caa06a1f"}, "task_id: caa06a1f is in no split of arc-agi-1"),
        (
            "HRMSudokuAnswer-4x4-v0",
            {"task_id": "x"},
            "task_id: the puzzles of sudoku-4x4 have no names",
        ),
        ("HRMAnswer-v0", {"task": None}, "task: expected a name such as sudoku-9x9, got None"),
        ("HRMSudokuAnswer-4x4-v0", {"max_segments": 0}, "max_segments: expected at least 1"),
        ("HRMSudokuAnswer-4x4-v0", {"max_segments": "3"}, "max_segments: expected an integer"),
    ],
)
def test_the_error_names_a_wrong_argument(env_id, kwargs, words):
    native = gym.spec(env_id).vector_entry_point is not None
    for make in [gym.make, gym.make_vec] if native else [gym.make]:
        with pytest.raises(ValueError, match=rf"^{words}") as caught:
            make(env_id, **kwargs)
        assert "\n" not in str(caught.value)


def test_traces_have_no_names():
    with pytest.raises(ValueError, match=r"^task_id: traces have no names"):
        gym.make("HRMHalt-v0", task_id="x")
    with pytest.raises(TypeError, match="unexpected keyword argument 'task_id'"):
        gym.make_vec("HRMHalt-v0", 2, task_id="x")


def test_the_error_names_an_unknown_render_mode():
    from hrm_gym.envs.sudoku import SudokuEnv

    with pytest.raises(ValueError, match=r"^render_mode: expected one of"):
        SudokuEnv(4, render_mode="hologram")


@pytest.mark.parametrize("env_id", PAID)
def test_the_option_index_selects_a_puzzle_as_stored(env_id):
    env = gym.make(env_id)
    observation, info = env.reset(options={"index": 2})
    puzzle = env.unwrapped.puzzles[2]
    np.testing.assert_array_equal(observation["tokens"], puzzle.inputs)
    assert info["rating"] == puzzle.rating


@pytest.mark.parametrize(
    ("env_id", "text"),
    [
        ("HRMSudoku-4x4-v0", "1...  ..2.  .3..  ...4"),
        ("HRMSudokuAnswer-4x4-v0", "1.....2..3.....4"),
        ("HRMMaze-7x7-v0", "S......" + "." * 35 + "......G"),
        ("HRMMazeAnswer-7x7-v0", "S......" + "." * 35 + "......G"),
    ],
)
def test_the_option_puzzle_plays_a_custom_puzzle(env_id, text):
    env = gym.make(env_id)
    env.reset(options={"puzzle": text})
    done = False
    while not done:
        _, reward, done, _, _ = env.step(env.unwrapped.optimal_action())
    assert reward == 1


def test_splits_and_difficulty_choose_puzzles():
    for env_id in ("HRMMaze-7x7-v0", "HRMSudoku-v0"):
        env = gym.make(env_id, split="test", difficulty=[1, 3] if "Sudoku" in env_id else [10, 12])
        low, high = env.unwrapped.puzzles.ratings.min(), env.unwrapped.puzzles.ratings.max()
        assert (low, high) == ((1, 3) if "Sudoku" in env_id else (10, 12))
        for seed in range(5):
            assert low <= env.reset(seed=seed)[1]["rating"] <= high


def test_another_shortest_path_solves_a_maze_without_being_exact():
    env = gym.make("HRMMazeAnswer-7x7-v0")
    env.reset(options={"puzzle": "S......" + "." * 35 + "......G"})
    other = np.full((7, 7), 2)
    other[0, :] = other[:, 6] = 5
    other[0, 0], other[6, 6] = 3, 4
    if np.array_equal(other.ravel(), env.unwrapped.labels):
        other = other.T
    _, reward, _, _, info = env.step(np.append(other.ravel(), 1))
    assert (reward, info["exact"], info["is_success"]) == (0, False, True)


@pytest.mark.filterwarnings("ignore:.*floating-point numbers is invalid")
@pytest.mark.parametrize("env_id", ["HRMSudokuAnswer-4x4-v0", "HRMARCAnswer-v0"])
def test_an_answer_of_the_wrong_shape_is_an_invalid_action(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    right = env.unwrapped.optimal_action()
    went_on = np.append(right[:-1], 0)
    env.step(went_on)
    odd = [right[:-1], np.append(right, 1), right[None], right * 1.0, right[0], "x", None, [[1], 2]]
    for count, action in enumerate(odd, start=2):
        after, reward, terminated, _, info = env.step(action)
        assert (reward, terminated, info["segment"]) == (0, False, count)
        assert info["invalid_action"]
        np.testing.assert_array_equal(after["answer"], went_on[:-1])
    assert env.step(right)[1] == 1


@every
def test_calls_before_reset_raise(env_id):
    env = gym.make(env_id).unwrapped
    for call in (env.get_state, env.optimal_action, env.solve, env.render):
        with pytest.raises(gym.error.ResetNeeded):
            call()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("env_id", PAID)
def test_optimal_actions_always_succeed(env_id):
    env = gym.make(env_id)
    for episode in range(4):
        _, info = env.reset(seed=0 if episode == 0 else None)
        assert not info["is_success"]
        total, done = 0.0, False
        while not done:
            action = env.unwrapped.optimal_action()
            assert env.action_space.contains(np.asarray(action, env.action_space.dtype)) or (
                env.action_space.contains(action)
            )
            _, reward, terminated, truncated, info = env.step(action)
            assert not info["invalid_action"]
            total += reward
            done = terminated or truncated
            assert info["is_success"] == bool(reward)
        assert terminated
        assert total == 1.0
        if "Maze-" in env_id and "Dynamic" not in env_id:
            assert info["optimal"]
        if "Answer" in env_id:
            assert info["exact"]


@pytest.mark.parametrize("env_id", STEP_IDS)
def test_time_limit(env_id):
    limit = gym.make(env_id).unwrapped.max_steps
    size = gym.make(env_id).unwrapped.task.size
    wanted = 2000 if "ARC" in env_id else (4 if "Maze" in env_id else 2) * size**2
    assert limit == wanted
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    # Outside the space, so that nothing ever happens.
    action = -1 if isinstance(env.action_space, gym.spaces.Discrete) else np.array([0, 99, 0])
    env.unwrapped._observe = dict  # only counted here
    for number in range(1, limit + 1):
        _, reward, terminated, truncated, _ = env.step(action)
        assert truncated is (number == limit)
        assert not terminated
        assert reward == 0


@pytest.mark.parametrize("env_id", ANSWER_IDS)
def test_answer_episodes_end_at_max_segments(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    assert env.unwrapped.max_steps is None
    env.reset(seed=0)
    action = env.unwrapped.optimal_action()
    action[-1] = 0
    for segment in range(1, 17):
        _, reward, terminated, truncated, info = env.step(action)
        assert info["segment"] == segment
        assert terminated is (segment == 16)
        assert reward == float(segment == 16)
        assert info["exact"] == (segment == 16)
        assert not truncated


@pytest.mark.parametrize("env_id", ["HRMMaze-Dynamic-v0", "HRMARC-v0"])
def test_an_id_without_native_vector_rejects_its_arguments(env_id):
    with pytest.raises(TypeError, match=r"'autoreset_mode'; this environment has no native vector"):
        gym.make_vec(env_id, 2, autoreset_mode="SameStep")
    mode = gym.vector.AutoresetMode.SAME_STEP
    envs = gym.make_vec(env_id, 2, vector_kwargs={"autoreset_mode": mode})
    assert envs.metadata["autoreset_mode"] == mode
    envs.close()
