"""How far every update inside a segment moves its hidden state."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from .network import HRM


class Residuals(NamedTuple):
    """Forward residuals by update: the mean over rows of the 2-norm of z' - z.

    Attributes:
        z_H: ``(updates,)`` float32; NaN at updates of z_L.
        z_L: ``(updates,)`` float32; NaN at updates of z_H.
    """

    z_H: Tensor
    z_L: Tensor


@torch.inference_mode()
def residuals(
    model: HRM, tokens: Tensor, segments: int = 1, puzzle_ids: Tensor | None = None
) -> Residuals:
    """Measure each update, without halting (HRM paper, arXiv 2506.21734, figure 3).

    Args:
        model: The model.
        tokens: ``(B, seq_len)``, any integer dtype.
        segments: Number of segments.
        puzzle_ids: ``(B,)``, for a model with a puzzle embedding.
    """
    found: dict[str, list[float]] = {"z_H": [], "z_L": []}
    nan = float("nan")

    def size(new: Tensor, old: Tensor) -> float:
        return float((new - old).float().flatten(1).norm(dim=1).mean())

    rows = None
    if model.puzzle_emb is not None:
        ids = torch.zeros(len(tokens)) if puzzle_ids is None else puzzle_ids
        rows = model.puzzle_rows(ids.to(tokens.device))
    z_H, z_L = model.initial_carry(len(tokens), tokens.device, seq_len=tokens.shape[1])
    x = model._embed(tokens, rows).to(z_H.dtype)
    links = model.board(tokens.shape[1]).links if model.relational else None
    H_cycles, L_cycles = model.cycles
    for _ in range(segments * H_cycles):
        for _ in range(L_cycles):
            new = model._execute(z_H, z_L, x, 1, links)
            found["z_L"].append(size(new, z_L))
            found["z_H"].append(nan)
            z_L = new
        new, _ = model._cycle(z_H, z_L, x, 0, links)
        found["z_H"].append(size(new, z_H))
        found["z_L"].append(nan)
        z_H = new
    return Residuals(torch.tensor(found["z_H"]), torch.tensor(found["z_L"]))
