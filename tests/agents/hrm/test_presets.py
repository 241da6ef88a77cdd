"""The presets of all families are found, each in the module of its family."""

from __future__ import annotations

from importlib import import_module

import pytest

from hrm_gym.agents.hrm.presets import PRESETS, default_presets
from hrm_gym.puzzles import get_task


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("sudoku", "sudoku-extreme-fast sudoku-extreme-1k trm-sudoku sudoku-4x4 sudoku-6x6"),
        ("maze", "maze-hard-fast maze-hard-1k trm-maze maze-7x7 maze-9x9"),
        ("arc", "arc-agi-1 arc-agi-2 arc-small"),
        ("custom", "own-task"),
    ],
)
def test_the_presets_of_a_family_are_in_its_module(family, names):
    presets = import_module(f"hrm_gym.agents.hrm.presets.{family}").PRESETS
    assert list(presets) == names.split()
    for name, config in presets.items():
        assert PRESETS[name] is config
        assert family == "custom" or get_task(config.task_id).id.split("-")[0] == family


def test_a_family_without_presets_has_small_ones():
    found = default_presets({"sudoku"})
    assert list(found) == ["sudoku-9x9", "sudoku-4x4", "sudoku-6x6"]
    assert found["sudoku-4x4"] == PRESETS["sudoku-4x4"]
    assert [config.task_id for config in found.values()] == list(found)
    assert list(default_presets({"arc"})) == ["arc"]
    assert default_presets(set()) == {}
