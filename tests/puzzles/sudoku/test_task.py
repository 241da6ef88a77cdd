"""Tests of Sudoku: rules, solver, generator, canonical form and symmetries."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.puzzles.sudoku import BLANK, BOXES, Sudoku, count_solutions, search_grid
from hrm_gym.puzzles.sudoku import search as sudoku_search


def is_solved(task, inputs, answer):
    """Return whether an answer solves a puzzle; the rules do not depend on the label."""
    return task.is_solved(Puzzle(inputs, inputs), answer)


words = st.integers(0, 2**64 - 1)
sizes = st.sampled_from([4, 6, 9])
EXAMPLE = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
SOLVED = "534678912672195348198342567859761423426853791713924856961537284287419635345286179"


def units(size: int) -> list[list[int]]:
    """Return the cells of every row, column and box, independently of the package."""
    box_rows, box_cols = BOXES[size]
    cells = range(size * size)
    groups = [[c for c in cells if c // size == k] for k in range(size)]
    groups += [[c for c in cells if c % size == k] for k in range(size)]
    for top in range(0, size, box_rows):
        for left in range(0, size, box_cols):
            rows, columns = range(top, top + box_rows), range(left, left + box_cols)
            groups.append([r * size + c for r in rows for c in columns])
    return groups


def every_grid() -> list[tuple[int, ...]]:
    """Return all complete 4x4 grids, by enumeration of rows."""
    rows = list(itertools.permutations(range(1, 5)))
    found = []
    for four in itertools.product(rows, repeat=4):
        if any(len({row[c] for row in four}) < 4 for c in range(4)):
            continue
        grid = sum(four, ())
        if all(len({grid[c] for c in unit}) == 4 for unit in units(4)):
            found.append(grid)
    return found


GRIDS = np.array(every_grid(), np.int8)


def brute_force_count(puzzle: np.ndarray) -> int:
    """Return the number of solutions of a 4x4 grid, by comparison with all complete grids."""
    return int(((puzzle == GRIDS) | (puzzle == 0)).all(axis=1).sum())


def valid(tokens: np.ndarray, size: int) -> bool:
    return all(sorted(tokens[unit]) == list(range(2, size + 2)) for unit in units(size))


def test_there_are_288_grids():
    assert len(GRIDS) == 288


@given(st.integers(0, 287), st.integers(0, 2**16 - 1))
def test_counts_solutions_like_brute_force(number, kept):
    mask = np.array([kept >> c & 1 for c in range(16)], bool)
    puzzle = np.where(mask, GRIDS[number], 0)
    wanted = brute_force_count(puzzle)
    assert count_solutions(puzzle, limit=1000) == wanted
    assert count_solutions(puzzle.reshape(4, 4)) == min(wanted, 2)
    task, tokens = Sudoku(4), (puzzle + 1).astype(np.uint8)
    if wanted == 1:
        np.testing.assert_array_equal(task.solve(tokens), GRIDS[number] + 1)
    else:
        with pytest.raises(ValueError, match="has several solutions"):
            task.solve(tokens)


@given(st.lists(st.integers(0, 4), min_size=16, max_size=16))
def test_counts_solutions_of_any_cells_like_brute_force(cells):
    assert count_solutions(cells, limit=300) == brute_force_count(np.array(cells))


def test_counts_the_solutions_of_the_empty_grid():
    assert count_solutions(np.zeros(16, int), limit=1000) == 288
    assert count_solutions(np.zeros((9, 9), int), limit=50) == 50


def test_solves_the_textbook_puzzle():
    task = Sudoku(9)
    puzzle = task.parse(EXAMPLE)
    assert task.format(task.solve(puzzle)) == SOLVED
    assert task.rate(puzzle) == 0
    assert count_solutions(task.grid(puzzle)) == 1


def test_a_hard_puzzle_needs_guesses():
    # Platinum Blonde, which was published as one of the hardest puzzles.
    task = Sudoku(9)
    hard = task.parse(
        ".......12........3..23..4....18....5.6..7.8.......9.....85.....9...4.5..47...6..."
    )
    assert is_solved(task, hard, task.solve(hard))
    assert task.rate(hard) > 5
    assert task.rate(task.parse(EXAMPLE)) < task.rate(hard)


@given(sizes, words)
def test_generated_puzzles_are_unique_minimal_and_solved(size, key):
    task = Sudoku(size)
    puzzle = task.generate(key)
    grid = task.grid(puzzle.inputs)
    assert count_solutions(grid) == 1
    np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)
    assert valid(puzzle.labels, size)
    assert is_solved(task, puzzle.inputs, puzzle.labels)
    assert puzzle.rating == task.rate(puzzle.inputs)
    for cell in np.flatnonzero(grid):
        fewer = grid.copy()
        fewer[cell] = 0
        assert count_solutions(fewer) == 2
    again = task.generate(key)
    assert again.inputs.tobytes() == puzzle.inputs.tobytes()


@given(words, st.integers(5, 12))
def test_clues_are_a_lower_bound(key, clues):
    task = Sudoku(4)
    puzzle = task.generate(key, clues=clues)
    assert (puzzle.inputs > BLANK).sum() >= clues
    assert count_solutions(task.grid(puzzle.inputs)) == 1


def test_trials_make_puzzles_harder():
    task = Sudoku(9)
    plain = [task.generate(key).rating for key in range(12)]
    climbed = [task.generate(key, trials=8) for key in range(12)]
    assert all(c.rating >= p for c, p in zip(climbed, plain, strict=True))
    assert sum(c.rating for c in climbed) > sum(plain)
    for puzzle in climbed:
        assert puzzle.rating == task.rate(puzzle.inputs)
        np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)


def test_different_keys_make_different_puzzles():
    for size in (4, 6, 9):
        made = {Sudoku(size).generate(key).inputs.tobytes() for key in range(30)}
        assert len(made) >= 29


@given(sizes, words, words)
def test_a_symmetry_maps_puzzle_and_solution_together(size, key, turn):
    task = Sudoku(size)
    puzzle, symmetry = task.generate(key), task.symmetry(turn)
    inputs, labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
    np.testing.assert_array_equal(task.solve(inputs), labels)
    assert sorted(symmetry.positions) == list(range(size * size))
    assert sorted(symmetry.tokens) == list(range(size + 2))
    assert symmetry.tokens[:2].tolist() == [0, 1]
    undone = symmetry.inverse()
    np.testing.assert_array_equal(undone.apply(inputs), puzzle.inputs)
    np.testing.assert_array_equal(symmetry.apply(undone.apply(puzzle.labels)), puzzle.labels)
    assert task.canonical(inputs, labels) == task.canonical(puzzle.inputs, puzzle.labels)
    assert task.digest(inputs, labels) == task.digest(puzzle.inputs, puzzle.labels)


def test_symmetries_reach_transposition_and_every_band():
    task = Sudoku(9)
    turns = [task.symmetry(key) for key in range(400)]
    grids = np.array([t.positions.reshape(9, 9) for t in turns])
    flipped = grids[:, 0, 1] // 9 != grids[:, 0, 0] // 9
    assert 0.35 < flipped.mean() < 0.65
    assert len(set(grids[:, 0, 0].tolist())) == 81
    assert len({t.tokens[2] for t in turns}) == 9
    # If boxes are not square, a row stays a row.
    small = np.array([Sudoku(6).symmetry(key).positions for key in range(50)]).reshape(50, 6, 6)
    assert (small // 6 == small[:, :, :1] // 6).all()


def slow_canonical(inputs: np.ndarray, labels: np.ndarray) -> bytes:
    """Return the least of all symmetric copies: 128 permutations of cells, 24 relabellings."""
    cells = np.arange(16).reshape(4, 4)
    lines = [
        [2 * band + row for band in bands for row in (rows if band == 0 else others)]
        for bands in ([0, 1], [1, 0])
        for rows in ([0, 1], [1, 0])
        for others in ([0, 1], [1, 0])
    ]
    places = [
        turned[np.ix_(rows, columns)].ravel()
        for turned in (cells, cells.T)
        for rows in lines
        for columns in lines
    ]
    forms = []
    for names in itertools.permutations(range(1, 5)):
        relabel = np.array([0, 1, *(name + 1 for name in names)], np.uint8)
        for place in places:
            forms.append(relabel[labels[place]].tobytes() + relabel[inputs[place]].tobytes())
    return min(forms)


def test_two_puzzles_share_the_canonical_form_exactly_if_they_are_symmetric():
    task = Sudoku(4)
    puzzles = [task.generate(key, clues=4 + key % 3) for key in range(40)]
    quick = [task.canonical(p.inputs, p.labels) for p in puzzles]
    slow = [slow_canonical(p.inputs, p.labels) for p in puzzles]
    pairs = list(itertools.combinations(range(len(puzzles)), 2))
    assert [quick[a] == quick[b] for a, b in pairs] == [slow[a] == slow[b] for a, b in pairs]
    assert len(set(quick)) < len(puzzles)  # some of the puzzles are symmetric
    # Up to symmetry there are two complete 4x4 grids.
    full = {task.canonical(row, row) for row in (GRIDS + 1).astype(np.uint8)}
    assert len(full) == 2


@given(sizes, st.lists(words, min_size=1, max_size=8))
def test_torch_draws_the_same_symmetries(size, turns):
    task = Sudoku(size)
    positions, tokens = task.symmetries(torch.tensor([signed(turn) for turn in turns]))
    assert positions.dtype == torch.int64
    assert tokens.dtype == torch.uint8
    for row, turn in enumerate(turns):
        symmetry = task.symmetry(turn)
        np.testing.assert_array_equal(positions[row].numpy(), symmetry.positions)
        np.testing.assert_array_equal(tokens[row].numpy(), symmetry.tokens)


@given(words, st.integers(0, 80), st.integers(0, 255))
def test_accepts_only_the_solution(key, cell, token):
    task = Sudoku(9)
    puzzle = task.generate(key % 5)
    answer = puzzle.labels.copy()
    answer[cell] = token
    assert is_solved(task, puzzle.inputs, answer) is bool(token == puzzle.labels[cell])


def test_an_answer_must_keep_the_givens():
    task = Sudoku(9)
    assert not is_solved(task, task.generate(1).inputs, task.generate(2).labels)
    assert is_solved(task, np.full(81, BLANK, np.uint8), task.generate(2).labels)


def test_conflicts():
    task = Sudoku(4)
    marked = task.conflicts(task.parse("11.. ...1 .... 2...".replace(" ", "")))
    assert np.flatnonzero(marked).tolist() == [0, 1]
    assert not task.conflicts(task.generate(0).labels).any()


@given(st.sampled_from(sorted(BOXES)), st.data())
def test_text_round_trip(size, data):
    task = Sudoku(size)
    draw = np.random.default_rng(data.draw(words))
    tokens = draw.integers(1, size + 2, size * size).astype(np.uint8)
    text = task.format(tokens)
    np.testing.assert_array_equal(task.parse(text), tokens)
    lines = "\n".join(text[i : i + size] for i in range(0, len(text), size))
    np.testing.assert_array_equal(task.parse(lines.lower().replace(".", "0")), tokens)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1234", "expected 16 cells for sudoku-4x4, got 4 in '1234'"),
        ("", "expected 16 cells for sudoku-4x4, got 0"),
        ("1" * 17, "expected 16 cells for sudoku-4x4, got 17"),
        ("12z4" + "." * 12, "cell 3: 'Z' is not a cell of sudoku-4x4; expected 1-4"),
        ("1235" + "." * 12, "cell 4: '5' is not a cell"),
    ],
)
def test_bad_text_is_named(text, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        Sudoku(4).parse(text)


def test_unsolvable_puzzles_are_named():
    task = Sudoku(4)
    with pytest.raises(ValueError, match=r"^the sudoku 11\.{14} has no solution$"):
        task.solve(task.parse("11" + "." * 14))
    with pytest.raises(ValueError, match=r"^the sudoku \.{16} has several solutions"):
        task.make(task.parse("." * 16))


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (np.zeros(10, int), "grid: expected 4/6/8/9/10/12/16/25 rows, got 10 cells"),
        (np.full(16, 5), r"grid: expected digits 0\.\.4, got 5\.\.5"),
        (np.full(16, -1), "grid: expected digits"),
        (np.full(16, 256), "grid: expected digits"),
        ([300] * 16, "grid: expected digits"),
        (np.full(16, 0.5), "grid: expected integers"),
        ([], "grid: expected"),
    ],
)
def test_bad_grids_are_named(grid, words):
    with pytest.raises(ValueError, match=f"^{words}"):
        search_grid(grid)


@pytest.mark.parametrize("size", [5, 0, "9", 9.0, [9], None])
def test_bad_sizes_are_named(size):
    with pytest.raises(ValueError, match=r"^size: expected one of"):
        Sudoku(size)


def test_tokens_are_checked():
    task = get_task("sudoku-4x4")
    for wrong in ([1] * 15, [0] * 16, [6] * 16):
        with pytest.raises(ValueError, match=r"^puzzle: "):
            task.validate(wrong)
    assert task.validate([1] * 16).dtype == np.uint8


def test_larger_boards():
    for size in (8, 10):
        task = Sudoku(size)
        puzzle = task.generate(0, clues=size * size * 2 // 3)
        assert valid(puzzle.labels, size)
        np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)


def test_hard_puzzles_are_set_aside():
    task = Sudoku(9)
    puzzles = [task.generate(key) for key in range(20)] + task.walk(1, 300, 10, 4)
    splits = [task.split_of(p) for p in puzzles]
    # The rating of the canonical form decides, so that all symmetric copies are in one split.
    assert {"ood", "train"} <= set(splits)
    for number, (split, puzzle) in enumerate(zip(splits, puzzles, strict=True)):
        turn = task.symmetry(number)
        inputs, labels = turn.apply(puzzle.inputs), turn.apply(puzzle.labels)
        assert task.split_of(Puzzle(inputs, labels, task.rate(inputs))) == split


def test_a_walk_finds_hard_puzzles_with_the_same_solution():
    task = Sudoku(9)
    puzzles = task.walk(1, trials=300, floor=8, count=4)
    assert 1 < len(puzzles) <= 4
    for puzzle in puzzles:
        assert puzzle.rating == task.rate(puzzle.inputs) >= 8
        np.testing.assert_array_equal(puzzle.labels, puzzles[0].labels)
        np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)
    again = task.walk(1, trials=300, floor=8, count=4)
    assert [p.inputs.tobytes() for p in again] == [p.inputs.tobytes() for p in puzzles]


WITHOUT_OPTION = """
import json, types
import numba.core.registry as registry
known, registry.cpu_target = registry.cpu_target, types.SimpleNamespace(options=object)
from hrm_gym.puzzles.sudoku import search as sudoku_search
registry.cpu_target = known
from hrm_gym.puzzles.sudoku import Sudoku, search_grid

task = Sudoku(4)
found = [search_grid(task.grid(task.parse(text)), 5) for text in %r]
print(json.dumps([sudoku_search.UNCOUNTED, [[n, g, s.tolist()] for n, g, s in found]]))
"""


@pytest.mark.slow
def test_a_numba_without_the_private_option_solves_the_same(tmp_path):
    texts = ["1" + "." * 15, "12" + "." * 14, "." * 16, "11" + "." * 14]
    # The kernels are compiled from the start into a separate cache, which takes a while.
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_OPTION % texts],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert sudoku_search.UNCOUNTED == {"_nrt": False}
    task = Sudoku(4)
    found = [search_grid(task.grid(task.parse(text)), 5) for text in texts]
    assert json.loads(done.stdout) == [{}, [[n, g, s.tolist()] for n, g, s in found]]
