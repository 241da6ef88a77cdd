"""What a terminal shows."""

from __future__ import annotations

import re

import numpy as np
import pytest

from hrm_gym.puzzles.maze.scene import MazeScene
from hrm_gym.puzzles.sudoku.scene import SudokuScene
from hrm_gym.rendering import GridScene


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", text)


def sudoku(side: int, box: tuple[int, int], **changes) -> SudokuScene:
    tokens = 1 + np.arange(side * side) % (side + 1)
    return SudokuScene(tokens, tokens % 2 == 0, box, **changes)


def maze(**changes) -> MazeScene:
    rows = ["S  #", "## #", "#   ", "#G##"]
    tokens = np.array([{"#": 1, " ": 2, "S": 3, "G": 4}[cell] for cell in "".join(rows)])
    return MazeScene(tokens, **changes)


SCENES = [
    sudoku(4, (2, 2), caption="step 1", last=3, wrong=np.arange(16) == 2),
    sudoku(6, (2, 3)),
    sudoku(9, (3, 3), conflicts=np.arange(81) % 5 == 0),
    sudoku(16, (4, 4)),
    maze(),
    maze(walked=[0, 1, 2, 6, 10], shortest=np.arange(16) == 9),
    GridScene([(np.eye(3, dtype=int), np.zeros((5, 2), int))], np.full((2, 2), 7), None, 2),
]


@pytest.mark.parametrize("scene", SCENES, ids=range(len(SCENES)))
def test_colour_adds_codes_and_nothing_else(scene):
    coloured = scene.ansi()
    assert plain(coloured) == scene.ansi(colour=False)
    assert "\x1b[" in coloured
    # Whatever is switched on is switched off again on its line.
    for line in coloured.split("\n"):
        assert line.rfind("\x1b[0m") >= line.rfind("\x1b[")


@pytest.mark.parametrize("scene", SCENES[:6], ids=range(6))
def test_lines_of_a_board_are_equally_long(scene):
    lines = scene.ansi(colour=False).split("\n")
    lines = lines[:-1] if scene.caption else lines
    assert len({len(line) for line in lines}) == 1


def test_sudoku_digits_are_in_their_rows():
    scene = sudoku(9, (3, 3))
    lines = [line for line in scene.ansi(colour=False).split("\n") if line[0] == "│"]
    read = [re.findall(r"\d|\.", line) for line in lines]
    expected = [
        ["." if token == 1 else str(token - 1) for token in row]
        for row in scene.tokens.reshape(9, 9).tolist()
    ]
    assert read == expected


def test_sudoku_marks_are_visible():
    texts = {
        sudoku(4, (2, 2), **mark).ansi()
        for mark in (
            {},
            {"last": 1},
            {"conflicts": np.arange(16) == 1},
            {"wrong": np.arange(16) == 2},
        )
    }
    assert len(texts) == 4


def test_maze_walk_is_a_line():
    text = maze(walked=[0, 1, 2, 6, 10, 9]).ansi(colour=False)
    assert text.split("\n") == [
        "┌────────┐",
        "│S━━━┓ ██│",
        "│████┃ ██│",
        "│██@━┛   │",
        "│██G ████│",
        "└────────┘",
    ]


def test_right_missed_and_extra_cells_of_a_maze_differ():
    shortest = np.isin(np.arange(16), [1, 2, 6])
    answer = np.isin(np.arange(16), [1, 6, 11, 15])
    lines = maze(shortest=shortest, answer=answer).ansi(colour=False).split("\n")
    assert lines[1] == "│S o - ██│"
    assert lines[2] == "│████o ██│"
    assert lines[3] == "│██    x │"
    assert lines[4] == "│██G ██x │"


def test_every_arc_colour_is_its_number_on_its_colour():
    grid = np.arange(10).reshape(2, 5)
    text = GridScene([(grid, grid[:1])], grid, grid, 1).ansi()
    assert "0 1 2 3 4    →   0 1 2 3 4" in plain(text)
    assert "5 6 7 8 9" in plain(text)
    assert "1 attempt left" in plain(text)
    assert "48;2;255;220;0" in text
