"""When a row halts in training, and what its Q-values are taught: four rules behind one interface.

================= ======================================= ==========================
rule              halts in training                       q_continue is taught
================= ======================================= ==========================
``q`` (HRM)       where q_halt > q_continue               sigmoid(max Q') of the next segment
``td``            where q_halt > q_continue               discount * that, by a target network
``bce`` (TRM)     where q_halt > 0                        nothing, there is none
``fixed``         at the last segment alone               nothing
================= ======================================= ==========================

q_halt is taught in all of them whether the answer is right (the reward of halting now), since it
is also the model's confidence. What "where q_halt > q_continue" means is decided in
``hrm_gym.halt_rule``, which trained agents follow too. Sources: HRM paper, arXiv 2506.21734,
section 2, "Adaptive computational time"; TRM paper, arXiv 2510.04871, section 4; target network
and discount as in DQN (Mnih et al., 2015). Nothing here waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from hrm_gym.halt_rule import wants_to_halt

from ..model.network import Output


class HaltingRule:
    """A rule by name.

    Args:
        name: One of the table above.
        max_segments: The segment that halts by itself.
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

        A row halts where the model wants to or where this is its last segment, but never before
        its minimum.

        Args:
            output: Output of the segment.
            segments: ``(B,)`` segments so far, this one included.
            minimum: From :func:`minimum_segments`; ``fixed`` has no use for it.

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
        """Return what q_continue should be, ``(B,)`` float32 in [0, 1]: the best next value.

        Args:
            following: Output of one more segment on the new carry.
            segments: ``(B,)`` segments so far. Where the last one is done, halting is all that
                remains.

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
        device: Where the result is wanted.
    """
    if max_segments < 2:
        return torch.zeros(batch, dtype=torch.int64, device=device)
    explore = torch.rand(batch, generator=generator, device=device) < probability
    drawn = torch.randint(2, max_segments + 1, (batch,), generator=generator, device=device)
    return explore * drawn
