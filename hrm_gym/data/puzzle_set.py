"""Sets of puzzles as arrays, from which environments draw."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Puzzle, Tokens


@dataclass(frozen=True, eq=False)
class PuzzleSet:
    """N puzzles of one task.

    Attributes:
        inputs: ``(N, seq_len)`` uint8.
        labels: ``(N, seq_len)`` uint8, 0 at positions that do not count.
        ratings: ``(N,)`` float32.
        puzzle_ids: ``(N,)`` int32, the row of the puzzle embedding; 0 without an embedding.
        origin: Where the puzzles come from.
        num_puzzle_ids: Number of rows that a puzzle embedding needs.
        puzzles: The puzzles themselves, if they contain more than two arrays.
        groups: ``(N,)`` int64, rising from 0, equal for a puzzle and its symmetric copies (dataset
            folders); ``None`` if all rows are different puzzles.
    """

    inputs: Tokens
    labels: Tokens
    ratings: NDArray[np.float32]
    puzzle_ids: NDArray[np.int32]
    origin: str
    num_puzzle_ids: int = 1
    puzzles: Sequence[Puzzle] | None = field(default=None, repr=False)
    groups: NDArray[np.int64] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, puzzles: Sequence[Puzzle], origin: str) -> PuzzleSet:
        """Return a set of puzzles; puzzles of the same group share a puzzle id."""
        names = [puzzle.group for puzzle in puzzles]
        rows = {name: row for row, name in enumerate(sorted(set(names)))}
        return cls(
            np.stack([p.inputs for p in puzzles]),
            np.stack([p.labels for p in puzzles]),
            np.array([p.rating for p in puzzles], np.float32),
            np.array([rows[name] for name in names], np.int32),
            origin,
            len(rows),
            puzzles,
        )

    def __post_init__(self) -> None:
        """Make the arrays read-only, since environments share them."""
        for array in (self.inputs, self.labels, self.ratings, self.puzzle_ids, self.groups):
            if array is not None:
                array.setflags(write=False)

    def __deepcopy__(self, memo: dict[int, object]) -> PuzzleSet:
        """Return the set itself, since it never changes."""
        return self

    def __len__(self) -> int:
        """Return the number of puzzles."""
        return len(self.inputs)

    def __getitem__(self, index: int) -> Puzzle:
        """Return one puzzle, whose arrays are views."""
        if self.puzzles is not None:
            return self.puzzles[index]
        rating = float(self.ratings[index])
        return Puzzle(self.inputs[index], self.labels[index], rating, self.origin)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_] | slice) -> PuzzleSet:
        """Return the puzzles of the given rows (indices, a mask or a slice)."""
        rows = np.arange(len(self))[rows]
        return replace(
            self,
            inputs=self.inputs[rows],
            labels=self.labels[rows],
            ratings=self.ratings[rows],
            puzzle_ids=self.puzzle_ids[rows],
            puzzles=None if self.puzzles is None else [self.puzzles[i] for i in rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def first(self, count: int) -> PuzzleSet:
        """Return the first ``count`` puzzles, each with all its copies."""
        if self.groups is None:
            return self.take(np.arange(min(count, len(self))))
        return self.take(np.isin(self.groups, np.unique(self.groups)[:count]))

    @cached_property
    def mark(self) -> str:
        """The number of puzzles and a hash of them, whatever file they were read from."""
        found = hashlib.blake2b(str(self.num_puzzle_ids).encode(), digest_size=4)
        # Subclasses of Puzzle contain further arrays: demonstrations, recorded segments.
        here = {part.name for part in fields(Puzzle)}
        own = tuple(
            value
            for puzzle in self.puzzles or ()
            for name, value in vars(puzzle).items()
            if name not in here
        )
        for array in arrays((self.inputs, self.labels, self.ratings, self.puzzle_ids, own)):
            found.update(repr(array.shape).encode())
            found.update(array.tobytes())
        return f"{len(self)} puzzles #{found.hexdigest()}"

    @property
    def originals(self) -> NDArray[np.int64]:
        """The rows of the puzzles without further copies: the first row of each group."""
        if self.groups is None:
            return np.arange(len(self))
        return np.unique(self.groups, return_index=True)[1]


def arrays(part: Any) -> Iterator[NDArray[Any]]:
    """Yield the arrays in nested tuples, in their order."""
    if isinstance(part, tuple):
        for inner in part:
            yield from arrays(inner)
    elif isinstance(part, np.ndarray):
        yield part
