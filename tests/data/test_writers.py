"""Tests that written dataset folders have the published format and can be read back."""

from __future__ import annotations

import json
import os
import sys
import types

import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.data.readers import files
from hrm_gym.data.writers import DatasetWriter, Entry, write_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.arc import Arc, to_grid
from hrm_gym.puzzles.arc.augment import ArcTask, Augmentation, augment, dihedral, parse_name
from hrm_gym.puzzles.arc.writer import read_tasks, smallest, without_tests, write_arc
from hrm_gym.scripts.build_dataset import Args
from hrm_gym.scripts.build_dataset import main as build
from hrm_gym.scripts.cli import run

SUDOKU = get_task("sudoku-4x4")
ARRAYS = {
    "inputs": np.uint8,
    "labels": np.uint8,
    "puzzle_identifiers": np.int32,
    "puzzle_indices": np.int32,
    "group_indices": np.int32,
}


def arrays(folder):
    return {name: np.load(folder / f"all__{name}.npy") for name in ARRAYS}


@pytest.mark.parametrize(("task_id", "copies"), [("sudoku-4x4", 5), ("maze-7x7", 7)])
def test_puzzles_and_their_copies(tmp_path, task_id, copies):
    task = get_task(task_id)
    splits = {split: load_puzzles(task, None, split, limit=20) for split in ("train", "test")}
    counts = write_puzzles(tmp_path / "d", task, splits, subsample_size=6, num_aug=copies, seed=1)
    train, test = arrays(tmp_path / "d" / "train"), arrays(tmp_path / "d" / "test")
    for name, dtype in ARRAYS.items():
        assert train[name].dtype == test[name].dtype == dtype
    assert counts == {"train": len(train["inputs"]), "test": 20}
    # A group is a puzzle with its copies, each of which is a puzzle of one example.
    bounds = train["group_indices"]
    assert len(bounds) == 7
    assert bounds[-1] == len(train["inputs"])
    assert np.diff(bounds).max() == copies + 1
    assert train["puzzle_indices"].tolist() == list(range(bounds[-1] + 1))
    assert not train["puzzle_identifiers"].any()
    known = {p.tobytes() for p in splits["train"].inputs}
    for group in range(6):
        rows = slice(*bounds[group : group + 2])
        inputs, labels = train["inputs"][rows], train["labels"][rows]
        assert inputs[0].tobytes() in known  # the first puzzle is not augmented
        assert len({row.tobytes() for row in inputs}) == len(inputs)
        digests = {task.digest(a, b) for a, b in zip(inputs, labels, strict=True)}
        assert len(digests) == 1
        assert all(task.is_solved(Puzzle(a, a), b) for a, b in zip(inputs, labels, strict=True))
    np.testing.assert_array_equal(test["inputs"], splits["test"].inputs)
    about = json.loads((tmp_path / "d" / "train" / "dataset.json").read_text())
    assert about == {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": task.vocab_size,
        "seq_len": task.seq_len,
        "num_puzzle_identifiers": 1,
        "total_groups": 6,
        "mean_puzzle_examples": 1.0,
        "total_puzzles": int(bounds[-1]),
        "sets": ["all"],
    }
    assert json.loads((tmp_path / "d" / "identifiers.json").read_text()) == ["<blank>"]
    np.testing.assert_array_equal(load_puzzles(task, str(tmp_path / "d")).inputs, train["inputs"])


def test_the_same_seed_writes_the_same_puzzles(tmp_path):
    puzzles = {split: load_puzzles(SUDOKU, None, split, limit=9) for split in ("train", "test")}
    made = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_puzzles(tmp_path / name, SUDOKU, puzzles, 4, 2, seed)
        made.append((tmp_path / name / "train" / "all__inputs.npy").read_bytes())
    assert made[0] == made[1] != made[2]


def test_an_error_leaves_no_files(tmp_path):
    def groups():
        yield [Entry(np.ones((1, 16), np.uint8), np.ones((1, 16), np.uint8))]
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk"), DatasetWriter(tmp_path / "d", SUDOKU) as writer:
        writer.split("train", groups())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="test: no puzzle is left"):
        write_puzzles(tmp_path / "d", SUDOKU, {"test": []})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "mine.txt").write_text("mine")
    with pytest.raises(ValueError, match="expected a new or an empty folder"):
        DatasetWriter(tmp_path / "d", SUDOKU)


def test_an_empty_folder_is_replaced_where_the_system_does_not(tmp_path, monkeypatch):
    rename = os.rename

    def windows(old, new):
        if os.path.isdir(new):
            raise PermissionError(13, "Access is denied", str(old))
        rename(old, new)

    monkeypatch.setattr(os, "rename", windows)
    monkeypatch.setattr(os, "replace", windows)
    task = get_task("sudoku-4x4")
    puzzles = [task.generate(key) for key in range(2)]
    (tmp_path / "d").mkdir()
    write_puzzles(tmp_path / "d", task, {"train": puzzles, "test": puzzles})
    assert len(load_puzzles(task, str(tmp_path / "d"), "test")) == 2


@pytest.mark.parametrize("which", range(8))
def test_augmentations_can_be_undone_and_named(which):
    random = np.random.default_rng(which)
    grid = random.integers(0, 10, (3, 5)).astype(np.uint8)
    turn = Augmentation(which, Augmentation.draw(random).colours)
    np.testing.assert_array_equal(turn.undo(turn.apply(grid)), grid)
    assert turn.apply(grid).shape == dihedral(grid, which).shape
    assert parse_name(turn.name("a_task|x")) == ("a_task|x", turn)
    # HRM's builder joins the parts of a name with underscores.
    colours = "".join(map(str, turn.colours))
    assert parse_name(f"0d3d703e_t{which}_{colours}") == ("0d3d703e", turn)
    for plain in ("0d3d703e", "x|||t9|||0123456789", "x|||t1|||0023456789"):
        assert parse_name(plain) == (plain, Augmentation())


def pair(*shape):
    grid = np.arange(np.prod(shape)).reshape(shape).astype(np.uint8) % 10
    return grid, grid.T.copy()


TASKS = [
    ArcTask("old", (pair(2, 3), pair(1, 2)), (pair(2, 2),)),
    ArcTask("new", (pair(3, 1), pair(2, 2), pair(1, 3)), (pair(1, 4), pair(2, 3)), True),
]


def test_arc_in_the_published_format(tmp_path):
    counts = write_arc(tmp_path / "d", TASKS, num_aug=4, side=6, seed=0)
    names = json.loads((tmp_path / "d" / "identifiers.json").read_text())
    assert len(names) == 11
    assert names[0] == "<blank>"
    assert [parse_name(name)[0] for name in names[1:]] == ["old"] * 5 + ["new"] * 5
    train, test = arrays(tmp_path / "d" / "train"), arrays(tmp_path / "d" / "test")
    # Training examples are the demonstrations of all tasks and the tests of training tasks.
    assert counts == {"train": 5 * 3 + 5 * 3, "test": 5 * 2}
    assert train["puzzle_identifiers"].tolist() == list(range(1, 11))
    assert train["group_indices"].tolist() == [0, 5, 10]
    assert train["puzzle_indices"].tolist() == list(range(0, 31, 3))
    assert test["puzzle_identifiers"].tolist() == list(range(6, 11))
    assert test["group_indices"].tolist() == [0, 5]
    about = json.loads((tmp_path / "d" / "test" / "dataset.json").read_text())
    assert (about["num_puzzle_identifiers"], about["total_groups"]) == (11, 1)
    assert (about["mean_puzzle_examples"], about["total_puzzles"]) == (2.0, 5)
    # Test examples are in the corner, and undoing their augmentation gives the original pairs.
    for row in range(10):
        _, turn = parse_name(names[test["puzzle_identifiers"][row // 2]])
        question, answer = TASKS[1].tests[row % 2]
        np.testing.assert_array_equal(turn.undo(to_grid(test["inputs"][row])), question)
        np.testing.assert_array_equal(turn.undo(to_grid(test["labels"][row])), answer)
    # At least one training example of every puzzle is in the corner, but most are not.
    corner = (train["inputs"].reshape(10, 3, 36)[:, :, 0] >= 2).sum(axis=1)
    assert corner.min() >= 1
    assert corner.mean() < 2.5
    held = json.loads((tmp_path / "d" / "test_puzzles.json").read_text())
    assert held == {"new": TASKS[1].to_json()}
    puzzles = load_puzzles(Arc(6), str(tmp_path / "d"))
    assert puzzles.num_puzzle_ids == 11


def test_augmented_tasks_differ():
    random = np.random.default_rng(0)
    group = augment(TASKS[1], 30, random)
    assert len(group) == len({task.key() for task in group}) == 31
    # A grid with one black cell is the same under every augmentation.
    black = np.zeros((1, 1), np.uint8)
    assert len(augment(ArcTask("black", ((black, black),), ((black, black),)), 9, random)) == 1


def test_a_demonstration_can_be_held_out_instead_of_the_tests(tmp_path):
    words = ["arc", "--smallest", "2", "--hold-out", "demonstration", "--num-aug", "2"]
    assert run(build, Args, [*words, "--size", "3", "--out", str(tmp_path / "d")]) == 0
    whole = smallest(read_tasks("arc-agi-1"), 2)
    held = json.loads((tmp_path / "d" / "test_puzzles.json").read_text())
    for task in whole:
        pairs = task.to_json()["train"]
        assert held[task.name] == {"train": pairs[:-1], "test": pairs[-1:]}
        assert not any(pair in pairs for pair in task.to_json()["test"])
    shown = load_puzzles(Arc(3), str(tmp_path / "d"))
    assert len(shown) == 3 * sum(len(task.demos) - 1 for task in whole)
    with pytest.raises(ValueError, match="task old has one demonstration"):
        without_tests(ArcTask("old", TASKS[0].demos[:1], TASKS[0].tests))


def test_arc_folders_and_their_errors(tmp_path):
    text = json.dumps(TASKS[0].to_json())
    for name in ("training/a.json", "evaluation/b.json", "c.json"):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tasks = {task.name: task for task in read_tasks(str(tmp_path / "raw"))}
    assert {name: task.evaluation for name, task in tasks.items()} == {
        "a": False,
        "b": True,
        "c": False,
    }
    assert [task.name for task in smallest([*tasks.values(), TASKS[1]], 3)] == ["a", "b", "c"]
    with pytest.raises(ValueError, match="task old occurs twice"):
        write_arc(tmp_path / "d", [TASKS[0], TASKS[0]], 1)
    with pytest.raises(ValueError, match=r"no evaluation task .*; expected .*hold-out all"):
        write_arc(tmp_path / "d", TASKS[:1], 1)
    with pytest.raises(ValueError, match="side: task new has a grid of 4 cells per side"):
        write_arc(tmp_path / "d", TASKS, 1, side=3)
    with pytest.raises(ValueError, match="data: expected arc-agi-1, arc-agi-2, a folder or a file"):
        read_tasks("arc-agi-3")
    assert not (tmp_path / "d").exists()


def test_the_script(tmp_path, capsys):
    rows = load_puzzles(SUDOKU, None, "train", limit=30)
    lines = ["source,question,answer,rating"]
    for k in range(30):
        answer = SUDOKU.format(rows.labels[k])
        lines.append(f"me,{SUDOKU.format(rows.inputs[k])},{answer},{k}")
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n")
    common = ["sudoku", "--size", "4", "--data", str(tmp_path), "--out"]
    words = ["--num-aug", "2", "--min-difficulty", "10", "--test-size", "5"]
    assert run(build, Args, [*common, str(tmp_path / "a"), *words]) == 0
    assert "60 in train, 5 in test" in capsys.readouterr().out
    source = ["--data", "bank", "--subsample-size", "7"]
    assert run(build, Args, ["maze", "--size", "7", "--out", str(tmp_path / "b"), *source]) == 0
    assert len(load_puzzles(get_task("maze-7x7"), str(tmp_path / "b"))) == 7
    small = ["--smallest", "2", "--hold-out", "all", "--num-aug", "3", "--size", "4"]
    assert run(build, Args, ["arc", "--out", str(tmp_path / "c"), *small]) == 0
    assert len(load_puzzles(get_task("arc-4x4"), str(tmp_path / "c"), "test")) == 8
    for words, sentence in (
        (["sudoku", "--subsample-size", "0"], "subsample-size: expected at least 1"),
        (["sudoku", "--num-aug", "-1"], "num-aug: expected 0 or more"),
        (["sudoku", "--data", "nowhere.csv"], "source: expected bank"),
        (["arc", "--smallest", "0"], "smallest: expected at least 1"),
    ):
        assert run(build, Args, [*words, "--out", str(tmp_path / "d")]) == 2
        assert sentence in capsys.readouterr().err
        assert not (tmp_path / "d").exists()


def test_only_the_sample_of_a_file_is_checked(tmp_path, monkeypatch, capsys):
    rows = load_puzzles(SUDOKU, None, "train", limit=30)
    lines = [
        f"{SUDOKU.format(a)},{SUDOKU.format(b)}"
        for a, b in zip(rows.inputs, rows.labels, strict=True)
    ]
    for name in ("train", "test"):
        (tmp_path / f"{name}.csv").write_text("\n".join(["question,answer", *lines]) + "\n")
    whole = {
        split: load_puzzles(SUDOKU, str(tmp_path / f"{split}.csv")) for split in ("train", "test")
    }
    write_puzzles(tmp_path / "whole", SUDOKU, whole, subsample_size=4, num_aug=1, seed=3)
    # Puzzles that are not written may be wrong.
    known = {row.tobytes() for row in arrays(tmp_path / "whole" / "train")["inputs"]}
    wrong = "1" * 16
    for name, kept in (
        ("train", lambda k: rows.inputs[k].tobytes() in known),
        ("test", (2).__gt__),
    ):
        few = [line if kept(k) else f"{wrong},{wrong}" for k, line in enumerate(lines)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["question,answer", *few]) + "\n")
    words = ["sudoku", "--size", "4", "--data", str(tmp_path), "--subsample-size", "4"]
    words += ["--num-aug", "1", "--seed", "3", "--test-size", "2"]
    for number, large_from in enumerate((files.LARGE, 1)):
        monkeypatch.setattr(files, "LARGE", large_from)
        folder = tmp_path / str(number)
        assert run(build, Args, [*words, "--out", str(folder)]) == 0
        assert "8 in train, 2 in test" in capsys.readouterr().out
        found, wanted = arrays(folder / "train"), arrays(tmp_path / "whole" / "train")
        for name in ARRAYS:
            np.testing.assert_array_equal(found[name], wanted[name])
    (tmp_path / "train.csv").write_text(f"question,answer\n{wrong},{wrong}\n" * 4)
    assert run(build, Args, [*words, "--out", str(tmp_path / "d")]) == 2
    assert "train.csv, line " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "unknown"),
    [
        (["maze", "--smallest", "2"], "--smallest"),
        (["arc", "--test-size", "2"], "--test-size"),
        (["maze", "--data", "bank", "x"], "x"),
    ],
)
def test_every_family_has_its_own_options(tmp_path, capsys, words, unknown):
    with pytest.raises(SystemExit) as caught:
        run(build, Args, [*words, "--out", str(tmp_path / "d")])
    assert caught.value.code == 2
    assert unknown in capsys.readouterr().err
    assert not (tmp_path / "d").exists()


def test_a_dataset_of_the_hub(tmp_path, monkeypatch, capsys):
    (tmp_path / "cache").mkdir()
    rows = load_puzzles(SUDOKU, None, "train", limit=6)
    lines = [
        f"{SUDOKU.format(q)},{SUDOKU.format(a)}"
        for q, a in zip(rows.inputs, rows.labels, strict=True)
    ]
    for name in ("train", "test"):
        (tmp_path / "cache" / f"{name}.csv").write_text("\n".join(["question,answer", *lines]))
    asked = []

    def snapshot_download(name, **options):
        asked.append((name, options["repo_type"], options["allow_patterns"]))
        return str(tmp_path / "cache")

    client = types.ModuleType("huggingface_hub")
    client.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", client)
    words = ["sudoku", "--size", "4", "--data", "hub:who/what", "--out", str(tmp_path / "d")]
    assert run(build, Args, words) == 0
    assert asked == [("who/what", "dataset", ["*.csv"])]
    assert "6 in train, 6 in test" in capsys.readouterr().out
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert run(build, Args, [*words[:-1], str(tmp_path / "e")]) == 2
    assert 'extra hub: pip install "hrm-gym[hub]"' in capsys.readouterr().err
