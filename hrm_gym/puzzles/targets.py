"""Interfaces of the training targets of tasks whose puzzles may have several right answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class SolvedTargets(ABC):
    """The solver's labels of puzzles under symmetries, for ``targets="solved"``.

    ``Task.solved_targets`` creates an object for N puzzles, which stores tables on a device.
    """

    @abstractmethod
    def labels(self, drawn: Tensor, tokens: Tensor, keys: Tensor | None) -> Tensor:
        """Return the labels that become the solver's labels once the symmetries are applied.

        Args:
            drawn: ``(B,)`` int64, indices of the puzzles.
            tokens: ``(B, seq_len)`` uint8, these puzzles before the symmetries are applied.
            keys: ``(B,)`` int64, the keys of the symmetries; ``None`` for no symmetry.

        Returns:
            ``(B, seq_len)`` uint8.
        """


class AnyTargets(ABC):
    """All answers to puzzles that the rules accept, for ``targets="any"``.

    ``Task.any_targets`` creates an object for N puzzles, which stores tables on a device.
    """

    @abstractmethod
    def levels(self, drawn: Tensor, keys: Tensor | None) -> Tensor:
        """Return the data about puzzles under symmetries that the other methods need.

        Args:
            drawn: ``(B,)`` int64, indices of the puzzles.
            keys: ``(B,)`` int64, the keys of the symmetries; ``None`` for no symmetry.

        Returns:
            ``(B, seq_len)`` int32.
        """

    @abstractmethod
    def are_solved(self, levels: Tensor, tokens: Tensor, answers: Tensor) -> Tensor:
        """Return which answers the rules accept, ``(B,)`` bool.

        Args:
            levels: ``(B, seq_len)`` int32, from ``levels``.
            tokens: ``(B, seq_len)`` uint8, the puzzles.
            answers: ``(B, seq_len)`` uint8.
        """

    @abstractmethod
    def likeliest_labels(self, levels: Tensor, tokens: Tensor, scores: Tensor) -> Tensor:
        """Return the most likely of all right answers to each puzzle, ``(B, seq_len)`` uint8.

        Args:
            levels: ``(B, seq_len)`` int32, from ``levels``.
            tokens: ``(B, seq_len)`` uint8, the puzzles.
            scores: ``(B, seq_len, vocab)`` float64, log-probabilities up to a constant for each
                position.
        """
