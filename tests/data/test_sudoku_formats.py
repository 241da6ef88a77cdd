"""Sudokus as people write them: every reader reads them the same way."""

from __future__ import annotations

import json

import gymnasium as gym
import numpy as np
import pytest
from boards import NINE, ROWS, RULED, SIMPLE, SOLVED, SPACED, ZEROS, ZEROS_ROWS, digits

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.sudoku import BOXES

PROMPT = "Solve this Sudoku puzzle:\n{}\nAnswer with digits, which are separated by spaces."
FRAMED = (
    "╔═══╤═══╗\n"
    + "\n╟───┼───╢\n".join("║ " + " │ ".join(row).replace(".", " ") + " ║" for row in ROWS)
    + "\n╚═══╧═══╝"
)
PLUSES = "\n".join(f"| {row} |" for row in SPACED)


NINES = {
    "spaces": NINE.replace(".", " "),
    "grid of spaces": "\n".join(row.replace(".", " ") for row in ROWS),
    "grid of spaces between spaces": "\n".join(" ".join(row).replace(".", " ") for row in ROWS),
    "frame with spaces": FRAMED,
    "boxes with spaces": PLUSES.replace(".", " "),
    "crosses": NINE.replace(".", "x"),
    "grid of crosses": "\n".join(row.replace(".", "X") for row in ROWS),
    "floats": "\n".join(" ".join(f"{cell:.1f}" for cell in row) for row in digits(NINE)),
    "numpy.savetxt": "\n".join(" ".join(f"{cell:.18e}" for cell in row) for row in digits(NINE)),
    "repr of an array": repr(np.array(digits(NINE))),
    "C": "{\n" + ",\n".join("{" + ", ".join(row) + "}" for row in ZEROS_ROWS) + "\n};",
    "assignment": "int grid[9][9] = {"
    + ",\n ".join("{" + ", ".join(row) + "}" for row in ZEROS_ROWS)
    + "};",
    "Python texts": repr([list(row) for row in ROWS]),
    "header of columns": "|a|b|c|d|e|f|g|h|i|\n"
    + "|---" * 9
    + "|\n"
    + "\n".join("|" + "|".join(row).replace(".", " ") + "|" for row in ROWS),
    "header of cells": ",".join(f"c{k}" for k in range(81)) + "\n" + ",".join(ZEROS),
    "size of the boxes": "3 3\n" + "\n".join(ROWS),
    "HoDoKu": f":0607-1:45:{NINE[:4]}+{NINE[4:]}:413 421:r1c3",
    "Sudoku Explainer": f"{NINE} ED=1.2/1.0/1.0",
    "prompt": json.dumps({"question": PROMPT.format(RULED.replace(".", "_")), "answer": SOLVED}),
    "prompt with another answer": json.dumps(
        {"question": PROMPT.format(RULED), "answer": "4", "metadata": {"clues": 30}}
    ),
    "dots": NINE,
    "zeros": ZEROS,
    "stars": NINE.replace(".", "*"),
    "dashes": NINE.replace(".", "-"),
    "question marks": NINE.replace(".", "?"),
    "underscores": NINE.replace(".", "_"),
    "byte order mark": "\ufeff" + NINE,
    "cells with spaces": " ".join(ZEROS),
    "cells with commas": ",".join(ZEROS),
    "rows in one line": " ".join(ROWS),
    "grid": "\n".join(ROWS),
    "grid with dashes": "\n".join(ROWS).replace(".", "-"),
    "grid of commas": "\n".join(",".join(row) for row in ROWS).replace(".", "0"),
    "grid of commas, blanks empty": "\n".join(",".join(row) for row in ROWS).replace(".", ""),
    "grid of semicolons, blanks empty": "\n".join(";".join(row) for row in ROWS).replace(".", ""),
    "table": "\n".join("| " + " | ".join(row).replace(".", " ") + " |" for row in ROWS),
    "table with a header": "a,b,c,d,e,f,g,h,i\n"
    + "\n".join(",".join(row).replace(".", "") for row in ROWS),
    "rows with slashes": "/".join(ROWS),
    "Python": "grid = [\n" + "".join(f"    [{', '.join(row)}],\n" for row in ROWS) + "]",
    "date": "2024-01-05\n" + "\n".join(ROWS),
    "number": "No. 12345\n" + "\n".join(ROWS),
    "grid with rules": RULED,
    "grid with rules and dashes": RULED.replace(".", "_"),
    "Simple Sudoku": SIMPLE,
    "bands with empty lines": "\n\n".join("\n".join(ROWS[k : k + 3]) for k in (0, 3, 6)),
    "sdk": "#AA. Nonymous\n#DAn invented one, 1.2\n#LEasy\n" + "\n".join(ROWS),
    "sdk with sections": "[Puzzle]\n"
    + "\n".join(ROWS)
    + "\n[State]\n"
    + "\n".join(SOLVED[k : k + 9] for k in range(0, 81, 9)),
    "heading": "Grid 01\n" + "\n".join(ROWS).replace(".", "0"),
    "numbered": "1.\n" + NINE,
    "hash and rating": f"00000183b305 {ZEROS}  1.2",
    "long hash": f"0000018300000183 {ZEROS}  1.2",
    "solution": f"{NINE},{SOLVED}",
    "count and solution": f"# puzzle, count, solution\n{NINE}:1:{SOLVED}",
    "three ratings": f"{NINE};1.2;1.2;1.2",
    "comment behind": f"{NINE} # 30 clues, easy",
    "quoted": f'"{NINE}"\n',
    "NumPy": str(np.array([[int(c) for c in row.replace(".", "0")] for row in ROWS])),
    "lists": json.dumps([[int(c) for c in row.replace(".", "0")] for row in ROWS]),
    "lists with null": json.dumps([[None if c == "." else int(c) for c in row] for row in ROWS]),
    "list of rows": json.dumps(ROWS),
    "JSON object": json.dumps({"puzzle": NINE, "solution": SOLVED, "difficulty": "easy"}),
    "JSON lines": json.dumps({"id": 1, "question": ZEROS, "rating": 1.2}),
    "JSON object of a grid": json.dumps({"board": [[*row.replace(".", "0")] for row in ROWS]}),
    "spaced CSV": f"source, question, answer, rating\nme,{NINE},,\n,,,\n",
    "semicolons": f"source;question;answer;rating\nme;{NINE};;\n",
    "decimal comma": f"question;answer;rating\n{NINE};{SOLVED};1,2\n",
    "tabs": f"puzzle\tsolution\n{NINE}\t{SOLVED}\n",
    "quizzes": f"quizzes,solutions\n{ZEROS},{SOLVED}\n",
    "capital letters": f"ID,Puzzle,Solution,Clues,Difficulty\n1,{NINE},{SOLVED},30,Easy\n",
    "grid in a cell": 'question\n"' + "\n".join(ROWS) + '"\n',
    "old Mac": "\r".join(["# one", NINE, ""]),
}


RATED = {
    "hash and rating",
    "long hash",
    "three ratings",
    "JSON lines",
    "decimal comma",
    "Sudoku Explainer",
}


@pytest.mark.parametrize("name", NINES)
def test_solve_and_source_read_the_same(tmp_path, name):
    path = tmp_path / "given"
    path.write_text(NINES[name], newline="", encoding="utf-8")
    reading = read_questions("sudoku", str(path))
    task = reading.task
    assert task.id == "sudoku-9x9"
    assert [question.name for question in reading.questions] == [NINE]
    assert not reading.faults
    puzzles = load_puzzles(task, str(path))
    assert [task.format(part) for part in (*puzzles.inputs, *puzzles.labels)] == [NINE, SOLVED]
    rated = name in RATED
    assert reading.questions[0].rating == (1.2 if rated else None)
    assert puzzles.ratings[0] == (np.float32(1.2) if rated else task.rate(puzzles.inputs[0]))
    given = gym.make("HRMSudoku-v0").reset(options={"puzzle": NINES[name]})[0]["tokens"]
    np.testing.assert_array_equal(given, puzzles.inputs[0])


@pytest.mark.parametrize("size", [size for size in BOXES if size > 9])
def test_values_above_nine(size):
    task = get_task(f"sudoku-{size}x{size}")
    rows, columns = BOXES[size]
    line = np.arange(size)
    grid = (line[:, None] % rows * columns + line[:, None] // rows + line) % size + 2
    labels = grid.astype(np.uint8).ravel()
    inputs = labels.copy()
    inputs[:size] = 1
    inputs[size :: size + 1] = 1
    question, answer = task.format(inputs), task.format(labels)
    digits = "123456789ABCDEFGHIJKLMNOP"[:size]
    letters = str.maketrans(digits, "ABCDEFGHIJKLMNOPQRSTUVWXY"[:size])
    zeros = str.maketrans(digits, "0123456789ABCDEFGHIJKLMNO"[:size])
    numbers = [str(token - 1) for token in inputs.tolist()]
    rows = [numbers[k : k + size] for k in range(0, size * size, size)]
    square = [[int(cell) for cell in row] for row in rows]
    for text in (
        question,
        question.lower(),
        question.translate(letters),
        question.translate(zeros),
        f"{question.translate(zeros)},{answer.translate(zeros)}",
        f"{question.translate(letters)},{answer.translate(letters)}",
        "\n".join(question[k : k + size] for k in range(0, size * size, size)),
        "\n".join(" ".join(row) for row in rows),
        "\n".join(",".join(row) for row in rows),
        " ".join(numbers),
        np.array2string(np.array(square), max_line_width=200),
        json.dumps(square),
        task.scene(inputs).ansi(),
    ):
        (read,) = read_questions("sudoku", text).questions
        assert read.name == question, text
        np.testing.assert_array_equal(read.labels, labels)
