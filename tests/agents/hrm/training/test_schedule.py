"""What changes during a run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.schedule import averages, depth, learning_rate


def test_schedules():
    config = dataclasses.replace(
        get_preset("sudoku-4x4"), warmup=0.2, ema_start=0.5, curriculum=((0.25, 1, 2), (0.5, 2, 4))
    )
    assert learning_rate(config, 0.1) == pytest.approx(0.5 * 0.5 * (1 + np.cos(0.1 * np.pi)))
    assert learning_rate(config, 1.0) == pytest.approx(0)
    shares = (0.0, 0.24, 0.25, 0.5, 1.0)
    depths = [depth(config, (3, 6), share) for share in shares]
    # Progress is measured at the end of a step: the step that reaches a share still uses its row.
    assert depths == [(1, 2), (1, 2), (1, 2), (2, 4), (3, 6)]
    assert [averages(config, share) for share in (0.49, 0.5)] == [False, True]
