"""Held-out puzzles of a run: where they come from, and which of them training also sees."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.held_out import (
    held_out_kwargs,
    held_out_puzzles,
    may_overlap,
    seen_in_training,
)
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task

CONFIG = get_preset("sudoku-4x4")


def test_the_bank_never_overlaps() -> None:
    puzzles = held_out_puzzles(CONFIG, 5)
    assert len(puzzles) == 5
    assert held_out_kwargs(CONFIG) == {}
    assert not may_overlap(CONFIG)
    assert not seen_in_training(CONFIG, puzzles, puzzles).any()


def test_puzzles_of_a_file_are_found_among_the_training_puzzles(tmp_path: Path) -> None:
    path = tmp_path / "puzzles.csv"
    path.touch()
    config = dataclasses.replace(CONFIG, source=str(path))
    puzzles = load_puzzles(get_task("sudoku-4x4"), None, "test", limit=6)
    assert may_overlap(config)
    seen = seen_in_training(config, puzzles.take(slice(2)), puzzles)
    assert seen.tolist() == [True] * 2 + [False] * 4


def test_a_generator_makes_the_tests_too() -> None:
    config = dataclasses.replace(CONFIG, source="generator:10")
    assert held_out_kwargs(config) == {"source": "generator:10"}


def test_no_held_out_puzzles_is_an_error() -> None:
    config = dataclasses.replace(CONFIG, task="nowhere:Task")
    with pytest.raises(ValueError, match="nowhere"):
        held_out_puzzles(config, 1)
