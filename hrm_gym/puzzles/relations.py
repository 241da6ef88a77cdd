"""Relations: the ways in which the positions of a puzzle see each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Kind = Literal["group", "neighbour"]


@dataclass(frozen=True, eq=False)
class Relation:
    """One way in which positions see each other.

    Attributes:
        name: What it is called, such as ``row`` or ``left``. Weights know a relation by its name.
        kind: ``group``: the positions of equal label see each other; ``neighbour``: every position
            sees one other.
        index: ``(seq_len,)`` int64. Of a group relation the labels, 0 to the number of groups - 1,
            each in use; of a neighbour relation the position that is seen, -1 where there is none.
            No two positions see the same one.

    Raises:
        ValueError: if the kind is unknown or the index does not have this form.
    """

    name: str
    kind: Kind
    index: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check the index."""
        index = np.asarray(self.index, np.int64)
        object.__setattr__(self, "index", index)
        if self.kind == "group":
            labels = np.unique(index)
            if index.ndim != 1 or not np.array_equal(labels, np.arange(len(labels))):
                raise ValueError(f"relation {self.name}: expected group labels 0, 1, 2 ... in use")
        elif self.kind == "neighbour":
            seen = index[index >= 0] if index.ndim == 1 else index
            inside = seen.size == 0 or (index.min() >= -1 and seen.max() < index.size)
            if index.ndim != 1 or not inside or len(np.unique(seen)) != len(seen):
                raise ValueError(
                    f"relation {self.name}: expected positions, each seen at most once, or -1"
                )
        else:
            raise ValueError(
                f"relation {self.name}: expected kind group or neighbour, got {self.kind!r}"
            )


def group(name: str, labels: ArrayLike) -> Relation:
    """Return a group relation; the labels may be any integers."""
    return Relation(name, "group", np.unique(np.asarray(labels), return_inverse=True)[1].ravel())


def side_of(seq_len: int, what: str) -> int:
    """Return the side of a square grid.

    Raises:
        ValueError: if ``seq_len`` positions are no square.
    """
    side = math.isqrt(seq_len)
    if side * side != seq_len:
        raise ValueError(
            f"{what}: its {seq_len} positions are no square grid, so it must define relations()"
        )
    return side


def lines(side: int) -> tuple[Relation, Relation]:
    """Return the relations row and column of a square grid."""
    cells = np.arange(side * side)
    return group("row", cells // side), group("column", cells % side)


def neighbours(side: int) -> tuple[Relation, ...]:
    """Return the relations left, right, up and down of a square grid."""
    grid = np.pad(np.arange(side * side).reshape(side, side), 1, constant_values=-1)
    seen = {
        "left": grid[1:-1, :-2],
        "right": grid[1:-1, 2:],
        "up": grid[:-2, 1:-1],
        "down": grid[2:, 1:-1],
    }
    return tuple(Relation(name, "neighbour", index.ravel()) for name, index in seen.items())
