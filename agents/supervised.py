"""Supervised baselines: other networks of the HRM's size that learn from the same labels.

Each baseline is derived from the preset of the HRM with which it is compared. Puzzles, symmetries,
batches, optimizer, schedule and weight average are the same; only the learning rates in
``TRANSFORMER_RATES`` differ. The baselines are special cases of the HRM configuration and use its
blocks and its trainer: with states that start at zero, executor and planner in sequence are a plain
transformer, and one module for both roles is a looped transformer.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch

from hrm_gym.puzzles import get_task

from .base import TrainResult
from .hrm.agent import HRMAgent
from .hrm.model.config import HRMConfig
from .hrm.model.flops import recurrence_flops, segment_flops
from .hrm.model.network import HRM
from .hrm.model.tasks import task_fields
from .hrm.presets import TRANSFORMER_RATES, get_preset, preset_for
from .hrm.train_config import TrainConfig
from .hrm.training.run import train
from .transformer import fit_size

LAYERS = 8
"""Blocks of the direct prediction in the HRM paper (arXiv 2506.21734, figure 2)."""


def transformer(base: TrainConfig) -> TrainConfig:
    """Return the configuration of a plain transformer: 8 blocks, the HRM's number of parameters.

    Args:
        base: Configuration of the HRM.
    """
    shape = {"H_layers": LAYERS // 2, "L_layers": LAYERS // 2, "L_cycles": 1}
    run = _direct("transformer", base, _fit(base, shape, LAYERS))
    return dataclasses.replace(run, lr=TRANSFORMER_RATES.get(base.env, base.lr))


def looped_transformer(base: TrainConfig) -> TrainConfig:
    """Return the configuration of a looped transformer: 2 blocks that are applied repeatedly.

    It has the HRM's number of parameters and of FLOPs per answer. The embedding is added before
    every loop except the last. The gradient runs through all loops.

    Args:
        base: Configuration of the HRM, whose answers take ``max_segments`` segments.
    """
    shape = _fit(base, {"shared": True, "L_layers": 2}, 2)
    wanted = base.max_segments * segment_flops(_model(base, base.model))
    loop, _ = recurrence_flops(_model(base, shape))
    loops = max(2, round(wanted / loop))
    # The gradient needs the activations of all loops. Many loops recompute them to save memory.
    return _direct(
        "looped-transformer",
        base,
        {**shape, "L_cycles": loops - 1, "recompute_activations": loops > 16},
    )


SUPERVISED: dict[str, Callable[[TrainConfig], TrainConfig]] = {
    "transformer": transformer,
    "looped-transformer": looped_transformer,
}


def train_supervised(
    name: str, env_id: str, preset: str | None = None, limit: int | None = 1000, **budget: Any
) -> TrainResult[HRMAgent]:
    """Train a supervised baseline for an environment, step or Answer.

    Args:
        name: A key of ``SUPERVISED``.
        env_id: The environment that the agent is meant for.
        preset: Preset of the HRM, by default the smallest one for the environment.
        limit: Maximum number of labelled puzzles; ``None`` uses all of them.
        budget: Further arguments of ``hrm.training.run.train``, such as ``seconds`` and ``seed``.

    Raises:
        ValueError: if the name, the environment or the preset is unknown.
    """
    if name not in SUPERVISED:
        raise ValueError(f"agent: expected one of {', '.join(SUPERVISED)}, got {name!r}")
    base = get_preset(preset or preset_for(env_id))
    return train(SUPERVISED[name](base.with_puzzles(limit=limit)), **budget)


def count_parameters(base: TrainConfig, fields: dict[str, Any]) -> int:
    """Return the number of trained parameters of a model, without puzzle embeddings."""
    with torch.device("meta"):
        model = HRM(_model(base, {**fields, "num_puzzles": 0}))
    return sum(parameter.numel() for parameter in model.parameters())


def _model(base: TrainConfig, fields: Any) -> HRMConfig:
    task = get_task(base.task_id)
    return HRMConfig.from_dict(task_fields(task, fields))


def _fit(base: TrainConfig, shape: dict[str, Any], blocks: int) -> dict[str, Any]:
    """Return the fields of an attention model with as many parameters as the base."""
    side = math.isqrt(get_task(base.task_id).seq_len)
    prefix = ("num_puzzles", "puzzle_emb_dim", "puzzle_emb_len")
    fields: dict[str, Any] = {
        **{name: base.model[name] for name in prefix if name in base.model},
        **shape,
        "H_cycles": 1,
        "positions": "rotary2d" if side**2 == get_task(base.task_id).seq_len else "learned",
        "grad": "segment",
        "q_continue": False,
        "zero_start": True,
    }
    wanted = count_parameters(base, dict(base.model))
    return fit_size(fields, blocks, wanted, lambda fields: count_parameters(base, fields))


def _direct(name: str, base: TrainConfig, model: dict[str, Any]) -> TrainConfig:
    """Return the base configuration with a model that answers once and does not learn to halt."""
    return dataclasses.replace(
        base,
        name=name,
        model=model,
        # The size of these models is fixed, so they learn the puzzles of the environment alone.
        sources=(base.main_source,) if base.sources else (),
        max_segments=1,
        test_segments=1,
        steady=False,
        halting=None,
        halt_weight=0.0,
        exploration=0.0,
        # The states of these models start at zero and are not carried.
        start_noise=0.0,
        carry_noise=0.0,
        curriculum=(),
    )
