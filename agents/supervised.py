"""Supervised baselines: networks of the HRM's size that learn from the same labels, without it.

Both are made from the preset of the HRM that they stand beside: the same puzzles, symmetries,
batches, optimiser, schedule and average of the weights, but for ``RATES``. They are corners of the
model's own family, so they have its blocks and its trainer: from a start at zero, executor and
planner in a row are a plain transformer, and one module for both roles is a looped one.
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
from .hrm.presets import get_preset, preset_for
from .hrm.train_config import TrainConfig
from .hrm.training.run import train
from .transformer import fit_size

LAYERS = 8
"""Of the direct prediction in the HRM paper (arXiv 2506.21734, figure 2)."""
RATES = {"HRMMazeAnswer-7x7-v0": 1e-3, "HRMMazeAnswer-9x9-v0": 1e-3}
"""Learning rate of the direct prediction where the HRM's own is too high for eight layers: on 7x7
mazes it learns nothing at 5e-3. Chosen on ``val`` among 5e-4, 1e-3 and 2e-3, other batches, decays
and Muon."""


def transformer(base: TrainConfig) -> TrainConfig:
    """Return the run of a plain transformer of 8 blocks, as many parameters, that answers at once.

    Args:
        base: The run of an HRM.
    """
    shape = {"H_layers": LAYERS // 2, "L_layers": LAYERS // 2, "L_cycles": 1}
    run = _direct("transformer", base, _fit(base, shape, LAYERS))
    return dataclasses.replace(run, lr=RATES.get(base.env, base.lr))


def looped_transformer(base: TrainConfig) -> TrainConfig:
    """Return the run of two blocks that are looped, as many parameters and as many FLOPs an answer.

    The embedding is added before every loop but the last. All loops carry gradient.

    Args:
        base: The run of an HRM; its answers count as ``max_segments`` segments.
    """
    shape = _fit(base, {"shared": True, "L_layers": 2}, 2)
    wanted = base.max_segments * segment_flops(_model(base, base.model))
    loop, _ = recurrence_flops(_model(base, shape))
    loops = max(2, round(wanted / loop))
    # Activations of all loops are kept for the gradient, or made anew where they are many.
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
        name: Of ``SUPERVISED``.
        env_id: The environment it is wanted for.
        preset: The HRM's run that it stands beside; default: the smallest for the environment.
        limit: Labelled puzzles at most.
        budget: As ``hrm.run.train``: seed, seconds, steps, device, what to report to.

    Raises:
        ValueError: Name, environment or preset are unknown.
    """
    if name not in SUPERVISED:
        raise ValueError(f"agent: expected one of {', '.join(SUPERVISED)}, got {name!r}")
    base = get_preset(preset or preset_for(env_id))
    return train(SUPERVISED[name](dataclasses.replace(base, limit=limit)), **budget)


def count_parameters(base: TrainConfig, fields: dict[str, Any]) -> int:
    """Return the trained numbers of a model, its puzzle embedding left out."""
    with torch.device("meta"):
        model = HRM(_model(base, {**fields, "num_puzzles": 0}))
    return sum(parameter.numel() for parameter in model.parameters())


def _model(base: TrainConfig, fields: Any) -> HRMConfig:
    task = get_task(base.task_id)
    size = {"vocab_size": task.vocab_size, "seq_len": task.seq_len}
    return HRMConfig.from_dict({**size, **fields})


def _fit(base: TrainConfig, shape: dict[str, Any], blocks: int) -> dict[str, Any]:
    """Return a model of attention blocks with as many parameters as the base has."""
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
    """Return the base's run with another model, which answers once and learns no halting."""
    return dataclasses.replace(
        base,
        name=name,
        model=model,
        max_segments=1,
        test_segments=1,
        steady=False,
        halting=None,
        halt_weight=0.0,
        exploration=0.0,
        curriculum=(),
    )
