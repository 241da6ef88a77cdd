"""Reader of the dataset folders of the public HRM and TRM code; ``writers`` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task

from ..certify import certify
from ..puzzle_set import PuzzleSet
from .content import load_array

FIELDS = ("inputs", "labels", "puzzle_identifiers", "puzzle_indices", "group_indices")
FOLDER_SPLITS = {"train": "train", "test": "test", "val": "test", "ood": "test"}


def read_folder(task: Task, path: Path, split: str) -> PuzzleSet:
    """Read a dataset folder in the format of the public HRM and TRM code.

    ``val`` and ``ood`` are read from ``test/``, since such folders have two splits. Files are
    memory-mapped while they are checked, and never unpickled. Every puzzle is checked and rated;
    see ``certify``.

    Raises:
        ValueError: if a file is missing, a shape, length or token does not fit the task, or a row
            is not a valid puzzle; the message gives its number.
    """
    folder = path / FOLDER_SPLITS[split]
    try:
        about: dict[str, Any] = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            raise ValueError("dataset.json is not an object")
        names = about.get("sets", ["all"])
        if not isinstance(names, list) or not names:
            raise ValueError(f"expected sets to be a list of names, got {names!r}")
        num_puzzle_ids = about.get("num_puzzle_identifiers", 1)
        if not isinstance(num_puzzle_ids, int) or num_puzzle_ids < 1:
            raise ValueError(f"expected num_puzzle_identifiers from 1, got {num_puzzle_ids!r}")
        ignore = about.get("ignore_label_id")
        if not (ignore is None or isinstance(ignore, int)):
            raise ValueError(f"expected ignore_label_id to be a number, got {ignore!r}")
        parts = {
            field: [load_array(folder / f"{name}__{field}.npy", mapped=True) for name in names]
            for field in FIELDS
        }
    except (OSError, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(
            f"{folder}: expected a dataset folder with dataset.json: {error}"
        ) from None
    except ValueError as error:
        raise ValueError(f"{folder}: a file is damaged: {error}") from None
    for field, wanted in (("vocab_size", task.vocab_size), ("seq_len", task.seq_len)):
        if about.get(field) != wanted:
            raise ValueError(
                f"{folder}: {field} is {about.get(field)}, expected {wanted} for {task.id}"
            )
    for one, other in zip(parts["inputs"], parts["labels"], strict=True):
        if one.shape != other.shape or one.ndim != 2 or one.shape[1] != task.seq_len:
            raise ValueError(
                f"{folder}: expected inputs and labels of shape (N, {task.seq_len}), got "
                f"{one.shape} and {other.shape}"
            )
    inputs, labels = (np.concatenate(parts[field]) for field in ("inputs", "labels"))
    if len(inputs) == 0 or inputs.dtype.kind not in "iu" or labels.dtype.kind not in "iu":
        raise ValueError(f"{folder}: expected at least one puzzle, of integer tokens")
    if ignore is not None:
        labels = np.where(labels == ignore, 0, labels)
    for name, values in (("inputs", inputs), ("labels", labels)):
        if values.min() < 0 or values.max() >= task.vocab_size:
            raise ValueError(f"{folder}: {name} contain a token outside 0..{task.vocab_size - 1}")
    try:
        puzzle_ids, groups = _ids_and_groups(parts)
        if puzzle_ids.min() < 0 or puzzle_ids.max() >= num_puzzle_ids:
            raise ValueError(f"a puzzle identifier is outside 0..{num_puzzle_ids - 1}")
        ratings = certify(task, inputs, labels)
    except ValueError as error:
        raise ValueError(f"{folder}: {error}") from None
    return PuzzleSet(
        inputs.astype(np.uint8),
        labels.astype(np.uint8),
        ratings,
        puzzle_ids.astype(np.int32),
        str(folder),
        num_puzzle_ids,
        groups=groups,
    )


def _ids_and_groups(
    parts: dict[str, list[NDArray[Any]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the puzzle identifier and the group of every example, over all sets.

    Raises:
        ValueError: if the bounds of puzzles or of groups do not fit the arrays they divide.
    """
    ids, sizes = [], []
    for rows in zip(*(parts[field] for field in FIELDS if field != "labels"), strict=True):
        for name, array in zip(FIELDS[2:], rows[1:], strict=True):
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise ValueError(
                    f"expected {name} to be a row of integers, got {array.dtype} {array.shape}"
                )
        examples = len(rows[0])
        # Differences of unsigned integers would never be negative.
        identifiers, indices, bounds = (array.astype(np.int64) for array in rows[1:])
        puzzles = len(identifiers)
        if len(indices) != puzzles + 1:
            raise ValueError(
                f"expected puzzle_indices to contain the {puzzles + 1} bounds of {puzzles} puzzles"
            )
        for name, array, count, what in (
            ("puzzle_indices", indices, examples, "examples"),
            ("group_indices", bounds, puzzles, "puzzles"),
        ):
            if array[[0, -1][: len(array)]].tolist() != [0, count] or np.any(np.diff(array) < 0):
                raise ValueError(f"expected {name} to rise from 0 to the {count} {what}")
        ids.append(np.repeat(identifiers, np.diff(indices)))
        sizes.append(np.diff(indices[bounds]))
    groups = np.concatenate(sizes)
    return np.concatenate(ids), np.repeat(np.arange(len(groups)), groups)
