"""The plain loop of the throughput benchmark takes the same steps as the trainer."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.scripts.benchmarks.throughput import Reference, update_gap

PUBLISHED = get_preset("sudoku-extreme-1k")
SMALL = {"hidden_size": 32, "num_heads": 2, "H_layers": 1, "L_layers": 1, "round_to": 8}
# With two segments per puzzle, rows halt and get new puzzles within a few steps.
CONFIG = dataclasses.replace(
    PUBLISHED, batch_size=4, max_segments=2, model={**PUBLISHED.model, **SMALL}
)


def pair() -> tuple[Trainer, Reference]:
    """Return both at the same start, in float64, where rounding does not matter."""
    trainer = Trainer(CONFIG, compile=False)
    reference = Reference(trainer)
    trainer.model.double()
    reference.model.double()
    return trainer, reference


def test_the_trainer_and_the_reference_have_equal_losses() -> None:
    trainer, reference = pair()
    before, puzzles = 0.0, []
    for step in range(6):
        puzzles.append(trainer.streams[0].observations["tokens"])
        theirs = float(reference.step(0.5 + step / 100))
        trainer.train_step(0.5 + step / 100)
        ours = float(trainer.means.sums["loss"])
        assert ours - before == pytest.approx(theirs, rel=1e-7), step
        before = ours
        assert torch.equal(
            trainer.streams[0].observations["tokens"], reference.source.observations["tokens"]
        )
    assert not torch.equal(puzzles[0], puzzles[-1])
    for name, value in trainer.model.state_dict().items():
        torch.testing.assert_close(value, reference.model.state_dict()[name], rtol=1e-6, atol=1e-8)


def test_follow_copies_the_state_of_the_trainer() -> None:
    trainer, reference = pair()
    for step in range(3):
        trainer.train_step(0.5 + step / 100)
    reference.follow(trainer)
    start = [p.detach().clone() for p in reference.dense]
    before = float(trainer.means.sums["loss"])
    theirs = float(reference.step(0.6))
    trainer.train_step(0.6)
    assert float(trainer.means.sums["loss"]) - before == pytest.approx(theirs, rel=1e-9)
    assert update_gap(start, reference, trainer) < 1e-6
