"""Tests of CSV files: published files, files of spreadsheets, and errors with their line."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def write_csv(path, rows, head="source,question,answer,rating"):
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def row(puzzle, answer=True, rating="7"):
    text = TASK.format(puzzle.labels) if answer else ""
    return f"me,{TASK.format(puzzle.inputs)},{text},{rating}"


def test_a_csv_in_the_published_format(tmp_path):
    source = write_csv(tmp_path / "own.csv", [row(p) for p in PUZZLES])
    puzzles = load_puzzles(TASK, source, "val")  # a bare file is used whole, whatever the split
    np.testing.assert_array_equal(puzzles.inputs, [p.inputs for p in PUZZLES])
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
    assert puzzles.ratings.tolist() == [7] * 6
    assert puzzles.origin == source


def test_csv_without_answers_and_ratings(tmp_path):
    rows = [row(p, answer=False, rating="") for p in PUZZLES]
    puzzles = load_puzzles(TASK, write_csv(tmp_path / "own.csv", rows))
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
    assert puzzles.ratings.tolist() == [p.rating for p in PUZZLES]
    plain = write_csv(tmp_path / "plain.csv", [TASK.format(PUZZLES[0].inputs)], head="question")
    assert len(load_puzzles(TASK, plain)) == 1


def test_csv_from_a_spreadsheet(tmp_path):
    text = "\r\n".join(["source,question,answer,rating", *map(row, PUZZLES)])
    (tmp_path / "own.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(load_puzzles(TASK, str(tmp_path / "own.csv"))) == 6


def test_csv_of_mazes(tmp_path):
    task = get_task("maze-30x30")
    made = [task.generate(key) for key in range(2)]
    rows = [f"me,{task.format(p.inputs)},{task.format(p.labels)},{p.rating:g}" for p in made]
    puzzles = load_puzzles(task, write_csv(tmp_path / "mazes.csv", rows))
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in made])
    np.testing.assert_array_equal(puzzles.ratings, [p.rating for p in made])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("me,12,,", "expected 16 cells for sudoku-4x4, got 2"),
        ("me," + "z" * 16 + ",,", "cell 1: 'Z' is not a cell"),
        ("me," + "." * 16 + ",,", "has several solutions"),
        (f"me,{'.' * 16},{TASK.format(PUZZLES[0].labels)},1", "has several solutions"),
        ("me,11" + "." * 14 + ",,", "has no solution"),
        ("me", "expected 16 cells for sudoku-4x4, got 0"),
        *(
            (row(PUZZLES[0], rating=text), f"rating: expected a number of at least 0, got '{text}'")
            for text in ("hard", "nan", "inf", "-1", "1e999")
        ),
        (
            f"me,{TASK.format(PUZZLES[0].inputs)},{TASK.format(PUZZLES[0].labels)[::-1]},1",
            "the answer does not solve the question",
        ),
    ],
)
def test_the_error_names_the_line_of_a_bad_row(tmp_path, bad, sentence):
    source = write_csv(tmp_path / "own.csv", [row(PUZZLES[1]), row(PUZZLES[2]), bad])
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(f"{source}, line 4: ")


def test_other_bad_csv_files(tmp_path):
    nothing = "expected puzzles .*a column question or puzzle.*, found none"
    with pytest.raises(ValueError, match=nothing):
        load_puzzles(TASK, write_csv(tmp_path / "a.csv", ["1"], head="riddle"))
    with pytest.raises(ValueError, match=nothing):
        load_puzzles(TASK, write_csv(tmp_path / "b.csv", []))
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(ValueError, match=nothing):
        load_puzzles(TASK, str(tmp_path / "c.csv"))
    (tmp_path / "e.csv").write_text(f'question\n"{"." * 200_000}\n')
    with pytest.raises(ValueError, match=r"e\.csv, line 2: expected a CSV: field larger"):
        load_puzzles(TASK, str(tmp_path / "e.csv"))
    (tmp_path / "d.csv").write_bytes(b"question\n" + b"\n" * 9000 + b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"d\.csv, line 9002: expected a text file in UTF-8"):
        load_puzzles(TASK, str(tmp_path / "d.csv"))


def test_a_full_grid_is_not_a_puzzle(tmp_path):
    full = TASK.format(PUZZLES[0].labels)
    source = write_csv(tmp_path / "own.csv", [row(PUZZLES[1]), f"me,{full},{full},0"])
    with pytest.raises(ValueError, match=r"line 3: the sudoku .* is full, expected a blank"):
        load_puzzles(TASK, source)
    for env_id in ("HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0"):
        env = gym.make(env_id)
        with pytest.raises(ValueError, match="is full, expected a blank to fill in"):
            env.reset(options={"puzzle": full})
