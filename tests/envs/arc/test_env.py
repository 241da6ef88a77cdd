"""Tests of the ARC environment."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np

from hrm_gym.puzzles.arc import to_canvas, to_grid


def test_an_episode_has_two_attempts():
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


def test_the_observation_contains_every_demonstration():
    env = gym.make("HRMARC-v0", augment=True)
    for seed in range(5):
        observation, _ = env.reset(seed=seed)
        puzzle, symmetry = env.unwrapped.puzzle, env.unwrapped.symmetry
        shown = observation["demos"].reshape(10, 2, 900)
        for row, pair in zip(shown, puzzle.demos, strict=False):
            for canvas, grid in zip(row, pair, strict=True):
                np.testing.assert_array_equal(canvas, symmetry.apply(to_canvas(grid)))
        assert not shown[len(puzzle.demos) :].any()


def test_more_than_ten_demonstrations(tmp_path):
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


def test_a_transformed_task_is_solved_by_its_transformed_answer():
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


def test_the_regret_is_the_number_of_wrong_cells(to_the_end):
    env = gym.make("HRMARC-v0", disable_env_checker=True)
    env.reset(seed=0)
    goal = to_grid(env.unwrapped.solve())
    rows, columns = goal.shape
    # One row more than there is, black, and one cell in a colour that is not there.
    for action in ([10, rows, columns - 1], [1 + goal[0, 0] % 9, 0, 0], [11, 0, 0]):
        *_, info = env.step(np.array(action))
        assert info["regret"] == 0
    *_, terminated, _, info = env.step(np.array([11, 0, 0]))
    assert terminated
    painted = np.zeros_like(goal)
    painted[0, 0] = 1 + goal[0, 0] % 9
    assert info["regret"] == (painted != goal).sum() + columns
    env.reset()
    assert to_the_end(env)[4]["regret"] == 0


def test_the_spaces_and_masks_have_the_size_of_the_canvas(to_the_end):
    env = gym.make("HRMARC-v0", size=7, disable_env_checker=True)
    assert env.action_space.nvec.tolist() == [12, 7, 7]
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert observation["demos"].shape == (20 * 49,)
    assert [len(part) for part in info["action_mask"]] == [12, 7, 7]
    assert env.step(np.array([10, 7, 0]))[4]["invalid_action"]
    assert not env.step(np.array([10, 6, 6]))[4]["invalid_action"]
    assert to_the_end(env)[1] == 1


def test_the_default_source_of_a_small_canvas_is_mini_arc():
    env = gym.make("HRMARC-5x5-v0", split="test").unwrapped
    assert (env.puzzles.origin, len(env.puzzles)) == ("mini-arc", 149)
    _, info = env.reset(options={"index": 3})
    assert (info["task"], info["task_id"], info["test_index"]) == ("arc-5x5", "mini-003", 0)


def test_a_json_file_is_placed_on_the_canvas_of_the_environment(tmp_path):
    pair = {"input": [[1, 2, 3]], "output": [[3], [4]]}
    (tmp_path / "mine.json").write_text(json.dumps({"train": [pair], "test": [pair]}))
    env = gym.make("HRMARC-v0", size=4, source=str(tmp_path / "mine.json"))
    observation, _ = env.reset(seed=0)
    assert observation["tokens"].tolist() == [3, 4, 5, 1, 1, 1, 1, *[0] * 9]
