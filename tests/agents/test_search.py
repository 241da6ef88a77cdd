"""The depth-first agent: it finds what there is by the rules alone, and stops when time is out."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pytest

from hrm_gym.agents.search import DepthFirstAgent
from hrm_gym.evaluation import evaluate, make_env
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.maze import PATH


@pytest.mark.parametrize(
    "env_id",
    [
        "HRMSudoku-4x4-v0",
        "HRMSudoku-6x6-v0",
        "HRMMaze-7x7-v0",
        "HRMMaze-v0",
        "HRMSudokuAnswer-6x6-v0",
        "HRMMazeAnswer-7x7-v0",
    ],
)
def test_the_search_solves_puzzles_within_its_time(env_id: str) -> None:
    result = evaluate(DepthFirstAgent(seconds=60), env_id, episodes=40)
    assert result.solve_rate == 1.0


def test_with_several_paths_the_search_rarely_finds_the_shortest() -> None:
    result = evaluate(DepthFirstAgent(), "HRMMaze-v0", episodes=40)
    assert result.optimal_rate is not None
    assert result.optimal_rate < 0.9
    assert evaluate(DepthFirstAgent(), "HRMMaze-7x7-v0", episodes=40).optimal_rate == 1.0


def test_the_answer_to_a_perfect_maze_is_its_label() -> None:
    task = get_task("maze-9x9")
    puzzle = task.generate(3)
    assert np.array_equal(task.search(puzzle.inputs, 1.0), puzzle.labels)


def test_a_search_in_time_slices_gives_the_same_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hrm_gym.puzzles.sudoku.backtracking.SLICE", 1)
    task = get_task("sudoku-6x6")
    for key in range(5):
        puzzle = task.generate(key)
        answer = task.search(puzzle.inputs, 60)
        assert np.array_equal(answer, puzzle.labels)


def test_the_search_fails_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that advances by a second whenever it is read: time for the first slices alone.
    clock = iter(range(10**9))
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    monkeypatch.setattr("hrm_gym.puzzles.sudoku.backtracking.SLICE", 3)
    agent = DepthFirstAgent(seconds=2.5)
    task = get_task("sudoku-9x9")
    question = task.generate(1).inputs
    answer = task.search(question, 2.5)
    assert (answer[question > 1] == question[question > 1]).all()
    assert 0 < ((answer > 1) & (question == 1)).sum() <= 6
    maze = get_task("maze-15x15")
    question = maze.generate(1).inputs
    assert not (maze.search(question, 2.5) == PATH).any()
    for env_id in ("HRMSudoku-v0", "HRMMaze-15x15-v0"):
        assert evaluate(agent, env_id, episodes=5).solve_rate == 0.0


def test_no_solution_ends_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that advances by a second whenever it is read, as the search does after a slice.
    clock = itertools.count()
    monkeypatch.setattr(time, "perf_counter", lambda: float(next(clock)))
    task = get_task("sudoku-4x4")
    question = np.ones(16, np.uint8)
    # The last cell of the first row sees all four digits.
    question[[0, 1, 2, 7]] = [2, 3, 4, 5]
    answer = task.search(question, 60)
    assert next(clock) < 60, "it ended because its time was out"
    assert not task.is_solved(Puzzle(question, question), answer)


def test_mazes_with_doors_are_searched_at_every_step() -> None:
    result = evaluate(DepthFirstAgent(), "HRMMaze-Dynamic-v0", episodes=10)
    assert result.solve_rate > 0.5


def test_a_task_without_search_is_rejected() -> None:
    with pytest.raises(ValueError, match="seconds: expected a positive time, got 0"):
        DepthFirstAgent(seconds=0)
    env = make_env("HRMARC-v0", limit=1)
    observation, info = env.reset(seed=0)
    with pytest.raises(ValueError, match="arc: the task has no depth-first search"):
        DepthFirstAgent().act(observation, info)
