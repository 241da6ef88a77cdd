"""Tests of the arguments ``source``, ``split``, ``difficulty`` and ``limit``."""

from __future__ import annotations

import copy
import json

import gymnasium as gym
import numpy as np
import pytest

from hrm_gym.data import PuzzleSet, load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def test_custom_arc_files(tmp_path):
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
    # A larger set begins with the puzzles of a smaller set.
    longer = load_puzzles(task, "generator:30", "test")
    np.testing.assert_array_equal(longer.inputs[:20], puzzles.inputs)


def test_the_error_about_a_split_that_the_generator_cannot_fill():
    # There are few minimal 4x4 puzzles up to symmetry, and none of them is in this split.
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
        ({"limit": -1}, "limit: expected at least 1, got -1"),
        ({"limit": 1.5}, r"limit: expected an integer of at least 1, got 1\.5"),
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
def test_the_error_names_a_wrong_argument(arguments, sentence):
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
