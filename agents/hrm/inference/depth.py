"""The effect of thinking time: accuracy by segment, where puzzles halt, and the time saved."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from hrm_gym.data import PuzzleSet
from hrm_gym.halting import first_halt
from hrm_gym.puzzles import Tokens, wrong_cells

from .calibration import BINS, calibration_counts
from .thinking import ReasoningAgent, Segment

BATCH = 256
"""Number of puzzles in a batch."""
BANDS = 4
"""Largest number of bands of ratings."""


@dataclass(frozen=True, eq=False)
class Depth:
    """The results of an agent on N puzzles with up to S segments.

    Attributes:
        exact: ``(S, N)`` bool, whether the answer after a segment equals the label, without
            halting.
        halted: ``(N,)`` bool, the same for the answer at which the agent halts.
        segments: ``(N,)`` int64, the number of segments until the agent halts.
        repeated: ``(N,)`` int64, the first segment whose answer equals the answer before it; S if
            there is none.
        ratings: ``(N,)`` float32, the ratings of the puzzles.
        calibration: ``(3, BINS)`` float32; see ``measure_calibration``.
        seconds: Wall time with halting; puzzles that halted leave the batch.
        full_seconds: Wall time of all S segments for every puzzle.
    """

    exact: NDArray[np.bool_]
    halted: NDArray[np.bool_]
    segments: NDArray[np.int64]
    repeated: NDArray[np.int64]
    ratings: NDArray[np.float32]
    calibration: torch.Tensor
    seconds: float
    full_seconds: float

    @property
    def curve(self) -> NDArray[np.float64]:
        """Accuracy after each segment without halting, ``(S,)``."""
        return self.exact.mean(axis=1)

    @property
    def steady(self) -> NDArray[np.bool_]:
        """Whether the answer at ``repeated`` equals the label, ``(N,)`` bool."""
        return self.exact[self.repeated - 1, np.arange(len(self.repeated))]

    @property
    def going(self) -> NDArray[np.float64]:
        """Share of puzzles that have not halted before each segment, ``(S,)``."""
        return np.array([(self.segments >= s).mean() for s in range(1, len(self.exact) + 1)])

    @property
    def segment_ratio(self) -> float:
        """Factor by which halting reduces the number of segments."""
        return len(self.exact) / float(self.segments.mean())

    @property
    def speedup(self) -> float:
        """Factor by which halting reduces the wall time."""
        return self.full_seconds / self.seconds

    @property
    def correlation(self) -> float | None:
        """Spearman's rank correlation of segments and ratings; None if either is constant."""
        if len(set(self.ratings.tolist())) < 2 or len(set(self.segments.tolist())) < 2:
            return None
        from scipy.stats import spearmanr

        return float(spearmanr(self.segments, self.ratings).statistic)

    def bands(self) -> list[tuple[float, float, NDArray[np.bool_]]]:
        """Return the range of ratings and the rows of up to four bands of similar size."""
        edges = np.unique(np.quantile(self.ratings, np.linspace(0, 1, BANDS + 1)[1:-1]))
        band = np.searchsorted(edges, self.ratings, side="left")
        found = []
        for number in np.unique(band):
            rows = band == number
            own = self.ratings[rows]
            found.append((float(own.min()), float(own.max()), rows))
        return found


def measure_calibration(
    agent: ReasoningAgent, puzzles: PuzzleSet, batch: int = BATCH
) -> torch.Tensor:
    """Compare q_halt with the ground truth after every segment until the puzzles halt.

    Args:
        agent: The agent.
        puzzles: The puzzles, which are not transformed.
        batch: Number of puzzles in a batch.

    Returns:
        ``(3, BINS)`` float32, see ``calibration_counts``: for each bin of predicted probability the
        number of answers, the sum of their predictions, and the number of right answers.
    """
    counts = torch.zeros(3, BINS)
    for start in range(0, len(puzzles), batch):
        rows = slice(start, start + batch)
        segments = agent.think(puzzles.inputs[rows], puzzles.puzzle_ids[rows])
        counts += count_until_halting(segments, puzzles.labels[rows])
    return counts


def count_until_halting(segments: Iterable[Segment], labels: Tokens) -> torch.Tensor:
    """Return the calibration of q_halt at the segments of a batch until its rows halt.

    Args:
        segments: The outputs of each segment; those after halting are not counted.
        labels: ``(B, seq_len)`` uint8.

    Returns:
        ``(3, BINS)`` float32, see ``measure_calibration``.
    """
    counts = torch.zeros(3, BINS)
    going = np.ones(len(labels), bool)
    for segment in segments:
        exact = wrong_cells(labels, segment.answer) == 0
        own = torch.from_numpy(segment.q_halt[going]), torch.from_numpy(exact[going])
        counts += calibration_counts(*own)
        going &= ~segment.halt
    return counts


def measure_depth(
    agent: ReasoningAgent, puzzles: PuzzleSet, segments: int | None = None, batch: int = BATCH
) -> Depth:
    """Answer puzzles twice, once with all segments and once until the agent halts.

    Args:
        agent: The agent.
        puzzles: The puzzles, which are not transformed.
        segments: The last segment; default: ``max_segments`` of the agent.
        batch: Number of puzzles in a batch.
    """
    most = segments or agent.max_segments
    exact = np.zeros((most, len(puzzles)), bool)
    halted = np.zeros(len(puzzles), bool)
    spent, repeated = np.zeros((2, len(puzzles)), np.int64)
    calibration = torch.zeros(3, BINS)
    seconds = full_seconds = 0.0
    agent.solve(puzzles.inputs[:batch], puzzles.puzzle_ids[:batch], segments=1)
    for start in range(0, len(puzzles), batch):
        rows = slice(start, start + batch)
        inputs, ids = puzzles.inputs[rows], puzzles.puzzle_ids[rows]
        begun = time.perf_counter()
        thought = list(agent.think(inputs, ids, halt=False, segments=most))
        full_seconds += time.perf_counter() - begun
        begun = time.perf_counter()
        solution = agent.solve(inputs, ids, segments=most)
        seconds += time.perf_counter() - begun
        labels, answers = puzzles.labels[rows], [segment.answer for segment in thought]
        calibration += count_until_halting(thought, labels)
        exact[:, rows] = [wrong_cells(labels, answer) == 0 for answer in answers]
        same = [np.zeros(len(labels), bool)]
        same += [(a == b).all(axis=1) for a, b in pairwise(answers)]
        repeated[rows] = first_halt(np.stack(same, axis=1))
        halted[rows] = wrong_cells(labels, solution.answer) == 0
        spent[rows] = solution.segments
    return Depth(
        exact, halted, spent, repeated, puzzles.ratings, calibration, seconds, full_seconds
    )
