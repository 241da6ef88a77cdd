"""The model reproduces numbers recorded from the published HRM and TRM code.

The numbers were recorded in float64. A recurrent network with random weights amplifies rounding
(``trm_mlp`` about 20 times in each segment), so two float32 programs do not agree on it for long.
The model is therefore compared with the record in float64, from the first segment to the last.
Float32 is then compared with float64, one segment at a time from the same carry.
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

from hrm_gym.agents.hrm.inference.halting import HaltingRule
from hrm_gym.agents.hrm.model.network import HRM, Carry
from hrm_gym.agents.hrm.model.reference import config_from_reference, reference_name
from hrm_gym.agents.hrm.training.losses import segment_loss

FOLDER = Path(__file__).parents[3] / "golden"
FILES = ("hrm_rope", "hrm_learned", "trm_attention", "trm_mlp")
TOLERANCE = 2e-6
"""Of float64 against the record. Q-values are float32 on our side."""
COUNTS = ("count", "accuracy", "exact_accuracy", "q_halt_accuracy", "steps")
"""The metrics that count rows and tokens, and so jump where two logits are nearly equal."""


class Golden:
    """One recorded file, and the float32 model that its weights make."""

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
        """Return the arrays whose keys begin with a prefix, by the rest of the key."""
        return {
            key.removeprefix(prefix): torch.from_numpy(np.array(value))
            for key, value in self.arrays.items()
            if key.startswith(prefix)
        }


@pytest.fixture(params=FILES)
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(request.param)


class State(NamedTuple):
    """What training keeps between two segments."""

    carry: Carry
    steps: Tensor
    halted: Tensor
    data: dict[str, Tensor]


def first_state(golden: Golden, model: HRM) -> State:
    """Return the state in which every row takes the first batch."""
    steps = torch.zeros(golden.batch, dtype=torch.int32)
    return State(model.initial_carry(golden.batch), steps, steps == 0, {})


def train_segment(
    golden: Golden, model: HRM, state: State, segment: int
) -> tuple[State, dict[str, Tensor]]:
    """Run one training segment.

    Returns:
        The next state, and everything that the segment computes, in the names of the record.
    """
    data = dict(state.data)
    for name, offered in golden.under(f"seg{segment}/batch/").items():
        rows = state.halted.view(-1, *[1] * (offered.ndim - 1))
        data[name] = torch.where(rows, offered, data.get(name, offered))
    tokens, ids = data["inputs"], data["puzzle_identifiers"]
    carry = model.reset_carry(state.carry, state.halted)
    steps = torch.where(state.halted, 0, state.steps) + 1
    carry, output = model.segment(carry, tokens, ids)
    rule = HaltingRule("q" if model.config.q_continue else "bce", golden.max_segments)
    halted = rule.halts(output, steps)
    target = None
    if rule.looks_ahead:
        with torch.no_grad():
            following = model.segment(carry, tokens, ids)[1]
        target = rule.target(following, steps)
    loss, metrics, _ = segment_loss(output, data["labels"], target, halted=halted, steps=steps)
    model.zero_grad()
    loss.backward()
    found = {"loss": loss, "carry/z_H": carry.z_H, "carry/z_L": carry.z_L}
    found |= {"carry/steps": steps, "carry/halted": halted}
    found |= {f"carry/data/{name}": value for name, value in data.items()}
    found |= {f"metric/{name}": value for name, value in metrics.items()}
    found |= {f"grad/{name}": value for name, value in gradients(model).items()}
    return State(carry, steps, halted, data), found


def gradients(model: HRM) -> dict[str, Tensor]:
    """Return the gradients in the published names, of the puzzle embedding one for each row."""
    found = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if name == "puzzle_emb":
            found["inner.puzzle_emb.local_weights"] = parameter.grad._values()
        else:
            found[f"inner.{reference_name(name)}"] = parameter.grad
    return found


def exact_rotation(model: HRM) -> tuple[Tensor, Tensor]:
    """Return cos and sin of the rotary positions in float64, from the formula."""
    half = model.config.hidden_size // model.config.num_heads // 2
    frequency = 10000.0 ** (-np.arange(half) / half)
    angles = torch.from_numpy(np.outer(np.arange(model.config.total_len), frequency))
    return angles.cos(), angles.sin()


def in_float64(model: HRM) -> HRM:
    """Return the model in float64, with rotary tables that have not been float32."""
    twin = copy.deepcopy(model).double()
    if twin.rotary:
        twin.cos, twin.sin = exact_rotation(twin)
    return twin


def difference(ours: Tensor, theirs: Tensor) -> float:
    """Return the largest absolute difference over the largest magnitude."""
    assert ours.shape == theirs.shape
    ours, theirs = ours.detach().double(), theirs.detach().double()
    return float((ours - theirs).abs().max() / theirs.abs().max().clamp(min=1e-12))


def test_training_agrees_with_the_record(golden: Golden) -> None:
    model = in_float64(golden.model)
    state = first_state(golden, model)
    for segment in range(golden.segments):
        state, ours = train_segment(golden, model, state, segment)
        recorded = golden.under(f"seg{segment}/")
        # The record has the carry of the first and the last segment, and gradients of one.
        if 0 < segment < golden.segments - 1:
            del ours["carry/z_H"], ours["carry/z_L"]
        if segment != 1:
            ours = {name: value for name, value in ours.items() if not name.startswith("grad/")}
        assert ours.keys() == {name for name in recorded if not name.startswith("batch/")}
        for name, value in ours.items():
            if recorded[name].is_floating_point():
                assert difference(value, recorded[name]) < TOLERANCE, (segment, name)
            else:
                assert torch.equal(value, recorded[name]), (segment, name)


def test_evaluation_agrees_with_the_record(golden: Golden) -> None:
    model = in_float64(golden.model)
    carry = model.initial_carry(golden.batch)
    data = golden.under(f"seg{golden.segments - 1}/batch/")
    for segment in range(golden.max_segments):
        with torch.no_grad():
            carry, output = model.segment(carry, data["inputs"], data["puzzle_identifiers"])
        ours = {name: value for name, value in output._asdict().items() if value is not None}
        recorded = golden.under(f"eval{segment}/")
        assert ours.keys() == recorded.keys()
        for name, value in ours.items():
            assert difference(value, recorded[name]) < TOLERANCE, (segment, name)
    assert not golden.under(f"eval{golden.max_segments}/")


@pytest.mark.parametrize(("depth", "tolerance"), [("one update", 1e-5), ("whole segment", 1e-4)])
def test_float32_agrees_with_float64(golden: Golden, depth: str, tolerance: float) -> None:
    # Each update of a random network multiplies the rounding of those before it, and trm_mlp
    # makes twelve in a segment. The tight tolerance is for one update of each module.
    model, twin = golden.model, copy.deepcopy(golden.model).double()
    state = first_state(golden, twin)
    for segment in range(golden.segments):
        carry = Carry(state.carry.z_H.float(), state.carry.z_L.float())
        wide = Carry(carry.z_H.double(), carry.z_L.double())
        if depth == "one update":
            model.cycles = twin.cycles = (1, 1)
        _, ours = train_segment(golden, model, state._replace(carry=carry), segment)
        _, exact = train_segment(golden, twin, state._replace(carry=wide), segment)
        for name, value in exact.items():
            if value.is_floating_point() and name.removeprefix("metric/") not in COUNTS:
                assert difference(ours[name], value) < tolerance, (segment, name)
        twin.cycles = (twin.config.H_cycles, twin.config.L_cycles)
        state, _ = train_segment(golden, twin, state, segment)


@pytest.mark.parametrize("name", ["hrm_rope", "trm_attention"])
def test_rotary_tables_are_the_formula(name: str) -> None:
    model = Golden(name).model
    for ours, exact in zip((model.cos, model.sin), exact_rotation(model), strict=True):
        assert ours.dtype == torch.float32
        # Angles reach 5 beside whole numbers, and 5 in float32 is good to 5e-7.
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=2e-6)


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
