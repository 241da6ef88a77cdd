"""The example of a custom task: it is a task and an environment, and an HRM learns it."""

import dataclasses

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from examples.latin_square import LatinSquare
from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.inference.voting.symmetries import vote
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.testing import check_vector_env

PATH = "examples.latin_square:LatinSquare"
TASK = LatinSquare()
words = st.integers(0, 2**64 - 1)


@given(words, words)
def test_symmetries_map_puzzles_to_puzzles_of_the_same_digest(key, turn):
    puzzle, symmetry = TASK.generate(key), TASK.symmetry(turn)
    assert TASK.is_solved(Puzzle(puzzle.inputs, puzzle.inputs), puzzle.labels)
    np.testing.assert_array_equal(TASK.solve(puzzle.inputs), puzzle.labels)
    inputs, labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
    assert TASK.is_solved(Puzzle(inputs, inputs), labels)
    assert TASK.digest(inputs, labels) == TASK.digest(puzzle.inputs, puzzle.labels)
    np.testing.assert_array_equal(symmetry.inverse().apply(inputs), puzzle.inputs)
    np.testing.assert_array_equal(TASK.parse(TASK.format(inputs)), inputs)


@given(st.lists(words, min_size=1, max_size=5))
def test_torch_draws_the_same_symmetries(turns):
    positions, tokens = TASK.symmetries(torch.tensor([signed(turn) for turn in turns]))
    for row, turn in enumerate(turns):
        symmetry = TASK.symmetry(turn)
        np.testing.assert_array_equal(positions[row].numpy(), symmetry.positions)
        np.testing.assert_array_equal(tokens[row].numpy(), symmetry.tokens)


def test_different_puzzles_have_different_digests():
    puzzles = [TASK.generate(key) for key in range(60)]
    digests = {TASK.digest(p.inputs, p.labels) for p in puzzles}
    assert len(digests) == 60
    wrong = puzzles[0].labels.copy()
    wrong[[0, 1]] = wrong[[1, 0]]
    assert not TASK.is_solved(Puzzle(puzzles[0].inputs, puzzles[0].inputs), wrong)


def test_the_task_has_an_environment():
    check_vector_env("HRMAnswer-v0", task=PATH, source="generator:8", steps=24, max_segments=3)
    env = gym.make("HRMAnswer-v0", task=PATH, source="generator:8", render_mode="rgb_array")
    env.reset(seed=0)
    env.step(env.unwrapped.optimal_action())
    assert env.render().std() > 0


def test_an_agent_can_be_trained_and_loaded(tmp_path):
    config = dataclasses.replace(get_preset("custom-task"), task=PATH, source="generator:200")
    torch.manual_seed(0)
    trainer = Trainer(config)
    losses = []
    for _ in range(3):
        for _ in range(20):
            trainer.train_step((trainer.step + 1) / 60)
        losses.append(trainer.read_metrics()["lm_loss"])
    assert losses[-1] < 0.8 * losses[0]
    trainer.agent().save(tmp_path)
    agent = HRMAgent.from_pretrained(tmp_path, task=PATH)
    assert agent.task_name == PATH
    puzzle = TASK.generate(0)
    assert vote(agent, puzzle.inputs[None], 4).answers.shape == (4, 1, 25)


def test_arguments_follow_the_class_and_errors_name_them():
    assert get_task(f"{PATH}:4").id == "latin-4x4"
    assert get_task(f'{PATH}:{{"size": 6}}').id == "latin-6x6"
    for path, sentence in (
        ("nowhere.at_all:Task", "task: cannot import 'nowhere.at_all'"),
        ("os:system", "os:system is not a subclass of hrm_gym.puzzles.Task"),
        (f"{PATH}:{{", "expected JSON after"),
        (f"{PATH}:2", "size: expected 3..9"),
        (f'{PATH}:{{"side": 4}}', "unexpected keyword"),
    ):
        with pytest.raises(ValueError, match=sentence):
            get_task(path)
