"""What holds of every registered environment."""

from __future__ import annotations

import copy
import hashlib
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import hrm_gym
from hrm_gym.puzzles import get_task
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


@pytest.mark.parametrize("env_id", ["MountainCar-v0", "FrozenLake-v1"])
def test_vector_check_is_for_any_id(env_id):
    check_vector_env(env_id, num_envs=2)


def test_vector_check_finds_what_another_suite_does_otherwise():
    # One generator draws the states of all its rows.
    with pytest.raises(AssertionError, match=r"^CartPole-v1, .*, row 0, step 0: observation"):
        check_vector_env("CartPole-v1")


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


OTHERWISE = {
    "segments": ("HRMHalt-v0", {}, {"max_segments": 2}),
    "costs": ("HRMHalt-v0", {}, {"ponder_cost": 0.0100001}),
    "answers": ("HRMSudokuAnswer-4x4-v0", {}, {"max_segments": 2}),
    "ids": ("HRMARCAnswer-v0", {"source": "arc-agi-2"}, {"source": "arc-agi-1"}),
    "doors": ("HRMMaze-Dynamic-v0", {}, {"door_probability": 1.0}),
    "shares": ("HRMMaze-Dynamic-v0", {}, {"door_share": 0.4}),
    "splits": ("HRMMaze-7x7-v0", {"split": "train"}, {"split": "test"}),
    "splits of one size": ("HRMSudoku-v0", {"limit": 9}, {"limit": 9, "split": "ood"}),
    "sources": ("HRMSudoku-6x6-v0", {}, {"source": "generator:5"}),
    "ratings": ("HRMMaze-9x9-v0", {}, {"difficulty": [16, 20]}),
    "symmetries": ("HRMSudokuAnswer-6x6-v0", {}, {"augment": False}),
    "traces": ("HRMHalt-v0", {"limit": 5}, {"limit": 5, "split": "val"}),
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_state_of_the_same_id_made_otherwise_is_refused(name):
    env_id, left, right = OTHERWISE[name]
    envs = [gym.make(env_id, **kwargs).unwrapped for kwargs in (left, right)]
    for env in envs:
        env.reset(seed=3)
    for env, other in (envs, envs[::-1]):
        before = digest(env.get_state())
        with pytest.raises(ValueError, match=r"^state: expected one of .*, got one of "):
            env.set_state(other.get_state())
        assert digest(env.get_state()) == before
        env.set_state(env.get_state())


VECTORS = {
    "splits": ({"split": "train"}, {"split": "test"}),
    "ratings": ({}, {"split": "ood"}),
    "modes": ({"autoreset_mode": "NextStep"}, {"autoreset_mode": "SameStep"}),
}


@pytest.mark.parametrize(
    "env_id", ["HRMSudoku-6x6-v0", "HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0", "HRMHalt-v0"]
)
@pytest.mark.parametrize("name", VECTORS)
def test_a_state_of_a_vector_made_otherwise_is_refused(env_id, name):
    # Of as many puzzles, so that the numbers of rows would do for either.
    left, right = (gym.make_vec(env_id, 2, limit=5, **kwargs).unwrapped for kwargs in VECTORS[name])
    for envs in (left, right):
        envs.reset(seed=3)
    before = digest(left.get_state())
    with pytest.raises(ValueError, match=r"^state: expected 2 rows of .*, got 2 rows of .*split"):
        left.set_state(right.get_state())
    assert digest(left.get_state()) == before


def test_a_state_goes_on_where_the_same_puzzles_are_drawn(tmp_path):
    task = get_task("sudoku-4x4")
    lines = [f"{task.format(task.generate(key).inputs)}\n" for key in range(6)]
    sources = [tmp_path / name for name in ("one.csv", "two.csv", "three.csv")]
    for path, rows in zip(sources, (lines, lines, lines[::-1]), strict=True):
        path.write_text("question\n" + "".join(rows))
    made = [gym.make("HRMSudoku-4x4-v0", source=str(path)).unwrapped for path in sources]
    for env in made:
        env.reset(seed=4)
    made[1].set_state(made[0].get_state())
    assert play(made[1], 30) == play(made[0], 30)
    with pytest.raises(ValueError, match=r"expected one of SudokuEnv on sudoku-4x4, .* 6 puzzles"):
        made[2].set_state(made[0].get_state())


@every
def test_half_a_state_is_refused_and_changes_nothing(env_id):
    env = gym.make(env_id).unwrapped
    env.reset(seed=2)
    old = env.get_state()
    env.reset()
    before = digest(env.get_state())
    names = [*old, *(("fields", name) for name in old["fields"])]
    for name in names:
        half = {**old, "fields": dict(old["fields"])}
        part, key = (half["fields"], name[1]) if isinstance(name, tuple) else (half, name)
        del part[key]
        with pytest.raises(ValueError, match=r"^state: expected one of"):
            env.set_state(half)
        part[key] = old["fields"].get(key, old.get(key))
        part["more"] = 1
        with pytest.raises(ValueError, match=r"^state: expected one of .* it holds 'more' too"):
            env.set_state(half)
        assert digest(env.get_state()) == before
    env.set_state(old)
    assert digest(env.get_state()) != before


@pytest.mark.parametrize(
    "env_id", ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0", "HRMHalt-v0"]
)
def test_half_a_state_of_a_vector_is_refused(env_id):
    envs = gym.make_vec(env_id, 2).unwrapped
    envs.reset(seed=2)
    old = envs.get_state()
    envs.reset()
    before = digest(envs.get_state())
    for name in old:
        half = {key: value for key, value in old.items() if key != name}
        for wrong in (half, {**old, "more": 1}):
            with pytest.raises(ValueError, match=r"^state: expected 2 rows of"):
                envs.set_state(wrong)
    assert digest(envs.get_state()) == before
    envs.set_state(old)
    assert digest(envs.get_state()) == digest(old)


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
