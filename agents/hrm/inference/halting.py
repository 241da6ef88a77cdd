"""Halting in training: when a row halts, and the training targets of its Q-values.

================= ======================================= ==========================
rule              halts in training                       target of q_continue
================= ======================================= ==========================
``q`` (HRM)       if q_halt > q_continue                  sigmoid(max Q') of the next segment
``td``            if q_halt > q_continue                  the same times the discount, by a target
                                                          network
``bce`` (TRM)     if q_halt > 0                           none; the model has no q_continue
``fixed``         only at the last segment                none
================= ======================================= ==========================

In all of them the target of q_halt is whether the answer is right (the reward of halting now),
since q_halt is also the model's confidence. ``hrm_gym.halt_rule`` compares the Q-values, also for
trained agents. Sources: HRM paper, arXiv 2506.21734, section 2, "Adaptive computational time"; TRM
paper, arXiv 2510.04871, section 4; target network and discount as in DQN (Mnih et al., 2015).
Nothing here waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hrm_gym.halt_rule import wants_to_halt

from ..model.network import Output


class HaltingRule:
    """A halting rule by name.

    Args:
        name: One of the table above.
        max_segments: The last segment, after which every row halts.
        discount: Factor on the value of continuing, with ``td``.
    """

    def __init__(self, name: str, max_segments: int, discount: float = 1.0) -> None:
        self.name = name
        self.max_segments = max_segments
        self.discount = discount if name == "td" else 1.0

    @property
    def looks_ahead(self) -> bool:
        """Whether ``target`` needs the output of one more segment."""
        return self.name in ("q", "td")

    def halts(self, output: Output, segments: Tensor, minimum: Tensor | int = 0) -> Tensor:
        """Return which rows halt after this segment, ``(B,)`` bool.

        A row halts if the model wants to halt or this is its last segment, but never before its
        minimum.

        Args:
            output: Output of the segment.
            segments: ``(B,)`` segments so far, this one included.
            minimum: From ``minimum_segments``; ``fixed`` does not use it.

        Raises:
            ValueError: if the rule compares with q_continue and the model has none.
        """
        last = segments >= self.max_segments
        if self.name == "fixed":
            return last
        q_continue = output.q_continue if self.looks_ahead else None
        if self.looks_ahead and q_continue is None:
            raise ValueError(f"halting: the rule {self.name} needs a model with q_continue")
        wants: Tensor = wants_to_halt(output.q_halt, q_continue)
        return (wants | last) & (segments >= minimum)

    @torch.no_grad()
    def target(self, following: Output, segments: Tensor) -> Tensor:
        """Return the target of q_continue, ``(B,)`` float32 in [0, 1]: the best next value.

        Args:
            following: Output of the next segment on the new carry.
            segments: ``(B,)`` segments so far. After the last segment, halting is the only action.

        Raises:
            ValueError: if the model has no q_continue.
        """
        if following.q_continue is None:
            raise ValueError("target: expected a model with q_continue")
        best = torch.maximum(following.q_halt, following.q_continue)
        value = torch.where(segments >= self.max_segments, following.q_halt, best)
        return self.discount * value.sigmoid()


def minimum_segments(
    batch: int,
    max_segments: int,
    probability: float,
    generator: torch.Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw the exploration of training: segments before which a row may not halt, ``(B,)`` int64.

    Args:
        batch: Rows B.
        max_segments: The largest minimum.
        probability: Chance that a row gets a minimum, uniform in 2..max_segments; the others
            get 0.
        generator: Random numbers; it must live on ``device``.
        device: Device of the result.
    """
    if max_segments < 2:
        return torch.zeros(batch, dtype=torch.int64, device=device)
    explore = torch.rand(batch, generator=generator, device=device) < probability
    drawn = torch.randint(2, max_segments + 1, (batch,), generator=generator, device=device)
    return explore * drawn
