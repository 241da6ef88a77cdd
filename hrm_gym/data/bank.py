"""The bundled bank: puzzles of every size, made once by ``scripts/build_bank.py`` from a seed.

Each task has one compressed ``.npz`` file in the folder ``bank``, opened at its first use.
``manifest.json`` contains the SHA-256 of each file, so that a damaged file is reported, not read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import SPLITS, Puzzle, Task

from .puzzle_set import PuzzleSet

FOLDER = Path(__file__).parent / "bank"


def pack(
    task: Task, puzzles: list[Puzzle], splits: Sequence[str]
) -> dict[str, NDArray[np.generic]]:
    """Return the arrays of a bank file.

    A question is stored as the mask of the positions where it differs from its label.
    """
    labels = np.stack([p.labels for p in puzzles])
    inputs = np.stack([p.inputs for p in puzzles])
    digests = [int(task.digest(p.inputs, p.labels), 16) for p in puzzles]
    return {
        "labels": labels,
        "hidden": np.packbits(inputs != labels, axis=1),
        "ratings": np.array([p.rating for p in puzzles], np.uint16),
        "digests": np.array(digests, np.uint64),
        "splits": np.array([SPLITS.index(s) for s in splits], np.uint8),  # type: ignore[arg-type]
    }


@lru_cache(maxsize=4)
def read(task_id: str, blank: int) -> tuple[NDArray[Any], ...]:
    """Read a bank file and return its inputs, labels, ratings, splits and digests.

    Args:
        task_id: The task whose file is read.
        blank: Token that the question contains where the answer differs from it.

    Raises:
        ValueError: if the bank has no such task, or the file is missing or damaged.
    """
    manifest = FOLDER / "manifest.json"
    try:
        hashes = {
            name: about["sha256"]
            for name, about in json.loads(manifest.read_text(encoding="utf-8"))["files"].items()
        }
    except FileNotFoundError:
        raise ValueError(f"{manifest}: the bank's list is missing; reinstall the package") from None
    except (AttributeError, KeyError, TypeError, ValueError):
        raise ValueError(f"{manifest}: the bank's list is damaged; reinstall the package") from None
    if task_id not in hashes:
        known = ", ".join(sorted(hashes))
        raise ValueError(
            f"source: the bundled bank contains {known}, not {task_id}; expected source='generator'"
        )
    path = FOLDER / f"{task_id}.npz"
    wanted = hashes[task_id]
    if not path.exists():
        raise ValueError(f"{path}: this bank file is missing; reinstall the package")
    if hashlib.sha256(path.read_bytes()).hexdigest() != wanted:
        raise ValueError(
            f"{path}: this bank file is damaged (SHA-256 differs); reinstall the package"
        )
    with np.load(path, allow_pickle=False) as file:
        labels = file["labels"]
        hidden = np.unpackbits(file["hidden"], axis=1, count=labels.shape[1]).astype(bool)
        inputs = np.where(hidden, np.uint8(blank), labels)
        return inputs, labels, file["ratings"], file["splits"], file["digests"]


def load(task: Task, split: str) -> PuzzleSet:
    """Return the bundled puzzles of a split, in the random order of the bank.

    Raises:
        ValueError: if ``read`` raises it.
    """
    inputs, labels, ratings, splits, _ = read(task.base_id, task.blank)
    rows = np.flatnonzero(splits == SPLITS.index(split))  # type: ignore[arg-type]
    ids = np.zeros(len(rows), np.int32)
    return PuzzleSet(inputs[rows], labels[rows], ratings[rows].astype(np.float32), ids, "bank")
