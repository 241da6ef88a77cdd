"""The targets of the Answer environments: which labels and answers of a puzzle are right."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch

import hrm_gym  # noqa: F401
from hrm_gym.puzzles import Puzzle
from hrm_gym.testing import check_vector_env

SUDOKU = "HRMSudokuAnswer-4x4-v0"
MAZE = "HRMMazeAnswer-7x7-v0"
MAZES = {"task": "maze-8x8", "source": "generator:20"}


def make(rows, targets, mode="SameStep"):
    options = {"autoreset_mode": mode, "device": "cpu", "targets": targets}
    envs = gym.make_vec("HRMAnswer-v0", rows, **options, **MAZES)
    envs.reset(seed=0)
    return envs


@pytest.mark.parametrize("targets", ["solved", "any"])
@pytest.mark.parametrize("augment", [True, False])
def test_targets_of_mazes_equal_the_single_environments(targets, augment):
    kwargs = {**MAZES, "targets": targets, "augment": augment}
    check_vector_env("HRMAnswer-v0", num_envs=2, steps=24, device="cpu", **kwargs)


def test_solved_targets_equal_the_solvers_label_and_turned_ones_may_differ():
    for targets in ("turned", "solved"):
        envs = make(64, targets).unwrapped
        tokens, labels = envs.tokens.numpy(), envs.labels.numpy()
        same = [
            np.array_equal(envs.task.solve(question), label)
            for question, label in zip(tokens, labels, strict=True)
        ]
        assert all(same) is (targets == "solved")
        assert all(map(envs.task.is_solved, map(Puzzle, tokens, labels), labels))


def test_with_targets_any_every_shortest_path_is_rewarded():
    envs, plain = (make(64, targets, "Disabled") for targets in ("any", "turned"))
    unwrapped = envs.unwrapped
    task, tokens = unwrapped.task, unwrapped.tokens
    other = torch.tensor(np.stack([task.solve(question) for question in tokens.numpy()]))
    differs = (other != unwrapped.labels).any(1)
    assert 5 < int(differs.sum()) < 60
    scores = torch.nn.functional.one_hot(other.long(), task.vocab_size).double()
    assert torch.equal(unwrapped.likeliest_labels(scores), other)
    actions = torch.cat([other.long(), torch.ones(64, 1, dtype=torch.int64)], dim=1)
    for vector, wanted in ((envs, torch.ones(64)), (plain, 1 - differs.float())):
        _, rewards, _, _, infos = vector.step(actions)
        assert torch.equal(rewards, wanted)
        assert torch.equal(infos["exact"].float(), wanted)
        assert torch.equal(infos["regret"] == 0, infos["exact"])
    row = int(differs.nonzero()[0])
    single = gym.make("HRMAnswer-v0", targets="any", **MAZES)
    single.reset(seed=row)
    np.testing.assert_array_equal(single.unwrapped.inputs, tokens[row].numpy())
    _, reward, _, _, info = single.step(actions[row].numpy())
    assert (reward, info["exact"], info["regret"]) == (1, True, 0)
    # Marks on every open cell contain all paths, but are not a path.
    envs.reset(seed=0)
    actions[:, :-1] = torch.where(tokens == 2, 5, tokens).long()
    assert float(envs.step(actions)[1].mean()) < 0.1


def test_a_state_contains_the_data_of_targets_any():
    envs = make(8, "any")
    state = envs.unwrapped.get_state()
    scores = torch.rand((8, 64, 6), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    wanted = envs.unwrapped.likeliest_labels(scores)
    labels = envs.unwrapped.labels.long()
    envs.step(torch.cat([labels, torch.ones(8, 1, dtype=torch.int64)], dim=1))
    assert not torch.equal(envs.unwrapped.likeliest_labels(scores), wanted)
    envs.unwrapped.set_state(state)
    assert torch.equal(envs.unwrapped.likeliest_labels(scores), wanted)


@pytest.mark.parametrize("make_one", [gym.make, lambda *a, **k: gym.make_vec(*a, 2, **k)])
def test_unknown_targets_are_rejected(make_one):
    with pytest.raises(ValueError, match=r"targets: expected turned for sudoku-4x4, .* got 'any'"):
        make_one(SUDOKU, targets="any")
    with pytest.raises(ValueError, match=r"targets: expected turned for arc, .* got 'solved'"):
        make_one("HRMARCAnswer-v0", targets="solved")
    with pytest.raises(ValueError, match="targets: expected one of turned, solved, any, got 3"):
        make_one(MAZE, targets=3)


def test_only_targets_any_have_likeliest_labels():
    envs = gym.make_vec("HRMAnswer-v0", 2, device="cpu", targets="any", **MAZES).unwrapped
    with pytest.raises(gym.error.ResetNeeded):
        envs.likeliest_labels(torch.zeros(2, 64, 6, dtype=torch.float64))
    envs = gym.make_vec(MAZE, 4, device="cpu").unwrapped
    envs.reset(seed=0)
    with pytest.raises(ValueError, match="likeliest_labels: needs targets='any', got 'turned'"):
        envs.likeliest_labels(torch.zeros(4, 49, 6, dtype=torch.float64))
