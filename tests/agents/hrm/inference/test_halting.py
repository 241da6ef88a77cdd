"""Halting rules, schedules and what the metrics say of them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm.inference.halting import Halting, calibration_counts, calibration_error
from hrm_gym.agents.hrm.model.network import Output
from hrm_gym.agents.hrm.presets import HALTING, get_preset
from hrm_gym.agents.hrm.training.ema import WeightAverage
from hrm_gym.agents.hrm.training.schedule import averages, depth, learning_rate
from hrm_gym.agents.hrm.training.trainer import Trainer

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=8,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)


def test_rules_halt_as_their_table_says():
    output = Output(torch.zeros(4, 1, 2), *torch.tensor([[1.0, -1.0, 2.0, -2.0], [2, -2, 0, 0]]))
    segments, minimum = torch.tensor([1, 1, 1, 4]), torch.zeros(4, dtype=torch.int64)
    wanted = {"q": [0, 1, 1, 1], "td": [0, 1, 1, 1], "bce": [1, 0, 1, 1], "fixed": [0, 0, 0, 1]}
    for rule in HALTING:
        found = Halting(rule, 4).halts(output, segments, minimum)
        assert found.int().tolist() == wanted[rule], rule


def test_td_discounts_and_q_does_not():
    output = Output(torch.zeros(2, 1, 2), torch.tensor([0.5, 0.5]), torch.tensor([2.0, 2.0]))
    segments = torch.tensor([1, 4])
    plain = Halting("q", 4, 0.9).target(output, segments)
    np.testing.assert_allclose(plain.numpy(), 1 / (1 + np.exp([-2.0, -0.5])), rtol=1e-6)
    torch.testing.assert_close(Halting("td", 4, 0.9).target(output, segments), 0.9 * plain)


def test_the_target_network_follows_in_steps():
    config = dataclasses.replace(
        TINY, halting="td", target_every=3, model={**TINY.model, "q_continue": True}
    )
    trainer = Trainer(config)
    for step in range(1, 7):
        trainer.train_step(step / 10)
        live, target = trainer.model.state_dict(), trainer.target.state_dict()
        same = all(torch.equal(live[name], target[name]) for name in live)
        assert same == (step % 3 == 0)


def test_fixed_depth_always_thinks_to_the_end():
    trainer = Trainer(dataclasses.replace(TINY, halting="fixed", max_segments=3))
    for _ in range(6):
        trainer.train_step(0.5)
    assert trainer.read_metrics()["segments"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halting": "sarsa"}, "halting: expected one of"),
        ({"halting": "td"}, "halting: td needs a model with q_continue=True"),
        # Nobody would teach q_continue, by which the trained agent then halts.
        (
            {"halting": "fixed", "model": {**TINY.model, "q_continue": True}},
            "halting: fixed needs a model with q_continue=False",
        ),
        ({"curriculum": ((0.5, 1, 2), (0.2, 1, 1))}, "curriculum"),
        ({"curriculum": ((0.5, 0, 2),)}, "curriculum"),
        ({"ema_start": 1.5}, "ema_start"),
    ],
)
def test_bad_values_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **changes)


def test_calibration():
    q_halt = torch.tensor([-20.0, 20.0, 20.0, 0.0])
    exact = torch.tensor([False, True, False, True])
    counts = calibration_counts(q_halt, exact)
    assert counts[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    # Two of four in the last bin are half right though sure; the middle one is right, and unsure.
    assert calibration_error(counts) == pytest.approx((0 + 1 + 0.5) / 4)


def test_schedules():
    config = dataclasses.replace(
        TINY, warmup=0.2, ema_start=0.5, curriculum=((0.25, 1, 2), (0.5, 2, 4))
    )
    assert learning_rate(config, 0.1) == pytest.approx(0.5 * 0.5 * (1 + np.cos(0.1 * np.pi)))
    assert learning_rate(config, 1.0) == pytest.approx(0)
    shares = (0.0, 0.24, 0.25, 0.5, 1.0)
    depths = [depth(config, (3, 6), share) for share in shares]
    # A share is that at the end of the step: the step that reaches it is the last of its row.
    assert depths == [(1, 2), (1, 2), (1, 2), (2, 4), (3, 6)]
    assert [averages(config, share) for share in (0.49, 0.5)] == [False, True]


def test_the_average_moves_towards_the_weights():
    average = WeightAverage(0.5)
    average.update({"w": torch.zeros(2)})
    for _ in range(30):
        average.update({"w": torch.ones(2)})
    torch.testing.assert_close(average.weights["w"], torch.ones(2))
    assert average.updates == 31
