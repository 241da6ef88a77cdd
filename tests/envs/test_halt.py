"""Halting on recorded segments. Tests of all environments are in ``test_registry``."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hrm_gym  # noqa: F401
from hrm_gym.data.traces import ARRAYS, BUNDLED, Traces, bundled_traces, read_traces
from hrm_gym.envs.halt import trace_splits
from hrm_gym.puzzles import SPLITS, Puzzle, get_task
from hrm_gym.testing import check_vector_env


def random_traces(count: int = 120, segments: int = 6, seed: int = 0) -> Traces:
    """Return traces of random tokens, in which every segment may have the right answer."""
    random = np.random.default_rng(seed)
    shape = (count, segments)
    labels = random.integers(1, 6, (count, 9)).astype(np.uint8)
    right = random.random(shape) < 0.3
    wrong = np.where(labels == 5, 1, labels + 1).astype(np.uint8)
    return Traces(
        "maze-3x3",
        "HRMMazeAnswer-3x3-v0",
        "random",
        random.integers(1, 5, (count, 9)).astype(np.uint8),
        labels,
        random.integers(2, 9, count).astype(np.float32),
        random.integers(0, 2**63, count).astype(np.uint64),
        random.random(count) < 0.2,
        np.where(right[..., None], labels[:, None], wrong[:, None]),
        random.integers(0, 256, (*shape, 9)).astype(np.uint8),
        random.random(shape, np.float32),
        random.normal(0, 20, shape).astype(np.float32),
        random.normal(0, 20, shape).astype(np.float32),
        right | (random.random(shape) < 0.1),
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "traces.npz"
    random_traces().save(path)
    return str(path)


def episode(env, index: int, halt_at: int | None):
    """Play one trace; ``None`` never halts. Return the last info with reward and observations."""
    observation, _ = env.reset(options={"index": index})
    seen, segment, done = [observation], 1, False
    while not done:
        halt = segment == halt_at
        observation, reward, done, truncated, info = env.step(int(halt))
        assert not truncated
        if not halt:
            segment += 1
            seen.append(observation)
    return {**info, "reward": reward}, np.array(seen)


def test_observations_and_rewards_follow_from_the_recording(file):
    traces = random_traces()
    for split in SPLITS:
        env = gym.make("HRMHalt-v0", source=file, split=split, ponder_cost=0.05)
        rows = np.flatnonzero(trace_splits(traces) == SPLITS.index(split))
        assert len(env.unwrapped.puzzles) == len(rows) > 0
        for index, row in enumerate(rows[:12]):
            for halt_at in (1, 3, 6, None):
                info, seen = episode(env, index, halt_at)
                last = halt_at or 6
                right = np.array_equal(traces.answers[row, last - 1], traces.labels[row])
                accepted = traces.accepted[row, last - 1]
                assert info["reward"] == pytest.approx(accepted - 0.05 * last)
                assert (info["segment"], info["exact"]) == (last, right)
                assert info["is_success"] == accepted
                assert seen.dtype == np.float32
                assert len(seen) == last
                for column, logits in enumerate((traces.q_halt, traces.q_continue)):
                    q = logits[row, :last]
                    np.testing.assert_allclose(seen[:, column], q / (4 + abs(q)), rtol=1e-6)
                np.testing.assert_allclose(seen[:, 2], traces.entropy[row, :last])
                np.testing.assert_allclose(seen[:, 3], traces.changed[row, :last])
                np.testing.assert_allclose(seen[:, 4], np.arange(1, last + 1) / 6, rtol=1e-6)
                rating = traces.ratings[row]
                np.testing.assert_allclose(seen[:, 5], rating / (10 + rating), rtol=1e-6)


def test_optimal_actions_have_the_highest_reward_and_no_regret(file):
    for cost in (0.0, 0.05, 0.4):
        env = gym.make("HRMHalt-v0", source=file, ponder_cost=cost)
        for index in range(25):
            paid = [episode(env, index, halt_at) for halt_at in range(1, 7)]
            rewards = [info["reward"] for info, _ in paid]
            assert [info["regret"] for info, _ in paid] == pytest.approx(
                [max(rewards) - reward for reward in rewards]
            )
            env.reset(options={"index": index})
            done = False
            while not done:
                _, reward, done, _, info = env.step(env.unwrapped.optimal_action())
            assert reward == max(rewards)
            assert info["regret"] == 0
            # The first of equally good segments, and no wait for what is not worth it.
            assert info["segment"] == rewards.index(max(rewards)) + 1


def test_the_rule_of_the_q_values_can_be_read_from_an_observation(file):
    traces = random_traces()
    env = gym.make("HRMHalt-v0", source=file, split="test")
    rows = np.flatnonzero(trace_splits(traces) == SPLITS.index("test"))
    for index, row in enumerate(rows):
        _, seen = episode(env, index, None)
        wanted = traces.q_halt[row] > traces.q_continue[row]
        np.testing.assert_array_equal(seen[:, 0] > seen[:, 1], wanted)


@pytest.mark.parametrize("segments", [1, 2, 6])
def test_fewer_segments_than_were_recorded(file, segments):
    env = gym.make("HRMHalt-v0", source=file, max_segments=segments)
    info, seen = episode(env, 0, None)
    assert info["segment"] == segments
    assert seen[min(segments, len(seen)) - 1, 4] == 1


def test_vector_equals_single_on_a_custom_file(file):
    for kwargs in ({"max_segments": 6}, {"max_segments": 1, "split": "ood"}):
        check_vector_env("HRMHalt-v0", num_envs=4, seed=3, steps=60, source=file, **kwargs)


@given(st.integers(0, 2**31), st.integers(1, 5))
def test_optimal_actions_of_a_vector_equal_the_single_ones(seed, rows):
    envs = gym.make_vec("HRMHalt-v0", rows, split="ood", autoreset_mode="NextStep")
    singles = [gym.make("HRMHalt-v0", split="ood").unwrapped for _ in range(rows)]
    envs.reset(seed=seed)
    for k, env in enumerate(singles):
        env.reset(seed=seed + k)
    for _ in range(3):
        wanted = [env.optimal_action() for env in singles]
        np.testing.assert_array_equal(envs.unwrapped.optimal_action(), wanted)
        done = np.array([env.step(0)[2] for env in singles])
        np.testing.assert_array_equal(envs.step(np.zeros(rows, np.int64))[2], done)
        assert not done.any()


def test_set_state_restores_a_vector():
    envs = gym.make_vec("HRMHalt-v0", 5, autoreset_mode="SameStep").unwrapped
    with pytest.raises(gym.error.ResetNeeded, match="call reset"):
        envs.get_state()
    envs.reset(seed=4)
    actions = np.random.default_rng(0).integers(0, 2, (30, 5))
    for action in actions[:10]:
        envs.step(action)
    state = envs.get_state()
    wanted = [envs.step(action)[:3] for action in actions[10:]]
    other = gym.make_vec("HRMHalt-v0", 5, autoreset_mode="SameStep").unwrapped
    other.reset(seed=77)
    other.set_state(state)
    for action, parts in zip(actions[10:], wanted, strict=True):
        for part, again in zip(parts, other.step(action)[:3], strict=True):
            np.testing.assert_array_equal(part, again)
    with pytest.raises(ValueError, match=r"^state: expected 4 rows of HaltVectorEnv"):
        gym.make_vec("HRMHalt-v0", 4).unwrapped.set_state(state)


def test_splits_never_share_a_puzzle():
    traces = bundled_traces()
    splits = trace_splits(traces)
    seen = {}
    for digest, split in zip(traces.digests.tolist(), splits.tolist(), strict=True):
        assert seen.setdefault(digest, split) == split
    assert set(splits) == {0, 1, 2, 3}
    np.testing.assert_array_equal(splits == 3, traces.ood)


@pytest.mark.parametrize("name", ["maze", "sudoku"])
def test_a_bundled_file_is_small_complete_and_stores_its_command(name):
    path = BUNDLED / f"{name}.npz"
    assert path.stat().st_size <= 4_000_000
    traces = read_traces(path)
    assert traces.agent == name
    task = get_task(traces.task)
    assert traces.about["command"].startswith("python scripts/evaluate.py --agent ")
    for row in range(0, len(traces), 100):
        inputs, labels = traces.inputs[row], traces.labels[row]
        assert int(task.digest(inputs, labels), 16) == traces.digests[row]
        assert task.is_solved(Puzzle(inputs, inputs), labels)
        for answer, accepted in zip(traces.answers[row], traces.accepted[row], strict=True):
            assert task.is_solved(Puzzle(inputs, inputs), answer) == accepted
    assert {"answers", "confidence", "q_halt"} < set(ARRAYS)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"source": "nowhere.npz"}, "nowhere.npz: expected a trace file"),
        ({"ponder_cost": -1}, "ponder_cost: expected a number in 0..1, got -1"),
        ({"ponder_cost": "x"}, "ponder_cost: expected"),
        ({"ponder_cost": float("nan")}, "ponder_cost: expected"),
        ({"max_segments": 0}, "max_segments: expected at least 1"),
        ({"max_segments": 33}, "max_segments: expected 1..32"),
        ({"max_segments": "2"}, "max_segments: expected an integer of at least 1"),
        ({"split": "dev"}, "split: expected one of train"),
        ({"limit": 0}, "limit: expected"),
        ({"difficulty": [500, 600]}, "difficulty: no puzzle is rated 500 to 600"),
        ({"augment": True}, "augment: recorded traces"),
    ],
)
@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_the_error_names_a_wrong_argument(make, kwargs, words):
    with pytest.raises(ValueError, match=rf"^{words}") as caught:
        make("HRMHalt-v0", **kwargs)
    assert "\n" not in str(caught.value)


def test_an_empty_split_and_a_custom_puzzle_are_rejected(tmp_path):
    traces = random_traces()
    traces.take(trace_splits(traces) == 0).save(tmp_path / "t.npz")
    with pytest.raises(ValueError, match=r"has no trace of split 'ood'"):
        gym.make("HRMHalt-v0", source=str(tmp_path / "t.npz"), split="ood")
    env = gym.make("HRMHalt-v0")
    with pytest.raises(ValueError, match=r"^options: only recorded puzzles .* expected index"):
        env.reset(options={"puzzle": "x"})


def test_the_error_names_a_wrong_vector_option():
    envs = gym.make_vec("HRMHalt-v0", 2)
    for options, words in (
        ({"reset_mask": [True, False]}, "reset_mask: the first reset"),
        ({"reset_mask": [True]}, "reset_mask: expected"),
        ({"index": [0, 10**6]}, "index: expected"),
        ({"index": [0.0, 1.0]}, "index: expected"),
        ({"puzzle": 1}, "options: expected reset_mask, index or difficulty"),
    ):
        with pytest.raises(ValueError, match=f"^{words}"):
            envs.reset(options=options)
    with pytest.raises(ValueError, match=r"^seed: expected 2 seeds"):
        envs.reset(seed=[1])
    envs.reset(options={"index": np.array([3, 4])})
    with pytest.raises(ValueError, match=r"^actions: expected \(2,\)"):
        envs.step(np.zeros(3, int))
