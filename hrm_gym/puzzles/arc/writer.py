"""Writer of ARC datasets as the published builders write them.

Every augmented task has its own puzzle identifier. The demonstrations of *all* tasks are training
examples, including those of evaluation tasks, since a model with puzzle embeddings learns a task
from its demonstrations. Only the test pairs of evaluation tasks are held out. Training examples are
placed at random positions of the canvas, except one of each task, which is placed in the corner
like all test examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...data.writers import DatasetWriter, Entry, choose
from .augment import ArcTask, augment, group_tasks
from .dataset import CHALLENGES, read_file, read_folder, read_version
from .grids import Pair, to_canvas
from .task import Arc


def read_tasks(source: str) -> list[ArcTask]:
    """Read whole tasks.

    Args:
        source: ``arc-agi-1`` or ``arc-agi-2``; or an ARC JSON file or a folder of them, see
            ``is_evaluation``.

    Raises:
        ValueError: if there is no such source, or a file is not ARC JSON.
    """
    if source in ("arc-agi-1", "arc-agi-2"):
        training, evaluation = read_version(source)
        return group_tasks(training, False) + group_tasks(evaluation, True)
    path = Path(source)
    if not path.exists():
        raise ValueError(f"data: expected arc-agi-1, arc-agi-2, a folder or a file, got {source!r}")
    puzzles = read_folder(path) if path.is_dir() else read_file(path)
    inside = [is_evaluation(path, Path(puzzle.origin)) for puzzle in puzzles]
    training = [puzzle for puzzle, is_held in zip(puzzles, inside, strict=True) if not is_held]
    evaluation = [puzzle for puzzle, is_held in zip(puzzles, inside, strict=True) if is_held]
    return group_tasks(training, False) + group_tasks(evaluation, True)


def is_evaluation(source: Path, file: Path) -> bool:
    """Return whether a file contains evaluation tasks.

    Args:
        source: The folder that is read, or the file itself.
        file: A file in it. In the subfolder ``evaluation`` it does, and so do Kaggle's files of
            evaluation and of test challenges.
    """
    parts = file.relative_to(source).parts if file != source else (file.name,)
    kaggle = CHALLENGES in parts[-1]
    return parts[0] == "evaluation" or (
        kaggle and any(word in parts[-1] for word in ("evaluation", "test"))
    )


def smallest(tasks: Sequence[ArcTask], count: int) -> list[ArcTask]:
    """Return the ``count`` tasks with the smallest grids, by longest side, cells and name."""
    return sorted(tasks, key=lambda task: (task.side, task.cells, task.name))[:count]


def without_tests(task: ArcTask) -> ArcTask:
    """Return an evaluation task whose test pair is the last demonstration of a task.

    Raises:
        ValueError: if the task has only one demonstration.
    """
    if len(task.demos) < 2:
        raise ValueError(f"data: task {task.name} has one demonstration, so none can be held out")
    return replace(task, demos=task.demos[:-1], tests=task.demos[-1:], evaluation=True)


def write_arc(
    path: Path | str,
    tasks: Sequence[ArcTask],
    num_aug: int = 1000,
    side: int = 30,
    subsample_size: int | None = None,
    seed: int = 0,
) -> dict[str, int]:
    """Write ARC tasks as a dataset folder, with ``test_puzzles.json`` beside it.

    Args:
        path: A new folder.
        tasks: Whole tasks; the tests of those with ``evaluation`` are held out.
        num_aug: Number of augmented copies of each task.
        side: Cells along one side of the canvas.
        subsample_size: Largest number of tasks, which are drawn at random; ``None`` keeps all.
        seed: Seed of the subsample, the augmentations and the positions.

    Returns:
        The number of examples of each split.

    Raises:
        ValueError: if a grid does not fit on the canvas, two tasks have the same name, or there is
            no evaluation task.
    """
    random = np.random.default_rng(seed)
    tasks = [tasks[row] for row in choose(len(tasks), subsample_size, random)]
    names = [task.name for task in tasks]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"data: task {twice} occurs twice; expected every task once")
    for task in tasks:
        if task.side > side:
            raise ValueError(
                f"side: task {task.name} has a grid of {task.side} cells per side, which does not "
                f"fit on a canvas of {side}"
            )
    arc = Arc(side)
    groups = [augment(task, num_aug, random) for task in tasks]
    # Identifiers start from 1 in the order of the training split; 0 is the blank identifier.
    identifiers = [task.name for group in groups for task in group]
    number = {name: place + 1 for place, name in enumerate(identifiers)}

    def entry(task: ArcTask, pairs: Sequence[Pair], moved: bool) -> Entry:
        fixed = int(random.integers(len(pairs)))
        canvases = []
        for place, pair in enumerate(pairs):
            room = [side - max(pair[0].shape[axis], pair[1].shape[axis]) + 1 for axis in (0, 1)]
            row, column = random.integers(room).tolist() if moved and place != fixed else (0, 0)
            canvases.append([to_canvas(grid, side, row, column) for grid in pair])
        inputs, labels = np.array(canvases).transpose(1, 0, 2)
        return Entry(inputs, labels, number[task.name])

    def train() -> Iterator[list[Entry]]:
        for group in groups:
            known = [t.demos if t.evaluation else t.demos + t.known_tests for t in group]
            yield [entry(t, pairs, True) for t, pairs in zip(group, known, strict=True)]

    def test() -> Iterator[list[Entry]]:
        for group in groups:
            if group[0].evaluation:
                yield [entry(t, t.tests, False) for t in group]

    if not any(task.evaluation for task in tasks):
        raise ValueError(
            "data: no evaluation task was found, so nothing is held out; expected a subfolder "
            "named evaluation, or hold-out all or demonstration"
        )
    with DatasetWriter(path, arc) as writer:
        count = len(identifiers) + 1
        written = {
            "train": writer.split("train", train(), count),
            "test": writer.split("test", test(), count),
        }
        writer.identifiers(identifiers)
        held = {task.name: task.to_json() for task in tasks if task.evaluation}
        writer.json("test_puzzles", held)
    return written
