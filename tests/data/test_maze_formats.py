"""Mazes as people draw them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import read_questions
from hrm_gym.puzzles import get_task
from hrm_gym.scripts import solve
from hrm_gym.scripts.cli import run

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


def test_mazes_in_a_list_as_long_as_a_line(tmp_path):
    task = get_task("maze-7x7")
    inputs = load_puzzles(task, "bank", "test").inputs[:49]
    path = tmp_path / "mazes"
    path.write_text("\n".join(map(task.format, inputs)))
    np.testing.assert_array_equal(load_puzzles(task, str(path)).inputs, inputs)
    assert len(read_questions("maze", str(path)).questions) == 49
