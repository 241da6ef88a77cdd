"""Tests of ARC: canvases, grids, symmetries, the public sets and custom files."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hrm_gym.puzzles import Puzzle
from hrm_gym.puzzles.arc import (
    MARKER,
    OOD_CELLS,
    SIDE,
    TWINS,
    VERSIONS,
    Arc,
    read_agi,
    read_file,
    read_folder,
    read_grid,
    read_version,
    to_canvas,
    to_grid,
)
from hrm_gym.puzzles.keys import signed

words = st.integers(0, 2**64 - 1)
SPLIT_NAMES = ("train", "val", "test", "ood")


@st.composite
def grids(draw):
    rows, columns = draw(st.integers(1, SIDE)), draw(st.integers(1, SIDE))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    return random.integers(0, 10, (rows, columns)).astype(np.uint8)


@given(grids())
def test_canvas_round_trip(grid):
    rows, columns = grid.shape
    canvas = to_canvas(grid)
    assert canvas.shape == (900,)
    np.testing.assert_array_equal(to_grid(canvas), grid)
    square = canvas.reshape(SIDE, SIDE)
    assert (square == MARKER).sum() == columns * (rows < SIDE) + rows * (columns < SIDE)
    assert (square >= 2).sum() == grid.size
    if rows < SIDE:
        assert (square[rows, :columns] == MARKER).all()
    if columns < SIDE:
        assert (square[:rows, columns] == MARKER).all()


@given(grids())
def test_text_round_trip(grid):
    task = Arc()
    text = task.format(to_canvas(grid))
    assert json.loads(text) == grid.tolist()
    np.testing.assert_array_equal(task.parse(text), to_canvas(grid))
    assert task.rate(to_canvas(grid)) == grid.size


def brute_force_cells(canvas: np.ndarray) -> int:
    """Return the number of cells of the largest grid, by trying all sizes."""
    square = canvas.reshape(SIDE, SIDE) >= 2
    return max(
        (r * c for r in range(1, 31) for c in range(1, 31) if square[:r, :c].all()), default=0
    )


@given(st.integers(0, 2**32))
def test_the_largest_rectangle_of_any_canvas(seed):
    random = np.random.default_rng(seed)
    canvas = random.integers(0, 12, 900).astype(np.uint8)
    canvas.reshape(SIDE, SIDE)[: random.integers(0, 8), : random.integers(0, 8)] = 5
    assert to_grid(canvas).size == brute_force_cells(canvas)


def turned_grid(symmetry, grid: np.ndarray) -> np.ndarray:
    """Return a grid under a symmetry, computed independently of the package."""
    grid = grid.T if symmetry.positions[1] == SIDE else grid
    grid = grid[::-1] if symmetry.flip_rows else grid
    grid = grid[:, ::-1] if symmetry.flip_columns else grid
    return (symmetry.tokens[2:] - 2)[grid]


@given(grids(), words)
def test_a_symmetry_turns_grids_within_their_own_size(grid, turn):
    symmetry = Arc().symmetry(turn)
    assert symmetry.tokens[:3].tolist() == [0, 1, 2]  # padding, marker and black stay
    assert sorted(symmetry.tokens) == list(range(12))
    turned = symmetry.apply(to_canvas(grid))
    # If the canvas were flipped instead, the grid would leave its corner and its markers.
    np.testing.assert_array_equal(turned, to_canvas(turned_grid(symmetry, grid)))
    np.testing.assert_array_equal(symmetry.inverse().apply(turned), to_canvas(grid))


@given(grids(), grids(), words)
def test_grids_of_several_sizes_turn_alike(one, two, turn):
    symmetry = Arc().symmetry(turn)
    stack = np.stack([[to_canvas(one), to_canvas(two)], [to_canvas(two), np.zeros(900, np.uint8)]])
    before = stack.copy()
    turned = symmetry.apply(stack)
    np.testing.assert_array_equal(stack, before)
    assert turned.shape == stack.shape
    np.testing.assert_array_equal(to_grid(turned[0, 1]), turned_grid(symmetry, two))
    np.testing.assert_array_equal(turned[0, 1], turned[1, 0])
    assert not turned[1, 1].any()


@st.composite
def canvases(draw):
    """Draw a canvas that a model may answer: a grid, perhaps with holes or noise, or no grid."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    canvas = to_canvas(draw(grids()))
    noise = random.integers(0, 12, 900).astype(np.uint8)
    return np.where(random.random(900) < draw(st.sampled_from([0, 0.002, 0.1, 1])), noise, canvas)


@given(canvases(), words)
def test_the_inverse_undoes_a_symmetry_of_any_canvas(canvas, turn):
    symmetry = Arc().symmetry(turn)
    undone = symmetry.inverse()
    np.testing.assert_array_equal(undone.apply(symmetry.apply(canvas)), canvas)
    np.testing.assert_array_equal(symmetry.apply(undone.apply(canvas)), canvas)
    again = undone.inverse()
    np.testing.assert_array_equal(again.apply(canvas), symmetry.apply(canvas))


def test_all_eight_symmetries_and_many_colours_are_drawn():
    drawn = [Arc().symmetry(key) for key in range(400)]
    grid = np.arange(6, dtype=np.uint8).reshape(2, 3)
    kinds = [(s.positions[1] == SIDE, s.flip_rows, s.flip_columns) for s in drawn]
    counts = [kinds.count(kind) for kind in set(kinds)]
    assert len(counts) == 8
    assert min(counts) > 25
    plain = [replace(s, tokens=np.arange(12, dtype=np.uint8)) for s in drawn]
    assert len({s.apply(to_canvas(grid)).tobytes() for s in plain}) == 8
    assert len({s.tokens.tobytes() for s in drawn}) > 390


@given(st.lists(st.tuples(words, canvases()), min_size=1, max_size=6))
def test_torch_draws_the_same_symmetries(rows):
    turns = torch.tensor([signed(turn) for turn, _ in rows])
    stack = np.stack([canvas for _, canvas in rows])
    other = np.stack([to_canvas(np.full((2, 5), 3, np.uint8))] * len(rows))
    got = Arc().turn(turns, torch.tensor(stack), torch.tensor(other))
    for values, turned in zip((stack, other), got, strict=True):
        assert turned.dtype == torch.uint8
        for row, (turn, _) in enumerate(rows):
            wanted = Arc().symmetry(turn).apply(values[row])
            np.testing.assert_array_equal(turned[row].numpy(), wanted)


@given(grids(), grids())
def test_accepts_only_the_same_grid(one, two):
    task = Arc()
    junk = to_canvas(one).copy()
    if max(one.shape) < SIDE - 1:
        junk[-1] = 7  # beyond the markers
    assert task.is_solved(Puzzle(to_canvas(one), to_canvas(one)), junk)
    assert task.is_solved(Puzzle(to_canvas(one), to_canvas(one)), to_canvas(two)) is np.array_equal(
        one, two
    )


def test_no_answer_solves_a_puzzle_whose_label_is_not_in_the_corner():
    label = to_canvas(np.array([[3, 4]], np.uint8), SIDE, 2, 5)
    for answer in (np.zeros_like(label), np.ones_like(label), to_canvas(np.ones((2, 2), np.uint8))):
        assert not Arc().is_solved(Puzzle(label, label), answer)


def test_the_public_sets_have_their_size():
    tasks = {
        (version, split): {p.task_id for p in read_agi(version, split)}
        for version in VERSIONS
        for split in SPLIT_NAMES
    }
    assert len(tasks["arc-agi-2", "test"]) == 120
    assert len(tasks["arc-agi-1", "test"]) == 400
    assert len(read_agi("arc-agi-1", "test")) == 419
    assert len(read_agi("arc-agi-2", "test")) == 167
    for version in VERSIONS:
        own = {split: tasks[version, split] for split in SPLIT_NAMES}
        assert 0.04 < len(own["val"]) / len(own["train"] | own["val"]) < 0.2
        assert 0.04 < len(own["ood"]) / len(own["train"] | own["val"] | own["ood"]) < 0.2


def test_no_task_is_in_two_splits_of_both_versions():
    seen = {}
    for version in VERSIONS:
        for split in SPLIT_NAMES:
            for puzzle in read_agi(version, split):
                assert seen.setdefault(puzzle.task_id, split) == split
    assert {split: list(seen.values()).count(split) for split in SPLIT_NAMES}["test"] == 514
    # Every public task except the twins is in a split, and no version trains on a task that one
    # of them evaluates on.
    public = {p.task_id: p for v in VERSIONS for part in read_version(v) for p in part}
    assert public.keys() - TWINS == seen.keys()
    assert public.keys() >= TWINS
    for version in VERSIONS:
        assert {seen[puzzle.task_id] for puzzle in read_version(version)[1]} == {"test"}
    for split, large in (("ood", True), ("train", False), ("val", False)):
        sizes = {}
        for version in VERSIONS:
            for puzzle in read_agi(version, split):
                cells = to_grid(puzzle.labels).size
                sizes[puzzle.task_id] = max(sizes.get(puzzle.task_id, 0), cells)
        assert {size >= OOD_CELLS for size in sizes.values()} == {large}


def kind(pair):
    """Return a key of a pair that is the same under all symmetries of the square and colours."""
    counts = np.stack([np.bincount(grid.ravel(), minlength=10) for grid in pair], axis=1)
    return *(tuple(sorted(grid.shape)) for grid in pair), *sorted(map(tuple, counts.tolist()))


def canonical(pair):
    """Return the least turned or mirrored copy of a pair, with colours numbered as they appear."""
    copies = []
    for turns in range(8):
        one, two = (np.rot90(grid.T if turns & 4 else grid, turns) for grid in pair)
        cells = np.concatenate([one.ravel(), two.ravel()])
        colours, first = np.unique(cells, return_index=True)
        names = np.empty(10, np.uint8)
        names[colours[np.argsort(first)]] = np.arange(colours.size)
        copies.append((one.shape, two.shape, names[cells].tobytes()))
    return min(copies)


def test_a_pair_is_recognised_however_it_is_turned_and_coloured():
    random = np.random.default_rng(0)
    pair = [random.integers(0, 10, shape, np.uint8) for shape in ((3, 5), (4, 4))]
    for turns in range(8):
        order = random.permutation(10).astype(np.uint8)
        copy = [order[np.rot90(grid.T if turns & 4 else grid, turns)] for grid in pair]
        assert (kind(copy), canonical(copy)) == (kind(pair), canonical(pair))
    other = [pair[0], pair[1].T]
    assert kind(other) == kind(pair)
    assert canonical(other) != canonical(pair)


def test_no_pair_is_in_two_splits_of_both_versions():
    split_of = {
        puzzle.task_id: split
        for version in VERSIONS
        for split in SPLIT_NAMES
        for puzzle in read_agi(version, split)
    }
    alike = defaultdict(lambda: defaultdict(list))
    for puzzle in (p for v in VERSIONS for part in read_version(v) for p in part):
        demos = puzzle.demos if puzzle.test_index == 0 else ()
        for pair in (*demos, (to_grid(puzzle.inputs), to_grid(puzzle.labels))):
            alike[kind(pair)][puzzle.task_id].append(pair)
    shared = defaultdict(set)
    for tasks in alike.values():
        if len(tasks) > 1:
            for name, pairs in tasks.items():
                for pair in pairs:
                    shared[canonical(pair)].add(name)
    several = [names for names in shared.values() if len(names) > 1]
    assert all(len({split_of[name] for name in names - TWINS}) == 1 for names in several)
    # Every twin shares a pair with a task that is evaluated.
    tested = [names for names in several if "test" in {split_of.get(name) for name in names}]
    assert set().union(*tested) >= TWINS


def test_public_puzzles_are_complete():
    for puzzle in read_agi("arc-agi-1", "train")[::40]:
        assert puzzle.inputs.shape == puzzle.labels.shape == (900,)
        assert puzzle.demos
        # The rating depends on the question only, since the size of the answer is asked for.
        assert puzzle.rating == to_grid(puzzle.inputs).size
        assert puzzle.origin == "arc-agi-1"
    several = [p for p in read_agi("arc-agi-1", "test") if p.test_index > 0]
    assert several
    # No task of either set has more demonstrations than fit into an observation.
    assert all(len(p.demos) <= 10 for v in VERSIONS for s in SPLIT_NAMES for p in read_agi(v, s))


GOOD = {
    "train": [{"input": [[1]], "output": [[2, 2]]}],
    "test": [{"input": [[3]], "output": [[4]]}, {"input": [[5, 5, 5]], "output": [[6], [7]]}],
}


def test_custom_files_and_folders(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "b.json").write_text(json.dumps(GOOD))
    (tmp_path / "a.json").write_text(json.dumps(GOOD))
    puzzles = read_folder(tmp_path)
    assert [(p.task_id, p.test_index) for p in puzzles] == [("a", 0), ("a", 1), ("b", 0), ("b", 1)]
    np.testing.assert_array_equal(to_grid(puzzles[1].labels), [[6], [7]])
    assert puzzles[0].demos[0][1].tolist() == [[2, 2]]
    assert [p.rating for p in read_file(tmp_path / "a.json")] == [1, 3]


def test_files_with_the_same_name_are_different_tasks(tmp_path):
    for name in ("a/x.json", "b/x.json", "y.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(GOOD))
    names = [p.task_id for p in read_folder(tmp_path) if p.test_index == 0]
    assert names == ["a/x", "b/x", "y"]


def with_input(grid) -> dict:
    return {**GOOD, "test": [{"input": grid, "output": [[1]]}]}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "expected ARC JSON, this is not JSON"),
        (b"\xff\xfe\x00", "expected a text file in UTF-8"),
        ([], "expected the JSON of an ARC task, with 'train' and 'test'"),
        ({"train": []}, "expected ARC JSON, an object with"),
        ({"train": [], "test": []}, "an ARC task needs a demonstration and a test input"),
        ({**GOOD, "test": [{"output": [[1]]}]}, "expected ARC JSON, an object with"),
        ({**GOOD, "train": ["x"]}, "expected ARC JSON, an object with"),
        (with_input([[1, 2], [3]]), "an ARC grid is a rectangle"),
        (with_input([]), "an ARC grid is a rectangle"),
        (with_input([[]]), "an ARC grid is a rectangle"),
        (with_input([[0] * 31]), "an ARC grid is a rectangle"),
        (with_input([[10]]), "an ARC grid contains whole numbers 0 to 9"),
        (with_input([[-1]]), "an ARC grid contains whole numbers 0 to 9"),
        (with_input([[1.5]]), "an ARC grid contains whole numbers 0 to 9"),
        (with_input([["1"]]), "an ARC grid contains whole numbers 0 to 9"),
        (with_input([[True]]), "an ARC grid contains whole numbers 0 to 9"),
        (with_input([[10**30]]), "an ARC grid contains whole numbers 0 to 9"),
    ],
)
def test_bad_files_are_named(tmp_path, content, sentence):
    path = tmp_path / "task.json"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(ValueError, match=sentence) as caught:
        read_file(path)
    assert str(caught.value).startswith(str(path))


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match="expected ARC JSON files, found none"):
        read_folder(tmp_path)


def test_arc_has_no_solver_and_no_generator():
    task = Arc()
    with pytest.raises(ValueError, match=r"^arc has no solver"):
        task.solve(to_canvas(read_grid([[1]])))
    with pytest.raises(ValueError, match=r"^arc has no generator"):
        task.generate(0)
    with pytest.raises(ValueError, match=r"^an ARC grid is written as JSON rows"):
        task.parse("1 2 3")
    with pytest.raises(ValueError, match=r"^puzzle: expected 900 tokens"):
        task.validate([12] * 900)
    assert task.validate([0] * 900).dtype == np.uint8
