"""Augmented ARC tasks, made and named as in the published dataset builders, and the inverse.

A name such as ``task|||t3|||0271458369`` contains the number of the dihedral transform and the
colour that each of the ten colours becomes. Every augmented task is a separate task with its own
row of the puzzle embedding; its answers are transformed back before they vote.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .grids import COLOURS, ArcPuzzle, Grid, Pair, to_grid

SEPARATOR = "|||"
# HRM's builder joins the parts with an underscore, TRM's with three bars.
_NAME = re.compile(r"(.+?)(?:\|\|\||_)t([0-7])(?:\|\|\||_)(\d{10})")
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)


def dihedral(grid: NDArray[Any], which: int) -> NDArray[Any]:
    """Return a grid under one of the eight symmetries of the square.

    Args:
        grid: The grid.
        which: 0 to 3: quarter turns to the left; 4: flip left-right; 5: flip up-down; 6 and 7:
            flip at a diagonal.
    """
    if which < 4:
        return np.rot90(grid, which)
    if which == 4:
        return np.fliplr(grid)
    if which == 5:
        return np.flipud(grid)
    return grid.T if which == 6 else np.fliplr(np.rot90(grid))


@dataclass(frozen=True)
class Augmentation:
    """A dihedral transform and a permutation of the colours.

    Attributes:
        which: Number of the dihedral transform, 0 to 7; see ``dihedral``.
        colours: The colour that each of the ten colours becomes.
    """

    which: int = 0
    colours: tuple[int, ...] = tuple(range(COLOURS))

    @classmethod
    def draw(cls, random: np.random.Generator) -> Augmentation:
        """Return a random augmentation in which black stays black."""
        order = (random.permutation(COLOURS - 1) + 1).tolist()
        return cls(int(random.integers(8)), (0, *order))

    def apply(self, grid: Grid) -> Grid:
        """Return the transformed grid as a new array."""
        return np.ascontiguousarray(dihedral(np.array(self.colours, np.uint8)[grid], self.which))

    def undo(self, grid: Grid) -> Grid:
        """Return the grid that ``apply`` transforms to this one, as a new array."""
        colours = np.argsort(self.colours).astype(np.uint8)
        return np.ascontiguousarray(colours[dihedral(grid, INVERSE[self.which])])

    def name(self, task: str) -> str:
        """Return the name of a task under this augmentation."""
        return SEPARATOR.join([task, f"t{self.which}", "".join(map(str, self.colours))])


def parse_name(name: str) -> tuple[str, Augmentation]:
    """Return the name of the original task and the augmentation; a plain name has the identity."""
    match = _NAME.fullmatch(name)
    if match is None or sorted(match[3]) != [str(colour) for colour in range(COLOURS)]:
        return name, Augmentation()
    return match[1], Augmentation(int(match[2]), tuple(map(int, match[3])))


@dataclass(frozen=True, eq=False)
class ArcTask:
    """A whole ARC task as colour grids.

    Attributes:
        name: Name of the task.
        demos: Demonstration pairs.
        tests: Test pairs; an output that is hidden is an empty grid.
        evaluation: Whether the test pairs are held out from training.
    """

    name: str
    demos: tuple[Pair, ...]
    tests: tuple[Pair, ...]
    evaluation: bool = False

    @property
    def side(self) -> int:
        """Length of the longest side of all grids."""
        return max(max(grid.shape) for pair in self.demos + self.tests for grid in pair)

    @property
    def known_tests(self) -> tuple[Pair, ...]:
        """The test pairs whose output is not hidden."""
        return tuple(pair for pair in self.tests if pair[1].size)

    @property
    def cells(self) -> int:
        """Number of cells of the largest grid."""
        return max(grid.size for pair in self.demos + self.tests for grid in pair)

    def to_json(self) -> dict[str, list[dict[str, list[list[int]]]]]:
        """Return the task in ARC's JSON form."""
        return {
            part: [
                {"input": a.tolist(), **({"output": b.tolist()} if b.size else {})}
                for a, b in pairs
            ]
            for part, pairs in (("train", self.demos), ("test", self.tests))
        }

    def augmented(self, augmentation: Augmentation) -> ArcTask:
        """Return the task under an augmentation, with the name of the augmented task."""

        def turn(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
            return tuple((augmentation.apply(a), augmentation.apply(b)) for a, b in pairs)

        name = augmentation.name(self.name)
        return ArcTask(name, turn(self.demos), turn(self.tests), self.evaluation)

    def key(self) -> tuple[bytes, ...]:
        """Return a key that is equal for tasks with the same pairs in any order."""
        return tuple(
            sorted(
                b"".join(bytes(grid.shape) + grid.tobytes() for grid in pair)
                for pair in self.demos + self.tests
            )
        )


def augment(task: ArcTask, count: int, random: np.random.Generator) -> list[ArcTask]:
    """Return a task and up to ``count`` different augmentations of it.

    As in the published builders, ``5 * count`` augmentations are drawn at most. A task with few
    different augmentations therefore gets fewer than ``count``.
    """
    group, seen = [task], {task.key()}
    for _ in range(5 * count):
        if len(group) > count:
            break
        other = task.augmented(Augmentation.draw(random))
        if other.key() not in seen:
            seen.add(other.key())
            group.append(other)
    return group


def group_tasks(puzzles: Iterable[ArcPuzzle], evaluation: bool) -> list[ArcTask]:
    """Return the whole tasks of puzzles, each of which has one test input."""
    tasks: dict[str, ArcTask] = {}
    for puzzle in puzzles:
        test = (to_grid(puzzle.inputs), to_grid(puzzle.labels))
        before = tasks[puzzle.task_id].tests if puzzle.task_id in tasks else ()
        tests = (*before, test)
        tasks[puzzle.task_id] = ArcTask(puzzle.task_id, puzzle.demos, tests, evaluation)
    return list(tasks.values())
