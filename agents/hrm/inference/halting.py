"""How halting is learned: four rules behind one interface.

================= ======================================= ==========================
rule              halts in training                       q_continue is taught
================= ======================================= ==========================
``q`` (HRM)       where q_halt > q_continue               sigmoid(max Q') of the next segment
``td``            where q_halt > q_continue               discount * that, by a target network
``bce`` (TRM)     where q_halt > 0                        nothing, there is none
``fixed``         at the last segment alone               nothing
================= ======================================= ==========================

q_halt is taught in all of them whether the answer is right (the reward of halting now), since it
is also the model's confidence. Sources: HRM paper, arXiv 2506.21734, section 2; TRM paper,
arXiv 2510.04871, section 4; target network and discount as in DQN (Mnih et al., 2015).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..model.network import Output
from .act import halt_in_training, q_target

BINS = 10
"""Of the calibration: predicted probabilities in tenths."""


class Halting:
    """A rule by name.

    Args:
        rule: One of the table above.
        max_segments: The segment that halts by itself.
        discount: Of thinking on, with ``td``.
    """

    def __init__(self, rule: str, max_segments: int, discount: float = 1.0) -> None:
        self.rule = rule
        self.max_segments = max_segments
        self.discount = discount if rule == "td" else 1.0

    @property
    def looks_ahead(self) -> bool:
        """Whether ``target`` needs the output of one more segment."""
        return self.rule in ("q", "td")

    def halts(self, output: Output, segments: Tensor, minimum: Tensor) -> Tensor:
        """Return which rows halt, (B,) bool; arguments as in ``act.halt_in_training``."""
        if self.rule == "fixed":
            return segments >= self.max_segments
        q_continue = self.rule != "bce"
        return halt_in_training(output, segments, minimum, self.max_segments, q_continue)

    def target(self, following: Output, segments: Tensor) -> Tensor:
        """Return what q_continue is taught, (B,) in [0, 1], from the next segment's output."""
        return self.discount * q_target(following, segments >= self.max_segments)


def calibration_counts(q_halt: Tensor, exact: Tensor) -> Tensor:
    """Return (3, BINS) float32 sums by predicted probability: rows, predictions, right answers."""
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
