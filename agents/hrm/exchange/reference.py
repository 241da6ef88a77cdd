"""Weights and configurations of the published HRM and TRM code, in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..model.embedding import ROTARY_BASE
from ..model.network import HRM, NORM_EPS, HRMConfig

# Our name -> the published one, both without prefixes.
NAMES = {
    "z_H_0": "H_init",
    "z_L_0": "L_init",
    "token_emb": "embed_tokens.embedding_weight",
    "position_emb": "embed_pos.embedding_weight",
    "puzzle_emb": "puzzle_emb.weights",
    "head.weight": "lm_head.weight",
    "q_head.weight": "q_head.weight",
    "q_head.bias": "q_head.bias",
}
PARTS = {
    "planner.blocks.": "H_level.layers.",
    "executor.blocks.": "L_level.layers.",
    ".mixer.qkv.": ".self_attn.qkv_proj.",
    ".mixer.out.": ".self_attn.o_proj.",
    ".mixer.gate_up.": ".mlp_t.gate_up_proj.",
    ".mixer.down.": ".mlp_t.down_proj.",
    ".channel.gate_up.": ".mlp.gate_up_proj.",
    ".channel.down.": ".mlp.down_proj.",
}
# What a published checkpoint may put in front: torch.compile, the loss head, the ACT wrapper.
PREFIXES = ("_orig_mod.", "model.", "inner.")
POSITIONS = {"rope": "rotary", "learned": "learned", "none": "none"}
TRM_FIELDS = ("mlp_t", "no_ACT_continue")


def reference_name(name: str) -> str:
    """The published name of one of our state-dict names, without ``inner.``."""
    if name in NAMES:
        return NAMES[name]
    for ours, theirs in PARTS.items():
        name = name.replace(ours, theirs)
    return name


def bare_name(name: str) -> str:
    """A published name without the prefixes of its wrappers."""
    while name.startswith(PREFIXES):
        name = name.split(".", 1)[1]
    return name


def config_from_reference(values: Mapping[str, Any], shared: bool | None = None) -> HRMConfig:
    """Read a configuration in the published names.

    Training settings (``batch_size``, ``halt_max_steps``, ``forward_dtype``, ...) are passed over.

    Args:
        values: the published ``arch`` section, such as ``H_layers``, ``puzzle_emb_ndim``,
            ``pos_encodings``, ``mlp_t``, ``no_ACT_continue``.
        shared: whether it is a TRM. By default it is one where the TRM's own fields stand, or
            where there are no H layers.

    Raises:
        ValueError: when a needed name is missing, or has a value that HRMConfig cannot express.
    """
    needed = ["vocab_size", "seq_len", "hidden_size", "num_heads", "expansion"]
    needed += ["H_layers", "L_layers", "H_cycles", "L_cycles", "pos_encodings"]
    if shared is None:
        shared = any(name in values for name in TRM_FIELDS) or values.get("H_layers") == 0
    if shared:
        needed.remove("H_layers")
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(f"Missing names in the published configuration: {', '.join(missing)}.")
    for name, fixed in (("rms_norm_eps", NORM_EPS), ("rope_theta", ROTARY_BASE)):
        if float(values.get(name, fixed)) != fixed:
            raise ValueError(f"{name} must be {fixed}, got {values[name]!r}.")
    if values["pos_encodings"] not in POSITIONS:
        raise ValueError(
            f"pos_encodings must be one of {', '.join(POSITIONS)}, got {values['pos_encodings']!r}."
        )
    hidden = values["hidden_size"]
    puzzle_dim = values.get("puzzle_emb_ndim", 0)
    # The HRM takes as many positions as the embedding needs; the TRM's default is 16, and its 0
    # asks for the HRM's rule.
    puzzle_len = values.get("puzzle_emb_len", 16 if shared else 0) or -(-puzzle_dim // hidden)
    return HRMConfig(
        vocab_size=values["vocab_size"],
        seq_len=values["seq_len"],
        hidden_size=hidden,
        num_heads=values["num_heads"],
        expansion=values["expansion"],
        H_layers=values.get("H_layers", 0) if shared else values["H_layers"],
        L_layers=values["L_layers"],
        H_cycles=values["H_cycles"],
        L_cycles=values["L_cycles"],
        positions=POSITIONS[values["pos_encodings"]],
        mixer="mlp" if values.get("mlp_t", False) else "attention",
        shared=shared,
        grad="last_cycle" if shared else "one_step",
        q_continue=not values.get("no_ACT_continue", shared),
        num_puzzles=values.get("num_puzzle_identifiers", 0) if puzzle_dim else 0,
        puzzle_emb_dim=puzzle_dim or None,
        puzzle_emb_len=puzzle_len if puzzle_dim else 1,
    )


def from_reference(state_dict: Mapping[str, Any], config: HRMConfig | Mapping[str, Any]) -> HRM:
    """Build a model from published weights.

    Args:
        state_dict: published name -> tensor or array of any float dtype; names may begin with
            ``_orig_mod.``, ``model.`` and ``inner.``. Weights become float32.
        config: an :class:`HRMConfig`, or a mapping in the published names.

    Raises:
        ValueError: naming the missing, extra or misshaped entries.
    """
    given = {bare_name(name): value for name, value in state_dict.items()}
    if len(given) != len(state_dict):
        raise ValueError("The state dict holds names that differ in their prefix only.")
    if not isinstance(config, HRMConfig):
        config = config_from_reference(
            config, shared=not any(name.startswith("H_level.") for name in given)
        )
    model = HRM(config)
    own = model.state_dict()
    names = {name: reference_name(name) for name in own}
    expected = set(names.values())
    faults = [f"missing {name}" for name in sorted(expected - set(given))]
    faults += [f"extra {name}" for name in sorted(set(given) - expected)]
    weights: dict[str, Tensor] = {}
    for name, theirs in names.items():
        if theirs in given:
            weights[name] = torch.as_tensor(given[theirs])
            if weights[name].shape != own[name].shape:
                faults.append(
                    f"{theirs} has shape {tuple(weights[name].shape)} "
                    f"instead of {tuple(own[name].shape)}"
                )
    if faults:
        raise ValueError(f"The state dict does not fit the configuration: {'; '.join(faults)}.")
    model.load_state_dict(weights)
    return model


def to_reference(model: HRM) -> dict[str, Tensor]:
    """The weights of a model in the published names, sharing its memory.

    Raises:
        ValueError: when the published code has no such model (registers, rotary2d).
    """
    if model.config.registers:
        raise ValueError("registers must be 0: the published models have none.")
    if model.config.positions == "rotary2d":
        raise ValueError("positions='rotary2d' is unknown to the published models.")
    return {f"inner.{reference_name(name)}": value for name, value in model.state_dict().items()}
