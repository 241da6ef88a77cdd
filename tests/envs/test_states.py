"""Tests that copies and states of every environment continue exactly, or are rejected."""

from __future__ import annotations

import copy
import pickle

import gymnasium as gym
import numpy as np
import pytest

import hrm_gym
from hrm_gym.puzzles import get_task

every = pytest.mark.parametrize("env_id", hrm_gym.ENV_IDS)


@every
@pytest.mark.parametrize("how", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_continues_the_episode(env_id, how, play):
    env = gym.make(env_id)
    env.reset(seed=2)
    play(env, 5)
    twin = how(env)
    trace = play(env, 25, seed=1)
    assert play(twin, 25, seed=1) == trace


@every
def test_set_state_restores_an_episode_exactly(env_id, play, snapshot):
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
def test_a_state_of_another_environment_is_rejected(env_id, digest, play):
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
    "targets": ("HRMMazeAnswer-v0", {}, {"targets": "solved"}),
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
def test_a_state_from_other_arguments_is_rejected(name, digest):
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
def test_a_state_of_a_vector_with_other_arguments_is_rejected(env_id, name, digest):
    # Of as many puzzles, so that the numbers of rows would do for either.
    left, right = (gym.make_vec(env_id, 2, limit=5, **kwargs).unwrapped for kwargs in VECTORS[name])
    for envs in (left, right):
        envs.reset(seed=3)
    before = digest(left.get_state())
    with pytest.raises(ValueError, match=r"^state: expected 2 rows of .*, got 2 rows of .*split"):
        left.set_state(right.get_state())
    assert digest(left.get_state()) == before


def test_a_state_is_accepted_if_the_puzzles_are_the_same(tmp_path, play):
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


def test_a_puzzle_set_is_identified_by_its_puzzles_and_not_by_its_source(tmp_path, play):
    made = gym.make("HRMSudoku-4x4-v0", source="generator:6").unwrapped
    questions = [made.task.format(inputs) for inputs in made.puzzles.inputs]
    (tmp_path / "same.csv").write_text("\n".join(["question", *questions]))
    read = gym.make("HRMSudoku-4x4-v0", source=str(tmp_path / "same.csv")).unwrapped
    for seed, env in enumerate((made, read)):
        env.reset(seed=seed)
    read.set_state(made.get_state())
    assert play(read, 30) == play(made, 30)


@pytest.mark.parametrize("targets", [("turned", "solved"), ("turned", "any"), ("solved", "any")])
def test_a_state_of_a_vector_with_other_targets_is_rejected(targets):
    left, right = (
        gym.make_vec("HRMMazeAnswer-7x7-v0", 2, limit=5, targets=name).unwrapped for name in targets
    )
    for envs in (left, right):
        envs.reset(seed=3)
    with pytest.raises(ValueError, match=rf"{targets[0]} targets, .*got .* {targets[1]} targets"):
        left.set_state(right.get_state())
    left.set_state(left.get_state())


@every
def test_an_incomplete_state_is_rejected_and_changes_nothing(env_id, digest):
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
        with pytest.raises(ValueError, match=r"^state: expected one of .* it also contains 'more'"):
            env.set_state(half)
        assert digest(env.get_state()) == before
    env.set_state(old)
    assert digest(env.get_state()) != before


@pytest.mark.parametrize(
    "env_id", ["HRMSudoku-4x4-v0", "HRMMaze-7x7-v0", "HRMMazeAnswer-7x7-v0", "HRMHalt-v0"]
)
def test_an_incomplete_state_of_a_vector_is_rejected(env_id, digest):
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
    nested = isinstance(old["rows"], dict)
    within = old["rows"] if nested else old
    for name in [name for name in within if name != "env"]:
        for part in (within[name][:1], "nonsense"):
            short = {**within, name: part}
            with pytest.raises(
                ValueError, match=rf"^state: expected .*, but {name} does not have shape \(2"
            ):
                envs.set_state({**old, "rows": short} if nested else short)
    assert digest(envs.get_state()) == before
    envs.set_state(old)
    assert digest(envs.get_state()) == digest(old)
