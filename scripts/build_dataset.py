"""Write a dataset folder in the format of the public HRM and TRM code.

The folder holds train/ and test/ as arrays, with the augmented copies of every training puzzle.
Training here needs no such copies, since environments show puzzles under random symmetries; ARC
does, because every augmented task has its own puzzle embedding.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the dataset builder."""

    family: Annotated[Literal["sudoku", "maze", "arc"], tyro.conf.Positional]
    """Kind of puzzles."""
    out: Path
    """Folder to write; it must not exist, or be empty."""
    data: list[str] = field(default_factory=list)
    """Where puzzles come from. Sudoku and mazes: bank, generator:N, a CSV file with the columns
    question and answer, a folder with train.csv and test.csv, or hub:OWNER/NAME of such a dataset
    (default: bank). ARC: arc-agi-1, arc-agi-2 and folders of ARC JSON files, several together
    (default: arc-agi-1); a subfolder evaluation holds evaluation tasks."""
    size: int | None = None
    """Cells a side: 9 by default for sudoku, 30 for mazes; for ARC the side of the canvas, 30."""
    subsample_size: int | None = None
    """Training puzzles at most (ARC: tasks), drawn at random."""
    test_size: int | None = None
    """Test puzzles at most, the first ones."""
    num_aug: int | None = None
    """Augmented copies of each training puzzle; 0 by default, 1000 for ARC."""
    min_difficulty: float | None = None
    """Leave out puzzles rated lower (sudoku and mazes)."""
    smallest: int | None = None
    """ARC: keep the so many tasks of the smallest grids (longest side, then cells, then name)."""
    hold_out: Literal["evaluation", "all", "demonstration"] = "evaluation"
    """ARC: what is held out, the test pairs of the evaluation tasks or those of all tasks; or, to
    tune without a look at any test pair, the last demonstration of every task."""
    seed: int = 0
    """Seed of the subsample and the augmentation."""


def main(args: Args) -> None:
    """Write the folder and say what is in it.

    Raises:
        ValueError: A source is not there, or an argument does not fit the family.
    """
    for name in ("subsample_size", "test_size", "smallest"):
        value = getattr(args, name)
        if value is not None and value < 1:
            raise ValueError(f"{name.replace('_', '-')}: expected at least 1, got {value}")
    if args.num_aug is not None and args.num_aug < 0:
        raise ValueError(f"num-aug: expected 0 or more, got {args.num_aug}")
    begun = time.perf_counter()
    written = _arc(args) if args.family == "arc" else _puzzles(args)
    counts = ", ".join(f"{count:,} in {split}" for split, count in written.items())
    print(f"{args.out}: {counts}, in {time.perf_counter() - begun:.1f} s")


def _puzzles(args: Args) -> dict[str, int]:
    """Write Sudoku puzzles or mazes."""
    import numpy as np

    from hrm_gym.data import PuzzleSet, load_puzzles
    from hrm_gym.data.writers import write_puzzles
    from hrm_gym.puzzles import get_task

    for name in ("smallest", "hold_out"):
        if getattr(args, name) not in (None, "evaluation"):
            raise ValueError(f"{name.replace('_', '-')}: this is for arc alone")
    size = args.size or {"sudoku": 9, "maze": 30}[args.family]
    task = get_task(f"{args.family}-{size}x{size}")
    source = _one(args.data)
    path = Path(source)
    if source.startswith("hub:"):
        path = _download(source.removeprefix("hub:"))
    splits: dict[str, PuzzleSet] = {}
    if path.is_dir() and (path / "train.csv").is_file():
        for split in ("train", "test"):
            splits[split] = load_puzzles(task, str(path / f"{split}.csv"))
    elif path.is_file():
        whole = load_puzzles(task, source)
        train = np.array([task.split_of(whole[k]) == "train" for k in range(len(whole))])
        splits = {"train": whole.take(train), "test": whole.take(~train)}
    else:
        splits = {split: load_puzzles(task, source, split) for split in ("train", "test")}
    if args.min_difficulty is not None:
        kept = {s: p.take(p.ratings >= args.min_difficulty) for s, p in splits.items()}
        splits = kept
    if args.test_size is not None:
        splits["test"] = splits["test"].take(np.arange(min(args.test_size, len(splits["test"]))))
    return write_puzzles(args.out, task, splits, args.subsample_size, args.num_aug or 0, args.seed)


def _one(sources: Sequence[str]) -> str:
    """Return the one source of Sudoku puzzles or mazes."""
    if len(sources) > 1:
        raise ValueError(f"data: expected one source, got {len(sources)}")
    return sources[0] if sources else "bank"


def _download(name: str) -> Path:
    """Return the folder of a Hugging Face dataset."""
    from hrm_gym.data.hub import download

    return download(name, "dataset", ["*.csv"])


def _arc(args: Args) -> dict[str, int]:
    """Write ARC tasks."""
    from hrm_gym.puzzles.arc.writer import read_tasks, smallest, without_tests, write_arc

    for name in ("test_size", "min_difficulty"):
        if getattr(args, name) is not None:
            raise ValueError(f"{name.replace('_', '-')}: this is for sudoku and maze alone")
    sources = args.data or ["arc-agi-1"]
    tasks = [task for source in sources for task in read_tasks(source)]
    if args.smallest is not None:
        tasks = smallest(tasks, args.smallest)
    if args.hold_out == "all":
        tasks = [dataclasses.replace(task, evaluation=True) for task in tasks]
    elif args.hold_out == "demonstration":
        tasks = [without_tests(task) for task in tasks]
    num_aug = 1000 if args.num_aug is None else args.num_aug
    return write_arc(args.out, tasks, num_aug, args.size or 30, args.subsample_size, args.seed)


if __name__ == "__main__":
    sys.exit(run(main, Args))
