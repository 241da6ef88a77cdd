"""Puzzles and symmetries. This module does not import any other module of the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Tokens = NDArray[np.uint8]
Split = Literal["train", "val", "test", "ood"]
SPLITS: tuple[Split, ...] = get_args(Split)

PAD = 0
"""The padding token of every task; it is never a label."""

TARGETS = ("turned", "solved", "any")
"""The kinds of training targets of a puzzle under a symmetry: ``turned`` is its label under the
same symmetry, ``solved`` is the solver's label for the transformed question, and ``any`` is every
answer that the rules accept."""


@dataclass(frozen=True, eq=False)
class Puzzle:
    """One instance of a task.

    Attributes:
        inputs: The question, ``(seq_len,)`` uint8 tokens.
        labels: The answer, ``(seq_len,)`` uint8 tokens; 0 at positions that do not count.
        rating: Difficulty in the unit of the task (Sudoku: guesses; maze: length of the path).
        origin: Where the puzzle comes from, such as ``bank``, ``generator`` or a file name.
    """

    inputs: Tokens
    labels: Tokens
    rating: float = 0.0
    origin: str = ""

    @property
    def group(self) -> str:
        """Name shared by puzzles that belong together; empty for a puzzle without a group."""
        return ""


@dataclass(frozen=True, eq=False)
class Symmetry:
    """A permutation of positions and tokens: ``new[i] = tokens[old[positions[i]]]``.

    Attributes:
        positions: ``(seq_len,)`` int64, a permutation.
        tokens: ``(vocab_size,)`` uint8, a permutation that maps padding to padding.
    """

    positions: NDArray[np.int64]
    tokens: Tokens

    def apply(self, values: Tokens) -> Tokens:
        """Transform token arrays ``(..., seq_len)``; the result is always a new array."""
        return self.tokens[values[..., self.positions]]

    def inverse(self) -> Symmetry:
        """Return the symmetry that undoes this one."""
        positions = np.empty_like(self.positions)
        positions[self.positions] = np.arange(positions.size)
        tokens = np.empty_like(self.tokens)
        tokens[self.tokens] = np.arange(tokens.size, dtype=tokens.dtype)
        return Symmetry(positions, tokens)


def wrong_cells(labels: Tokens, answers: Tokens) -> NDArray[np.int64]:
    """Return the number of positions at which answers differ from a label that is not padding.

    An answer is exact if there are none.

    Args:
        labels: ``(..., seq_len)`` uint8.
        answers: ``(..., seq_len)`` uint8; both are broadcast.

    Returns:
        ``(...)`` int64.
    """
    return np.count_nonzero((answers != labels) & (labels != PAD), axis=-1)  # type: ignore[no-any-return]
