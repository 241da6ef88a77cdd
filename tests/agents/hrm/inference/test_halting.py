"""The halting rules of training."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm.inference.halting import HaltingRule, minimum_segments
from hrm_gym.agents.hrm.model.network import Output
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.train_config import HALTING
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.halt_rule import wants_to_halt

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=8,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)


def test_rules_halt_as_their_table_says():
    output = Output(torch.zeros(4, 1, 2), *torch.tensor([[1.0, -1.0, 2.0, -2.0], [2, -2, 0, 0]]))
    segments, minimum = torch.tensor([1, 1, 1, 4]), torch.zeros(4, dtype=torch.int64)
    wanted = {"q": [0, 1, 1, 1], "td": [0, 1, 1, 1], "bce": [1, 0, 1, 1], "fixed": [0, 0, 0, 1]}
    assert wanted.keys() == set(HALTING)
    for rule in HALTING:
        found = HaltingRule(rule, 4).halts(output, segments, minimum)
        assert found.int().tolist() == wanted[rule], rule


def test_td_discounts_and_q_does_not():
    output = Output(torch.zeros(2, 1, 2), torch.tensor([0.5, 0.5]), torch.tensor([2.0, 2.0]))
    segments = torch.tensor([1, 4])
    plain = HaltingRule("q", 4, 0.9).target(output, segments)
    np.testing.assert_allclose(plain.numpy(), 1 / (1 + np.exp([-2.0, -0.5])), rtol=1e-6)
    torch.testing.assert_close(HaltingRule("td", 4, 0.9).target(output, segments), 0.9 * plain)


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


def test_fixed_depth_computes_all_segments():
    trainer = Trainer(dataclasses.replace(TINY, halting="fixed", max_segments=3))
    for _ in range(6):
        trainer.train_step(0.5)
    assert trainer.read_metrics()["segments"] == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"halting": "sarsa"}, "halting: expected one of"),
        ({"halting": "td"}, "halting: td needs a model with q_continue=True"),
        # Without a target, q_continue would be random, and the trained agent halts by it.
        (
            {"halting": "fixed", "model": {**TINY.model, "q_continue": True}},
            "halting: fixed needs a model with q_continue=False",
        ),
        ({"curriculum": ((0.5, 1, 2), (0.2, 1, 1))}, "curriculum"),
        ({"curriculum": ((0.5, 0, 2),)}, "curriculum"),
        ({"ema_start": 1.5}, "ema_start"),
    ],
)
def test_the_error_names_an_invalid_value(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **changes)


def test_a_row_halts_by_its_rule_between_its_minimum_and_the_last_segment() -> None:
    q_halt, q_continue = torch.tensor([[1.0, 1.0, -1.0, 0.0], [0.0, 2.0, -2.0, 0.0]])
    output = Output(torch.zeros(4, 1, 2), q_halt, q_continue)
    assert wants_to_halt(q_halt, q_continue).tolist() == [True, False, True, False]
    assert wants_to_halt(q_halt).tolist() == [True, True, False, False]
    segments = torch.tensor([1, 4, 3, 4])
    with pytest.raises(ValueError, match="q_continue"):
        HaltingRule("q", 4).halts(output._replace(q_continue=None), segments)
    minimum = torch.tensor([2, 4, 3, 0])
    halted = HaltingRule("q", 4).halts(output, segments, minimum)
    assert halted.tolist() == [False, True, True, True]


def test_exploration_minimum() -> None:
    generator = torch.Generator().manual_seed(0)
    drawn = minimum_segments(20_000, 16, 0.1, generator)
    assert drawn.dtype == torch.int64
    assert set(drawn.tolist()) == {0, *range(2, 17)}
    assert 0.09 < (drawn > 0).float().mean() < 0.11
    again = minimum_segments(20_000, 16, 0.1, torch.Generator().manual_seed(0))
    assert torch.equal(drawn, again)
    assert not minimum_segments(100, 16, 0.0).any()
    assert minimum_segments(100, 16, 1.0).min() >= 2
    assert not minimum_segments(100, 1, 1.0).any()


def test_the_target_is_the_best_next_value() -> None:
    following = Output(torch.zeros(2, 1, 2), torch.tensor([-1.0, -1.0]), torch.tensor([2.0, 2.0]))
    rule, segments = HaltingRule("q", 4), torch.tensor([1, 4])
    found = rule.target(following, segments)
    np.testing.assert_allclose(found.numpy(), 1 / (1 + np.exp([-2.0, 1.0])), rtol=1e-6)
    learned = following._replace(q_halt=torch.ones(2, requires_grad=True))
    assert not rule.target(learned, segments).requires_grad
    with pytest.raises(ValueError, match="q_continue"):
        rule.target(following._replace(q_continue=None), segments)
