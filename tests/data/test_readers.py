"""CSV files, dataset folders, and what ``source=`` says of wrong ones."""

from __future__ import annotations

import copy
import json
import os

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.data import PuzzleSet, load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def write_csv(path, rows, head="source,question,answer,rating"):
    path.write_text("\n".join([head, *rows]) + "\n")
    return str(path)


def row(puzzle, answer=True, rating="7"):
    text = TASK.format(puzzle.labels) if answer else ""
    return f"me,{TASK.format(puzzle.inputs)},{text},{rating}"


def test_csv_as_published(tmp_path):
    source = write_csv(tmp_path / "own.csv", [row(p) for p in PUZZLES])
    puzzles = load_puzzles(TASK, source, "val")  # a bare file is used whole, whatever the split
    np.testing.assert_array_equal(puzzles.inputs, [p.inputs for p in PUZZLES])
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
    assert puzzles.ratings.tolist() == [7] * 6
    assert puzzles.origin == source


def test_csv_without_answers_and_ratings(tmp_path):
    rows = [row(p, answer=False, rating="") for p in PUZZLES]
    puzzles = load_puzzles(TASK, write_csv(tmp_path / "own.csv", rows))
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
    assert puzzles.ratings.tolist() == [p.rating for p in PUZZLES]
    plain = write_csv(tmp_path / "plain.csv", [TASK.format(PUZZLES[0].inputs)], head="question")
    assert len(load_puzzles(TASK, plain)) == 1


def test_csv_from_a_spreadsheet(tmp_path):
    text = "\r\n".join(["source,question,answer,rating", *map(row, PUZZLES)])
    (tmp_path / "own.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert len(load_puzzles(TASK, str(tmp_path / "own.csv"))) == 6


def test_csv_of_mazes(tmp_path):
    task = get_task("maze-30x30")
    made = [task.generate(key) for key in range(2)]
    rows = [f"me,{task.format(p.inputs)},{task.format(p.labels)},{p.rating:g}" for p in made]
    puzzles = load_puzzles(task, write_csv(tmp_path / "mazes.csv", rows))
    np.testing.assert_array_equal(puzzles.labels, [p.labels for p in made])
    np.testing.assert_array_equal(puzzles.ratings, [p.rating for p in made])


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ("me,12,,", "expected 16 cells for sudoku-4x4, got 2"),
        ("me," + "x" * 16 + ",,", "cell 1: 'X' is not a cell"),
        ("me," + "." * 16 + ",,", "has several solutions"),
        (f"me,{'.' * 16},{TASK.format(PUZZLES[0].labels)},1", "has several solutions"),
        ("me,11" + "." * 14 + ",,", "has no solution"),
        ("me", "expected 16 cells for sudoku-4x4, got 0"),
        *(
            (row(PUZZLES[0], rating=text), f"rating: expected a number of at least 0, got '{text}'")
            for text in ("hard", "nan", "inf", "-1", "1e999")
        ),
        (
            f"me,{TASK.format(PUZZLES[0].inputs)},{TASK.format(PUZZLES[0].labels)[::-1]},1",
            "the answer does not solve the question",
        ),
    ],
)
def test_a_bad_row_is_named_by_its_line(tmp_path, bad, sentence):
    source = write_csv(tmp_path / "own.csv", [row(PUZZLES[1]), row(PUZZLES[2]), bad])
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(f"{source}, line 4: ")


def test_other_bad_csv_files(tmp_path):
    with pytest.raises(ValueError, match="expected a CSV with a 'question' column"):
        load_puzzles(TASK, write_csv(tmp_path / "a.csv", ["1"], head="quiz"))
    with pytest.raises(ValueError, match="expected puzzles, found none"):
        load_puzzles(TASK, write_csv(tmp_path / "b.csv", []))
    (tmp_path / "c.csv").write_text("")
    with pytest.raises(ValueError, match="expected a CSV with a 'question' column"):
        load_puzzles(TASK, str(tmp_path / "c.csv"))
    (tmp_path / "e.csv").write_text(f'question\n"{"." * 200_000}\n')
    with pytest.raises(ValueError, match=r"e\.csv: expected a CSV: field larger than"):
        load_puzzles(TASK, str(tmp_path / "e.csv"))
    (tmp_path / "d.csv").write_bytes(b"question\n" + b"\n" * 9000 + b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"d\.csv: expected a CSV in UTF-8"):
        load_puzzles(TASK, str(tmp_path / "d.csv"))


def write_folder(path, puzzles=PUZZLES, **changes):
    """Write a dataset folder as the public HRM code does, ``changes`` replacing parts."""
    count = len(puzzles)
    about = {
        "pad_id": 0,
        "ignore_label_id": 0,
        "blank_identifier_id": 0,
        "vocab_size": 6,
        "seq_len": 16,
        "num_puzzle_identifiers": 1,
        "total_groups": count,
        "mean_puzzle_examples": 1,
        "sets": ["all"],
    }
    arrays = {
        "inputs": np.stack([p.inputs for p in puzzles]),
        "labels": np.stack([p.labels for p in puzzles]),
        "puzzle_identifiers": np.zeros(count, np.int32),
        "puzzle_indices": np.arange(count + 1, dtype=np.int32),
        "group_indices": np.arange(count + 1, dtype=np.int32),
    }
    for split in ("train", "test"):
        folder = path / split
        folder.mkdir(parents=True)
        (folder / "dataset.json").write_text(
            json.dumps({**about, **{k: v for k, v in changes.items() if k in about}})
        )
        for name, array in {**arrays, **{k: v for k, v in changes.items() if k in arrays}}.items():
            np.save(folder / f"all__{name}.npy", array)
    (path / "identifiers.json").write_text('["<blank>"]')
    return str(path)


def test_a_folder_as_published(tmp_path):
    source = write_folder(tmp_path)
    for split, folder in (("train", "train"), ("test", "test"), ("val", "test")):
        puzzles = load_puzzles(TASK, source, split)
        np.testing.assert_array_equal(puzzles.inputs, [p.inputs for p in PUZZLES])
        np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
        assert puzzles.inputs.dtype == puzzles.labels.dtype == np.uint8
        assert puzzles.origin == str(tmp_path / folder)
        assert puzzles.num_puzzle_ids == 1


def test_ignored_labels_and_puzzle_ids(tmp_path):
    labels = np.stack([p.labels for p in PUZZLES]).astype(np.int32)
    labels[:, 3] = -100
    source = write_folder(
        tmp_path,
        labels=labels,
        ignore_label_id=-100,
        num_puzzle_identifiers=4,
        puzzle_identifiers=np.array([3, 1], np.int32),
        puzzle_indices=np.array([0, 4, 6], np.int32),
        group_indices=np.array([0, 1, 2], np.int32),
    )
    puzzles = load_puzzles(TASK, source)
    assert not puzzles.labels[:, 3].any()
    assert puzzles.puzzle_ids.tolist() == [3, 3, 3, 3, 1, 1]
    assert puzzles.num_puzzle_ids == 4
    env = gym.make("HRMSudokuAnswer-4x4-v0", source=source, augment=False)
    observation, _ = env.reset(options={"index": 4})
    assert observation["puzzle_id"] == 1
    assert env.observation_space["puzzle_id"].n == 4
    assert env.step(env.unwrapped.optimal_action())[1] == 1


def test_a_limit_counts_puzzles_with_their_copies(tmp_path):
    source = write_folder(tmp_path, group_indices=np.array([0, 1, 4, 6], np.int32))
    puzzles = load_puzzles(TASK, source)
    assert puzzles.groups.tolist() == [0, 1, 1, 1, 2, 2]
    assert puzzles.originals.tolist() == [0, 1, 4]
    assert [len(load_puzzles(TASK, source, limit=n)) for n in (1, 2, 3, 9)] == [1, 4, 6, 6]
    later = puzzles.take(np.array([2, 3, 5])).first(1)
    np.testing.assert_array_equal(later.inputs, puzzles.inputs[2:4])


def test_several_sets(tmp_path):
    source = write_folder(tmp_path, sets=["all", "all"])
    assert len(load_puzzles(TASK, source)) == 12
    # Together they cover all examples, but neither its own.
    source = write_folder(tmp_path / "more", sets=["all", "more"])
    for name in ("inputs", "labels", "puzzle_identifiers", "puzzle_indices", "group_indices"):
        array = np.load(tmp_path / "more" / "train" / f"all__{name}.npy")
        count = 1 if name in ("inputs", "labels") else None
        np.save(tmp_path / "more" / "train" / f"more__{name}.npy", array[count:])
    with pytest.raises(ValueError, match="expected puzzle_indices to rise from 0 to the 5"):
        load_puzzles(TASK, source)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"vocab_size": 11}, "vocab_size is 11, expected 6 for sudoku-4x4"),
        ({"seq_len": 81}, "seq_len is 81, expected 16 for sudoku-4x4"),
        ({"inputs": np.ones((6, 15), np.uint8)}, r"expected inputs and labels of shape \(N, 16\)"),
        ({"inputs": np.ones((5, 16), np.uint8)}, r"expected inputs and labels of shape \(N, 16\)"),
        ({"labels": np.ones(6, np.uint8)}, r"expected inputs and labels of shape \(N, 16\)"),
        ({"inputs": np.full((6, 16), 6)}, "inputs hold a token outside 0..5"),
        ({"labels": np.full((6, 16), -1)}, "labels hold a token outside 0..5"),
        ({"inputs": np.ones((6, 16))}, "of integer tokens"),
        ({"puzzle_indices": np.arange(6)}, "expected puzzle_indices to hold the 7 bounds"),
        ({"puzzle_indices": np.arange(7) * 2}, "puzzle_indices to rise from 0 to the 6 examples"),
        ({"puzzle_indices": np.arange(7)[::-1]}, "expected puzzle_indices to rise from 0"),
        ({"puzzle_indices": np.arange(7) + 1}, "expected puzzle_indices to rise from 0"),
        ({"puzzle_indices": np.arange(7) - 1}, "expected puzzle_indices to rise from 0"),
        ({"puzzle_indices": np.arange(7.0)}, "puzzle_indices to be a row of integers, got float64"),
        ({"puzzle_indices": np.int64(6)}, "puzzle_indices to be a row of integers"),
        ({"puzzle_identifiers": np.ones(6, int)}, "a puzzle identifier is outside 0..0"),
        ({"puzzle_identifiers": np.full(6, 2**40)}, "a puzzle identifier is outside 0..0"),
        ({"puzzle_identifiers": np.zeros((6, 1), int)}, "identifiers to be a row of integers"),
        ({"puzzle_identifiers": np.int64(0)}, "puzzle_identifiers to be a row of integers"),
        ({"group_indices": np.arange(6)}, "expected group_indices to rise from 0 to the 6 puzzles"),
        ({"group_indices": np.array([0, 4, 2, 6])}, "expected group_indices to rise"),
        ({"group_indices": np.array([0, 4, 2, 6], np.uint32)}, "expected group_indices to rise"),
        ({"group_indices": np.array([], int)}, "expected group_indices to rise"),
        ({"group_indices": np.array([])}, "expected group_indices to be a row of integers"),
        ({"inputs": np.int64(1)}, r"expected inputs and labels of shape \(N, 16\)"),
        ({"sets": []}, r"expected sets to be a list of names, got \[\]"),
        ({"sets": "all"}, "expected sets to be a list of names, got 'all'"),
        ({"num_puzzle_identifiers": "x"}, "expected num_puzzle_identifiers from 1, got 'x'"),
        ({"num_puzzle_identifiers": None}, "expected num_puzzle_identifiers from 1, got None"),
    ],
)
def test_a_folder_that_does_not_fit_is_named(tmp_path, changes, sentence):
    source = write_folder(tmp_path, **changes)
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(str(tmp_path / "train"))


class Trap:
    """Unpickling this leaves a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_arrays_are_never_unpickled(tmp_path):
    source = write_folder(tmp_path / "data")
    trap = np.empty(1, object)
    trap[0] = Trap(tmp_path / "sprung")
    np.save(tmp_path / "data" / "train" / "all__inputs.npy", trap, allow_pickle=True)
    with pytest.raises(ValueError, match="a file is damaged") as caught:
        load_puzzles(TASK, source)
    assert "object" in str(caught.value).lower()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"nonsense", b"\x80\x04N."])
def test_a_damaged_array_is_named(tmp_path, content):
    source = write_folder(tmp_path)
    (tmp_path / "train" / "all__labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match="a file is damaged") as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(str(tmp_path / "train"))


def test_a_truncated_array_is_named(tmp_path):
    source = write_folder(tmp_path)
    path = tmp_path / "train" / "all__labels.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="a file is damaged"):
        load_puzzles(TASK, source)


def test_missing_parts_are_named(tmp_path):
    source = write_folder(tmp_path)
    (tmp_path / "train" / "all__labels.npy").unlink()
    with pytest.raises(ValueError, match=r"all__labels\.npy"):
        load_puzzles(TASK, source)
    for content in ("[]", "{", "3"):
        (tmp_path / "train" / "dataset.json").write_text(content)
        with pytest.raises(ValueError, match=r"dataset\.json|a file is damaged"):
            load_puzzles(TASK, source)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=r"expected a dataset folder with dataset\.json"):
        load_puzzles(TASK, str(tmp_path / "empty"))


def test_a_dataset_folder_is_no_arc_source_for_painting(tmp_path):
    canvas = np.full((2, 900), 2, np.uint8)
    source = write_folder(
        tmp_path,
        PUZZLES[:2],
        inputs=canvas,
        labels=canvas,
        vocab_size=12,
        seq_len=900,
    )
    assert len(load_puzzles(get_task("arc"), source)) == 2
    gym.make("HRMARCAnswer-v0", source=source).reset(seed=0)
    with pytest.raises(ValueError, match="dataset folder, which has no demonstrations"):
        gym.make("HRMARC-v0", source=source)
    with pytest.raises(ValueError, match="task_id: no task 'x'"):
        gym.make("HRMARCAnswer-v0", source=source, task_id="x")


def test_arc_files_of_ones_own(tmp_path):
    pair = {"input": [[1, 2]], "output": [[2], [1]]}
    (tmp_path / "mine.json").write_text(json.dumps({"train": [pair], "test": [pair, pair]}))
    for source in (tmp_path, tmp_path / "mine.json"):
        env = gym.make("HRMARC-v0", source=str(source), task_id="mine")
        assert len(env.unwrapped.puzzles) == 2
        _, info = env.reset(options={"index": 1})
        assert (info["task_id"], info["test_index"], info["rating"]) == ("mine", 1, 2)
        assert len(load_puzzles(get_task("arc"), str(source), "test")) == 2


@pytest.mark.parametrize("task_id", ["maze-7x7", "sudoku-6x6"])
def test_the_generator_fills_a_split(task_id):
    task = get_task(task_id)
    for split in ("train", "val", "test"):
        puzzles = load_puzzles(task, "generator:20", split)
        assert len(puzzles) == 20
        assert {task.split_of(puzzles[k]) for k in range(20)} == {split}
        again = load_puzzles(task, "generator:20", split)
        np.testing.assert_array_equal(again.inputs, puzzles.inputs)
    # A larger set begins as a smaller one.
    longer = load_puzzles(task, "generator:30", "test")
    np.testing.assert_array_equal(longer.inputs[:20], puzzles.inputs)


def test_the_generator_says_when_it_cannot():
    # Minimal 4x4 puzzles are few up to symmetry, and none of them falls into this split.
    with pytest.raises(ValueError, match="makes hardly any puzzle of split 'test'"):
        load_puzzles(TASK, "generator:5", "test")


def test_difficulty_and_limit():
    task = get_task("maze-7x7")
    whole = load_puzzles(task)
    some = load_puzzles(task, difficulty=[10, 14])
    assert set(some.ratings.tolist()) == {10, 12, 14}
    assert len(some) == ((whole.ratings >= 10) & (whole.ratings <= 14)).sum()
    np.testing.assert_array_equal(load_puzzles(task, limit=5).inputs, whole.inputs[:5])
    assert len(load_puzzles(task, limit=10**9)) == len(whole)
    assert len(load_puzzles(task, difficulty=(10, 14), limit=3)) == 3


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"split": "dev"}, "split: expected one of train, val, test, ood, got 'dev'"),
        ({"limit": -1}, "limit: expected a positive number of puzzles, got -1"),
        ({"limit": 1.5}, r"limit: expected a positive number of puzzles, got 1\.5"),
        ({"difficulty": [1]}, r"difficulty: expected \[lowest, highest\], got \[1\]"),
        ({"difficulty": [2, 1]}, "difficulty: expected"),
        ({"difficulty": [0, float("nan")]}, "difficulty: expected"),
        ({"difficulty": 3}, "difficulty: expected"),
        ({"difficulty": [900, 999]}, "difficulty: no puzzle is rated 900 to 999; those of 'bank'"),
        ({"source": "nowhere.csv"}, r"source: expected bank, generator\[:N\], or an existing"),
        ({"source": "generator:-3"}, "source: expected generator:N with a positive N"),
        ({"source": "generator:"}, None),
        ({"source": "arc-agi-1"}, "source: expected bank"),
    ],
)
def test_wrong_arguments_are_named(arguments, sentence):
    if sentence is None:
        assert len(load_puzzles(TASK, **arguments)) == 1000
        return
    with pytest.raises(ValueError, match=rf"^{sentence}"):
        load_puzzles(TASK, **arguments)


def test_a_set_of_puzzles():
    puzzles = PuzzleSet.of(PUZZLES, "here")
    assert copy.deepcopy(puzzles) is puzzles
    assert puzzles[2] is PUZZLES[2]
    some = puzzles.take(np.array([4, 1]))
    assert [some[0], some[1]] == [PUZZLES[4], PUZZLES[1]]
    np.testing.assert_array_equal(some.inputs[0], PUZZLES[4].inputs)
    assert len(puzzles.take(np.array([True, False] * 3))) == 3
    plain = load_puzzles(TASK, limit=2)
    assert plain[1].origin == "bank"
    np.testing.assert_array_equal(plain[1].labels, plain.labels[1])


def test_a_folder_of_mazes_without_ends_is_named(tmp_path):
    task = get_task("maze-7x7")
    puzzles = [load_puzzles(task, limit=3)[row] for row in range(3)]
    whole = write_folder(tmp_path / "whole", puzzles, seq_len=49)
    assert len(load_puzzles(task, whole)) == 3
    inputs = np.stack([puzzle.inputs for puzzle in puzzles])
    inputs[1][inputs[1] == 3] = 2
    broken = write_folder(tmp_path / "broken", puzzles, seq_len=49, inputs=inputs)
    with pytest.raises(ValueError, match="row 1: a maze has one S and one G"):
        load_puzzles(task, broken)


@pytest.mark.parametrize(
    ("question", "answer", "sentence"),
    [
        ("S    # G ", "So  o# G ", None),
        ("S    # G ", "S  o #oG ", None),
        ("S       G", "So  o  oG", None),
        ("S       G", "Soo  o  G", None),  # another of the shortest, not the solver's
        ("S       G", "So     oG", "the answer does not mark one shortest path"),  # a gap
        ("S       G", "So o o oG", "the answer does not mark one shortest path"),  # not beside
        ("S       G", "Sooooo  G", "the answer does not mark one shortest path"),  # too many
        ("S  G     ", "So Go    ", "the answer does not mark one shortest path"),  # the long way
        ("S #      ", "So#o    G", "a maze has one S and one G"),
        ("S #   # G", "So# o # G", "the answer does not mark one shortest path"),
        ("S # o # G", "So# oo# G", "a cell of the question holds padding or a path mark"),
        ("S# #    G", "S# #    G", "the maze has no path from S to G"),
        ("S#  #   G", "So  #  oG", "the answer does not mark one shortest path"),  # through a wall
        ("SG       ", "SG       ", None),
        ("SG       ", "GS       ", "the answer does not mark one shortest path"),
        ("S       G", "So??o??oG", None),  # what does not count is not looked at
        ("S       G", "S?oo????G", "the answer does not mark one shortest path"),
        ("S?      G", "So  o  oG", "a cell of the question holds padding or a path mark"),
    ],
)
def test_every_maze_of_a_folder_is_certified(tmp_path, question, answer, sentence):
    task = get_task("maze-3x3")
    good = ("S       G", "So  o  oG")
    read = [np.array(["?# SGo".index(c) for c in text], np.uint8) for text in (question, answer)]
    right = [np.array(["?# SGo".index(c) for c in text], np.uint8) for text in good]
    arrays = {"inputs": np.stack([right[0], read[0]]), "labels": np.stack([right[1], read[1]])}
    puzzles = [Puzzle(*right, 4.0, ""), Puzzle(*read, 0.0, "")]
    source = write_folder(tmp_path, puzzles, seq_len=9, **arrays)
    if sentence is None:
        assert load_puzzles(task, source).ratings[0] == 4
        return
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(task, source)
    assert str(caught.value).startswith(f"{tmp_path / 'train'}: row 1: ")


def broken(kind: str) -> tuple[dict, str]:
    """Return a folder's arrays with something wrong in row 4, and what should be said of it."""
    inputs, labels = (np.stack([getattr(p, f) for p in PUZZLES]) for f in ("inputs", "labels"))
    if kind == "several":
        inputs[4] = 1
    elif kind == "none":
        inputs[4, :2] = 2
    elif kind == "full":
        inputs[4] = labels[4]
    elif kind == "padded":
        inputs[4, np.flatnonzero(inputs[4] == 1)[0]] = 0
    else:
        labels[4] = labels[3]
    sentence = {
        "several": "has several solutions, expected one",
        "none": "has no solution",
        "full": "is full, expected a blank to fill in",
        "padded": "a cell of the question holds padding",
        "answer": "the answer does not solve the question",
    }
    return {"inputs": inputs, "labels": labels}, sentence[kind]


@pytest.mark.parametrize("kind", ["several", "none", "full", "padded", "answer"])
def test_every_sudoku_of_a_folder_is_certified(tmp_path, kind):
    arrays, sentence = broken(kind)
    source = write_folder(tmp_path, **arrays)
    for load in (load_puzzles, lambda task, path: gym.make("HRMSudoku-4x4-v0", source=path)):
        with pytest.raises(ValueError, match=sentence) as caught:
            load(TASK, source)
        assert str(caught.value).startswith(f"{tmp_path / 'train'}: row 4: ")


def test_a_large_folder_is_certified_once(tmp_path, monkeypatch):
    from hrm_gym.data import certify

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(certify, "REMEMBERED", 6)
    solved = []
    check_rows = Sudoku.check_rows

    def counted(self, inputs, labels):
        solved.append(len(inputs))
        return check_rows(self, inputs, labels)

    monkeypatch.setattr(Sudoku, "check_rows", counted)
    source = write_folder(tmp_path / "good")
    ratings = [puzzle.rating for puzzle in PUZZLES]
    for _ in range(3):
        assert load_puzzles(TASK, source).ratings.tolist() == ratings
    assert solved == [6]
    # What changed is looked at anew, and what was refused is not remembered.
    arrays, sentence = broken("several")
    source = write_folder(tmp_path / "bad", **arrays)
    for _ in range(2):
        with pytest.raises(ValueError, match=sentence):
            load_puzzles(TASK, source)
    assert solved == [6, 6, 6]
    # A cache that cannot be written to is no reason to fail.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 4
    # A mark that is damaged, or of another check, counts for nothing.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (mark,) = (tmp_path / "cache" / "hrm_gym" / "certified").iterdir()
    for damage in (b"", b"junk", mark.read_bytes()[:-1]):
        mark.write_bytes(damage)
        assert load_puzzles(TASK, str(tmp_path / "good")).ratings.tolist() == ratings
    assert solved == [6] * 7
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 7
    monkeypatch.setattr(certify, "CHECK", certify.CHECK + 1)
    load_puzzles(TASK, str(tmp_path / "good"))
    assert solved == [6] * 8


@pytest.mark.parametrize("kind", ["homeless", "unreadable", "relative"])
def test_a_cache_out_of_reach_remembers_nothing(tmp_path, monkeypatch, kind):
    from pathlib import Path

    from hrm_gym.data import certify

    monkeypatch.setattr(certify, "REMEMBERED", 6)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    if kind == "unreadable":
        opened = Path.open

        def guarded(self, *args, **kwargs):
            if "certified" in self.parts:
                refuse()
            return opened(self, *args, **kwargs)

        monkeypatch.setattr(Path, "open", guarded)
        monkeypatch.setattr(certify, "write_bytes", refuse)
    elif kind == "homeless":
        monkeypatch.delenv("XDG_CACHE_HOME")
        monkeypatch.setattr(Path, "home", homeless)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", "cache")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        monkeypatch.chdir(tmp_path)
    source = write_folder(tmp_path / "good")
    for _ in range(2):
        assert len(load_puzzles(TASK, source)) == 6
    assert not (tmp_path / "cache").exists()
    if kind == "relative":
        assert len(list((tmp_path / "home/.cache/hrm_gym/certified").iterdir())) == 1


def test_a_folder_is_rated(tmp_path):
    task = Sudoku(9)
    hard = load_puzzles(task, split="ood", limit=30)
    puzzles = [hard[row] for row in range(len(hard))]
    source = write_folder(tmp_path / "sudokus", puzzles, seq_len=81, vocab_size=11)
    ratings = load_puzzles(task, source).ratings.tolist()
    assert ratings == [task.rate(puzzle.inputs) for puzzle in puzzles]
    assert len(set(ratings)) > 3
    maze = get_task("maze-15x15")
    puzzles = [maze.generate(key) for key in range(8)]
    source = write_folder(tmp_path / "mazes", puzzles, seq_len=225)
    assert load_puzzles(maze, source).ratings.tolist() == [p.rating for p in puzzles]
    least = sorted(p.rating for p in puzzles)[4]
    some = load_puzzles(maze, source, difficulty=(least, 1e9))
    assert sorted(some.ratings) == sorted(p.rating for p in puzzles if p.rating >= least)


def test_without_numba_a_warning_says_that_nothing_was_certified(tmp_path, monkeypatch):
    source = write_folder(tmp_path)

    def absent(self, inputs, labels):
        raise ModuleNotFoundError("no numba", name="numba")

    monkeypatch.setattr(Sudoku, "check_rows", absent)
    with pytest.warns(UserWarning, match="numba is not installed, so no sudoku-4x4 was certified"):
        load_puzzles(TASK, source)


def test_a_full_grid_is_no_puzzle(tmp_path):
    full = TASK.format(PUZZLES[0].labels)
    source = write_csv(tmp_path / "own.csv", [row(PUZZLES[1]), f"me,{full},{full},0"])
    with pytest.raises(ValueError, match=r"line 3: the sudoku .* is full, expected a blank"):
        load_puzzles(TASK, source)
    for env_id in ("HRMSudoku-4x4-v0", "HRMSudokuAnswer-4x4-v0"):
        env = gym.make(env_id)
        with pytest.raises(ValueError, match="is full, expected a blank to fill in"):
            env.reset(options={"puzzle": full})
