"""Tests of the formats in which people have puzzles: every reader reads them the same way."""

from __future__ import annotations

import io
import json
import os
import threading

import gymnasium as gym
import numpy as np
import pytest
from untrained import untrained

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.sudoku import BOXES
from hrm_gym.scripts import solve
from hrm_gym.scripts.cli import run

NINE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"
FOUR = ".1.....2...343.."
SEVERAL = "." * 16
ZEROS = NINE.replace(".", "0")
ROWS = [NINE[k : k + 9] for k in range(0, 81, 9)]
ZEROS_ROWS = [row.replace(".", "0") for row in ROWS]
SPACED = [" | ".join(" ".join(row[k : k + 3]) for k in (0, 3, 6)) for row in ROWS]
RULED = "\n------+-------+------\n".join("\n".join(SPACED[k : k + 3]) for k in (0, 3, 6))
SIMPLE = "\n".join(
    ["*-----------*"]
    + [
        line
        for k in (0, 3, 6)
        for line in [
            *("|" + "|".join(row[j : j + 3] for j in (0, 3, 6)) + "|" for row in ROWS[k : k + 3]),
            "|---+---+---|" if k < 6 else "*-----------*",
        ]
    ]
)

PROMPT = "Solve this Sudoku puzzle:\n{}\nAnswer with digits, which are separated by spaces."
FRAMED = (
    "╔═══╤═══╗\n"
    + "\n╟───┼───╢\n".join("║ " + " │ ".join(row).replace(".", " ") + " ║" for row in ROWS)
    + "\n╚═══╧═══╝"
)
PLUSES = "\n".join(f"| {row} |" for row in SPACED)


def _digits(text):
    return [[int(cell) for cell in text[k : k + 9].replace(".", "0")] for k in range(0, 81, 9)]


NINES = {
    "spaces": NINE.replace(".", " "),
    "grid of spaces": "\n".join(row.replace(".", " ") for row in ROWS),
    "grid of spaces between spaces": "\n".join(" ".join(row).replace(".", " ") for row in ROWS),
    "frame with spaces": FRAMED,
    "boxes with spaces": PLUSES.replace(".", " "),
    "crosses": NINE.replace(".", "x"),
    "grid of crosses": "\n".join(row.replace(".", "X") for row in ROWS),
    "floats": "\n".join(" ".join(f"{cell:.1f}" for cell in row) for row in _digits(NINE)),
    "numpy.savetxt": "\n".join(" ".join(f"{cell:.18e}" for cell in row) for row in _digits(NINE)),
    "repr of an array": repr(np.array(_digits(NINE))),
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


def test_mazes_in_a_list_as_long_as_a_line(tmp_path):
    task = get_task("maze-7x7")
    inputs = load_puzzles(task, "bank", "test").inputs[:49]
    path = tmp_path / "mazes"
    path.write_text("\n".join(map(task.format, inputs)))
    np.testing.assert_array_equal(load_puzzles(task, str(path)).inputs, inputs)
    assert len(read_questions("maze", str(path)).questions) == 49


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


AOC = """
#########
#.....#E#
#.###.#.#
#...#...#
#.#.###.#
#.#...#.#
#.###.#.#
#S......#
#########
""".strip()
STRIPPED = "S #\n #\n  G"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (AOC, None),
        (AOC.replace("#", "X"), None),
        (AOC.replace("#", "█"), None),
        (AOC.replace("#", "1").replace(".", "0"), None),
        (AOC.replace("#", "*").replace(".", "_"), None),
        (AOC.replace("#", "W").replace("S", "A").replace("E", "B"), None),
        (AOC.replace("#", "▓").replace(".", "░"), None),
        (f"maze = {AOC.splitlines()!r}", None),
        (AOC.replace("E", "G").lower(), None),
        (AOC.replace(".", " "), None),
        ("\n".join("    " + row for row in AOC.splitlines()), None),
        ("\n".join("\t" + row for row in AOC.splitlines()), None),
        ("\n".join(",".join(row) for row in AOC.splitlines()), None),
        ("\n".join(" ".join(row) for row in AOC.splitlines()), None),
        (json.dumps(AOC.splitlines()), None),
        (json.dumps([[*row] for row in AOC.splitlines()]), None),
        ("A maze:\n" + AOC + "\nThe end.", None),
        ("\n".join("".join(2 * c for c in row) for row in AOC.splitlines()), None),
        (STRIPPED, "S # #   G"),
        ("S #   \n #    \n  G   ", "S # #   G"),
    ],
)
def test_mazes_as_people_draw_them(tmp_path, text, name):
    if name is None:
        name = AOC.replace("\n", "").replace(".", " ").replace("E", "G")
    reading = read_questions("maze", text)
    assert [question.name for question in reading.questions] == [name]
    assert not reading.notes
    (tmp_path / "a").write_text(text)
    puzzles = load_puzzles(reading.task, str(tmp_path / "a"))
    assert [reading.task.format(tokens) for tokens in puzzles.inputs] == [name]


def test_a_rectangle_is_padded_with_walls_and_said_so(tmp_path, capsys):
    text = "###########\n#S..#.....#\n###.#.###.#\n#.....#..G#\n###########\n"
    path = tmp_path / "rect.txt"
    path.write_text(text)
    assert run(solve.main, solve.Args, ["maze", str(path), "--agent", "oracle"]) == 0
    said = capsys.readouterr()
    assert f"note: {path}, line 1: padded from 5x11 to 11x11 cells" in said.err
    with pytest.warns(UserWarning, match="padded from 5x11 to 11x11"):
        puzzles = load_puzzles(get_task("maze-11x11"), str(path))
    assert np.all(puzzles.inputs[0].reshape(11, 11)[5:] == 1)


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
    board = {"value": _digits(NINE), "solution": _digits(SOLVED), "difficulty": "Hard"}
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
