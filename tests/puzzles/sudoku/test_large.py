"""Tests of the solver and generator of boards of more than 12 rows, and of the tasks of this size.

The kernels serve every size, so that small boards compare them with the other solver.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.puzzles.sudoku import BLANK, BOXES, Sudoku, count_solutions, large, solver, tables

words = st.integers(0, 2**64 - 1)
LARGE = [size for size in BOXES if size > solver.LARGEST_FAST]
every_large = pytest.mark.parametrize("size", LARGE)
FIXED = np.empty(0, np.uint64)


def board(size: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the arguments by which the kernels know a board."""
    known = tables(*BOXES[size])
    return known.units, known.box_of, BOXES[size][0]


def test_there_are_large_sizes():
    assert set(LARGE) >= {16, 25}


@given(st.sampled_from([4, 6, 9]), words, st.data())
def test_both_solvers_count_the_same_solutions(size, key, data):
    task = Sudoku(size)
    puzzle = task.generate(key)
    gone = data.draw(st.lists(st.integers(0, size * size - 1), max_size=4))
    grid = task.grid(puzzle.inputs)
    grid[gone] = 0
    if data.draw(st.booleans()):
        grid[data.draw(st.integers(0, size * size - 1))] = data.draw(st.integers(1, size))
    solution = np.zeros_like(grid)
    found, guesses = large.search(grid, *board(size), 20, 10_000, FIXED, solution)
    assert found == count_solutions(grid, limit=20)
    assert guesses >= 0
    if found:
        assert is_solution(task, grid, solution)
    easy = large.is_easy(grid, *board(size), np.empty(grid.size, np.int64))
    assert not easy or (found, guesses) == (1, 0)


def is_solution(task: Sudoku, grid: np.ndarray, solution: np.ndarray) -> bool:
    """Return whether a solution is a complete valid grid with the digits of ``grid``."""
    complete = [
        sorted(solution[unit]) == list(range(1, task.size + 1)) for unit in task.tables.units
    ]
    return all(complete) and bool(np.all((grid == 0) | (grid == solution)))


@every_large
@settings(max_examples=8)
@given(words, st.floats(0.0, 1.0), st.booleans(), words)
def test_generated_puzzles_are_unique_and_keep_their_split(size, key, share, easy, turn):
    task = Sudoku(size)
    clues = int(share * size * size)
    guesses = 0 if easy or size > 16 else 5
    puzzle = task.generate(key, clues=clues, guesses=guesses)
    grid = task.grid(puzzle.inputs)
    assert clues <= np.count_nonzero(grid) < size * size or share == 1.0
    assert is_solution(task, grid, task.grid(puzzle.labels))
    assert count_solutions(grid) == 1
    assert puzzle.rating == task.rate(puzzle.inputs) <= guesses
    np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)
    assert (task.split_of(puzzle) == "ood") == (puzzle.rating > 0)
    # Symmetric copies are in the same split.
    symmetry = task.symmetry(turn)
    inputs, labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
    assert task.digest(inputs, labels) == task.digest(puzzle.inputs, puzzle.labels)
    assert task.is_ood(puzzle) == task.is_ood(task.make(inputs)) if clues < size * size else True
    again = task.generate(key, clues=clues, guesses=guesses)
    np.testing.assert_array_equal(again.inputs, puzzle.inputs)


@every_large
def test_without_a_least_number_no_clue_can_be_removed_by_the_rules(size):
    task = Sudoku(size)
    grid = task.grid(task.generate(3).inputs)
    scratch = np.empty(grid.size, np.int64)
    assert large.is_easy(grid, *board(size), scratch)
    for cell in np.flatnonzero(grid)[::7]:
        fewer = grid.copy()
        fewer[cell] = 0
        assert not large.is_easy(fewer, *board(size), scratch)


@every_large
def test_different_keys_make_different_puzzles(size):
    made = [Sudoku(size).generate(key, clues=size * size // 2) for key in range(6)]
    assert len({Sudoku(size).digest(p.inputs, p.labels) for p in made}) == 6


@every_large
def test_the_tasks_have_ids(size):
    task = get_task(f"sudoku-{size}x{size}")
    assert (task.size, task.seq_len, task.vocab_size) == (size, size * size, size + 2)
    assert [relation.name for relation in task.relations()] == ["row", "column", "box"]


@every_large
@given(st.lists(words, min_size=1, max_size=3))
def test_torch_draws_the_same_symmetries(size, turns):
    task = Sudoku(size)
    positions, tokens = task.symmetries(torch.tensor([signed(turn) for turn in turns]))
    for row, turn in enumerate(turns):
        symmetry = task.symmetry(turn)
        np.testing.assert_array_equal(positions[row].numpy(), symmetry.positions)
        np.testing.assert_array_equal(tokens[row].numpy(), symmetry.tokens)


@every_large
def test_rows_are_checked(size):
    task = Sudoku(size)
    puzzle = task.generate(1, clues=size * size // 2)
    rows, labels = np.stack([puzzle.inputs] * 2), np.stack([puzzle.labels] * 2)
    np.testing.assert_array_equal(task.check_rows(rows, labels), [0, 0])
    swapped = labels.copy()
    swapped[1, :2] = swapped[1, 1::-1]
    with pytest.raises(ValueError, match=r"^row 1: the answer does not solve"):
        task.check_rows(rows, swapped)
    empty = rows.copy()
    empty[1] = BLANK
    with pytest.raises(ValueError, match=r"^row 1: the sudoku \.* has several solutions"):
        task.check_rows(empty, labels)
    assert task.conflicts(puzzle.labels).sum() == 0
    assert task.conflicts(swapped[1]).any()


def test_a_search_that_takes_too_long_says_so(monkeypatch):
    task = Sudoku(16)
    puzzle = task.generate(0, guesses=20)
    assert puzzle.rating > 0
    monkeypatch.setattr(solver, "BUDGET", 0)
    words = r"the search was not finished after \d+ guesses, expected an easier puzzle$"
    for ask in (task.rate, task.solve, lambda inputs: count_solutions(task.grid(inputs))):
        with pytest.raises(ValueError, match=words):
            ask(puzzle.inputs)
    with pytest.raises(ValueError, match=f"^row 0: {words}"):
        task.check_rows(puzzle.inputs[None], puzzle.labels[None])
    assert task.split_of(puzzle) == "ood"


def test_arguments_of_the_other_solver_are_named():
    with pytest.raises(ValueError, match=r"^trials: expected 0 for more than 12 rows, got 3"):
        Sudoku(16).generate(0, trials=3)
    with pytest.raises(ValueError, match=r"^guesses: expected 0 for up to 12 rows, got 3"):
        Sudoku(4).generate(0, guesses=3)
    with pytest.raises(ValueError, match=r"^size: expected at most 12 for a walk, got 25"):
        Sudoku(25).walk(0, 1, 1, 1)
