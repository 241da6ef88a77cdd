"""A training step on the meta device: it neither mixes devices nor waits for the device.

Tensors on PyTorch's ``meta`` device have a shape but no values, so every transfer of a value to the
host fails. A dispatch mode checks every operation of the step, including the backward pass, and
fails if a tensor of the host is used. This test needs no GPU; ``test_trainer.py`` checks the same
with CUDA.
"""

from __future__ import annotations

import dataclasses
import sys
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from hrm_gym.agents.hrm.model.network import HRM
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.train_config import Source, TrainConfig
from hrm_gym.agents.hrm.training.trainer import Trainer


class Card(TorchDispatchMode):
    """Fails if a tensor of the host is used in an operation, or is copied to the device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        # The fused optimizer has no meta kernel; it returns nothing and works in place.
        fused = func is torch.ops.aten._fused_adamw_.default
        result = None if fused else func(*args, **kwargs)
        tensors = [x for x in tree_leaves((args, kwargs, result)) if isinstance(x, torch.Tensor)]
        # A scalar of the host is passed to a kernel; a larger tensor would be copied first.
        if any(t.device.type == "cpu" and t.ndim for t in tensors):
            raise AssertionError(f"{func}: a tensor of the host in the step")
        copies = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
        if func in copies and len({t.device for t in tensors}) > 1:
            raise AssertionError(f"{func}: a copy between host and device in the step")
        return result


class NoHostData(TorchFunctionMode):
    """Fails if Python or NumPy numbers become a tensor, which the other mode does not notice."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        makes = func in (torch.tensor, torch.as_tensor, torch.from_numpy)
        if makes and not isinstance(args[0], torch.Tensor):
            raise AssertionError(f"{func.__name__}: numbers of the host in the step")
        return func(*args, **(kwargs or {}))


class AnyGenerator(torch.Generator):
    """A generator for every device, since the meta device has none."""

    def __new__(cls, device: Any = None) -> Any:
        """Ignore the device."""
        return super().__new__(cls)


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> str:
    """Accept the meta device, and ignore generators when random numbers are drawn."""
    monkeypatch.setattr("hrm_gym.envs.answer_vector.check_device", torch.device)
    monkeypatch.setattr(torch, "Generator", AnyGenerator)
    # In bfloat16, as on CUDA; autocast does not support the meta device.
    monkeypatch.setattr(HRM, "_compute_dtype", lambda model, device: torch.bfloat16)
    optimizer = sys.modules["torch.optim.optimizer"]
    supported = "_get_fused_kernels_supported_devices"
    monkeypatch.setattr(optimizer, supported, lambda: ["cpu", "cuda", "meta"])
    return "meta"


def small(preset: str, **changes: Any) -> TrainConfig:
    """Return a preset with a smaller width."""
    config = get_preset(preset)
    model = {**config.model, "hidden_size": 32, "num_heads": 2, "round_to": 8}
    return dataclasses.replace(config, model=model, **changes).with_puzzles(batch_size=4)


CONFIGS = {
    "published HRM": small("sudoku-extreme-1k", ema=0.9, clip=1.0),
    "target network": small("sudoku-extreme-1k", halting="td", target_every=1),
    "TRM": small("trm-sudoku"),
    "sudoku on one card": small("sudoku-extreme-fast", ema_start=0.0),
    "maze on one card": small("maze-hard-fast", ema_start=0.0),
    "any shortest path": small("maze-9x9", targets="any"),
    "small": small("sudoku-6x6"),
    "relational, symbols": small("sudoku"),
    "relational, several sizes": small(
        "maze",
        sources=(
            Source("maze-9x9", 4, "perfect"),
            Source("maze-15x15", 4, "hard", "generator:20"),
        ),
    ),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_step_stays_on_its_device(card: str, name: str) -> None:
    trainer = Trainer(CONFIGS[name], device=card)
    with Card(), NoHostData():
        for step in range(2):  # the first step creates the state of the optimizers
            trainer.train_step(step / 4)
    assert trainer.step == 2
    stream = trainer.streams[0]
    assert {p.device.type for p in trainer.model.parameters()} == {card}
    assert {x.device.type for x in (*stream.observations.values(), *stream.carry)} == {card}
    states = [state for optimizer in trainer.optimizers for state in optimizer.state.values()]
    assert {x.device.type for state in states for x in state.values()} <= {card}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_resumed_run_is_whole_on_its_device(card: str, name: str, tmp_path: Any) -> None:
    trainer = Trainer(CONFIGS[name], bf16=False, compile=False)
    for step in range(2):
        trainer.train_step(step / 4)
    trainer.save(tmp_path)
    resumed = Trainer.resume(tmp_path, device=card)
    with Card(), NoHostData():
        resumed.train_step(0.5)
    assert resumed.step == 3


@pytest.mark.parametrize("what", ["a number", "a mask", "a mix", "a copy", "host data"])
def test_the_stand_in_notices_a_wait(card: str, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(CONFIGS["small"], device=card)
    segment = HRM.segment

    def spoiled(self: HRM, carry: Any, tokens: torch.Tensor, ids: Any = None) -> Any:
        if what == "a number":
            float(carry.z_H.sum())
        elif what == "a mask":
            tokens[tokens > 1]
        elif what == "a mix":
            tokens[torch.arange(len(tokens))]
        elif what == "a copy":
            torch.zeros(()).to(card)
        else:
            torch.as_tensor(1.0, device=card)
        return segment(self, carry, tokens, ids)

    monkeypatch.setattr(HRM, "segment", spoiled)
    seen = pytest.raises((AssertionError, RuntimeError, NotImplementedError))
    with Card(), NoHostData(), seen:
        trainer.train_step(0.0)
