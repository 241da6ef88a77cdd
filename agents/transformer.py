"""A plain transformer of the HRM's blocks, from tokens to features, bidirectional or causal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .hrm.model.blocks import Block
from .hrm.model.caches import KeyValues
from .hrm.model.config import HRMConfig
from .hrm.model.embedding import Embedded


class Transformer(Embedded):
    """Embeds tokens and applies a stack of the HRM's blocks once.

    Args:
        config: Width, heads, positions and vocabulary; the fields of the recurrence are not used.
        layers: Number of blocks, by default that of an HRM with this configuration.

    Raises:
        ValueError: if ``config`` has another mixer than attention, puzzle embeddings or registers.
    """

    def __init__(self, config: HRMConfig, layers: int | None = None) -> None:
        if config.mixer != "attention" or config.prefix_len:
            raise ValueError("config: a plain transformer mixes by attention and has no prefix.")
        super().__init__(config)
        if layers is None:
            layers = config.L_layers + (0 if config.shared else config.H_layers)
        self.blocks = nn.ModuleList(Block(config) for _ in range(layers))

    def forward(
        self,
        tokens: Tensor,
        extra: Tensor | None = None,
        past: Sequence[KeyValues] | None = None,
    ) -> Tensor:
        """Return the features of every position.

        Args:
            tokens: ``(B, length)``, any integer dtype. With ``past``, at most ``seq_len`` tokens
                altogether.
            extra: ``(B, length, hidden)``, or a shape that broadcasts to it. It is added to the
                embeddings and carries information beyond the tokens, such as a position.
            past: One cache per block: attention is causal and continues from the caches. With
                ``None`` every position sees every other one.

        Returns:
            ``(B, length, hidden)`` with a root mean square of 1.
        """
        first = past[0].length if past else 0
        places = slice(first, first + tokens.shape[1])
        h = F.embedding(tokens.int(), self.token_emb)
        if self.position_emb is not None:
            h = math.sqrt(0.5) * (h + self.position_emb[places])
        h = self.scale * h
        if extra is not None:
            h = h + extra
        rotation = (self.cos[places], self.sin[places]) if self.rotary else None
        for number, block in enumerate(self.blocks):
            h = block(h, rotation, past[number] if past else None)
        return h


def fit_size(
    fields: Mapping[str, Any], blocks: int, wanted: int, count: Callable[[dict[str, Any]], int]
) -> dict[str, Any]:
    """Return the fields of a model of attention blocks with a given number of parameters.

    The width is chosen so that a block has its usual proportions, 12 width^2 parameters, and is
    rounded to whole heads. The inner width of the SwiGLU then makes up the difference.

    Args:
        fields: Fields of ``HRMConfig`` without the sizes.
        blocks: Number of blocks.
        wanted: Number of parameters.
        count: Returns the number of parameters of a model with given fields.
    """
    ideal = math.sqrt(wanted / (12 * blocks))
    unit = 8 if ideal < 128 else 64
    width = max(1, round(ideal / unit)) * unit
    heads = 2 if unit == 8 else width // unit

    def of(inner: int) -> dict[str, Any]:
        # The inner width is two thirds of expansion times width.
        size = {"hidden_size": width, "num_heads": heads, "round_to": 1}
        return {**fields, **size, "expansion": 1.5 * inner / width}

    inner = 1 + max(0, round((wanted - count(of(1))) / (3 * width * blocks)))
    return of(inner)
