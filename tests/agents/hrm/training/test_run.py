"""Validation during a run."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hrm_gym.agents.hrm.training.run import validate
from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc import ArcPuzzle, to_canvas


def arc_puzzle():
    """Return a puzzle whose output differs from its input."""
    question, answer = np.zeros((2, 2), np.uint8), np.ones((3, 3), np.uint8)
    return ArcPuzzle(to_canvas(question), to_canvas(answer), 9.0, "test")


@pytest.mark.parametrize("task_id", ["sudoku-4x4", "maze-7x7", "arc"])
@pytest.mark.parametrize("is_right", [True, False])
def test_validation_counts_what_the_task_solves(task_id, is_right):
    task = get_task(task_id)
    made = [arc_puzzle()] if task_id == "arc" else [task.generate(key) for key in range(5)]
    puzzles = PuzzleSet.of(made, "test")
    answers = puzzles.labels if is_right else puzzles.inputs
    solution = SimpleNamespace(answer=answers, segments=np.ones(len(puzzles), np.int64))
    agent = SimpleNamespace(task=task, solve=lambda questions, ids: solution)
    world = SimpleNamespace(is_first=True, maximum=lambda *values: values)
    figures = validate(SimpleNamespace(world=world, agent=lambda: agent), puzzles)
    assert figures["solve_rate"] == figures["exact_accuracy"] == float(is_right)
    assert figures["steps"] == 1
