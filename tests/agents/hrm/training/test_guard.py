"""Steps that are skipped since they are not finite, and the return to a good checkpoint."""

from __future__ import annotations

import dataclasses
import functools

import pytest
import torch

from hrm_gym.agents.base import Diverged
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training import run as loop
from hrm_gym.agents.hrm.training.guard import Guard
from hrm_gym.agents.hrm.training.optimizers import AdamAtan2, SignSGD
from hrm_gym.agents.hrm.training.trainer import Trainer

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=8,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)


KINDS = [functools.partial(torch.optim.AdamW, fused=True), AdamAtan2, torch.optim.Muon]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_step_changes_nothing(kind):
    torch.manual_seed(0)
    weight = torch.nn.Parameter(torch.randn(4, 4))
    optimizer, guard = kind([weight], lr=0.1), Guard(torch.device("cpu"))
    yes, no = torch.tensor(True), torch.tensor(False)
    start = weight.detach().clone()
    weight.grad = torch.full((4, 4), float("nan"))
    guard.step([optimizer], no)  # the first step, before moments exist
    assert torch.equal(weight, start)
    weight.grad = torch.randn(4, 4)
    guard.step([optimizer], yes)
    good = weight.detach().clone()
    assert good.isfinite().all()
    assert not torch.equal(good, start)
    # The step count also stays the same, which the correction of the moments depends on.
    state = {name: value.clone() for name, value in optimizer.state[weight].items()}
    weight.grad = torch.full((4, 4), float("inf"))
    guard.step([optimizer], no)
    guard.step([optimizer], no)
    assert torch.equal(weight, good)
    assert all(torch.equal(optimizer.state[weight][name], state[name]) for name in state)
    assert float(state.get("step", torch.ones(()))) == 1
    assert (int(guard.in_a_row), int(guard.skipped)) == (2, 3)


def test_a_bad_step_leaves_the_puzzle_table():
    table = torch.nn.Parameter(torch.ones(3, 2))
    torch.nn.functional.embedding(torch.tensor([1]), table, sparse=True).sum().backward()
    optimizer, guard = SignSGD([table], lr=0.1), Guard(torch.device("cpu"))
    guard.step([optimizer], torch.tensor(False))
    assert torch.equal(table, torch.ones(3, 2))
    guard.step([optimizer], torch.tensor(True))
    assert not torch.equal(table[1], torch.ones(2))


def spoil(trainer, first, last, how):
    """Make some steps fail: with a NaN in the carry, or a very large Q-value."""
    segment = trainer.model.segment

    def wrong(carry, tokens, ids=None):
        carry, output = segment(carry, tokens, ids)
        if not torch.is_grad_enabled():  # the pass for Q-targets
            return carry, output
        if first <= calls[0] < last:
            if how == "nan":
                output = output._replace(logits=output.logits * float("nan"))
            else:
                output = output._replace(**{how: getattr(output, how) - 1e6})
        calls[0] += 1
        return carry, output

    calls = [0]
    trainer.model.segment = wrong


@pytest.mark.parametrize("how", ["nan", "q_halt", "q_continue"])
def test_training_goes_on_after_bad_steps(how):
    model = {**TINY.model, "q_continue": how == "q_continue"}
    trainer = Trainer(dataclasses.replace(TINY, model=model))
    spoil(trainer, 3, 6, how)
    seen = []
    callbacks = loop.Callbacks(on_log=lambda t, m: seen.append(m), log_every=0.0)
    loop.run(trainer, 10, callbacks=callbacks)
    assert [m["skipped_in_a_row"] for m in seen] == [0, 0, 0, 1, 2, 3, 0, 0, 0, 0]
    assert seen[-1]["skipped"] == 3
    assert all(value.isfinite().all() for value in trainer.model.state_dict().values())
    assert all(value.isfinite().all() for value in trainer.average.weights.values())


def test_a_diverging_run_returns_to_its_checkpoint(tmp_path):
    trainer = Trainer(TINY)
    loop.run(trainer, 4, callbacks=loop.Callbacks(folder=tmp_path))
    spoil(trainer, 2, 2 + loop.PATIENCE, "nan")
    said = []
    callbacks = loop.Callbacks(folder=tmp_path, log_every=0.0, on_message=said.append)
    assert loop.run(trainer, 40, callbacks=callbacks) == "budget"
    assert len(said) == 1
    assert "back to the checkpoint of step 4" in said[0]
    assert trainer.step == 40
    assert int(trainer.guard.skipped) == loop.PATIENCE, "skips before the return are forgotten"


def test_a_checkpoint_of_another_run_is_not_restored(tmp_path):
    loop.run(Trainer(TINY), 6, callbacks=loop.Callbacks(folder=tmp_path))
    trainer = Trainer(dataclasses.replace(TINY, lr=1e-4))
    spoil(trainer, 0, 1000, "nan")
    with pytest.raises(Diverged, match="no good checkpoint to return to"):
        loop.run(trainer, 100, callbacks=loop.Callbacks(folder=tmp_path, log_every=0.0))
    # A run that was resumed from a checkpoint may return to it.
    resumed = Trainer.resume(tmp_path)
    spoil(resumed, 7, 7 + loop.PATIENCE, "nan")
    said = []
    callbacks = loop.Callbacks(folder=tmp_path, log_every=0.0, on_message=said.append)
    assert loop.run(resumed, 40, callbacks=callbacks) == "budget"
    assert "back to the checkpoint of step 6" in said[0]


def test_a_run_that_keeps_diverging_reports_its_restarts(tmp_path):
    trainer = Trainer(TINY)
    loop.run(trainer, 2, callbacks=loop.Callbacks(folder=tmp_path))
    spoil(trainer, 0, 10_000, "nan")
    callbacks = loop.Callbacks(folder=tmp_path, log_every=0.0, on_message=lambda _: None)
    with pytest.raises(Diverged, match=f"after {loop.RETURNS} returns to the last checkpoint"):
        loop.run(trainer, 1000, callbacks=callbacks)


def test_a_diverging_run_without_checkpoint_gives_up():
    trainer = Trainer(TINY)
    spoil(trainer, 0, 1000, "nan")
    with pytest.raises(Diverged, match="no good checkpoint to return to"):
        loop.run(trainer, 100, callbacks=loop.Callbacks(log_every=0.0))
