"""Frames have one size and a meaning changes the pixels of its own cell."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hrm_gym.puzzles.maze.scene import MazeScene
from hrm_gym.puzzles.sudoku.scene import SudokuScene
from hrm_gym.rendering import GridScene, to_array
from hrm_gym.rendering.drawing import Board
from hrm_gym.rendering.grid_painter import canvas_rect
from hrm_gym.rendering.palette import CELL_COLOURS

BOXES = {4: (2, 2), 6: (2, 3), 9: (3, 3), 16: (4, 4), 25: (5, 5)}
SIDES = (7, 9, 15, 30)


def sudoku(side: int = 9, **changes) -> SudokuScene:
    """A board with its first row filled, half of it given."""
    tokens = np.ones(side * side, np.uint8)
    tokens[:side] = np.arange(2, side + 2)
    given = np.arange(side * side) < side // 2
    return replace(SudokuScene(tokens, given, BOXES[side]), **changes)


def maze(side: int = 9, **changes) -> MazeScene:
    """S and G in opposite corners, a wall wherever row and column are odd, the path on the edge."""
    grid = np.full((side, side), 2, np.uint8)
    grid[1::2, 1::2] = 1
    grid[0, 0], grid[-1, -1] = 3, 4
    shortest = np.zeros((side, side), bool)
    shortest[0] = shortest[:, -1] = True
    return replace(MazeScene(grid.ravel(), shortest=shortest.ravel()), **changes)


def arc(rows: int = 3, columns: int = 4, demos: int = 2, **changes) -> GridScene:
    grid = np.arange(rows * columns, dtype=np.uint8).reshape(rows, columns) % 10
    return replace(GridScene([(grid, grid.T)] * demos, grid, grid), **changes)


def mask(side: int, *cells: int) -> np.ndarray:
    return np.isin(np.arange(side * side), cells)


def frame(scene, width=None) -> np.ndarray:
    return to_array(scene.paint(width))


def changed_cells(before, after) -> set[int | None]:
    """The cells in which two scenes' pictures differ; None stands for beside the board."""
    rows, columns = np.nonzero((frame(before) != frame(after)).any(axis=2))
    return {before.cell_at((x, y)) for y, x in zip(rows.tolist(), columns.tolist(), strict=True)}


@pytest.mark.parametrize(
    "scene",
    [
        *[sudoku(side) for side in BOXES],
        *[maze(side) for side in SIDES],
        *[maze(side, answer=mask(side, 1, side)) for side in SIDES],
        arc(),
        arc(30, 30, 10),
        arc(1, 30, 0),
    ],
    ids=lambda scene: f"{type(scene).__name__}",
)
@pytest.mark.parametrize("width", [None, 641, 1000])
def test_sizes_are_even_and_painting_is_deterministic(scene, width):
    picture = frame(scene, width)
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0
    assert picture.shape[2] == 3
    if width is not None:
        assert picture.shape[1] == width // 2 * 2
    assert np.array_equal(picture, frame(replace(scene), width))
    # A white margin all around: nothing is cut off.
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    assert all((edge == 255).all() for edge in edges)


def test_all_boards_make_frames_of_one_size():
    assert {frame(scene).shape for scene in (sudoku(4), sudoku(9), maze(7), maze(30))} == {
        (664, 640, 3)
    }


def test_the_size_is_constant_during_an_episode():
    walk = [0]
    sizes = set()
    for step in range(8):
        walk.append(walk[-1] + 1)
        sizes.add(maze(walked=walk, caption=f"step {step} " * step).paint().get_size())
    assert len(sizes) == 1
    canvases = [None, np.zeros((1, 1), int), np.zeros((30, 30), int), np.ones((2, 17), int)]
    assert {arc(canvas=canvas).paint().get_size() for canvas in canvases} == {(1280, 720)}


def test_every_frame_is_a_new_surface():
    scene = sudoku()
    surface = scene.paint()
    first, second = to_array(surface), to_array(surface)
    assert not np.shares_memory(first, second)
    first[:] = 0
    surface.fill((0, 0, 0))
    assert np.array_equal(frame(scene), second)


@pytest.mark.parametrize("side", BOXES)
@pytest.mark.parametrize("name", ["conflicts", "wrong", "last", "tokens"])
def test_a_sudoku_mark_changes_only_its_cell(side, name):
    for cell in (0, side - 1, side * side // 2, side * side - 1):
        plain = sudoku(side)
        tokens = plain.tokens.copy()
        tokens[cell] = 2 if tokens[cell] != 2 else 3
        value = {"last": cell, "tokens": tokens}.get(name, mask(side, cell))
        assert changed_cells(plain, replace(plain, **{name: value})) == {cell}


def test_given_and_played_digits_differ_and_so_do_all_marks_of_one_cell():
    marks = [
        {},
        {"given": mask(9)},
        {"conflicts": mask(9, 0)},
        {"wrong": mask(9, 0)},
        {"last": 0},
        {"conflicts": mask(9, 0), "wrong": mask(9, 0)},
        {"conflicts": mask(9, 0), "last": 0},
        {"wrong": mask(9, 0), "last": 0},
    ]
    assert len({frame(sudoku(**mark)).tobytes() for mark in marks}) == len(marks)


@pytest.mark.parametrize("side", SIDES)
def test_a_wall_and_a_door_change_only_their_cell(side):
    plain, cell = maze(side), 2 * side + 2
    tokens = plain.tokens.copy()
    tokens[cell] = 1
    assert changed_cells(plain, replace(plain, tokens=tokens)) == {cell}
    assert changed_cells(plain, replace(plain, doors=mask(side, cell))) == {cell}


@pytest.mark.parametrize("side", SIDES)
def test_a_step_changes_only_the_cells_that_it_connects(side):
    before = maze(side, walked=[0, 1, 2])
    after = maze(side, walked=[0, 1, 2, 3])
    # None: the legend counts the moves.
    assert changed_cells(before, after) == {2, 3, None}
    assert changed_cells(before, replace(before, position=0)) == {0, 2}


@pytest.mark.parametrize("side", SIDES)
def test_the_shortest_path_stays_within_its_cells(side):
    scene = maze(side)
    path = set(np.flatnonzero(scene.shortest).tolist())
    assert changed_cells(replace(scene, shortest=None), scene) == path | {None}


@pytest.mark.parametrize("side", SIDES)
def test_right_missed_and_extra_cells_look_different(side):
    scene = maze(side, answer=mask(side, 1, 2 * side + 2, side + 1))
    picture, board = frame(scene), Board(side, 640)
    cells = {}
    for name, cell in {
        "right": 1,
        "missed": 2,
        "extra": 2 * side + 2,
        "space": 2 * side + 4,
        "wall": side + 3,
        "extra in a wall": side + 1,
    }.items():
        x, y = board.corner(cell)
        cells[name] = picture[y : y + board.cell, x : x + board.cell].tobytes()
    assert len(set(cells.values())) == len(cells)


def test_an_answer_changes_only_its_cells_and_the_legend():
    before = maze(answer=mask(9))
    assert changed_cells(before, maze(answer=mask(9, 1, 40))) == {1, 40, None}


@pytest.mark.parametrize("shape", [(2, 5), (5, 2), (30, 30), (1, 10)])
def test_every_arc_colour_appears_exactly(shape):
    canvas = (np.arange(shape[0] * shape[1]) % 10).reshape(shape)
    scene = GridScene([], np.full((1, 1), 5), canvas)
    picture = frame(scene)
    place, edge = canvas_rect(scene, 1280)
    for cell, colour in enumerate(canvas.ravel().tolist()):
        x, y = (
            place.left + cell % shape[1] * edge + 1,
            place.top + cell // shape[1] * edge + 1,
        )
        # One pixel of a cell's edge is the grid line.
        inside = picture[y : y + edge - 1, x : x + edge - 1]
        assert (inside == CELL_COLOURS[colour]).all()
        assert scene.cell_at((x, y)) == cell


def test_arc_demonstrations_show_their_own_colours():
    shown = frame(GridScene([(np.full((2, 2), 6), np.full((3, 3), 8))], np.zeros((1, 1), int)))
    pixels = {tuple(colour) for colour in shown.reshape(-1, 3).tolist()}
    for colour, expected in enumerate(CELL_COLOURS.tolist()):
        assert (tuple(expected) in pixels) == (colour in (0, 6, 8))


def test_painting_the_canvas_changes_nothing_else():
    before = arc(canvas=np.zeros((4, 4), int))
    canvas = np.zeros((4, 4), int)
    canvas[1, 2] = 3
    assert changed_cells(before, replace(before, canvas=canvas)) == {6}


def test_attempts_and_captions_are_written():
    pictures = [frame(arc(attempts_left=left)).tobytes() for left in (None, 0, 1, 2)]
    assert len(set(pictures)) == 4
    assert changed_cells(sudoku(), sudoku(caption="step 3")) == {None}
    assert not np.array_equal(frame(arc()), frame(arc(caption="step 3")))


def test_a_long_caption_does_not_overlap_the_legend():
    legend = frame(maze(walked=[0, 1]))
    long = frame(maze(walked=[0, 1], caption="a very long caption " * 30))
    assert np.array_equal(legend[:, 400:], long[:, 400:])


@pytest.mark.parametrize("scene", [sudoku(9), maze(15), arc()], ids=["sudoku", "maze", "arc"])
def test_painting_works_after_other_code_quits_pygame(scene):
    import pygame

    before = frame(scene)
    for restart in (False, True):
        pygame.font.quit()
        if restart:
            pygame.font.init()
        caption = f"never written before {restart} {type(scene).__name__}"
        frame(replace(scene, caption=caption))
        assert np.array_equal(frame(scene), before)


def test_cell_at_finds_every_cell_and_nothing_outside():
    scene = maze(7)
    found = {scene.cell_at((x, y)) for x in range(0, 640, 4) for y in range(0, 664, 4)}
    assert found == {None, *range(49)}
    assert arc(canvas=None).cell_at((900, 500)) is None


def test_a_width_that_is_too_small_is_rejected():
    with pytest.raises(ValueError, match="width of 160"):
        sudoku().paint(100)
    with pytest.raises(ValueError, match="width of 640"):
        arc().paint(600)


@pytest.mark.parametrize("width", [None, 700])
@pytest.mark.parametrize(
    "scene", [*[sudoku(side) for side in BOXES], *[maze(side) for side in SIDES], arc(), arc(30, 7)]
)
def test_cell_positions_are_the_inverse_of_cell_at(scene, width):
    cells = scene.canvas.size if isinstance(scene, GridScene) else scene.tokens.size
    for cell in range(cells):
        rect = scene.cell_rect(cell, width)
        assert scene.cell_at(rect.center, width) == cell


def test_a_scene_without_canvas_has_no_cells():
    with pytest.raises(ValueError, match="no canvas"):
        arc(canvas=None).cell_rect(0)
