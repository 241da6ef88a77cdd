"""The model reproduces numbers recorded from the published HRM and TRM code.

A recurrent network with random weights amplifies rounding: that of ``trm_mlp`` multiplies a
difference by about 20 in each segment, so that no two float32 programs agree on it for long. So a
training segment starts from the recorded carry, and a value may be as far from the recording as
our own float32 and float64 are apart (times 4), where that is more than 1e-5.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from hrm_gym.agents.hrm.exchange.reference import config_from_reference, reference_name
from hrm_gym.agents.hrm.inference.halting import HaltingRule
from hrm_gym.agents.hrm.model.network import HRM, Carry
from hrm_gym.agents.hrm.training.losses import act_loss

FOLDER = Path(__file__).parents[3] / "golden"
FILES = ("hrm_rope", "hrm_learned", "trm_attention", "trm_mlp")
TOLERANCE = 1e-5


class Golden:
    """One recorded file and the model that its weights make."""

    def __init__(self, name: str) -> None:
        with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as file:
            self.arrays = {key: file[key] for key in file.files}
        self.config = json.loads(str(self.arrays["config_json"]))
        self.state = self.under("state/")
        self.model = HRM.from_reference(self.state, config_from_reference(self.config))
        self.batch = self.config["batch_size"]
        self.max_segments = self.config["halt_max_steps"]
        self.segments = sum(key.endswith("/loss") for key in self.arrays)

    def under(self, prefix: str) -> dict[str, Tensor]:
        """What stands under a key, without it."""
        return {
            key.removeprefix(prefix): torch.from_numpy(np.array(value))
            for key, value in self.arrays.items()
            if key.startswith(prefix)
        }


@pytest.fixture(params=FILES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Largest absolute difference over the largest magnitude."""
    assert ours.shape == theirs.shape
    ours, theirs = ours.detach().double(), theirs.detach().double()
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12))


def gradients(model: HRM) -> dict[str, Tensor]:
    """Gradients in the published names, the puzzle embedding's row by row of the batch."""
    found = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if name == "puzzle_emb":
            found["inner.puzzle_emb.local_weights"] = parameter.grad._values()
        else:
            found[f"inner.{reference_name(name)}"] = parameter.grad
    return found


class Trained(NamedTuple):
    """What a training segment leaves behind."""

    carry: Carry
    steps: Tensor
    halted: Tensor
    data: dict[str, Tensor]
    loss: Tensor
    metrics: dict[str, Tensor]
    grads: dict[str, Tensor]


def agrees(ours: Tensor, recorded: Tensor, exact: Tensor) -> bool:
    """Whether ours (float32) is the recording up to rounding, measured on ours in float64."""
    rounding = difference(ours, exact)
    assert rounding < 0.1, "rounding has drowned the value"
    return difference(ours, recorded) < max(TOLERANCE, 4 * rounding)


def train_segment(golden: Golden, model: HRM, segment: int) -> Trained:
    """One training segment from the recorded state before it."""
    dtype = model.token_emb.dtype
    carry = model.initial_carry(golden.batch)
    steps = torch.zeros(golden.batch, dtype=torch.int32)
    halted = torch.ones(golden.batch, dtype=torch.bool)
    data: dict[str, Tensor] = {}
    if segment:
        before = golden.under(f"seg{segment - 1}/carry/")
        carry = Carry(before["z_H"].to(dtype), before["z_L"].to(dtype))
        steps, halted = before["steps"], before["halted"]
        data = golden.under(f"seg{segment - 1}/carry/data/")
    for name, offered in golden.under(f"seg{segment}/batch/").items():
        rows = halted.view(-1, *[1] * (offered.ndim - 1))
        data[name] = torch.where(rows, offered, data.get(name, offered))
    carry = model.reset_carry(carry, halted)
    steps = torch.where(halted, 0, steps) + 1
    tokens, ids = data["inputs"], data["puzzle_identifiers"]
    uses_q = model.config.q_continue
    carry, output = model.segment(carry, tokens, ids)
    rule = HaltingRule("q" if uses_q else "bce", golden.max_segments)
    halted = rule.halts(output, steps)
    target = None
    if uses_q:
        with torch.no_grad():
            following = model.segment(carry, tokens, ids)[1]
        target = rule.target(following, steps)
    loss, metrics, _ = act_loss(output, data["labels"], target, halted=halted, steps=steps)
    model.zero_grad()
    loss.backward()
    return Trained(carry, steps, halted, data, loss, metrics, gradients(model))


def test_training_segments_agree(golden: Golden) -> None:
    twin = copy.deepcopy(golden.model).double()
    for segment in range(golden.segments):
        ours = train_segment(golden, golden.model, segment)
        exact = train_segment(golden, twin, segment)
        assert agrees(ours.loss, golden.under(f"seg{segment}/loss")[""], exact.loss)
        recorded = golden.under(f"seg{segment}/metric/")
        assert recorded.keys() == ours.metrics.keys()
        for name, value in recorded.items():
            assert agrees(ours.metrics[name], value, exact.metrics[name]), name
        after = golden.under(f"seg{segment}/carry/")
        assert torch.equal(ours.halted, after["halted"])
        assert torch.equal(ours.steps, after["steps"])
        assert agrees(ours.carry.z_H, after["z_H"], exact.carry.z_H)
        assert agrees(ours.carry.z_L, after["z_L"], exact.carry.z_L)
        for name, value in ours.data.items():
            assert torch.equal(value, after[f"data/{name}"])
        if segment == 1:
            expected = golden.under("seg1/grad/")
            assert expected.keys() == ours.grads.keys()
            for name, value in expected.items():
                assert agrees(ours.grads[name], value, exact.grads[name]), name


@pytest.mark.parametrize("name", FILES[:3])
def test_training_agrees_to_1e_5_where_rounding_allows(name: str) -> None:
    golden = Golden(name)
    for segment in range(golden.segments):
        ours = train_segment(golden, golden.model, segment)
        after = golden.under(f"seg{segment}/carry/")
        assert difference(ours.loss, golden.under(f"seg{segment}/loss")[""]) < TOLERANCE
        assert difference(ours.carry.z_H, after["z_H"]) < TOLERANCE
        assert difference(ours.carry.z_L, after["z_L"]) < TOLERANCE
        for key, value in golden.under("seg1/grad/").items() if segment == 1 else ():
            assert difference(ours.grads[key], value) < TOLERANCE, key


def test_evaluation_segments_agree(golden: Golden) -> None:
    data = golden.under(f"seg{golden.segments - 1}/batch/")
    model, twin = golden.model, copy.deepcopy(golden.model).double()
    carry, exact_carry = model.initial_carry(golden.batch), twin.initial_carry(golden.batch)
    tokens, ids = data["inputs"], data["puzzle_identifiers"]
    for segment in range(golden.max_segments):
        with torch.no_grad():
            carry, output = model.segment(carry, tokens, ids)
            exact_carry, exact = twin.segment(exact_carry, tokens, ids)
        recorded = golden.under(f"eval{segment}/")
        assert agrees(output.logits, recorded["logits"], exact.logits)
        assert agrees(output.q_halt, recorded["q_halt"], exact.q_halt)
        assert (output.q_continue is not None) == model.config.q_continue
        if output.q_continue is not None and exact.q_continue is not None:
            assert agrees(output.q_continue, recorded["q_continue"], exact.q_continue)
    assert f"eval{golden.max_segments}/logits" not in golden.arrays


def test_weights_round_trip(golden: Golden) -> None:
    back = golden.model.to_reference()
    assert back.keys() == golden.state.keys()
    for name, value in golden.state.items():
        assert torch.equal(back[name], value), name
    for prefix in ("", "_orig_mod.model.inner.", "model.", "model._orig_mod.inner."):
        renamed = {prefix + name.removeprefix("inner."): value for name, value in back.items()}
        again = HRM.from_reference(renamed, golden.config)
        assert again.config == golden.model.config
        for name, value in golden.state.items():
            assert torch.equal(again.to_reference()[name], value), name


def test_half_precision_checkpoints_become_float32() -> None:
    golden = Golden("hrm_rope")
    halved = {name: value.bfloat16() for name, value in golden.state.items()}
    model = HRM.from_reference(halved, golden.config)
    for name, value in model.to_reference().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, halved[name].float())


def test_faults_are_named() -> None:
    golden = Golden("hrm_learned")
    state = dict(golden.state)
    del state["inner.lm_head.weight"]
    state["inner.surplus"] = torch.zeros(1)
    state["inner.q_head.bias"] = torch.zeros(3)
    with pytest.raises(ValueError, match=r"missing lm_head.*extra surplus.*q_head\.bias has shape"):
        HRM.from_reference(state, golden.config)
    with pytest.raises(ValueError, match="L_cycles"):
        config_from_reference({k: v for k, v in golden.config.items() if k != "L_cycles"})
    with pytest.raises(ValueError, match="pos_encodings"):
        config_from_reference({**golden.config, "pos_encodings": "alibi"})
    with pytest.raises(ValueError, match="rope_theta"):
        config_from_reference({**golden.config, "rope_theta": 500.0})
    with pytest.raises(ValueError, match="differ in their prefix"):
        HRM.from_reference({**golden.state, "lm_head.weight": torch.zeros(1)}, golden.config)
