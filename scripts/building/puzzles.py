"""Dataset folders of puzzles that have no rule of their own, such as Sudokus and mazes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from hrm_gym.data import PuzzleSet, load_puzzles
from hrm_gym.data.readers import PuzzleFile
from hrm_gym.data.writers import write_puzzles
from hrm_gym.progress import progress
from hrm_gym.puzzles import Task, family_task


@dataclass
class Options:
    """Arguments of the dataset builder."""

    out: Path
    """Folder to write; it must not exist, or be empty."""
    data: str | None = None
    """Puzzles: bank, generator:N, a file of puzzles (a list, grids, a CSV, JSON), a folder with
    train.csv and test.csv, or hub:OWNER/NAME of such a dataset; by default the family's own."""
    size: int | None = None
    """Cells along one side; by default the first size of the family."""
    subsample_size: int | None = None
    """Number of training puzzles at most, drawn at random."""
    test_size: int | None = None
    """Number of test puzzles at most; the first ones are taken."""
    num_aug: int = 0
    """Number of augmented copies of each training puzzle."""
    min_difficulty: float | None = None
    """Lowest rating of the puzzles."""
    seed: int = 0
    """Seed of the subsample and the augmentation."""
    family: Annotated[str, tyro.conf.Suppress] = ""


def write(options: Options) -> dict[str, int]:
    """Write the folder and return the number of examples of every split.

    Raises:
        ValueError: if the source does not exist, or the folder is not empty.
    """
    task = family_task(options.family)
    if options.size is not None:
        task = task.resized(options.size)
    return write_puzzles(
        options.out,
        task,
        read_splits(options, task),
        options.subsample_size,
        options.num_aug,
        options.seed,
    )


def read_splits(options: Options, task: Task) -> dict[str, PuzzleSet | PuzzleFile]:
    """Return the puzzles of ``train`` and ``test``.

    Of a folder with ``train.csv`` and ``test.csv``, only puzzles that are written are solved and
    checked, unless all of them must be rated.

    Args:
        options: Arguments of the dataset builder.
        task: The task of the puzzles.

    Raises:
        ValueError: if the source does not exist, or a puzzle cannot be read.
    """
    source = options.data or task.default_source
    path = Path(source)
    if source.startswith("hub:"):
        from hrm_gym.data.hub import download

        path = download(source.removeprefix("hub:"), "dataset", ["*.csv"])
    low = options.min_difficulty
    # The first test puzzles can be read alone if none is left out by its rating.
    limit = options.test_size if low is None else None
    splits: dict[str, PuzzleSet]
    if path.is_dir() and (path / "train.csv").is_file():
        train, test = path / "train.csv", path / "test.csv"
        if options.subsample_size is not None and low is None:
            return {
                "train": PuzzleFile(task, train),
                "test": load_puzzles(task, str(test), limit=limit),
            }
        splits = {
            "train": load_puzzles(task, str(train)),
            "test": load_puzzles(task, str(test), limit=limit),
        }
    elif path.is_file():
        whole = load_puzzles(task, source)
        rows = progress(range(len(whole)), "splitting")
        is_train = np.array([task.split_of(whole[k]) == "train" for k in rows])
        splits = {"train": whole.take(is_train), "test": whole.take(~is_train)}
    else:
        splits = {split: load_puzzles(task, source, split) for split in ("train", "test")}
    if low is not None:
        splits = {split: part.take(part.ratings >= low) for split, part in splits.items()}
    if options.test_size is not None:
        splits["test"] = splits["test"].take(slice(options.test_size))
    return {**splits}
