"""Symbols that are equal to an equivariant model, computed as one.

The state of such a model is kept for each pair of a position and a symbol. A task that uses four of
ten colours has six that differ in nothing, so five states for each position are enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..model.config import HRMConfig
from ..model.relations import Board


@dataclass(frozen=True)
class Merged:
    """The symbols that puzzles use, and one more for all others.

    Attributes:
        config: Configuration of the model.
        places: ``(symbols,)``, the place of each symbol among the merged ones.
    """

    config: HRMConfig
    places: NDArray[np.int64]

    @classmethod
    def of(cls, config: HRMConfig, tokens: NDArray[np.uint8], vocab_size: int) -> Merged:
        """Return the merged symbols of puzzles.

        Args:
            config: Configuration of an equivariant model.
            tokens: All tokens of the puzzles.
            vocab_size: Number of tokens of the task.
        """
        used = np.bincount(tokens.ravel(), minlength=vocab_size)[config.fixed_tokens :] > 0
        # Those with an embedding of their own differ from the others.
        used[: config.special_symbols] = True
        return cls(config, np.where(used, used.cumsum() - 1, used.sum()))

    def board(self, board: Board) -> Board:
        """Return the board of the merged symbols."""
        counts = torch.from_numpy(np.bincount(self.places)).to(board.links.pool)
        vocab_size = self.config.fixed_tokens + len(counts)
        return board._replace(vocab_size=vocab_size, links=board.links._replace(counts=counts))

    def tokens(self, tokens: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return tokens of the task as tokens of the merged symbols."""
        fixed = self.config.fixed_tokens
        return np.concatenate((np.arange(fixed), fixed + self.places))[tokens]

    def merge(self, rows: Tensor) -> Tensor:
        """Return rows of the puzzle embedding for the merged symbols; equal ones are averaged."""
        if not self.config.puzzle_per_symbol:
            return rows
        parts = rows.unflatten(1, (len(self.places), -1))
        few = [parts[:, self.places == place].mean(1) for place in range(self.places.max() + 1)]
        return torch.stack(few, 1).flatten(1)

    def spread(self, rows: Tensor) -> Tensor:
        """Return rows for the merged symbols as rows of the puzzle embedding."""
        if not self.config.puzzle_per_symbol:
            return rows
        return rows.unflatten(1, (self.places.max() + 1, -1))[:, self.places].flatten(1)
