"""Calibration: how often the model is right, compared with how often q_halt predicts that it is."""

from __future__ import annotations

import torch
from torch import Tensor

BINS = 10
"""Bins of the predicted probability, each a tenth wide."""


def calibration_counts(q_halt: Tensor, exact: Tensor) -> Tensor:
    """Return ``(3, BINS)`` float32 sums by predicted probability: rows, predictions, right answers.

    Args:
        q_halt: ``(B,)`` logits.
        exact: ``(B,)`` bool, whether the answer equals the label.
    """
    predicted = q_halt.detach().float().sigmoid()
    row = torch.stack((torch.ones_like(predicted), predicted, exact.float()))
    # A sum over one-hot rows, since index_add_ on CUDA adds in no fixed order.
    bins = (predicted * BINS).long().clamp(0, BINS - 1)
    return row @ (bins[:, None] == torch.arange(BINS, device=bins.device)).float()


def calibration_error(counts: Tensor) -> float:
    """Return the expected calibration error: mean |prediction - success rate|, by bin and rows.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (2017), section 2.
    """
    rows, predicted, right = counts.double().cpu()
    return float((predicted - right).abs().sum() / rows.sum().clamp(min=1))
