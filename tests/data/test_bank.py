"""Tests that the bundled bank is complete, has disjoint splits and can be rebuilt exactly."""

from __future__ import annotations

import json
import shutil
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from hrm_gym.data import bank, load_puzzles
from hrm_gym.puzzles import SPLITS, Puzzle, get_task
from hrm_gym.puzzles.maze import WALL, Maze
from hrm_gym.puzzles.sudoku import count_solutions
from hrm_gym.scripts import build_bank

MANIFEST = json.loads((bank.FOLDER / "manifest.json").read_text())
TASKS = list(MANIFEST["files"])
every = pytest.mark.parametrize("task_id", TASKS)


def read(task_id):
    task = get_task(task_id)
    return task, *bank.read(task_id, task.blank)


@every
def test_the_manifest_contains_the_number_of_puzzles(task_id):
    _, inputs, labels, ratings, splits, digests = read(task_id)
    counts = {name: int((splits == number).sum()) for number, name in enumerate(SPLITS)}
    assert counts == MANIFEST["files"][task_id]["puzzles"]
    assert sum(counts.values()) == len(inputs) == len(labels) == len(ratings) == len(digests)
    assert all(counts.values())
    extra = build_bank.HARD.get(task_id, 0) + build_bank.FAMILY.get(task_id, ("", 0))[1]
    assert len(inputs) == build_bank.RECIPES[task_id][0] + extra


def test_the_manifest_names_every_file():
    assert {path.stem for path in bank.FOLDER.glob("*.npz")} == set(TASKS)
    assert set(build_bank.RECIPES) == set(TASKS)
    size = sum(path.stat().st_size for path in bank.FOLDER.iterdir())
    assert size < 4e6


@every
def test_no_puzzle_is_in_two_splits(task_id):
    # All digests differ, so that the bank contains no puzzle twice, not even a symmetric copy.
    _, _, _, _, splits, digests = read(task_id)
    assert len(np.unique(digests)) == len(digests)
    # The digest decides the split of puzzles that are not out of distribution.
    share = digests % np.uint64(100)
    wanted = np.select([share < 80, share < 85], [0, 1], 2)
    inside = splits != SPLITS.index("ood")
    np.testing.assert_array_equal(splits[inside], wanted[inside])


@every
def test_labels_ratings_digests_and_splits_of_a_sample_are_right(task_id):
    task, inputs, labels, ratings, splits, digests = read(task_id)
    random = np.random.default_rng(0)
    sample = random.choice(len(inputs), 120 if task.size < 30 else 25, replace=False)
    ood = np.flatnonzero(splits == SPLITS.index("ood"))
    for row in [*sample, *ood[:10]]:
        question, answer = inputs[row], labels[row]
        puzzle = task.make(question)
        np.testing.assert_array_equal(puzzle.labels, answer)
        assert puzzle.rating == ratings[row]
        assert task.is_solved(Puzzle(question, question), answer)
        assert int(task.digest(question, answer), 16) == digests[row]
        assert SPLITS[splits[row]] == task.split_of(puzzle)
        # A symmetric copy has the same digest.
        turn = task.symmetry(int(row))
        turned = turn.apply(question), turn.apply(answer)
        assert int(task.digest(*turned), 16) == digests[row]


@pytest.mark.parametrize("task_id", [name for name in TASKS if name.startswith("sudoku")])
def test_every_sampled_sudoku_has_one_solution(task_id):
    task, inputs, labels, *_ = read(task_id)
    for row in range(0, len(inputs), 40):
        assert count_solutions(task.grid(inputs[row])) == 1
    given = inputs > 1
    assert (inputs[given] == labels[given]).all()
    assert labels.min() >= 2


@pytest.mark.parametrize("task_id", [name for name in TASKS if name.startswith("maze")])
def test_mazes_have_long_paths_and_are_of_the_right_kind(task_id):
    task, inputs, labels, ratings, *_ = read(task_id)
    assert ratings.min() >= task.minimum
    assert ((inputs == 3).sum(axis=1) == 1).all()
    assert ((inputs == 4).sum(axis=1) == 1).all()
    assert ((labels == 5).sum(axis=1) + 1 == ratings).all()
    assert ((inputs == labels) | ((inputs == 2) & (labels == 5))).all()
    if task.kind == "perfect":
        grids = inputs.reshape(-1, task.size, task.size)
        assert (grids[:, ::2, ::2] != WALL).all()
        assert (grids[:, 1::2, 1::2] == WALL).all()


def test_loaded_splits_are_disjoint():
    task = get_task("sudoku-4x4")
    forms = {}
    for split in SPLITS:
        puzzles = load_puzzles(task, split=split)
        assert len(puzzles) == MANIFEST["files"]["sudoku-4x4"]["puzzles"][split]
        assert puzzles.origin == "bank"
        forms[split] = {task.digest(p.inputs, p.labels) for p in map(puzzles.__getitem__, range(9))}
    for one in SPLITS:
        for two in SPLITS:
            assert one == two or not forms[one] & forms[two]


def test_puzzles_are_read_only():
    puzzles = load_puzzles(get_task("maze-7x7"))
    for array in (puzzles.inputs, puzzles.labels, puzzles.ratings, puzzles.puzzle_ids):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize("task_id", ["sudoku-4x4", "sudoku-6x6", "sudoku-9x9", "maze-7x7"])
def test_the_recipe_reproduces_the_bank(task_id, monkeypatch):
    # The first puzzles of the recipe equal those of the bundled file bit for bit.
    task, inputs, labels, ratings, splits, digests = read(task_id)
    _, arguments = build_bank.RECIPES[task_id]
    for name, value in (("RECIPES", {task_id: (60, arguments)}), ("FAMILY", {}), ("HARD", {})):
        monkeypatch.setattr(build_bank, name, value)
    puzzles, made_splits = build_bank.draw(task, MANIFEST["seed"])
    made = bank.pack(task, puzzles, made_splits)
    assert made_splits == [task.split_of(p) for p in puzzles]
    np.testing.assert_array_equal(np.stack([p.inputs for p in puzzles]), inputs[:60])
    for name, array in (
        ("labels", labels), ("ratings", ratings), ("splits", splits), ("digests", digests)
    ):  # fmt: skip
        np.testing.assert_array_equal(made[name], array[:60])


def test_building_twice_writes_the_same_files(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(build_bank, "RECIPES", {"maze-7x7": (30, [{}])})
    monkeypatch.setattr(build_bank, "FAMILY", {"maze-7x7": ("braided", 5)})
    files = []
    for name in ("one", "two"):
        build_bank.main(build_bank.Args(out=tmp_path / name, seed=3, processes=1))
        files.append({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()})
        # Progress bars are only shown in terminals.
        printed = capsys.readouterr()
        assert printed.out.startswith("maze-7x7: {")
        assert printed.out.count("\n") == 1
        assert printed.err == ""
    assert files[0] == files[1]
    assert set(files[0]) == {"manifest.json", "maze-7x7.npz"}


def test_one_bank_has_one_seed(tmp_path, monkeypatch):
    monkeypatch.setattr(build_bank, "RECIPES", {"maze-7x7": (10, [{}])})
    monkeypatch.setattr(build_bank, "FAMILY", {})
    args = build_bank.Args(out=tmp_path, seed=3, only="maze-7x7", processes=1)
    build_bank.main(args)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(ValueError, match=r"^seed: the bank of .* is of seed 3"):
        build_bank.main(build_bank.Args(out=tmp_path, seed=4, only="maze-7x7", processes=1))
    build_bank.main(args)

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(build_bank, "draw", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build_bank.main(build_bank.Args(out=tmp_path, seed=4, processes=1))
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match=r"^out: .*manifest\.json is damaged"):
        build_bank.main(args)


@pytest.fixture
def copy_of_bank(tmp_path, monkeypatch):
    for name in ("manifest.json", "maze-7x7.npz"):
        shutil.copy(bank.FOLDER / name, tmp_path)
    monkeypatch.setattr(bank, "FOLDER", tmp_path)
    bank.read.cache_clear()
    yield tmp_path
    bank.read.cache_clear()


def test_a_copy_of_the_bank_is_read(copy_of_bank):
    assert len(load_puzzles(Maze(7))) == MANIFEST["files"]["maze-7x7"]["puzzles"]["train"]


def test_the_error_names_a_damaged_file(copy_of_bank):
    path = copy_of_bank / "maze-7x7.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="this bank file is damaged") as caught:
        load_puzzles(Maze(7))
    assert str(caught.value).startswith(str(path))


def test_the_error_names_a_missing_file(copy_of_bank):
    path = copy_of_bank / "maze-7x7.npz"
    path.unlink()
    with pytest.raises(ValueError, match="this bank file is missing") as caught:
        load_puzzles(Maze(7))
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"files": {"maze-7x7": 1}}'])
def test_the_error_names_a_missing_or_damaged_manifest(copy_of_bank, content):
    path = copy_of_bank / "manifest.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    state = "missing" if content is None else "damaged"
    with pytest.raises(ValueError, match=f"the bank's list is {state}; reinstall") as caught:
        load_puzzles(Maze(7))
    assert str(caught.value).startswith(str(path))


def test_the_number_of_processes_does_not_matter(monkeypatch):
    monkeypatch.setattr(build_bank, "RECIPES", {"maze-7x7": (30, [{}])})
    monkeypatch.setattr(build_bank, "FAMILY", {"maze-7x7": ("braided", 5)})
    task = get_task("maze-7x7")
    alone, splits = build_bank.draw(task, 3)
    with ThreadPool(3) as pool:
        together, same = build_bank.draw(task, 3, pool)
    assert splits == same
    assert [p.inputs.tobytes() for p in alone] == [p.inputs.tobytes() for p in together]


def test_hard_sudokus_span_the_range():
    *_, ratings, splits, _ = read("sudoku-9x9")
    assert len(ratings) >= 20_000
    assert (ratings >= 10).sum() >= 2_000
    # The bank contains enough puzzles of every rating below 20, also beyond 10.
    assert (np.bincount(ratings)[:20] >= 20).all()
    np.testing.assert_array_equal(splits == SPLITS.index("ood"), ratings >= 10)


@pytest.mark.parametrize("task_id", ["maze-7x7", "maze-9x9", "maze-15x15"])
def test_another_kind_of_maze_is_out_of_distribution(task_id):
    task, inputs, _, ratings, splits, _ = read(task_id)
    ood = splits == SPLITS.index("ood")
    loops = np.array([task.has_loop(row) for row in inputs])
    assert loops.sum() == build_bank.FAMILY[task_id][1]
    assert ood[loops].all()
    assert not loops[~ood].any()
    # These mazes are not training puzzles of braided mazes either.
    other = Maze(task.size, "braided")
    for row in np.flatnonzero(loops)[:50]:
        puzzle = Puzzle(inputs[row], inputs[row], float(ratings[row]))
        assert other.split_of(puzzle) in ("test", "ood")


def test_at_30x30_perfect_mazes_are_out_of_distribution():
    task, inputs, _, ratings, splits, _ = read("maze-30x30")
    ood = splits == SPLITS.index("ood")
    perfect = np.array([task.has_rooms(row) for row in inputs])
    assert perfect.sum() == build_bank.FAMILY["maze-30x30"][1]
    assert ood[perfect].all()
    assert not any(task.has_loop(row) for row in inputs[perfect])
    # The other mazes out of distribution are hard mazes with the longest paths.
    own = ood & ~perfect
    assert own.any()
    assert ratings[own].min() > ratings[~ood].max()
    assert all(task.has_loop(row) for row in inputs[own])
    other = Maze(30, "perfect")
    for row in np.flatnonzero(perfect):
        puzzle = Puzzle(inputs[row], inputs[row], float(ratings[row]))
        assert other.split_of(puzzle) in ("test", "ood")


def test_the_recipe_reproduces_the_perfect_mazes_of_30x30():
    _, inputs, labels, ratings, *_ = read("maze-30x30")
    first = build_bank.RECIPES["maze-30x30"][0]
    rows = (build_bank.of_family("maze-30x30", MANIFEST["seed"], k) for k in range(40))
    puzzles = [puzzle for found in rows for puzzle, _, _ in found]
    assert len(puzzles) > 5
    for row, puzzle in enumerate(puzzles, first):
        np.testing.assert_array_equal(inputs[row], puzzle.inputs)
        np.testing.assert_array_equal(labels[row], puzzle.labels)
        assert ratings[row] == puzzle.rating
