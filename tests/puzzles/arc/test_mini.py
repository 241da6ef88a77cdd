"""Mini-ARC: the tasks that ship, their splits, and their copies under the symmetries."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc import mini_tasks, to_grid
from hrm_gym.puzzles.arc.augment import parse_name
from hrm_gym.puzzles.arc.mini import FOLDER
from hrm_gym.puzzles.arc.turned import turned_names

TASK = get_task("arc-5x5")


def pairs_of(puzzles):
    return {a.tobytes() + b.tobytes() for a, b in zip(puzzles.inputs, puzzles.labels, strict=True)}


def test_the_tasks_are_those_of_the_public_repository():
    tasks = mini_tasks()
    assert len(tasks) == 149
    assert sum(len(task.demos) for task in tasks) == 528
    assert {len(task.tests) for task in tasks} == {1}
    assert {grid.shape for task in tasks for p in task.demos + task.tests for grid in p} == {(5, 5)}
    # Of the grids in their order, so that no cell ever changes by accident.
    state = hashlib.sha256()
    for task in tasks:
        for pair in task.demos + task.tests:
            for grid in pair:
                state.update(grid.tobytes())
    assert state.hexdigest()[:16] == "c7578888c59e5687"


def test_the_licence_ships_beside_the_tasks():
    assert "KSB21ST/MINI-ARC" in (FOLDER / "NOTICE").read_text()
    assert "Apache License" in (FOLDER / "LICENSE").read_text()


def test_no_pair_is_in_two_splits():
    splits = {name: load_puzzles(TASK, "mini-arc", name) for name in ("train", "val", "test")}
    assert {name: len(part) for name, part in splits.items()} == {
        "train": 466,
        "val": 62,
        "test": 149,
    }
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not pairs_of(splits[one]) & pairs_of(splits[other])


def test_a_demonstration_is_asked_while_the_others_are_shown():
    tasks = {task.name: task for task in mini_tasks()}
    for split in ("train", "val"):
        puzzles = load_puzzles(TASK, "mini-arc", split)
        for puzzle in puzzles.puzzles:
            demos = tasks[puzzle.task_id].demos
            asked = demos[puzzle.test_index]
            np.testing.assert_array_equal(to_grid(puzzle.inputs), asked[0])
            assert puzzle.demos
            assert not any(pair is asked for pair in puzzle.demos)


@pytest.mark.parametrize("source", ["mini-arc:turned", "mini-arc:tuning"])
def test_every_symmetry_of_a_task_has_its_own_id(source):
    names = turned_names([task.name for task in mini_tasks()])
    asked = {split: load_puzzles(TASK, source, split) for split in ("train", "test")}
    counts = {split: len(part) for split, part in asked.items()}
    tuning = source.endswith("tuning")
    assert counts == {"train": 8 * (466 if tuning else 528), "test": 8 * (62 if tuning else 149)}
    plain = load_puzzles(TASK, "mini-arc", "val" if tuning else "test")
    for split, puzzles in asked.items():
        assert puzzles.num_puzzle_ids == len(names) == 1192
        assert len(puzzles.originals) == len(puzzles) // 8
        if split == "test":
            np.testing.assert_array_equal(puzzles.inputs[puzzles.originals], plain.inputs)
            np.testing.assert_array_equal(puzzles.puzzle_ids[puzzles.originals], plain.puzzle_ids)
        for row in range(0, len(puzzles), 29):
            _, turn = parse_name(names[puzzles.puzzle_ids[row]])
            first = puzzles.originals[puzzles.groups[row]]
            np.testing.assert_array_equal(
                turn.undo(to_grid(puzzles.labels[row])), to_grid(puzzles.labels[first])
            )


def test_a_number_limits_the_tasks():
    puzzles = load_puzzles(TASK, "mini-arc:turned:100", "test")
    assert (len(puzzles), puzzles.num_puzzle_ids) == (800, 800)


def test_a_range_selects_tasks():
    puzzles = load_puzzles(TASK, "mini-arc:101-149", "test").puzzles
    assert [puzzle.task_id for puzzle in puzzles] == [task.name for task in mini_tasks()[100:]]
    turned = load_puzzles(TASK, "mini-arc:turned:149-149", "test")
    np.testing.assert_array_equal(turned.inputs[0], puzzles[-1].inputs)


@pytest.mark.parametrize(
    "part", ["0", "150", "2-1", "1-150", "-", "1-", "a", "1-2-3", "turned:1:2"]
)
def test_other_parts_are_refused(part):
    with pytest.raises(ValueError, match="source: expected mini-arc, mini-arc:turned or"):
        load_puzzles(TASK, f"mini-arc:{part}", "test")


def test_a_larger_canvas_marks_the_end_of_the_grids():
    puzzles = load_puzzles(get_task("arc-6x6"), "mini-arc", "test")
    first = puzzles.inputs[0].reshape(6, 6)
    assert first[5].tolist() == first[:, 5].tolist() == [1, 1, 1, 1, 1, 0]
