"""Dataset folders of ARC tasks, in which every augmented task has its own puzzle embedding."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from hrm_gym.puzzles.arc.writer import read_tasks, smallest, without_tests, write_arc


@dataclass
class Options:
    """Arguments of the dataset builder for ARC."""

    out: Path
    """Folder to write; it must not exist, or be empty."""
    data: list[str] = field(default_factory=lambda: ["arc-agi-1"])
    """Tasks: arc-agi-1, arc-agi-2 and folders of ARC JSON files, one or several; a subfolder
    evaluation contains evaluation tasks."""
    size: int = 30
    """Cells along one side of the canvas."""
    subsample_size: int | None = None
    """Number of tasks at most, drawn at random."""
    num_aug: int = 1000
    """Number of augmented copies of each task."""
    smallest: int | None = None
    """Number of tasks at most; those with the smallest grids are taken (by the longest side, then
    the number of cells, then the name)."""
    hold_out: Literal["evaluation", "all", "demonstration"] = "evaluation"
    """What is held out: the test pairs of the evaluation tasks; those of all tasks; or, to tune
    without any test pair, the last demonstration of every task."""
    seed: int = 0
    """Seed of the subsample and the augmentation."""
    family: Annotated[str, tyro.conf.Suppress] = ""


def write(options: Options) -> dict[str, int]:
    """Write the folder and return the number of examples of every split.

    Raises:
        ValueError: if a source does not exist, or the folder is not empty.
    """
    tasks = [task for source in options.data for task in read_tasks(source)]
    if options.smallest is not None:
        tasks = smallest(tasks, options.smallest)
    if options.hold_out == "all":
        tasks = [dataclasses.replace(task, evaluation=True) for task in tasks]
    elif options.hold_out == "demonstration":
        tasks = [without_tests(task) for task in tasks]
    return write_arc(
        options.out, tasks, options.num_aug, options.size, options.subsample_size, options.seed
    )
