"""Accuracy by segment, halting and calibration, of an agent whose answers are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm.inference.depth import Depth, measure_calibration, measure_depth
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import get_task

SUDOKU = get_task("sudoku-4x4")
PUZZLES = load_puzzles(SUDOKU, None, "test", limit=60)


def clues(tokens):
    return 1 + int((tokens == 1).sum()) % 3


def test_depth_counts_the_segments_of_each_puzzle(scripted):
    needs = np.array([clues(t) for t in PUZZLES.inputs])
    puzzles = dataclasses.replace(PUZZLES, ratings=needs.astype(np.float32) * 10)
    depth = measure_depth(scripted(SUDOKU, clues), puzzles, batch=16)
    np.testing.assert_array_equal(depth.segments, needs)
    np.testing.assert_allclose(depth.curve, [(needs <= s).mean() for s in range(1, 5)])
    np.testing.assert_allclose(depth.going, [(needs >= s).mean() for s in range(1, 5)])
    assert depth.halted.all()
    assert depth.segment_ratio == pytest.approx(4 / needs.mean())
    assert depth.correlation == pytest.approx(1)
    assert depth.speedup > 0
    covered = np.zeros(60, int)
    for low, high, rows in depth.bands():
        covered += rows
        assert low <= puzzles.ratings[rows].min() <= puzzles.ratings[rows].max() <= high
    assert (covered == 1).all()
    assert measure_depth(scripted(SUDOKU, lambda t: 1), puzzles, 2).correlation is None


def test_calibration_counts_segments_until_halting(scripted):
    # Rows halt in segments 1 to 3; they are unsure before, and right afterwards.
    needs = np.array([clues(t) for t in PUZZLES.inputs])
    counts = measure_calibration(scripted(SUDOKU, clues), PUZZLES, batch=16)
    depth = measure_depth(scripted(SUDOKU, clues), PUZZLES, batch=16)
    assert depth.calibration.tolist() == counts.tolist()
    answers, predicted, right = counts
    low, high = (int(10 / (1 + np.exp(q))) for q in (2, -2))
    assert answers.sum() == answers[[low, high]].sum() == needs.sum()
    assert (answers[high], right[high], right[low]) == (60, 60, 0)
    assert predicted[high] / 60 == pytest.approx(1 / (1 + np.exp(-2)))


def test_ties_share_their_mean_rank():
    segments, ratings = np.array([5, 1, 5, 9]), np.array([1, 2, 3, 4], np.float32)
    some = np.ones((9, 4), bool), np.ones(4, bool), segments, segments, ratings
    depth = Depth(*some, torch.zeros(3, 10), 1.0, 1.0)
    # The ranks of the segments are 2.5, 1, 2.5, 4, since the two fives share a rank.
    assert depth.correlation == pytest.approx(np.corrcoef([2.5, 1, 2.5, 4], [1, 2, 3, 4])[0, 1])
