"""Every environment can be played to its end by keys, and undo is exact."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import hrm_gym
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze import OPEN, PATH
from hrm_gym.registration import TABLE
from hrm_gym.scripts.playing import has_game, make_game
from hrm_gym.scripts.playing.game import line

SMALL = [
    "HRMSudoku-4x4-v0",
    "HRMMaze-7x7-v0",
    "HRMARC-v0",
    "HRMSudokuAnswer-4x4-v0",
    "HRMMazeAnswer-7x7-v0",
    "HRMARCAnswer-v0",
]
KEYS = [
    *"0123456789uhcrtiwasdf",
    *("up", "right", "down", "left", "enter", "space", "tab", "delete", "backspace", "ctrl+z"),
    *("shift+up", "shift+right", "shift+down", "shift+left", "escape", "?"),
]


def game(env_id, seed=0, options=None, **kwargs):
    env = gym.make(env_id, disable_env_checker=True, **kwargs)
    return make_game(env, seed, options)


def position(played) -> list[np.ndarray]:
    """What undo must bring back: the episode's fields and the draft.

    Not the count of steps: a move that changed nothing is a step, and nothing to take back.
    """
    fields = played.env.get_state()["fields"]
    kept = [value for name, value in fields.items() if name != "elapsed"]
    return [np.asarray(value, object) for value in (*kept, played.draft(), played.moves)]


def same(left, right) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


PLAYED = [env_id for env_id in hrm_gym.ENV_IDS if has_game(env_id)]


def test_the_families_of_the_package_have_games():
    assert {get_task(row.task).family for row in TABLE if row.task and row.id in PLAYED} >= {
        "sudoku",
        "maze",
        "arc",
    }


@pytest.mark.parametrize("env_id", PLAYED)
def test_hints_win_every_environment(env_id):
    played = game(env_id, split="test")
    first = position(played)
    for _ in range(2000):
        hints = played.hints
        played.key("h")
        if played.over or played.hints == hints:
            break
    if not played.over:
        played.key("enter")
    assert played.over
    assert played.won
    assert played.scene is not None
    assert played.facts
    while played.history:
        played.key("u")
    assert same(position(played), first)
    assert not played.over


@pytest.mark.parametrize("env_id", SMALL)
@given(keys=st.lists(st.sampled_from(KEYS), max_size=30), cell=st.integers(0, 8))
def test_undo_reverts_every_move(env_id, keys, cell):
    played = game(env_id, options={"index": 0})
    first = position(played)
    played.press(cell)
    played.drag((cell + 5) % 9)
    for key in keys:
        if key == "r":
            continue
        played.key(key)
        assert played.scene is not None
    while played.history:
        played.undo()
    assert same(position(played), first)


@pytest.mark.parametrize("env_id", SMALL)
def test_restart_and_new(env_id):
    played = game(env_id, options={"index": 0})
    first, puzzle = position(played), played.env.puzzle
    for key in ("2", "space", "right", "h"):
        played.key(key)
    played.key("r")
    assert same(position(played), first)
    assert (played.hints, played.moves, played.history) == (0, 0, [])
    played.key("n")
    assert played.env.puzzle is not puzzle
    assert "puzzle 1 of" in played.facts


def test_an_illegal_digit_is_explained_and_changes_nothing():
    # The solution is 3124 2431 4312 1243.
    played = game("HRMSudoku-4x4-v0", options={"puzzle": ".....431.3...243"})
    before = position(played)
    for cell, key, reason in ((5, "1", "given"), (0, "4", "is already in"), (0, "delete", "Undo")):
        played.cursor = cell
        played.key(key)
        assert reason in played.message
    played.cursor = 0
    assert same(position(played)[:-1], before[:-1])
    played.key("1")
    played.key("2")
    assert "filled" in played.message
    played.key("h")
    assert "wrong" in played.message
    assert played.scene.wrong is None
    played.key("c")
    assert np.flatnonzero(played.scene.wrong).tolist() == [0]


@pytest.mark.parametrize("env_id", ["HRMSudoku-v0", "HRMSudokuAnswer-v0"])
@given(digit=st.integers(1, 16))
def test_digits_above_9_are_typed_with_two_keys(env_id, digit):
    task = get_task("sudoku-16x16")
    inputs = task.generate(0, clues=150).inputs
    cell = int(np.flatnonzero(inputs == 1)[0])
    kwargs = {"size": 16} if env_id == "HRMSudoku-v0" else {"task": task.id}
    options = {"puzzle": task.format(inputs)}
    played = game(env_id, **kwargs, source="generator:1", options=options)
    played.press(cell)
    for key in str(digit):
        played.key(key)
    if digit == 1:
        played.key("space")
    written = played.draft() if "Answer" in env_id else played.env.tokens
    legal = "Answer" in env_id or f"{digit} is already in" not in played.message
    assert written[cell] == (digit + 1 if legal else 1)
    assert played.typed == ""


def test_a_lost_sudoku_ends_and_can_be_undone():
    played = game("HRMSudoku-4x4-v0", options={"puzzle": ".....431.3...243"})
    while not played.over:
        action = int(np.flatnonzero(played.env.action_masks())[0])
        played.cursor, digit = divmod(action, 4)
        played.key(str(digit + 1))
    assert not played.won
    assert "No legal digit" in played.message
    played.key("1")
    played.key("h")
    assert "over" in played.message
    played.key("u")
    assert not played.over


def test_a_walk_by_mouse_is_undone_at_once():
    text = "S   G" + "#####" * 3 + "     "
    played = game("HRMMaze-7x7-v0", size=5, source="generator:1", options={"puzzle": text})
    played.press(2)
    assert (played.env.position, played.moves, len(played.history)) == (2, 2, 1)
    played.press(12)
    assert played.message == "There is no way through."
    played.press(4)
    assert played.won
    assert "shortest" in played.message
    played.key("u")
    assert (played.env.position, played.over) == (2, False)


def test_the_shortest_path_is_hidden_until_it_is_requested():
    played = game("HRMMaze-7x7-v0")
    assert played.scene.shortest is None
    played.key("c")
    assert played.scene.shortest.any()


def test_a_brush_stroke_is_undone_at_once():
    played = game("HRMARC-v0", options={"index": 57})
    columns = played.cells().shape[1]
    played.key("3")
    played.press(0)
    played.drag(4)
    played.drag(4 + 2 * columns)
    painted = [*range(5), 4 + columns, 4 + 2 * columns]
    assert np.flatnonzero(played.cells() == 3).tolist() == painted
    assert played.moves == len(painted)
    played.key("u")
    assert not played.cells().any()
    played.press(0)
    played.press(0)
    assert len(played.history) == 1


def test_copying_filling_and_resizing_a_canvas():
    played = game("HRMARCAnswer-v0", options={"index": 57})
    shape = played.cells().shape
    played.key("i")
    copied = played.cells().copy()
    assert copied.any()
    played.key("shift+right")
    played.key("shift+up")
    assert played.cells().shape == (shape[0] - 1, shape[1] + 1)
    played.key("delete")
    played.key("7")
    played.key("f")
    assert (played.cells() == 7).all()
    for _ in range(4):
        played.key("u")
    assert np.array_equal(played.cells(), copied)


def test_only_open_cells_can_be_marked_and_marks_toggle():
    played = game("HRMMazeAnswer-7x7-v0")
    played.press(0)
    played.drag(48)
    marked = played.tokens == PATH
    assert (played.env.inputs[marked] == OPEN).all()
    assert marked.any()
    played.press(int(np.flatnonzero(marked)[0]))
    assert (played.tokens == PATH).sum() == marked.sum() - 1


def test_an_answer_game_ends_after_the_last_segment():
    played = game("HRMSudokuAnswer-4x4-v0", max_segments=2)
    played.key("t")
    assert "1 segment left" in played.message
    played.key("t")
    assert played.over
    assert not played.won


@pytest.mark.parametrize("end", range(0, 100, 7))
def test_a_line_contains_every_cell_to_its_end(end):
    cells = [45, *line(45, end, 10)]
    rows, columns = np.divmod(cells, 10)
    assert cells[-1] == end
    assert max(abs(np.diff(rows)).max(), abs(np.diff(columns)).max()) <= 1
