"""Which families have answers that only fill in blanks."""

import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.registration import TABLE

TASKS = sorted({str(row.kwargs["task"]) for row in TABLE if "task" in row.kwargs})


@pytest.mark.parametrize("task_id", TASKS)
def test_a_task_says_whether_its_answers_only_fill_in_blanks(task_id):
    task = get_task(task_id)
    source = "mini-arc" if task.learns_groups else None
    puzzles = load_puzzles(task, source, "train", limit=5)
    changed = puzzles.inputs != puzzles.labels
    assert changed.any()
    # The path of a maze leaves other open cells as they are.
    filled = (puzzles.inputs[changed] == task.blank).all() and task.blank not in puzzles.labels
    assert filled == task.fills_blanks
    if not task.fills_blanks:
        return
    random = np.random.default_rng(0)
    for row in range(len(puzzles)):
        puzzle = puzzles[row]
        told = changed[row] & (random.random(task.seq_len) < 0.5)
        easier = np.where(told, puzzle.labels, puzzle.inputs).astype(np.uint8)
        assert task.cost(easier, puzzle.labels) == task.cost(puzzle.inputs, puzzle.labels) == 0
