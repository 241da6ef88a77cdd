"""Properties of the model that do not need recorded numbers."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from hrm_gym.agents.hrm import HRM, Carry, HRMConfig, Output
from hrm_gym.agents.hrm.model.blocks import rotate
from hrm_gym.agents.hrm.model.config import CHOICES
from hrm_gym.agents.hrm.model.embedding import rotary_angles
from hrm_gym.agents.hrm.model.layers import normalize
from hrm_gym.agents.hrm.training.losses import segment_loss

SMALL: dict[str, Any] = {"vocab_size": 6, "seq_len": 16, "hidden_size": 32, "num_heads": 2}
SMALL |= {"H_layers": 1, "L_layers": 1}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "puzzles": {"num_puzzles": 5, "puzzle_emb_dim": 40, "puzzle_emb_len": 2},
    "learned": {"positions": "learned", "registers": 2},
    "rotary2d": {"positions": "rotary2d", "registers": 3, "num_puzzles": 5},
    "none": {"positions": "none", "grad": "segment"},
    "trm": {"shared": True, "grad": "last_cycle", "q_continue": False, "L_cycles": 3},
    "trm_mlp": {"shared": True, "mixer": "mlp", "positions": "none", "registers": 1},
}


def make(**changes: Any) -> HRM:
    """Return a small model whose Q head is not zero."""
    torch.manual_seed(0)
    model = HRM(HRMConfig(**{**SMALL, **changes}))
    torch.nn.init.normal_(model.q_head.weight)
    return model


def batch_of(model: HRM, rows: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    shape = (rows, model.config.seq_len)
    tokens = torch.randint(1, model.config.vocab_size, shape, generator=generator)
    return tokens, torch.arange(rows) % 5


def gradient_of_segments(model: HRM, dtype: torch.dtype | None = None) -> dict[str, Tensor]:
    """Return the gradients of the loss of the second segment."""
    tokens, ids = batch_of(model)
    model.zero_grad()
    with torch.autocast("cpu", dtype, enabled=dtype is not None):
        carry, _ = model.segment(model.initial_carry(len(tokens)), tokens, ids)
        carry, output = model.segment(carry, tokens, ids)
        assert carry.z_H.dtype == carry.z_L.dtype == (dtype or torch.float32)
        loss, _, _ = segment_loss(output, tokens)
    loss.backward()
    grads = {}
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        grads[name] = parameter.grad.to_dense().clone()
    return grads


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32, torch.int64])
def test_shapes_and_dtypes(variant: str, dtype: torch.dtype) -> None:
    model = make(**VARIANTS[variant])
    config = model.config
    tokens, ids = batch_of(model)
    carry, output = model.segment(model.initial_carry(3), tokens.to(dtype), ids.to(dtype))
    assert isinstance(carry, Carry)
    assert isinstance(output, Output)
    assert output.logits.shape == (3, 16, 6)
    assert carry.z_H.shape == carry.z_L.shape == (3, config.prefix_len + 16, 32)
    assert output.q_halt.shape == (3,)
    assert output.q_halt.dtype == torch.float32
    assert (output.q_continue is None) == (not config.q_continue)
    assert not carry.z_H.requires_grad
    assert not carry.z_L.requires_grad
    assert output.logits.requires_grad


@pytest.mark.parametrize("variant", VARIANTS)
def test_rows_do_not_see_each_other(variant: str) -> None:
    model = make(**VARIANTS[variant])
    tokens, ids = batch_of(model, 4)
    with torch.no_grad():
        carry, _ = model.segment(model.initial_carry(4), tokens, ids)
        full_carry, full = model.segment(carry, tokens, ids)
        kept = torch.tensor([3, 1])
        short_carry, short = model.segment(
            Carry(carry.z_H[kept], carry.z_L[kept]), tokens[kept], ids[kept]
        )
    torch.testing.assert_close(short.logits, full.logits[kept], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(short.q_halt, full.q_halt[kept], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(short_carry.z_L, full_carry.z_L[kept], rtol=1e-4, atol=1e-4)


def test_reset_rows_start_again() -> None:
    model = make()
    tokens, _ = batch_of(model)
    carry, first = model.segment(model.initial_carry(3), tokens)
    mask = torch.tensor([True, False, True])
    reset = model.reset_carry(carry, mask)
    start = model.initial_carry(3)
    assert torch.equal(reset.z_H[mask], start.z_H[mask])
    assert torch.equal(reset.z_L[mask], start.z_L[mask])
    assert torch.equal(reset.z_H[1], carry.z_H[1])
    _, again = model.segment(reset, tokens)
    torch.testing.assert_close(again.logits[0], first.logits[0])
    assert not torch.allclose(again.logits[1], first.logits[1])


@pytest.mark.parametrize(("grad", "expected"), [("one_step", 2), ("last_cycle", 4), ("segment", 8)])
def test_updates_that_carry_gradient(grad: str, expected: int) -> None:
    model = make(grad=grad, H_cycles=2, L_cycles=3)
    calls: list[bool] = []
    for module in (model.planner, model.executor):
        assert module is not None
        module.register_forward_hook(lambda *_: calls.append(torch.is_grad_enabled()))
    model.segment(model.initial_carry(2), batch_of(model, 2)[0])
    assert len(calls) == 8
    assert calls == [False] * (8 - expected) + [True] * expected


@pytest.mark.parametrize("grad", CHOICES["grad"])
def test_gradient_stops_at_the_carry(grad: str) -> None:
    model = make(grad=grad)
    tokens, _ = batch_of(model)
    start = model.initial_carry(3)
    first = Carry(*(z.clone().requires_grad_() for z in start))
    carry, output = model.segment(first, tokens)
    assert carry.z_H.grad_fn is None
    assert carry.z_L.grad_fn is None
    found = torch.autograd.grad(output.logits.sum(), first, allow_unused=True)
    assert all((g is not None) == (grad == "segment") for g in found)


def test_one_step_gradient_is_that_of_its_last_two_updates() -> None:
    model = make(num_puzzles=5)
    tokens, ids = batch_of(model)
    _, output = model.segment(model.initial_carry(3), tokens, ids)
    output.logits.square().sum().backward()
    found = {name: p.grad.to_dense() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    assert model.puzzle_emb is not None
    assert model.planner is not None
    x = model._embed(tokens, F.embedding(ids, model.puzzle_emb))
    z_H, z_L = model.initial_carry(3)
    rotation = (model.cos, model.sin)
    with torch.no_grad():
        z_L = model.executor(z_L, z_H + x, rotation)
        z_L = model.executor(z_L, z_H + x, rotation)
        z_H = model.planner(z_H, z_L, rotation)
        z_L = model.executor(z_L, z_H + x, rotation)
    z_L = model.executor(z_L, z_H + x, rotation)
    z_H = model.planner(z_H, z_L, rotation)
    model.head(z_H[:, 1:]).square().sum().backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None and not name.startswith("q_head"):
            torch.testing.assert_close(found[name], parameter.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("variant", VARIANTS)
def test_bfloat16_gradients_point_the_same_way(variant: str) -> None:
    # With one update of each kind, bf16 rounding cannot grow. The part without gradients still
    # runs first, where a cache of cast weights would lose their gradients.
    changes = {**VARIANTS[variant], "H_cycles": 2, "L_cycles": 1}
    model = make(**changes)
    exact = gradient_of_segments(model)
    rounded = gradient_of_segments(model, torch.bfloat16)
    for name, value in exact.items():
        assert rounded[name].dtype == torch.float32
        if value.abs().max() > 0:
            similarity = F.cosine_similarity(value.flatten(), rounded[name].flatten(), dim=0)
            assert similarity > 0.9, (name, float(similarity))
            assert rounded[name].norm() / value.norm() == pytest.approx(1, abs=0.3), name


def test_bfloat16_outputs() -> None:
    model = make()
    tokens, _ = batch_of(model)
    with torch.autocast("cpu", torch.bfloat16):
        carry = model.initial_carry(3)
        assert carry.z_H.dtype == torch.bfloat16
        _, output = model.segment(carry, tokens)
    assert output.logits.dtype == torch.bfloat16
    assert output.q_halt.dtype == torch.float32
    x = torch.randn(4, 32).bfloat16()
    exact = x.double() / (x.double().square().mean(-1, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(normalize(x), exact.bfloat16(), rtol=0.008, atol=0)


@pytest.mark.parametrize("grad", CHOICES["grad"])
def test_checkpointing_changes_nothing(grad: str) -> None:
    kept = gradient_of_segments(make(grad=grad))
    recomputed = gradient_of_segments(make(grad=grad, recompute_activations=True))
    for name, value in kept.items():
        torch.testing.assert_close(recomputed[name], value)


def test_prefix_and_q_head_positions() -> None:
    model = make(num_puzzles=5, registers=2)
    tokens, ids = batch_of(model)
    carry, output = model.segment(model.initial_carry(3), tokens, ids)
    torch.testing.assert_close(model.head(carry.z_H[:, 3:]), output.logits)
    torch.testing.assert_close(model.q_head(carry.z_H[:, 0])[:, 0], output.q_halt)


def test_puzzle_embedding_reaches_the_answer() -> None:
    model = make(num_puzzles=5, puzzle_emb_dim=40, puzzle_emb_len=2)
    tokens, ids = batch_of(model)
    assert model.puzzle_emb is not None
    assert not model.puzzle_emb.any()
    carry = model.initial_carry(3)
    same = model.segment(carry, tokens, 0 * ids)[1].logits
    torch.testing.assert_close(model.segment(carry, tokens, ids)[1].logits, same)
    torch.nn.init.normal_(model.puzzle_emb)
    x = model._embed(tokens, model.puzzle_emb[ids])
    torch.testing.assert_close(x[:, :2].flatten(1)[:, :40], 32**0.5 * model.puzzle_emb[ids])
    assert not x[:, 1, 8:].any()
    output = model.segment(carry, tokens, ids)[1]
    assert not torch.allclose(output.logits[1:], same[1:])
    output.logits.sum().backward()
    grad = model.puzzle_emb.grad
    assert grad is not None
    assert grad.is_sparse
    assert grad._indices().tolist() == [ids.tolist()]


def test_rotary2d_turns_rows_and_columns() -> None:
    config = HRMConfig(**{**SMALL, "seq_len": 9, "positions": "rotary2d", "registers": 2})
    angles = rotary_angles(config)
    assert angles.shape == (11, 8)
    assert not angles[:2].any()
    cells = angles[2:].view(3, 3, 8)
    assert torch.equal(cells[..., :4], cells[:, :1, :4].expand(3, 3, 4))
    assert torch.equal(cells[..., 4:], cells[:1, :, 4:].expand(3, 3, 4))
    assert cells[2, 0, 0] == 2
    assert cells[0, 2, 4] == 2


def test_rotation_depends_on_the_distance_alone() -> None:
    angles = rotary_angles(HRMConfig(**SMALL))
    q, k = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    x = torch.stack((q, k))[None, None, :, None].expand(1, 16, 2, 1, 16)
    turned = rotate(x, angles.cos(), angles.sin())[0, :, :, 0]
    score = turned[:, 0] @ turned[:, 1].T
    for offset in (-3, 0, 5):
        diagonal = score.diagonal(offset)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(score[0, 3], score[3, 0])


def test_published_size_and_start() -> None:
    torch.manual_seed(0)
    model = HRM(HRMConfig(vocab_size=11, seq_len=81))
    assert sum(p.numel() for p in model.parameters()) == 27_275_266
    assert not model.q_head.weight.any()
    assert model.q_head.bias is not None
    assert model.q_head.bias.tolist() == [-5.0, -5.0]
    names = model.state_dict().keys()
    assert {"z_H_0", "z_L_0"} <= names
    assert not {"z_H_0", "z_L_0"} & {name for name, _ in model.named_parameters()}
    for name in ("executor.blocks.0.channel.down.weight", "head.weight"):
        weight = model.get_parameter(name).detach()
        std = weight.shape[1] ** -0.5
        assert float(weight.std()) == pytest.approx(std, rel=0.03)
        assert float(weight.abs().max()) <= 2 * std / 0.8796 + 1e-6
    assert float(model.token_emb.detach().std()) == pytest.approx(512**-0.5, rel=0.03)
    with torch.no_grad():
        _, output = model.segment(model.initial_carry(1), torch.ones(1, 81, dtype=torch.uint8))
    assert output.q_halt.tolist() == [-5.0]


def test_param_groups_cover_everything_once() -> None:
    model = make(num_puzzles=5, registers=1, positions="learned")
    groups = model.param_groups()
    listed = [id(p) for group in groups for p in group]
    assert sorted(listed) == sorted(id(p) for p in model.parameters())
    assert len(groups.matrices) == 8
    assert [p is model.puzzle_emb for p in groups.puzzle] == [True]
    assert make().param_groups().puzzle == []


def test_shared_model_has_one_module() -> None:
    model = make(shared=True)
    assert not any(name.startswith("planner") for name in model.state_dict())
    calls: list[int] = []
    model.executor.register_forward_hook(lambda *_: calls.append(1))
    model.segment(model.initial_carry(1), batch_of(model, 1)[0])
    assert len(calls) == 6


# PyTorch reads .grad of the gathered rows and suppresses its own warning, but pytest raises it.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
def test_compiles_without_graph_breaks() -> None:
    model = make(num_puzzles=5)
    tokens, ids = batch_of(model)
    carry, expected = model.segment(model.initial_carry(3), tokens, ids)
    model.compile(fullgraph=True, backend="aot_eager")
    _, output = model.segment(model.initial_carry(3), tokens, ids)
    torch.testing.assert_close(output.logits, expected.logits, rtol=1e-4, atol=1e-4)
    output.logits.sum().backward()
    assert model.puzzle_emb is not None
    assert model.puzzle_emb.grad is not None
    with torch.autocast("cpu", torch.bfloat16):
        compiled_carry, _ = model.segment(carry, tokens, ids)
    assert compiled_carry.z_H.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"vocab_size": 1}, "vocab_size"),
        ({"seq_len": 0}, "seq_len"),
        ({"hidden_size": 32.0}, "hidden_size"),
        ({"L_cycles": 0}, "L_cycles"),
        ({"L_layers": True}, "L_layers"),
        ({"num_heads": 3}, "num_heads"),
        ({"num_heads": 32}, "positions"),
        ({"H_layers": 0}, "H_layers"),
        ({"expansion": 0}, "expansion"),
        ({"expansion": float("nan")}, "expansion"),
        ({"expansion": "4"}, "expansion"),
        ({"positions": "rope"}, "positions"),
        ({"positions": "rotary2d", "seq_len": 15}, "seq_len"),
        ({"mixer": "conv"}, "mixer"),
        ({"grad": "full"}, "grad"),
        ({"shared": 1}, "shared"),
        ({"num_puzzles": -1}, "num_puzzles"),
        ({"num_puzzles": 2, "puzzle_emb_dim": 33}, "puzzle_emb_dim"),
        ({"puzzle_emb_dim": "wide"}, "puzzle_emb_dim"),
        ({"registers": -1}, "registers"),
    ],
)
def test_config_errors_name_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValueError, match=field) as error:
        HRMConfig(**{**SMALL, **changes})
    assert str(error.value).startswith(f"{field}: ")


@pytest.mark.parametrize("variant", VARIANTS)
def test_config_round_trips_through_json(variant: str) -> None:
    config = HRMConfig(**{**SMALL, **VARIANTS[variant]})
    assert HRMConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="depth, width"):
        HRMConfig.from_dict({**config.to_dict(), "width": 1, "depth": 2})
    with pytest.raises(ValueError, match="seq_len"):
        HRMConfig.from_dict({"vocab_size": 3})
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seq_len = 3  # type: ignore[misc]


def test_bad_inputs_are_named() -> None:
    model = make(num_puzzles=5)
    tokens, ids = batch_of(model)
    with pytest.raises(ValueError, match="puzzle_ids"):
        model.segment(model.initial_carry(3), tokens)
    with pytest.raises(ValueError, match="tokens"):
        model.segment(model.initial_carry(3), tokens[:, :5], ids)
    with pytest.raises(ValueError, match="registers"):
        make(registers=1).to_reference()
    with pytest.raises(ValueError, match="rotary2d"):
        make(positions="rotary2d").to_reference()


def test_importing_the_package_is_light() -> None:
    code = "import sys, hrm_gym.agents.hrm as h; h.HRMConfig; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_renamed_field_of_an_older_checkpoint_is_read() -> None:
    config = HRMConfig(**SMALL, recompute_activations=True)
    older = config.to_dict()
    older["checkpoint"] = older.pop("recompute_activations")
    assert HRMConfig.from_dict(older) == config
