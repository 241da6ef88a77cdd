"""The moving average of the weights."""

from __future__ import annotations

import torch

from hrm_gym.agents.hrm.training.ema import WeightAverage


def test_the_average_moves_towards_the_weights():
    average = WeightAverage(0.5)
    average.update({"w": torch.zeros(2)})
    for _ in range(30):
        average.update({"w": torch.ones(2)})
    torch.testing.assert_close(average.weights["w"], torch.ones(2))
    assert average.updates == 31
