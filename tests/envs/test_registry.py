"""What holds of every registered environment."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import hrm_gym
from hrm_gym.testing import check_vector_env

STEP_IDS = [i for i in hrm_gym.ENV_IDS if "Answer" not in i and "Halt" not in i]
ANSWER_IDS = [i for i in hrm_gym.ENV_IDS if "Answer" in i]
HALT_ID = "HRMHalt-v0"
PUZZLE_IDS = [*STEP_IDS, *ANSWER_IDS, HALT_ID]
SMALL = ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMARC-v0", "HRMSudokuAnswer-4x4-v0"]
# What an episode's best actions earn is 1, but for the cost of thinking.
PAID = [env_id for env_id in PUZZLE_IDS if env_id != HALT_ID]
every = pytest.mark.parametrize("env_id", PUZZLE_IDS)


def flat(value):
    """Yield every array and scalar of nested observations and infos with its path."""
    todo = [("", value)]
    while todo:
        path, part = todo.pop()
        if isinstance(part, dict):
            todo += [(f"{path}/{name}", inner) for name, inner in part.items()]
        elif isinstance(part, (list, tuple)):
            todo += [(f"{path}/{index}", inner) for index, inner in enumerate(part)]
        else:
            yield path, part


def digest(value) -> str:
    state = hashlib.sha256()
    for path, part in sorted(flat(value), key=lambda item: item[0]):
        state.update(f"{path}{np.asarray(part).dtype}{np.shape(part)}".encode())
        state.update(np.asarray(part).tobytes() if np.ndim(part) else repr(part).encode())
    return state.hexdigest()


def actions_of(env, count: int, seed: int = 0):
    """Return a way to act: the teacher's action now and then, else any action of the space."""
    random = np.random.default_rng(seed)
    env.action_space.seed(seed)
    for _ in range(count):
        if random.random() < 0.4:
            yield env.unwrapped.optimal_action()
        else:
            action = env.action_space.sample()
            if np.ndim(action) and len(action) > 3:
                action[-1] = random.random() < 0.1
            yield action


def play(env, count: int, seed: int = 0) -> list[str]:
    """Go on from where the environment is; return a digest of every step."""
    trace = []
    for action in actions_of(env, count, seed):
        result = env.step(action)
        trace.append(digest(result))
        if result[2] or result[3]:
            trace.append(digest(env.reset()))
    return trace


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
def test_same_seed_same_trace(env_id):
    traces = []
    for seed in (3, 3, 4):
        env = gym.make(env_id)
        traces.append([digest(env.reset(seed=seed)), *play(env, 40)])
        env.close()
    assert traces[0] == traces[1]
    assert traces[0] != traces[2]


@every
def test_episodes_without_a_seed_follow_the_seeded_one(env_id):
    env = gym.make(env_id)
    first = [digest(env.reset(seed=5)[0]), *(digest(env.reset()[0]) for _ in range(3))]
    again = [digest(env.reset(seed=5)[0]), *(digest(env.reset()[0]) for _ in range(3))]
    assert first == again
    assert len(set(first)) > 1


@every
def test_vector_equals_single(env_id):
    rows, steps = (2, 24) if env_id in ("HRMMazeAnswer-v0", "HRMARCAnswer-v0") else (3, 45)
    check_vector_env(env_id, num_envs=rows, seed=11, steps=steps)


@pytest.mark.parametrize("env_id", ["HRMMaze-7x7-v0", "HRMSudoku-4x4-v0"])
def test_vector_check_notices_another_seed(env_id, monkeypatch):
    from hrm_gym.envs.step_vector import StepVectorEnv

    reset = StepVectorEnv.reset

    def shifted(self, *, seed=None, options=None):
        return reset(self, seed=None if seed is None else seed + 1, options=options)

    monkeypatch.setattr(StepVectorEnv, "reset", shifted)
    with pytest.raises(AssertionError, match=rf"{env_id}, NextStep, row 0, step 0: observation"):
        check_vector_env(env_id)


def test_vector_check_notices_a_shared_array(monkeypatch):
    from hrm_gym.envs.answer_vector import AnswerVectorEnv

    def observe(self):
        observed = original(self)
        return {**observed, "tokens": self.tokens}

    original = AnswerVectorEnv._observe
    monkeypatch.setattr(AnswerVectorEnv, "_observe", observe)
    with pytest.raises(AssertionError, match="HRMSudokuAnswer-4x4-v0, NextStep, row"):
        check_vector_env("HRMSudokuAnswer-4x4-v0")


def test_vector_check_asks_for_enough_steps():
    with pytest.raises(AssertionError, match="give more"):
        check_vector_env("HRMSudokuAnswer-4x4-v0", steps=1)


@every
def test_spec_survives_json(env_id):
    env = gym.make(env_id, limit=3)
    spec = gym.envs.registration.EnvSpec.from_json(env.spec.to_json())
    again = gym.make(spec)
    assert digest(again.reset(seed=1)) == digest(env.reset(seed=1))
    assert len(again.unwrapped.puzzles) == 3
    assert again.spec.max_episode_steps == gym.spec(env_id).max_episode_steps


@every
@pytest.mark.parametrize("how", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_with_the_episode(env_id, how):
    env = gym.make(env_id)
    env.reset(seed=2)
    play(env, 5)
    twin = how(env)
    trace = play(env, 25, seed=1)
    assert play(twin, 25, seed=1) == trace


@every
def test_state_goes_back_exactly(env_id):
    env = gym.make(env_id).unwrapped
    env.reset(seed=2)
    play(env, 7)
    state = env.get_state()
    mask = env.action_masks()
    trace = play(env, 30, seed=1)
    env.set_state(state)
    np.testing.assert_array_equal(env.action_masks(), mask)
    assert play(env, 30, seed=1) == trace
    # Neither playing on nor another environment may have changed the snapshot.
    other = gym.make(env_id).unwrapped
    other.reset(seed=99)
    other.set_state(state)
    assert play(other, 30, seed=1) == trace


@every
def test_a_foreign_state_is_refused(env_id):
    env = gym.make(env_id).unwrapped
    env.reset(seed=2)
    for other_id in ("HRMMaze-7x7-v0", "HRMSudoku-6x6-v0"):
        if other_id == env_id:
            continue
        other = gym.make(other_id).unwrapped
        other.reset(seed=0)
        before = digest(env.get_state()["fields"])
        with pytest.raises(ValueError, match=r"^state: expected one of"):
            env.set_state(other.get_state())
        with pytest.raises(ValueError, match=r"^state: expected one of"):
            env.set_state("nonsense")
        assert digest(env.get_state()["fields"]) == before
    trace = play(env, 10)
    env.reset(seed=2)
    assert play(env, 10) == trace


@every
def test_before_reset_it_says_so(env_id):
    env = gym.make(env_id).unwrapped
    for call in (env.get_state, env.optimal_action, env.solve, env.render):
        with pytest.raises(gym.error.ResetNeeded):
            call()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("env_id", PAID)
def test_the_teacher_always_succeeds(env_id):
    env = gym.make(env_id)
    for episode in range(4):
        _, info = env.reset(seed=0 if episode == 0 else None)
        assert info["is_success"] is False
        total, done = 0.0, False
        while not done:
            action = env.unwrapped.optimal_action()
            assert env.action_space.contains(np.asarray(action, env.action_space.dtype)) or (
                env.action_space.contains(action)
            )
            _, reward, terminated, truncated, info = env.step(action)
            assert not info.get("invalid_action", False)
            total += reward
            done = terminated or truncated
            assert info["is_success"] is bool(reward)
        assert terminated
        assert total == 1.0
        if "Maze-" in env_id and "Dynamic" not in env_id:
            assert info["optimal"]
        if "Answer" in env_id:
            assert info["exact"]


def snapshot(env) -> str:
    fields = env.get_state()["fields"]
    return digest({k: v for k, v in fields.items() if k not in ("segment", "elapsed")})


@pytest.mark.parametrize("env_id", STEP_IDS)
def test_masks_say_exactly_what_is_legal(env_id):
    env = gym.make(env_id, disable_env_checker=True).unwrapped
    random = np.random.default_rng(0)
    env.reset(seed=1)
    env.action_space.seed(0)
    seen = set()
    for _ in range(150):
        action = env.action_space.sample()
        mask = env.action_masks()
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
        observation, reward, terminated, _, info = env.step(action)
        assert bool(info.get("invalid_action", False)) is not legal
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
        if terminated:
            env.reset()
    assert seen == {True, False}


@every
def test_actions_outside_the_space_change_nothing(env_id):
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
            assert info["invalid_action"] is True
            assert info["is_success"] is False
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
        if env_id != "HRMARC-v0":
            assert "invalid_action" not in info
        if terminated or truncated:
            _, info = env.reset()


@every
def test_the_solution_is_nowhere_to_be_seen(env_id):
    env = gym.make(env_id, disable_env_checker=True)
    observation, info = env.reset(seed=6)
    for _ in range(6):
        labels = env.unwrapped.labels
        hidden = {labels.tobytes(), env.unwrapped.puzzle.labels.tobytes()}
        assert env.unwrapped.inputs.tobytes() not in hidden
        for path, part in flat([observation, info]):
            assert not isinstance(part, (bytes, str)) or path.endswith(("task_id", "test_index"))
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
def test_what_is_returned_is_the_callers(env_id):
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


@every
@pytest.mark.parametrize("mode", ["human", "rgb_array", "ansi"])
def test_pictures(env_id, mode):
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
def test_no_answer_is_too_odd_for_a_picture(env_id):
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


@pytest.mark.parametrize("env_id", STEP_IDS)
def test_time_limit(env_id):
    limit = gym.spec(env_id).max_episode_steps
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
def test_answers_end_by_themselves(env_id):
    assert gym.spec(env_id).max_episode_steps is None
    env = gym.make(env_id, disable_env_checker=True)
    env.reset(seed=0)
    action = env.unwrapped.optimal_action()
    action[-1] = 0
    for segment in range(1, 17):
        _, reward, terminated, truncated, info = env.step(action)
        assert info["segment"] == segment
        assert terminated is (segment == 16)
        assert reward == float(segment == 16)
        assert ("exact" in info) is (segment == 16)
        assert not truncated


@pytest.mark.parametrize("env_id", SMALL)
def test_async_vector(env_id):
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


@pytest.mark.parametrize(
    ("env_id", "kwargs", "words"),
    [
        ("HRMSudoku-4x4-v0", {"split": "dev"}, "split: expected one of train, val, test, ood"),
        ("HRMSudoku-4x4-v0", {"difficulty": 5}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"difficulty": "ab"}, "difficulty: expected"),
        ("HRMSudoku-4x4-v0", {"difficulty": [3, 1]}, "difficulty: expected"),
        ("HRMSudoku-v0", {"difficulty": [500, 600]}, "difficulty: no puzzle is rated 500 to 600"),
        ("HRMSudoku-4x4-v0", {"source": "nowhere"}, "source: expected bank"),
        ("HRMSudoku-4x4-v0", {"source": "generator:0"}, "source: expected generator:N"),
        ("HRMSudoku-4x4-v0", {"size": 5}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": "4"}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": [4]}, "size: expected one of"),
        ("HRMSudoku-4x4-v0", {"size": 8}, "source: the bundled bank has"),
        ("HRMSudoku-4x4-v0", {"limit": 0}, "limit: expected"),
        ("HRMSudoku-4x4-v0", {"limit": "3"}, "limit: expected"),
        ("HRMSudoku-4x4-v0", {"colour": 1}, "colour: unknown keyword"),
        ("HRMMaze-7x7-v0", {"colour": 1}, "colour: unknown keyword"),
        ("HRMMaze-7x7-v0", {"size": 2}, "size: expected"),
        ("HRMMaze-7x7-v0", {"size": 7.0}, "size: expected"),
        ("HRMMaze-7x7-v0", {"size": 8, "kind": "perfect"}, "size: a perfect maze needs an odd"),
        ("HRMMaze-7x7-v0", {"kind": "round"}, "kind: expected one of"),
        ("HRMMaze-7x7-v0", {"kind": "hard"}, "kind: the bundled puzzles of maze-7x7 are perfect"),
        ("HRMARC-v0", {"source": "arc-agi-3"}, "source: expected arc-agi-1 or arc-agi-2"),
        ("HRMARC-v0", {"task_id": "nope"}, "task_id: no task 'nope'"),
        ("HRMARC-v0", {"size": 9}, "size: unknown keyword"),
        ("HRMSudokuAnswer-4x4-v0", {"kind": "hard"}, "kind: only mazes have one"),
        ("HRMSudokuAnswer-4x4-v0", {"task": "chess"}, "task: expected"),
        ("HRMSudokuAnswer-4x4-v0", {"task": "sudoku-4x6"}, "task: expected"),
        ("HRMSudokuAnswer-4x4-v0", {"task_id": "x"}, "task_id: no task 'x'"),
        ("HRMSudokuAnswer-4x4-v0", {"max_segments": 0}, "max_segments: expected at least 1"),
        ("HRMSudokuAnswer-4x4-v0", {"max_segments": "3"}, "max_segments: expected at least 1"),
        ("HRMSudokuAnswer-4x4-v0", {"colour": 1}, "colour: unknown keyword"),
    ],
)
def test_wrong_arguments_are_named(env_id, kwargs, words):
    native = gym.spec(env_id).vector_entry_point is not None
    for make in [gym.make, gym.make_vec] if native else [gym.make]:
        with pytest.raises(ValueError, match=rf"^{words}") as caught:
            make(env_id, **kwargs)
        assert "\n" not in str(caught.value)


def test_an_unknown_render_mode_is_named():
    from hrm_gym.envs.sudoku import SudokuEnv

    with pytest.raises(ValueError, match=r"^render_mode: expected one of"):
        SudokuEnv(4, render_mode="hologram")


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
def test_wrong_options_are_named(env_id, options, words):
    env = gym.make(env_id)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=rf"^{words}") as caught:
        env.reset(seed=0, options=options)
    assert "\n" not in str(caught.value)
    # What failed leaves nothing behind that matters once an episode is begun.
    trace = [digest(env.reset(seed=2)), *play(env, 3)]
    other = gym.make(env_id)
    assert [digest(other.reset(seed=2)), *play(other, 3)] == trace


@pytest.mark.parametrize("env_id", PAID)
def test_an_index_takes_that_puzzle_as_it_is(env_id):
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
def test_a_puzzle_of_ones_own(env_id, text):
    env = gym.make(env_id)
    env.reset(options={"puzzle": text})
    done = False
    while not done:
        _, reward, done, _, _ = env.step(env.unwrapped.optimal_action())
    assert reward == 1


def test_a_maze_with_its_path_drawn_in_is_refused():
    env = gym.make("HRMMaze-7x7-v0")
    with pytest.raises(ValueError, match="path mark"):
        env.reset(options={"puzzle": "So....." + "." * 35 + "......G"})


def test_splits_and_difficulty_choose_puzzles():
    for env_id in ("HRMMaze-7x7-v0", "HRMSudoku-v0"):
        env = gym.make(env_id, split="test", difficulty=[1, 3] if "Sudoku" in env_id else [10, 12])
        low, high = env.unwrapped.puzzles.ratings.min(), env.unwrapped.puzzles.ratings.max()
        assert (low, high) == ((1, 3) if "Sudoku" in env_id else (10, 12))
        for seed in range(5):
            assert low <= env.reset(seed=seed)[1]["rating"] <= high


def test_sudoku_ends_when_nothing_is_legal():
    env = gym.make("HRMSudoku-4x4-v0")
    outcomes = set()
    for seed in range(20):
        _, info = env.reset(seed=seed)
        done = False
        while not done:
            legal = np.flatnonzero(info["action_mask"])
            _, reward, done, truncated, info = env.step(int(legal[-1]))
            assert not truncated
        outcomes.add(reward)
        assert not info["action_mask"].any()
        solved = env.unwrapped.task.accepts(env.unwrapped.inputs, env.unwrapped.tokens)
        assert bool(reward) is info["is_success"] is solved
    assert 0 in outcomes


def test_a_maze_walk_with_a_detour_succeeds_but_is_not_optimal():
    env = gym.make("HRMMaze-7x7-v0")
    env.reset(seed=0)
    there = env.unwrapped.optimal_action()
    env.step(there)
    env.step((there + 2) % 4)
    done = False
    while not done:
        _, reward, done, _, info = env.step(env.unwrapped.optimal_action())
    assert reward == 1
    assert info["is_success"] is True
    assert info["optimal"] is False


def test_arc_has_two_attempts():
    env = gym.make("HRMARC-v0")
    _, info = env.reset(seed=0)
    assert info["attempts_left"] == 2
    submit = np.array([11, 0, 0])
    env.step(np.array([10, 29, 28]))
    _, reward, done, _, info = env.step(submit)
    assert (reward, done, info["attempts_left"]) == (0, False, 1)
    _, reward, done, _, info = env.step(submit)
    assert (reward, done, info["attempts_left"], info["is_success"]) == (0, True, 0, False)
    # The second attempt may still be the right one.
    env.reset()
    env.step(np.array([10, 29, 28]))
    _, _, done, _, _ = env.step(submit)
    while not done:
        _, reward, done, _, info = env.step(env.unwrapped.optimal_action())
    assert (reward, info["attempts_left"], info["is_success"]) == (1, 0, True)


def test_arc_shows_every_demonstration():
    from hrm_gym.puzzles.arc import to_canvas

    env = gym.make("HRMARC-v0", augment=True)
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        puzzle, symmetry = env.unwrapped.puzzle, env.unwrapped.symmetry
        shown = observation["demos"].reshape(10, 2, 900)
        for row, pair in zip(shown, puzzle.demos, strict=False):
            for canvas, grid in zip(row, pair, strict=True):
                np.testing.assert_array_equal(canvas, symmetry.apply(to_canvas(grid)))
        assert not shown[len(puzzle.demos) :].any()


def test_arc_shows_more_than_ten_demonstrations(tmp_path):
    pair = {"input": [[1, 2]], "output": [[3], [4]]}
    pairs = [{**pair, "input": [[k % 10, 5]]} for k in range(13)]
    (tmp_path / "many.json").write_text(json.dumps({"train": pairs, "test": [pair]}))
    env = gym.make("HRMARC-v0", source=str(tmp_path), render_mode="rgb_array")
    observation, _ = env.reset(seed=0)
    shown = observation["demos"].reshape(13, 2, 900)
    assert shown[:, 0, 0].tolist() == [k % 10 + 2 for k in range(13)]
    assert env.render().std() > 0
    done = False
    while not done:
        _, reward, done, _, _ = env.step(env.unwrapped.optimal_action())
    assert reward == 1


def test_a_turned_arc_task_is_solved_by_its_turned_answer():
    vector = gym.make_vec("HRMARCAnswer-v0", 3, augment=True, limit=20).unwrapped
    step = gym.make("HRMARC-v0", augment=True, limit=20).unwrapped
    kinds = set()
    for seed in range(12):
        vector.reset(seed=seed)
        step.reset(seed=seed)
        # The step environment, the Answer vector and NumPy's own turn agree, grid by grid.
        np.testing.assert_array_equal(vector.labels[0].numpy(), step.labels)
        np.testing.assert_array_equal(vector.tokens[0].numpy(), step.inputs)
        puzzle, symmetry = step.puzzle, step.symmetry
        np.testing.assert_array_equal(symmetry.inverse().apply(step.labels), puzzle.labels)
        kinds.add((symmetry.positions[1] == 30, symmetry.flip_rows, symmetry.flip_columns))
    assert len(kinds) > 4


def test_a_maze_answer_may_be_another_shortest_path():
    env = gym.make("HRMMazeAnswer-7x7-v0")
    env.reset(options={"puzzle": "S......" + "." * 35 + "......G"})
    other = np.full((7, 7), 2)
    other[0, :] = other[:, 6] = 5
    other[0, 0], other[6, 6] = 3, 4
    if np.array_equal(other.ravel(), env.unwrapped.labels):
        other = other.T
    _, reward, _, _, info = env.step(np.append(other.ravel(), 1))
    assert (reward, info["exact"], info["is_success"]) == (0, False, True)


def test_an_answer_of_the_wrong_length_is_named():
    env = gym.make("HRMSudokuAnswer-4x4-v0", disable_env_checker=True)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"^action: expected 16 tokens and halt"):
        env.step(np.zeros(16, np.int64))
