"""Halting rules, evaluated on recorded traces by accuracy and number of segments.

A rule maps traces to the segment after which each puzzle halts, 1..S, ``(N,)`` int64. Except for
the oracle, a rule uses only what an agent knows at that segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .data.traces import Traces
from .halt_rule import wants_to_halt

Segments = NDArray[np.int64]


@dataclass(frozen=True)
class HaltingScore:
    """The result of a halting rule on a set of traces.

    Attributes:
        name: The rule.
        accuracy: Share of puzzles whose answer the rules accept when it halts.
        segments: Mean number of segments.
        reward: Accuracy minus ``ponder_cost`` per segment, the mean return in ``HRMHalt-v0``.
    """

    name: str
    accuracy: float
    segments: float
    reward: float


def sigmoid(values: Any) -> Any:
    """Return the logistic function; in terms of tanh it never overflows."""
    return 0.5 * (1 + np.tanh(0.5 * values))


def score(name: str, traces: Traces, halts: Segments, ponder_cost: float = 0.01) -> HaltingScore:
    """Return the result of halting after ``halts`` segments, ``(N,)``."""
    right = np.take_along_axis(traces.accepted, halts[:, None] - 1, axis=1)[:, 0]
    accuracy, segments = float(right.mean()), float(halts.mean())
    return HaltingScore(name, accuracy, segments, accuracy - ponder_cost * segments)


def first_halt(wants: NDArray[np.bool_]) -> Segments:
    """Return the first segment that wants to halt, or the last segment; ``(N, S)`` bool."""
    return np.where(wants.any(axis=1), wants.argmax(axis=1), wants.shape[1] - 1) + 1


def fixed(traces: Traces, segment: int) -> Segments:
    """Halt after a fixed number of segments.

    Raises:
        ValueError: if the traces have no such segment.
    """
    if not 1 <= segment <= traces.segments:
        raise ValueError(f"segment: expected 1..{traces.segments}, got {segment}")
    return np.full(len(traces), segment)


def q_head(traces: Traces) -> Segments:
    """Halt where q_halt > q_continue, even if the answer still changes."""
    return first_halt(wants_to_halt(traces.q_halt, traces.q_continue))


def sure(traces: Traces, threshold: float) -> Segments:
    """Halt where the least certain token of the answer has at least this probability."""
    return first_halt(traces.confidence.min(axis=2) >= threshold * 255)


def steady(traces: Traces) -> Segments:
    """Halt at the first answer that equals the previous answer."""
    return first_halt(traces.repeats)


def oracle(traces: Traces, ponder_cost: float = 0.01) -> Segments:
    """Halt at the segment with the highest reward: the first right answer, unless it costs more."""
    costs = np.arange(1, traces.segments + 1) * ponder_cost
    return (traces.accepted - costs).argmax(axis=1) + 1


def best_fixed(traces: Traces, ponder_cost: float = 0.01) -> int:
    """Return the fixed number of segments with the highest reward."""
    costs = np.arange(1, traces.segments + 1) * ponder_cost
    return int((traces.accepted.mean(axis=0) - costs).argmax()) + 1


THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99)
"""The thresholds of ``sure`` among which ``best_threshold`` chooses."""


def best_threshold(traces: Traces, ponder_cost: float = 0.01) -> float:
    """Return the threshold of ``sure`` in ``THRESHOLDS`` with the highest reward."""
    rewards = [score("", traces, sure(traces, t), ponder_cost).reward for t in THRESHOLDS]
    return THRESHOLDS[int(np.argmax(rewards))]


def compare(fit: Traces, traces: Traces, ponder_cost: float = 0.01) -> list[HaltingScore]:
    """Return the results of all rules on ``traces``; their parameters are chosen on ``fit``."""
    k, threshold = best_fixed(fit, ponder_cost), best_threshold(fit, ponder_cost)
    rules = {
        "oracle": oracle(traces, ponder_cost),
        "q head": q_head(traces),
        f"sure {threshold:g}": sure(traces, threshold),
        "steady": steady(traces),
        f"best fixed {k}": fixed(traces, k),
        f"always {traces.segments}": fixed(traces, traces.segments),
    }
    return [score(name, traces, halts, ponder_cost) for name, halts in rules.items()]
