"""Embeddings of tokens and positions, and the angles of rotary embeddings."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ROTARY_BASE, HRMConfig

# The standard deviation of a unit normal distribution that is truncated at two sigma.
TRUNCATED_STD = 0.8796256610342398


def truncated_normal_(tensor: Tensor, std: float) -> Tensor:
    """Fill with a truncated normal distribution (two sigma) of standard deviation ``std``."""
    sigma = std / TRUNCATED_STD
    return nn.init.trunc_normal_(tensor, std=sigma, a=-2 * sigma, b=2 * sigma)


def rotary_angles(config: HRMConfig) -> Tensor:
    """Return the angles ``(total_len, head_dim/2)`` in float32.

    ``rotary`` numbers positions from the first position of the prefix. ``rotary2d`` rotates the
    first half of the pairs by the row and the second half by the column; it does not rotate the
    prefix.
    """
    head_dim = config.hidden_size // config.num_heads
    grid = config.positions == "rotary2d"
    width = head_dim // 2 if grid else head_dim
    frequency = ROTARY_BASE ** (-torch.arange(0, width, 2, dtype=torch.float32) / width)
    if not grid:
        return torch.outer(torch.arange(config.total_len, dtype=torch.float32), frequency)
    side = math.isqrt(config.seq_len)
    cell = torch.arange(config.seq_len)
    row = torch.outer((cell // side).float(), frequency)
    column = torch.outer((cell % side).float(), frequency)
    return F.pad(torch.cat((row, column), dim=-1), (0, 0, config.prefix_len, 0))


class Embedded(nn.Module):
    """Base class of networks with embeddings of tokens and learned or rotary positions.

    Args:
        config: Configuration of the network.
    """

    cos: Tensor
    sin: Tensor

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.config = config
        self.scale = math.sqrt(config.hidden_size)
        self.relational = config.mixer == "relations"
        # With equivariant symbols each of them stands at a position or does not.
        kinds = config.fixed_tokens + 2 if config.fixed_tokens else config.vocab_size
        self.token_emb = self._table(kinds)
        learned = config.positions == "learned"
        self.position_emb = self._table(config.total_len) if learned else None
        self.rotary = config.mixer == "attention" and config.positions.startswith("rotary")
        if self.rotary:
            angles = rotary_angles(config)
            self.register_buffer("cos", angles.cos(), persistent=False)
            self.register_buffer("sin", angles.sin(), persistent=False)

    def _table(self, rows: int) -> nn.Parameter:
        table = torch.empty(rows, self.config.hidden_size)
        return nn.Parameter(truncated_normal_(table, 1 / self.scale))
