"""The losses of a segment: of the answer against the label, and of the Q-values."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..model.network import Output

IGNORE_LABEL = -100


def stablemax_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy under stablemax: p_i = s(x_i) / sum s(x), s(x) = x + 1, or 1 / (1 - x) below 0.

    Source: arXiv 2501.04697, in float64 as in the published HRM.

    Args:
        logits: ``(..., vocab)``, any float dtype.
        labels: ``(...)`` integers; IGNORE_LABEL gives a loss of 0.

    Returns:
        ``(...)`` float64, the loss of each token.
    """
    s = stablemax_weights(logits)
    valid = labels != IGNORE_LABEL
    index = torch.where(valid, labels, 0).long().unsqueeze(-1)
    loss = s.sum(-1).log() - s.gather(-1, index).squeeze(-1).log()
    return torch.where(valid, loss, 0.0)


def stablemax_weights(logits: Tensor) -> Tensor:
    """Return s(x) of stablemax in float64; probabilities are proportional to it."""
    x = logits.double()
    # Without the clamp, the unused branch would be infinite at x = 1.
    return torch.where(x < 0, 1 / (1 - x.clamp(max=0)), x + 1)


def log_scores(logits: Tensor, loss: str) -> Tensor:
    """Return log-probabilities up to a constant for each position, float64, detached.

    Args:
        logits: ``(..., vocab)``, any float dtype.
        loss: ``stablemax`` or ``softmax``, which defines the probabilities.
    """
    logits = logits.detach()
    return stablemax_weights(logits).log() if loss == "stablemax" else logits.double()


def softmax_cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.0) -> Tensor:
    """Softmax cross entropy in float32; shapes as in ``stablemax_cross_entropy``."""
    loss = F.cross_entropy(
        logits.float().flatten(0, -2),
        labels.long().flatten(),
        ignore_index=IGNORE_LABEL,
        reduction="none",
        label_smoothing=label_smoothing,
    )
    return loss.view(labels.shape)


def segment_loss(
    output: Output,
    labels: Tensor,
    q_target: Tensor | None = None,
    loss: str = "stablemax",
    label_smoothing: float = 0.0,
    halt_weight: float = 0.5,
    halted: Tensor | None = None,
    steps: Tensor | None = None,
    continued: Tensor | None = None,
    label_weights: Sequence[tuple[int, float]] = (),
) -> tuple[Tensor, dict[str, Tensor], Tensor]:
    """Return the published loss of one segment (HRM paper, "Adaptive computational time").

    loss = sum over rows of [mean cross entropy over the labelled tokens of the row
    + halt_weight * (BCE(q_halt, answer exactly right) + BCE(q_continue, q_target))].

    Args:
        output: Output of the segment.
        labels: ``(B, seq_len)``, IGNORE_LABEL at positions that do not count.
        q_target: ``(B,)`` in [0, 1], see ``HaltingRule.target``; None: q_continue has no loss.
        loss: ``stablemax`` or ``softmax``.
        label_smoothing: Label smoothing of the softmax loss.
        halt_weight: Weight of both Q losses.
        halted: ``(B,)`` bool, the rows that the counting metrics include; default: all rows.
        steps: ``(B,)`` segments so far, for the metric ``steps``.
        continued: ``(B,)`` bool, the rows whose q_continue has a target; default: all rows.
        label_weights: Rows (token, weight) for the cross entropy at positions with this label.

    Returns:
        The loss summed over the batch (not divided by the batch size), the metrics, and
        ``exact``, ``(B,)`` bool: whether the answer equals the label. Metrics are detached 0-d
        tensors on the device. ``lm_loss``, ``q_halt_loss`` and ``q_continue_loss`` are sums over
        all rows; ``count``, ``accuracy``, ``exact_accuracy``, ``q_halt_accuracy`` and ``steps`` are
        sums over rows that halted and have labels.

    Raises:
        ValueError: if the loss is unknown, ``label_smoothing`` is used with stablemax, or
            ``q_target`` is given for a model without q_continue.
    """
    if loss == "softmax":
        token_loss = softmax_cross_entropy(output.logits, labels, label_smoothing)
    elif loss != "stablemax":
        raise ValueError(f"loss must be stablemax or softmax, got {loss!r}.")
    elif label_smoothing:
        raise ValueError("label_smoothing must be 0 with the stablemax loss.")
    else:
        token_loss = stablemax_cross_entropy(output.logits, labels)

    for token, weight in label_weights:
        token_loss = torch.where(labels == token, weight * token_loss, token_loss)
    valid = labels != IGNORE_LABEL
    asked = valid.sum(-1)
    share = 1 / asked.clamp(min=1).to(token_loss.dtype)
    lm_loss = (token_loss.sum(-1) * share).sum()

    with torch.no_grad():
        right = (valid & (output.logits.argmax(-1) == labels)).sum(-1)
        exact = right == asked
    q_halt_loss = F.binary_cross_entropy_with_logits(
        output.q_halt, exact.to(output.q_halt.dtype), reduction="sum"
    )
    q_loss = q_halt_loss
    losses = {"lm_loss": lm_loss, "q_halt_loss": q_halt_loss}
    if q_target is not None:
        if output.q_continue is None:
            raise ValueError("q_target must be None: the model has no q_continue.")
        q_continue_loss = F.binary_cross_entropy_with_logits(
            output.q_continue,
            q_target,
            weight=None if continued is None else continued.to(q_target.dtype),
            reduction="sum",
        )
        q_loss = q_loss + q_continue_loss
        losses["q_continue_loss"] = q_continue_loss

    with torch.no_grad():
        counted = asked > 0 if halted is None else halted & (asked > 0)
        metrics = {name: value.detach() for name, value in losses.items()}
        metrics["count"] = counted.sum()
        metrics["accuracy"] = (counted * right * share).sum()
        metrics["exact_accuracy"] = (counted & exact).sum()
        metrics["q_halt_accuracy"] = (counted & ((output.q_halt >= 0) == exact)).sum()
        if steps is not None:
            metrics["steps"] = (counted * steps).sum()
    return lm_loss + halt_weight * q_loss, metrics, exact
