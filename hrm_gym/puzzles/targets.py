"""The interface to the labels of tasks whose puzzles may have several right answers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class SolvedTargets(ABC):
    """Labels of puzzles under a symmetry as the solver gives them, for ``targets="solved"``.

    ``Task.solved_targets`` makes them for a list of N puzzles, as tables on a device.
    """

    @abstractmethod
    def labels(self, drawn: Tensor, tokens: Tensor, keys: Tensor | None) -> Tensor:
        """Return labels which, turned with their puzzles, are those of the solver.

        Args:
            drawn: ``(B,)`` int64, indices of the puzzles.
            tokens: ``(B, seq_len)`` uint8, these puzzles before they are turned.
            keys: ``(B,)`` int64, the keys of the symmetries; ``None`` for no symmetry.

        Returns:
            ``(B, seq_len)`` uint8.
        """


class AnyTargets(ABC):
    """The right answers of puzzles, where every answer that the rules accept is one.

    ``Task.any_targets`` makes them for a list of N puzzles, as tables on a device.
    """

    @abstractmethod
    def levels(self, drawn: Tensor, keys: Tensor | None) -> Tensor:
        """Return what the other methods need to know of puzzles under symmetries.

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
        """Return the likeliest of all right answers to each puzzle, ``(B, seq_len)`` uint8.

        Args:
            levels: ``(B, seq_len)`` int32, from ``levels``.
            tokens: ``(B, seq_len)`` uint8, the puzzles.
            scores: ``(B, seq_len, vocab)`` float64, log-probabilities up to a constant in each
                position.
        """
