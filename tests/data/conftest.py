"""Fixtures of the tests of dataset folders."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hrm_gym.puzzles.sudoku import Sudoku

TASK = Sudoku(4)
PUZZLES = [TASK.generate(key) for key in range(6)]


def _write_folder(path, puzzles=PUZZLES, **changes):
    """Write a dataset folder like the public HRM code, in which ``changes`` replace parts."""
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


@pytest.fixture
def write_folder():
    """Return the function that writes a dataset folder."""
    return _write_folder
