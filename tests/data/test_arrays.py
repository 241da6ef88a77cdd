"""Arrays and nested lists of cells, given to environments, agents and readers."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest
from boards import FOUR, NINE, ROWS, SOLVED
from untrained import untrained

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task


@pytest.mark.parametrize("env_id", ["HRMSudoku-v0", "HRMSudokuAnswer-v0"])
def test_an_environment_takes_arrays_and_nested_lists(env_id):
    env = gym.make(env_id)
    tokens = get_task("sudoku-9x9").parse(NINE)
    grid = [[int(cell) for cell in row.replace(".", "0")] for row in ROWS]
    for given in (
        tokens,
        tokens.tolist(),
        grid,
        np.array(grid),
        np.array(grid, float),
        np.array(grid).ravel(),
        np.array([[*row] for row in ROWS]),
        [[*row] for row in ROWS],
        ROWS,
        [[cell or None for cell in row] for row in grid],
    ):
        obs, _ = env.reset(options={"puzzle": given})
        np.testing.assert_array_equal(obs["tokens"], tokens)
    for given, sentence in (
        (np.array(grid)[:8], "expected 81 cells"),
        (np.full((9, 9), 11), "cell 1: 'B' is not a cell"),
        (np.full((9, 9), 0.5), "expected"),
        (np.full((9, 9), -1), "expected"),
        ([int(cell) for cell in SOLVED], "is full, expected a blank"),
        ({"a": 1}, "expected"),
        (None, "expected"),
        ([[]], "expected"),
        ([[1, 2], [3]], "expected"),
    ):
        with pytest.raises(ValueError, match=sentence):
            env.reset(options={"puzzle": given})


def test_an_agent_takes_grids_and_refuses_padding():
    agent = untrained("sudoku-4x4")
    tokens = agent.task.parse(FOUR)
    grid = (tokens.astype(int) - 1).reshape(4, 4)
    wanted = agent.solve(tokens).answer
    for given in (grid, grid.tolist(), [[*FOUR[k : k + 4]] for k in range(0, 16, 4)]):
        np.testing.assert_array_equal(agent.solve(given).answer, wanted)
    np.testing.assert_array_equal(agent.solve([grid, grid]).answer, [wanted, wanted])
    assert next(agent.think([grid])).answer.shape == (1, 16)
    with pytest.raises(ValueError, match=r"0 is padding, .*a grid of digits as nested lists"):
        agent.solve(grid.ravel())
    with pytest.raises(ValueError, match=r"expected \(batch, 16\)"):
        agent.solve(np.zeros((9, 9), int))


def test_a_large_array_of_small_boards_is_not_one_large_board(tmp_path):
    grid = np.array([int(cell) for cell in FOUR.replace(".", "0")])
    for count in (1, 4, 16):
        for array in (np.stack([grid] * count), np.stack([grid.reshape(4, 4)] * count)):
            np.save(tmp_path / "a.npy", array)
            for given in (json.dumps(array.tolist()), str(tmp_path / "a.npy")):
                reading = read_questions("sudoku", given)
                assert [question.name for question in reading.questions] == [FOUR] * count
            assert len(load_puzzles(get_task("sudoku-4x4"), str(tmp_path / "a.npy"))) == count
    np.save(tmp_path / "a.npy", np.array([FOUR, None], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"a.npy: expected an array of whole numbers"):
        read_questions("sudoku", str(tmp_path / "a.npy"))
