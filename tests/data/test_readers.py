"""Inputs of several puzzles, damaged ones, and inputs other than a file of text."""

from __future__ import annotations

import io
import json
import os
import threading

import numpy as np
import pytest
from boards import FOUR, NINE, ROWS, RULED, SEVERAL, SIMPLE, SOLVED, digits

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task
from hrm_gym.scripts import solve
from hrm_gym.scripts.cli import run


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("\n".join([FOUR] * 16), 16),
        ("\n".join([FOUR] * 15 + [SEVERAL]), 15),
        ("\n".join([FOUR] * 4), 4),
        ("\n".join([NINE] * 81), 81),
        ("\n".join(ROWS * 2), 2),
        ("\n\n".join(["\n".join(ROWS)] * 9), 9),
        (f"Grid 01\n{chr(10).join(ROWS)}\nGrid 02\n{chr(10).join(ROWS)}", 2),
        (f"#A me\n{chr(10).join(ROWS)}\n#A you\n{chr(10).join(ROWS)}", 2),
        (f"{RULED}\n\n{RULED}\n", 2),
        (f"{SIMPLE}\n{SIMPLE}\n", 2),
        (f"[{json.dumps(NINE)}, {json.dumps(ROWS)}, {json.dumps([[*row] for row in ROWS])}]", 3),
        (f"['{NINE}', '{NINE}']", 2),
        ("\n".join([NINE, "", "# other", NINE.replace(".", "-")]), 2),
    ],
)
def test_lists_and_grids_are_counted_right(text, count):
    reading = read_questions("sudoku", text)
    names = {NINE, FOUR} & {question.name for question in reading.questions}
    assert [question.name in names for question in reading.questions] == [True] * count
    assert len(names) == 1


def test_the_good_puzzles_of_a_list_are_answered_and_the_bad_ones_named(tmp_path, capsys):
    path = tmp_path / "top.txt"
    path.write_text(f"{FOUR}\n{SEVERAL}\n{FOUR[1:]}\n{FOUR}:1:{'1' * 16}\n{FOUR}\n")
    words = ["sudoku", str(path), "--agent", "oracle"]
    assert run(solve.main, solve.Args, words) == 1
    said = capsys.readouterr()
    assert "2 of 2 solved" in said.out
    assert [line.split(": ")[1] for line in said.err.splitlines()] == [
        f"{path}, line {line}" for line in (2, 3, 4)
    ]
    assert "has several solutions" in said.err
    assert "expected a square number of cells for sudoku, got 15" in said.err
    assert "the answer does not solve the question" in said.err
    assert run(solve.main, solve.Args, [*words, "--strict"]) == 2
    said = capsys.readouterr()
    assert said.err.startswith(f"error: {path}, line 2: the sudoku")
    assert not said.out
    with pytest.raises(ValueError, match=f"{path}, line 3: expected 16 cells"):
        load_puzzles(get_task("sudoku-4x4"), str(path))


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(ROWS[:8]),
        "\n".join(ROWS + ROWS[:8]),
        "\n".join([*ROWS[:3], ROWS[3][:8], *ROWS[4:]]),
        "\n".join(ROWS[:8]) + "\n\n" + "\n".join(ROWS),
        NINE[:80],
        NINE + NINE,
    ],
)
def test_a_grid_without_one_of_its_cells_is_never_completed_by_others(text):
    try:
        reading = read_questions("sudoku", text)
    except ValueError as error:
        assert "expected" in str(error)  # noqa: PT017
    else:
        assert [question.name for question in reading.questions] == [NINE]
        assert reading.faults


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_in_a_pipe_and_in_a_file(tmp_path, monkeypatch, encoding):
    content = f"{FOUR}\n".encode(encoding)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    assert read_questions("sudoku", "-").questions[0].name == FOUR
    (tmp_path / "a").write_bytes(content)
    assert len(load_puzzles(get_task("sudoku-4x4"), str(tmp_path / "a"))) == 1


def test_the_drawings_of_this_program_are_read_back():
    sudoku, maze = get_task("sudoku-9x9"), get_task("maze-15x15")
    question = sudoku.parse(NINE)
    inputs = load_puzzles(maze, "bank", "test", limit=1).inputs[0]
    for task, tokens in ((sudoku, question), (maze, inputs)):
        for colour in (False, True):
            drawn = task.scene(tokens).ansi(colour=colour)
            (read,) = read_questions(task.family, drawn).questions
            np.testing.assert_array_equal(read.inputs, tokens)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_is_read_as_a_file(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=(f"{FOUR}\n",))
    writer.start()
    assert read_questions("sudoku", str(path)).questions[0].name == FOUR
    writer.join()


def test_a_number_that_a_spreadsheet_has_rounded_is_named():
    with pytest.raises(ValueError, match=r"5.3007E\+80 is a number that a spreadsheet has"):
        read_questions("sudoku", "puzzle,solution\n5.3007E+80,5.34678E+80\n")


def test_an_object_with_other_fields_is_a_puzzle_and_its_solution():
    board = {"value": digits(NINE), "solution": digits(SOLVED), "difficulty": "Hard"}
    for text in (
        {"name": NINE, "value": SOLVED, "unit": "answer", "segments": 3},
        {"newboard": {"grids": [board], "results": 1, "message": "All Ok"}},
    ):
        (question,) = read_questions("sudoku", json.dumps(text)).questions
        assert question.name == NINE
        assert get_task("sudoku-9x9").format(question.labels) == SOLVED
    with pytest.raises(ValueError, match="the answer does not solve the question"):
        read_questions("sudoku", json.dumps({"mission": NINE, "solution": SOLVED[::-1]}))


def test_all_bad_puzzles_are_counted():
    with pytest.raises(ValueError, match=r"line 1: .*got 15; 2 more are bad too"):
        read_questions("sudoku", f"{FOUR[1:]}\n{SEVERAL}\n{'5' * 16}\n")
