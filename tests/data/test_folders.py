"""Tests of dataset folders in the published format, and of errors about other folders."""

from __future__ import annotations

import os

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def test_a_folder_in_the_published_format(tmp_path, write_folder):
    source = write_folder(tmp_path)
    for split, folder in (("train", "train"), ("test", "test"), ("val", "test")):
        puzzles = load_puzzles(TASK, source, split)
        np.testing.assert_array_equal(puzzles.inputs, [p.inputs for p in PUZZLES])
        np.testing.assert_array_equal(puzzles.labels, [p.labels for p in PUZZLES])
        assert puzzles.inputs.dtype == puzzles.labels.dtype == np.uint8
        assert puzzles.origin == str(tmp_path / folder)
        assert puzzles.num_puzzle_ids == 1


def test_ignored_labels_and_puzzle_ids(tmp_path, write_folder):
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


def test_a_limit_counts_puzzles_with_their_copies(tmp_path, write_folder):
    source = write_folder(tmp_path, group_indices=np.array([0, 1, 4, 6], np.int32))
    puzzles = load_puzzles(TASK, source)
    assert puzzles.groups.tolist() == [0, 1, 1, 1, 2, 2]
    assert puzzles.originals.tolist() == [0, 1, 4]
    assert [len(load_puzzles(TASK, source, limit=n)) for n in (1, 2, 3, 9)] == [1, 4, 6, 6]
    later = puzzles.take(np.array([2, 3, 5])).first(1)
    np.testing.assert_array_equal(later.inputs, puzzles.inputs[2:4])


def test_several_sets(tmp_path, write_folder):
    source = write_folder(tmp_path, sets=["all", "all"])
    assert len(load_puzzles(TASK, source)) == 12
    # Together the indices cover all examples, but those of each set do not cover its examples.
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
        ({"inputs": np.full((6, 16), 6)}, "inputs contain a token outside 0..5"),
        ({"labels": np.full((6, 16), -1)}, "labels contain a token outside 0..5"),
        ({"inputs": np.ones((6, 16))}, "of integer tokens"),
        ({"puzzle_indices": np.arange(6)}, "expected puzzle_indices to contain the 7 bounds"),
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
def test_the_error_names_a_folder_that_does_not_fit(tmp_path, changes, sentence, write_folder):
    source = write_folder(tmp_path, **changes)
    with pytest.raises(ValueError, match=sentence) as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(str(tmp_path / "train"))


class Trap:
    """An object that creates a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_arrays_are_never_unpickled(tmp_path, write_folder):
    source = write_folder(tmp_path / "data")
    trap = np.empty(1, object)
    trap[0] = Trap(tmp_path / "sprung")
    np.save(tmp_path / "data" / "train" / "all__inputs.npy", trap, allow_pickle=True)
    with pytest.raises(ValueError, match="a file is damaged") as caught:
        load_puzzles(TASK, source)
    assert "object" in str(caught.value).lower()
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"nonsense", b"\x80\x04N."])
def test_the_error_names_the_folder_of_a_damaged_array(tmp_path, content, write_folder):
    source = write_folder(tmp_path)
    (tmp_path / "train" / "all__labels.npy").write_bytes(content)
    with pytest.raises(ValueError, match="a file is damaged") as caught:
        load_puzzles(TASK, source)
    assert str(caught.value).startswith(str(tmp_path / "train"))


def test_a_truncated_array_is_rejected(tmp_path, write_folder):
    source = write_folder(tmp_path)
    path = tmp_path / "train" / "all__labels.npy"
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ValueError, match="a file is damaged"):
        load_puzzles(TASK, source)


def test_the_error_names_missing_files(tmp_path, write_folder):
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


def test_the_arc_step_environment_rejects_a_dataset_folder(tmp_path, write_folder):
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
    with pytest.raises(ValueError, match="have no demonstrations; expected arc-agi-1, arc"):
        gym.make("HRMARC-v0", source=source)
    with pytest.raises(
        ValueError,
        match=r"task_id: the puzzles of a dataset folder have no names, .*; expected arc-agi-1",
    ):
        gym.make("HRMARCAnswer-v0", source=source, task_id="x")
