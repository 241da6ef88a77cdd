"""The plain transformer of the HRM's blocks, bidirectional and causal with a cache."""

from __future__ import annotations

import pytest
import torch

from hrm_gym.agents.hrm.model.caches import KeyValues
from hrm_gym.agents.hrm.model.config import HRMConfig
from hrm_gym.agents.transformer import Transformer

SHAPE = {"vocab_size": 6, "seq_len": 16, "hidden_size": 16, "num_heads": 2, "round_to": 8}


def make(positions: str, layers: int = 2) -> Transformer:
    torch.manual_seed(0)
    return Transformer(HRMConfig(**SHAPE, positions=positions), layers)  # type: ignore[arg-type]


@pytest.mark.parametrize("positions", ["rotary", "rotary2d", "learned"])
def test_every_position_depends_on_all_tokens_and_positions(positions: str) -> None:
    model = make(positions)
    tokens = torch.ones(1, 16, dtype=torch.uint8)
    tokens[0, 5] = 3
    features = model(tokens)
    assert features.shape == (1, 16, 16)
    assert torch.allclose(features.square().mean(-1), torch.ones(1, 16), atol=1e-3)
    changed = tokens.clone()
    changed[0, 15] = 4
    assert ((model(changed) - features).abs().amax(-1) > 1e-6).all()
    # Alike but for their place: 6 stands beside the odd token, 12 does not.
    assert not torch.allclose(features[0, 6], features[0, 12], atol=1e-4)


@pytest.mark.parametrize("positions", ["rotary", "learned"])
def test_decoding_token_by_token_equals_the_whole_sequence(positions: str) -> None:
    model = make(positions).eval()
    tokens = torch.randint(1, 6, (3, 12))
    with torch.no_grad():
        whole = model(tokens, past=[KeyValues() for _ in model.blocks])
        past = [KeyValues(12) for _ in model.blocks]
        parts = [model(tokens[:, :7], past=past)]
        for place in range(7, 12):
            if place == 9:
                rows = torch.tensor([2, 0])
                for memory in past:
                    memory.keep(rows)
                tokens, whole = tokens[rows], whole[rows]
                parts = [part[rows] for part in parts]
            parts.append(model(tokens[:, place : place + 1], past=past))
    assert torch.allclose(torch.cat(parts, 1), whole, atol=1e-5)
    with pytest.raises(ValueError, match="at most 12 positions"):
        model(tokens[:, :1], past=past)
    with pytest.raises(ValueError, match="one position after the first"):
        model(tokens[:, :2], past=past)


def test_causal_attention_does_not_see_later_tokens() -> None:
    model = make("rotary")
    tokens = torch.randint(1, 6, (1, 10))
    changed = tokens.clone()
    changed[0, 6] = tokens[0, 6] % 5 + 1
    a, b = (model(t, past=[KeyValues() for _ in model.blocks]) for t in (tokens, changed))
    assert torch.equal(a[:, :6], b[:, :6])
    assert not torch.allclose(a[:, 9], b[:, 9], atol=1e-4)


def test_extra_features_are_added_at_their_positions() -> None:
    model = make("rotary", layers=0)
    tokens = torch.ones(1, 16, dtype=torch.int64)
    extra = torch.zeros(1, 16, 16)
    extra[0, 3] = 1.0
    assert torch.equal(model(tokens, extra), model(tokens) + extra)


def test_the_blocks_are_those_of_an_hrm_with_the_same_configuration() -> None:
    assert len(Transformer(HRMConfig(**SHAPE, H_layers=3, L_layers=2)).blocks) == 5  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mixes by attention"):
        Transformer(HRMConfig(**SHAPE, mixer="mlp"))  # type: ignore[arg-type]
