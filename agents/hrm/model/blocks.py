"""The blocks of the model: attention, the mixers and the recurrence of a module."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .caches import KeyValues
from .config import HRMConfig
from .layers import Linear, SwiGLU, normalize
from .relations import Links, RelationMixer

Places = tuple[Tensor, Tensor] | Links | None
"""What a block knows of its positions: cosines and sines, or the links of a board."""


class Attention(nn.Module):
    """Multi-head attention over all positions; queries and keys are rotated by (cos, sin)."""

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.heads = config.num_heads
        self.qkv = Linear(config.hidden_size, 3 * config.hidden_size)
        self.out = Linear(config.hidden_size, config.hidden_size)

    def forward(
        self, x: Tensor, rotation: tuple[Tensor, Tensor] | None, past: KeyValues | None = None
    ) -> Tensor:
        """Map ``(B, length, hidden)`` to the same shape; with ``past``, attention is causal."""
        batch, length, width = x.shape
        qkv = self.qkv(x).view(batch, length, 3, self.heads, width // self.heads)
        # Each (B, heads, length, head_dim); queries and keys are rotated together.
        if rotation is None:
            q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        else:
            q, k = rotate(qkv[:, :, :2], *rotation).permute(2, 0, 3, 1, 4).unbind(0)
            v = qkv[:, :, 2].transpose(1, 2)
        attend = F.scaled_dot_product_attention if past is None else past.attend
        mixed = attend(q, k, v)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate the pairs (i, i + head_dim/2) of x (B, length, 2, heads, head_dim).

    The computation has the dtype of cos and sin: float32 unless the whole model is float64.
    """
    cos, sin = cos[:, None, None], sin[:, None, None]
    first, second = x.to(cos.dtype).chunk(2, dim=-1)
    turned = torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)
    return turned.to(x.dtype)


class Block(nn.Module):
    """A block with post-norm: h = norm(h + mix(h)); h = norm(h + swiglu(h)).

    The MLP mixer is a SwiGLU over positions, and its norm is also taken over positions (TRM).
    """

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.mixer: Attention | SwiGLU | RelationMixer
        if config.mixer == "attention":
            self.mixer = Attention(config)
        elif config.mixer == "relations":
            self.mixer = RelationMixer(config)
        else:
            self.mixer = SwiGLU(config.total_len, config.inner(config.total_len))
        relational = config.mixer == "relations"
        self.channel = SwiGLU(config.hidden_size, config.inner(config.hidden_size), relational)

    def forward(self, h: Tensor, places: Any, past: KeyValues | None = None) -> Tensor:
        """Map ``(B, length, hidden)`` to the same shape; ``past`` as in ``Attention``."""
        if isinstance(self.mixer, Attention):
            h = normalize(h + self.mixer(h, places, past))
        elif isinstance(self.mixer, RelationMixer):
            h = normalize(h + self.mixer(h, places))
        else:
            turned = h.transpose(1, 2)
            h = normalize(turned + self.mixer(turned)).transpose(1, 2)
        return normalize(h + self.channel(h))


class Recurrence(nn.Module):
    """The planner or the executor: add the injection, then apply the blocks."""

    def __init__(self, config: HRMConfig, layers: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(config) for _ in range(layers))

    def forward(self, h: Tensor, injection: Tensor, places: Places) -> Tensor:
        """Return the new state; all are ``(B, length, hidden)``."""
        h = h + injection
        for block in self.blocks:
            h = block(h, places)
        return h
