"""Augmented ARC tasks as the published builders make and name them, and the way back.

A name is ``task|||t3|||0271458369``: dihedral transform 3, then the colour that each of the ten
becomes. Every augmented task is a task of its own, with its own row of the puzzle embedding; its
answers are turned back before they vote.
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
# HRM's builder joins with one underscore, TRM's with three bars.
_NAME = re.compile(r"(.+?)(?:\|\|\||_)t([0-7])(?:\|\|\||_)(\d{10})")
INVERSE = (0, 3, 2, 1, 4, 5, 6, 7)


def dihedral(grid: NDArray[Any], which: int) -> NDArray[Any]:
    """Turn a grid: 0 to 3 quarter turns to the left, 4 left-right, 5 up-down, 6 and 7 diagonals."""
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
        which: 0 to 7, as in ``dihedral``.
        colours: What each of the ten colours becomes.
    """

    which: int = 0
    colours: tuple[int, ...] = tuple(range(COLOURS))

    @classmethod
    def draw(cls, random: np.random.Generator) -> Augmentation:
        """Draw one; black stays black."""
        order = (random.permutation(COLOURS - 1) + 1).tolist()
        return cls(int(random.integers(8)), (0, *order))

    def apply(self, grid: Grid) -> Grid:
        """Transform a grid; a fresh array."""
        return np.ascontiguousarray(dihedral(np.array(self.colours, np.uint8)[grid], self.which))

    def undo(self, grid: Grid) -> Grid:
        """Transform back; a fresh array."""
        colours = np.argsort(self.colours).astype(np.uint8)
        return np.ascontiguousarray(colours[dihedral(grid, INVERSE[self.which])])

    def name(self, task: str) -> str:
        """Return the name of a task under this augmentation."""
        return SEPARATOR.join([task, f"t{self.which}", "".join(map(str, self.colours))])


def parse_name(name: str) -> tuple[str, Augmentation]:
    """Return a task's own name and its augmentation; a plain name has none."""
    match = _NAME.fullmatch(name)
    if match is None or sorted(match[3]) != [str(colour) for colour in range(COLOURS)]:
        return name, Augmentation()
    return match[1], Augmentation(int(match[2]), tuple(map(int, match[3])))


@dataclass(frozen=True, eq=False)
class Examples:
    """An ARC task as colour grids.

    Attributes:
        name: The task's name.
        demos: Demonstration pairs.
        tests: Test pairs.
        evaluation: Whether its tests are held out.
    """

    name: str
    demos: tuple[Pair, ...]
    tests: tuple[Pair, ...]
    evaluation: bool = False

    @property
    def side(self) -> int:
        """The longest side of its grids."""
        return max(max(grid.shape) for pair in self.demos + self.tests for grid in pair)

    @property
    def cells(self) -> int:
        """The cells of its largest grid."""
        return max(grid.size for pair in self.demos + self.tests for grid in pair)

    def to_json(self) -> dict[str, list[dict[str, list[list[int]]]]]:
        """Return the task in ARC's JSON form."""
        return {
            part: [{"input": a.tolist(), "output": b.tolist()} for a, b in pairs]
            for part, pairs in (("train", self.demos), ("test", self.tests))
        }

    def augmented(self, augmentation: Augmentation) -> Examples:
        """Return the task under an augmentation, under its new name."""

        def turn(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
            return tuple((augmentation.apply(a), augmentation.apply(b)) for a, b in pairs)

        name = augmentation.name(self.name)
        return Examples(name, turn(self.demos), turn(self.tests), self.evaluation)

    def key(self) -> tuple[bytes, ...]:
        """Return what is equal for tasks of equal pairs, in whatever order."""
        return tuple(
            sorted(
                b"".join(bytes(grid.shape) + grid.tobytes() for grid in pair)
                for pair in self.demos + self.tests
            )
        )


def augment(task: Examples, count: int, random: np.random.Generator) -> list[Examples]:
    """Return a task and up to ``count`` different augmentations of it.

    As in the published builders there are five tries for each, so that a task with few different
    ones ends with fewer.
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


def group_tasks(puzzles: Iterable[ArcPuzzle], evaluation: bool) -> list[Examples]:
    """Gather puzzles, one a test input, into whole tasks."""
    tasks: dict[str, Examples] = {}
    for puzzle in puzzles:
        test = (to_grid(puzzle.inputs), to_grid(puzzle.labels))
        before = tasks[puzzle.task_id].tests if puzzle.task_id in tasks else ()
        tests = (*before, test)
        tasks[puzzle.task_id] = Examples(puzzle.task_id, puzzle.demos, tests, evaluation)
    return list(tasks.values())
