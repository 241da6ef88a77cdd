"""The key-value cache of causal attention, for models that write one token after another."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


class KeyValues:
    """Keys and values of the positions so far; each position attends to itself and earlier ones.

    Args:
        capacity: Number of positions to store for later ones. With 0 nothing is stored, and the
            whole sequence is read at once, as in training.
    """

    def __init__(self, capacity: int = 0) -> None:
        self.capacity = capacity
        self.length = 0
        self._keys = self._values = torch.empty(0)

    def attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the attention output of new positions, and store their keys and values.

        Args:
            q: Queries, ``(B, heads, length, head_dim)``.
            k: Keys of the same shape.
            v: Values of the same shape.

        Raises:
            ValueError: if a later call has more than one position, or the capacity is exceeded.
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
        """Keep only these rows of the batch, indices ``(K,)``."""
        self._keys, self._values = self._keys[rows], self._values[rows]
