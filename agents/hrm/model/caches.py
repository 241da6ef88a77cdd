"""The memory of a causal attention, for models that write token after token."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class KeyValues:
    """Keys and values of the positions read so far; a position attends to itself and those before.

    Args:
        capacity: Positions to keep for those still to come. 0 keeps none: the sequence is read
            once, as in training.
    """

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self.length = 0
        self._keys = self._values = torch.empty(0)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the mixed values of new positions, and remember them.

        Args:
            q: ``(B, heads, length, head_dim)``; k and v alike.

        Raises:
            ValueError: Several positions come after the first ones, or more than there is room for.
        """
        before, after = self.length, self.length + k.shape[2]
        if before and k.shape[2] > 1:
            raise ValueError(f"q: expected one position after the first, got {k.shape[2]}")
        if self.capacity:
            if after > self.capacity:
                raise ValueError(f"q: expected at most {self.capacity} positions, got {after}")
            if not before:
                room = (*k.shape[:2], self.capacity, k.shape[3])
                self._keys, self._values = k.new_empty(room), v.new_empty(room)
            self._keys[:, :, before:after], self._values[:, :, before:after] = k, v
            self.length = after
            k, v = self._keys[:, :, :after], self._values[:, :, :after]
        return F.scaled_dot_product_attention(q, k, v, is_causal=not before)

    def keep(self, rows: Tensor) -> None:
        """Forget the rows of the batch that are not among ``rows``, indices ``(K,)``."""
        self._keys, self._values = self._keys[rows], self._values[rows]
