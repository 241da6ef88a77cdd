"""Halt or think on: the decisions of adaptive computation time, as pure functions.

Source: HRM paper, arXiv 2506.21734, section 2, "Adaptive computational time". Nothing here waits
for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..model.network import Output


def should_halt(output: Output, q_continue: bool) -> Tensor:
    """Whether the model would halt, (B,) bool.

    With ``q_continue`` where q_halt > q_continue (HRM), else where q_halt > 0 (TRM).
    """
    if not q_continue:
        return output.q_halt > 0
    if output.q_continue is None:
        raise ValueError("q_continue must be False: the output has no q_continue.")
    return output.q_halt > output.q_continue


def minimum_segments(
    batch: int,
    max_segments: int,
    probability: float,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """The exploration of training: segments before which a row may not halt, (B,) int64.

    With ``probability`` uniform in 2..max_segments, else 0 (no minimum). The generator must live
    on ``device``.
    """
    if max_segments < 2:
        return torch.zeros(batch, dtype=torch.int64, device=device)
    explore = torch.rand(batch, generator=generator, device=device) < probability
    drawn = torch.randint(2, max_segments + 1, (batch,), generator=generator, device=device)
    return explore * drawn


def halt_in_training(
    output: Output,
    steps: Tensor,
    minimum: Tensor | int,
    max_segments: int,
    q_continue: bool,
) -> Tensor:
    """Which rows halt after this segment in training, (B,) bool.

    Those that want to and those at their last segment, but none before its minimum.

    Args:
        output: of the segment.
        steps: (B,) segments so far, this one included.
        minimum: from :func:`minimum_segments`.
        max_segments: the last segment halts by itself.
        q_continue: as in :func:`should_halt`.
    """
    wants = should_halt(output, q_continue) | (steps >= max_segments)
    return wants & (steps >= minimum)


@torch.no_grad()
def q_target(following: Output, last: Tensor) -> Tensor:
    """What q_continue should be, (B,) float32 in [0, 1]: the value of the best next action.

    Args:
        following: the output of one more segment on the new carry.
        last: (B,) bool, where the segment just done was the last; halting is then all that
            remains.
    """
    if following.q_continue is None:
        raise ValueError("q_target needs a model with q_continue.")
    best = torch.maximum(following.q_halt, following.q_continue)
    return torch.where(last, following.q_halt, best).sigmoid()
