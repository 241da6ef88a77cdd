"""A scene refuses what does not fit together, and keeps what it was given."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze.scene import MazeScene
from hrm_gym.puzzles.sudoku.scene import SudokuScene
from hrm_gym.rendering import GridScene, Scene

FOUR, SEVEN = np.ones(16, np.uint8), np.full(49, 2, np.uint8)
BLANK, GRID = np.zeros(16, bool), np.zeros((3, 3), np.uint8)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: SudokuScene(FOUR[:15], BLANK, (2, 2)), "flat square board"),
        (lambda: SudokuScene(FOUR.reshape(4, 4), BLANK, (2, 2)), "flat square board"),
        (lambda: SudokuScene(FOUR * 1.0, BLANK, (2, 2)), "must be integers"),
        (lambda: SudokuScene(FOUR * 6, BLANK, (2, 2)), r"0\.\.5"),
        (lambda: SudokuScene(FOUR, BLANK, (2, 3)), "do not tile"),
        (lambda: SudokuScene(FOUR, BLANK[:9], (2, 2)), "given must have shape"),
        (lambda: SudokuScene(FOUR, BLANK, (2, 2), conflicts=BLANK[:2]), "conflicts must have"),
        (lambda: SudokuScene(FOUR, BLANK, (2, 2), wrong=BLANK.reshape(4, 4)), "wrong must have"),
        (lambda: SudokuScene(FOUR, BLANK, (2, 2), last=16), "last must be a cell"),
        (lambda: MazeScene(SEVEN[:48]), "flat square board"),
        (lambda: MazeScene(SEVEN * 3), r"0\.\.5"),
        (lambda: MazeScene(SEVEN, walked=[0, 49]), "walked must be a list of cells"),
        (lambda: MazeScene(SEVEN, walked=[0, 2]), "neighbouring"),
        (lambda: MazeScene(SEVEN, walked=[6, 7]), "neighbouring"),
        (lambda: MazeScene(SEVEN, position=-1), "position must be a cell"),
        (lambda: MazeScene(SEVEN, shortest=BLANK), "shortest must have shape"),
        (lambda: MazeScene(SEVEN, answer=BLANK), "answer must have shape"),
        (lambda: MazeScene(SEVEN, doors=BLANK), "doors must have shape"),
        (lambda: GridScene([(GRID, GRID)] * 11, GRID), "at most 10"),
        (lambda: GridScene([(GRID, GRID[0])], GRID), "demonstration 0 output must be a grid"),
        (lambda: GridScene([], np.zeros((31, 3), np.uint8)), "test_input must be a grid"),
        (lambda: GridScene([], GRID, GRID + 10), "canvas must hold"),
    ],
)
def test_invalid_parts_of_a_scene_are_rejected_in_one_sentence(build, words):
    with pytest.raises(ValueError, match=words) as caught:
        build()
    assert "\n" not in str(caught.value)


def test_a_scene_does_not_change_with_the_arrays_it_was_made_from():
    tokens, given, canvas = FOUR.copy(), BLANK.copy(), GRID.copy()
    sudoku, arc = SudokuScene(tokens, given, (2, 2)), GridScene([], GRID, canvas)
    tokens[0], given[0], canvas[0, 0] = 3, True, 7
    assert sudoku.tokens[0] == 1
    assert not sudoku.given[0]
    assert arc.canvas[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        sudoku.tokens[0] = 2


def test_the_walker_is_at_the_end_of_the_walk():
    assert MazeScene(SEVEN, walked=[0, 1, 8]).position == 8
    assert MazeScene(SEVEN, walked=[0, 1, 8], position=1).position == 1
    assert MazeScene(SEVEN).position is None


def test_importing_the_package_loads_neither_pygame_nor_matplotlib():
    program = (
        "import sys, numpy as np\n"
        "from hrm_gym.puzzles.maze.scene import MazeScene\n"
        "scene = MazeScene(np.full(49, 2))\n"
        "scene.ansi()\n"
        "assert 'pygame' not in sys.modules\n"
        "scene.paint()\n"
        "assert 'pygame' in sys.modules and 'matplotlib' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "", "pygame's greeting must not reach standard output"


def test_an_unknown_name_is_an_attribute_error():
    import hrm_gym.rendering

    with pytest.raises(AttributeError, match="brush"):
        hrm_gym.rendering.brush  # noqa: B018


def test_a_scene_class_must_define_paint_and_print():
    class Unfinished(Scene):
        caption = ""

    with pytest.raises(TypeError, match=r"abstract methods '?draw'?, '?lines'?"):
        Unfinished()


def test_a_custom_task_is_shown_as_coloured_cells():
    task = get_task("examples.latin_square:LatinSquare:4")
    puzzle = task.generate(0)
    wrong = puzzle.labels.copy()
    wrong[[0, 1]] = wrong[[1, 0]]
    scene = task.scene(puzzle.inputs, wrong, puzzle.labels, confidence=np.full(16, 0.5))
    assert np.array_equal(scene.test_input.ravel() + 1, puzzle.inputs)
    assert np.array_equal(scene.canvas.ravel() + 1, wrong)
    assert np.array_equal(np.flatnonzero(scene.wrong), [0, 1])
    assert scene.confidence.shape == (4, 4)
    assert task.scene(puzzle.inputs).canvas is None
    # During an episode the picture does not give the label away.
    assert task.scene(puzzle.inputs, wrong, puzzle.labels, in_progress=True).wrong is None
    assert task.progress({}) is None
    assert task.demonstrations(puzzle) == ()


def test_a_canvas_returns_its_changed_cells():
    before, after = GridScene([], GRID, GRID), GRID.copy()
    after[1, 1] = 5
    assert GridScene([], GRID, after).changed_since(before) == (4,)
    wider = np.zeros((3, 4), np.uint8)
    assert GridScene([], GRID, wider).changed_since(before) == (3, 7, 11)
    assert GridScene([], GRID).changed_since(before) == ()
    assert GridScene([], GRID, GRID).changed_since(GridScene([], GRID)) == tuple(range(9))
