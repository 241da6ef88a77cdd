"""The time of a training step of a relational preset, and its matrix products."""

from __future__ import annotations

import dataclasses

import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.train_config import Source, TrainConfig
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.scripts.measuring.steps import preset_rows, step_flops


def config(batch: int) -> TrainConfig:
    """Return a small relational run; its second source is not measured."""
    preset = get_preset("sudoku")
    return dataclasses.replace(
        preset,
        env="HRMSudokuAnswer-4x4-v0",
        model={**preset.model, "hidden_size": 16},
        sources=(Source("sudoku-4x4", batch, limit=20), Source("sudoku-6x6", 2, limit=20)),
    )


def test_a_preset_and_the_plain_loop_are_measured() -> None:
    rows = preset_rows("small", config(2), seconds=0.01, compile=False)
    values = {row["name"]: row["value"] for row in rows}
    assert all(value > 0 for value in values.values())
    ratio = values["trainer, small"] / values["plain loop, small"]
    assert values["ratio, small"] == pytest.approx(ratio)
    assert values["step of 2 puzzles, small"] == pytest.approx(2000 / values["trainer, small"])


def test_the_operations_of_a_step_are_counted() -> None:
    one, two = (Trainer(config(batch), bf16=False, compile=False) for batch in (3, 6))
    assert step_flops(two) == 2 * step_flops(one) > 0
    assert not [p for p in one.model.parameters() if p.grad is not None]
