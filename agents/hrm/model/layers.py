"""Layers that every block is made of: norm, linear map, SwiGLU."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import NORM_EPS
from .embedding import truncated_normal_


def normalize(x: Tensor) -> Tensor:
    """Return the RMSNorm without gain over the last dimension, computed in float32.

    The formula is written out as in the published code. A fused kernel sums in another order, and a
    recurrent network with random weights (``trm_mlp`` of the recorded numbers) amplifies the
    difference to another answer within a few segments.

    Args:
        x: ``(..., width)``; the result has the same dtype.
    """
    wide = x.float() if x.dtype in (torch.bfloat16, torch.float16) else x
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + NORM_EPS)).to(x.dtype)


class Linear(nn.Module):
    """A linear map whose float32 weight is cast to the dtype of the input.

    The cast is explicit instead of autocast's, since some versions of PyTorch also cache the casts
    under ``no_grad``, and a weight that is first used there then gets no gradient.
    """

    def __init__(self, inputs: int, outputs: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        truncated_normal_(self.weight, 1 / math.sqrt(inputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., inputs)`` to ``(..., outputs)``."""
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)


class SwiGLU(nn.Module):
    """The map down(silu(gate(x)) * up(x)); gate and up are one projection, gate first.

    Args:
        width: Width of the input and the output.
        inner: Width between them.
        apart: Compute gate and up as two products. A compiled backward pass of halves of one tensor
            computes both halves for each, which takes a CPU twice as long.
    """

    def __init__(self, width: int, inner: int, apart: bool = False) -> None:
        super().__init__()
        self.apart = apart
        self.gate_up = Linear(width, 2 * inner)
        self.down = Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(..., width)`` to ``(..., width)``."""
        if self.apart:
            weights = self.gate_up.weight.to(x.dtype).chunk(2)
            gate, up = (F.linear(x, weight) for weight in weights)
        else:
            gate, up = self.gate_up(x).chunk(2, dim=-1)
        return self.down(F.silu(gate) * up)
