"""Tests of puzzles that people write: text, lists, grids, CSV files, ARC JSON, standard input."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from boards import FOUR
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import family_task, get_task
from hrm_gym.registration import FAMILIES

ARC = {
    "train": [{"input": [[1, 0]], "output": [[0, 1]]}],
    "test": [{"input": [[2, 0]], "output": [[0, 2]]}, {"input": [[3, 0]]}],
}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_first_task(family):
    assert family_task(family).family == family


def test_a_custom_task_reads_its_boards():
    reading = read_questions("examples.latin_square:LatinSquare", "1234.341.412.123")
    assert reading.task.size == 4
    (question,) = reading.questions
    assert reading.task.format(question.labels) == "1234234134124123"


def test_spaces_at_the_start_of_a_maze_in_a_csv_are_cells(tmp_path):
    (tmp_path / "a.csv").write_text('"answer" , "question"\n,"  S  G   "\n')
    (question,) = read_questions("maze", str(tmp_path / "a.csv")).questions
    assert question.name == "  S  G   "


def test_files_lists_grids_and_standard_input(tmp_path, monkeypatch):
    pretty = ". 1 | . .\n. . | . 2\n----+----\n. . | . 3\n4 3 | . .\n"
    zeros = FOUR.replace(".", "0")
    for content in (
        f"{FOUR}\n{zeros}\n",
        f"source,question,answer\na,{FOUR},\nb,{zeros},\n",
        "\n".join(FOUR[k : k + 4] for k in range(0, 16, 4)) + "\n\n" + FOUR + "\n",
        "\r\n".join([FOUR, FOUR]),
        "\ufeff" + FOUR + "\n" + FOUR,
        f"{pretty}\n{pretty}",
        f'"question","answer"\n"{FOUR}",""\n{zeros},\n',
        f"answer, question \n,{FOUR}\n,{zeros}\n",
    ):
        path = tmp_path / "list"
        path.write_text(content, newline="")
        reading = read_questions("sudoku", str(path))
        assert reading.task.id == "sudoku-4x4"
        assert [question.name for question in reading.questions] == [FOUR, FOUR]
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{FOUR}\n{FOUR}\n{FOUR}\n"))
    assert len(read_questions("sudoku", "-").questions) == 3


@given(st.lists(st.integers(0, 300), min_size=1, max_size=6), st.booleans())
def test_written_puzzles_are_read_back(indices, grids):
    task = get_task("maze-7x7")
    inputs = load_puzzles(task, "bank", "test").inputs[indices]
    lines = [task.format(tokens) for tokens in inputs]
    if grids:
        lines = ["\n".join(line[k : k + 7] for k in range(0, 49, 7)) + "\n" for line in lines]
    reading = read_questions("maze", "\n".join(lines))
    assert reading.task.id == task.id
    assert not reading.faults
    np.testing.assert_array_equal([question.inputs for question in reading.questions], inputs)


def test_a_json_object_contains_several_arc_tasks(monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps({"x": ARC, "y": ARC})))
    reading = read_questions("arc", "-")
    questions = reading.questions
    assert reading.task.id == "arc"
    assert [question.name for question in questions] == [
        f"{name}, test {number}" for name in "xy" for number in (1, 2)
    ]
    assert [question.labels is None for question in questions] == [False, True] * 2
    assert all(len(question.demos) == 1 for question in questions)


def test_the_number_of_cells_that_an_answer_changes():
    sudoku, maze = get_task("sudoku-4x4"), get_task("maze-7x7")
    inputs = sudoku.parse(FOUR)
    breaks, changes = sudoku.solve(inputs).copy(), sudoku.solve(inputs).copy()
    breaks[0] = 7 - breaks[0]
    changes[1] = 5
    assert sudoku.changed_cells(inputs, breaks) == 0
    assert sudoku.changed_cells(inputs, changes) == 1
    inputs = load_puzzles(maze, "bank", "test").inputs[0]
    answer = maze.solve(inputs).copy()
    assert maze.changed_cells(inputs, answer) == 0
    answer[inputs == 4] = 5
    assert maze.changed_cells(inputs, answer) == 1
