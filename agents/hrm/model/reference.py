"""The names that the published HRM and TRM code gives to weights and configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from .config import NORM_EPS, ROTARY_BASE, HRMConfig

# Our name -> the published name, both without prefixes.
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
# Prefixes of a published checkpoint: torch.compile, the loss head, the ACT wrapper.
PREFIXES = ("_orig_mod.", "model.", "inner.")
POSITIONS = {"rope": "rotary", "learned": "learned", "none": "none"}
TRM_FIELDS = ("mlp_t", "no_ACT_continue")


def reference_name(name: str) -> str:
    """Return the published name of an entry of our state dict, without ``inner.``."""
    if name in NAMES:
        return NAMES[name]
    for ours, theirs in PARTS.items():
        name = name.replace(ours, theirs)
    return name


def bare_name(name: str) -> str:
    """Return a published name without the prefixes of its wrappers."""
    while name.startswith(PREFIXES):
        name = name.split(".", 1)[1]
    return name


def config_from_reference(values: Mapping[str, Any], shared: bool | None = None) -> HRMConfig:
    """Read a configuration in the published names.

    Training settings (``batch_size``, ``halt_max_steps``, ``forward_dtype``, ...) are ignored.

    Args:
        values: The published ``arch`` section, in which ``H_layers``, ``puzzle_emb_ndim``,
            ``pos_encodings``, ``mlp_t``, ``no_ACT_continue`` and others are read.
        shared: Whether it is a TRM. By default it is one if it has fields of the TRM or no H
            layers.

    Raises:
        ValueError: if a name is missing, or has a value that HRMConfig cannot express.
    """
    needed = ["vocab_size", "seq_len", "hidden_size", "num_heads", "expansion"]
    needed += ["H_layers", "L_layers", "H_cycles", "L_cycles", "pos_encodings"]
    if shared is None:
        shared = any(name in values for name in TRM_FIELDS) or values.get("H_layers") == 0
    if shared:
        needed.remove("H_layers")
    missing = [name for name in needed if name not in values]
    if missing:
        raise ValueError(f"missing in the published configuration: {', '.join(missing)}")
    for name, fixed in (("rms_norm_eps", NORM_EPS), ("rope_theta", ROTARY_BASE)):
        if float(values.get(name, fixed)) != fixed:
            raise ValueError(f"{name}: expected {fixed}, got {values[name]!r}")
    if values["pos_encodings"] not in POSITIONS:
        raise ValueError(
            f"pos_encodings: expected one of {', '.join(POSITIONS)}, "
            f"got {values['pos_encodings']!r}"
        )
    hidden = values["hidden_size"]
    puzzle_dim = values.get("puzzle_emb_ndim", 0)
    # The HRM takes as many positions as the embedding needs. The TRM takes 16 by default, and as
    # many as the HRM if it says 0.
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


def bare_weights(state_dict: Mapping[str, Any]) -> dict[str, Any]:
    """Return published weights under their names without prefixes.

    Raises:
        ValueError: if two names differ in their prefix only.
    """
    bare = {bare_name(name): value for name, value in state_dict.items()}
    if len(bare) != len(state_dict):
        raise ValueError("the state dict holds names that differ in their prefix only")
    return bare


def weights_from_reference(
    published: Mapping[str, Any], state: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return published weights under the names of a model's own state dict.

    Args:
        published: Name without prefixes -> tensor or array of any float dtype.
        state: The state dict of the model, whose names and shapes are expected.

    Raises:
        ValueError: if entries are missing, superfluous or of another shape; all are named.
    """
    names = {name: reference_name(name) for name in state}
    expected = set(names.values())
    faults = [f"missing {name}" for name in sorted(expected - set(published))]
    faults += [f"extra {name}" for name in sorted(set(published) - expected)]
    weights: dict[str, Tensor] = {}
    for own, name in names.items():
        if name in published:
            weights[own] = torch.as_tensor(published[name])
            if weights[own].shape != state[own].shape:
                faults.append(
                    f"{name} has shape {tuple(weights[own].shape)} "
                    f"instead of {tuple(state[own].shape)}"
                )
    if faults:
        raise ValueError(f"the state dict does not fit the configuration: {'; '.join(faults)}")
    return weights


def weights_to_reference(config: HRMConfig, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a model under the published names, sharing its memory.

    Raises:
        ValueError: if the published code has no such model (registers, rotary2d, relations).
    """
    if config.mixer not in ("attention", "mlp"):
        raise ValueError(f"mixer: the published models have no {config.mixer!r}")
    if config.registers:
        raise ValueError("registers: the published models have none")
    if config.positions == "rotary2d":
        raise ValueError("positions: the published models know no rotary2d")
    return {f"inner.{reference_name(name)}": value for name, value in state.items()}
