"""Calibration of q_halt."""

from __future__ import annotations

import pytest
import torch

from hrm_gym.agents.hrm.inference.calibration import calibration_counts, calibration_error


def test_calibration():
    q_halt = torch.tensor([-20.0, 20.0, 20.0, 0.0])
    exact = torch.tensor([False, True, False, True])
    counts = calibration_counts(q_halt, exact)
    assert counts[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    # The last bin has two of four answers right at high predictions; the middle answer is right.
    assert calibration_error(counts) == pytest.approx((0 + 1 + 0.5) / 4)
