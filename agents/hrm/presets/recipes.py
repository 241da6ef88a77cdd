"""Recipes that the presets of all families share: published, small for a CPU, fast on a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..train_config import TrainConfig

TRM = {
    "shared": True,
    "L_layers": 2,
    "H_cycles": 3,
    "L_cycles": 4,
    "grad": "last_cycle",
    "q_continue": False,
    "num_puzzles": 1,
    "puzzle_emb_len": 16,
}
"""The model of the published TRM, arXiv 2510.04871. Its code adds a puzzle embedding even to a
dataset with a single puzzle id."""

SMALL = {
    "hidden_size": 64,
    "expansion": 4.0,
    "round_to": 8,
    "H_layers": 1,
    "L_layers": 1,
    "H_cycles": 1,
    "L_cycles": 2,
    "mixer": "mlp",
    "positions": "none",
    "grad": "last_cycle",
    "q_continue": False,
}
"""The model of ``small``."""


def published(env: str, steps: int, lr: float, **changes: Any) -> TrainConfig:
    """Return a published run on 1,000 puzzles, as the README of its repository describes it.

    All published runs share the defaults of ``TrainConfig``: betas 0.9 and 0.95, stablemax, 16
    segments and exploration 0.1. The learning rate rises for 2,000 steps and is constant after
    that. The number of steps is epochs x examples / batch size.

    Args:
        env: Id of the Answer environment.
        steps: Optimizer steps.
        lr: Learning rate of all parameters.
        changes: Further fields of ``TrainConfig``.
    """
    defaults: dict[str, Any] = {
        "model": {"num_puzzles": 1},
        "batch_size": 768,
        "puzzle_lr": lr,
        "warmup": 2000 / steps,
        "limit": 1000,
    }
    return TrainConfig(env, steps=steps, lr=lr, **{**defaults, **changes})


def small(env: str, **changes: Any) -> TrainConfig:
    """Return a run that takes a CPU one minute to a few minutes.

    The number of segments for a puzzle is small: while the model solves nothing yet, 16 segments
    for every puzzle leave time for few puzzles. Every row explores, with a minimum of two or three
    segments: a model that memorizes its thousand puzzles would otherwise halt after the first
    segment, and never learn to correct an answer.

    Args:
        env: Id of the Answer environment.
        changes: Further fields of ``TrainConfig``.
    """
    defaults: dict[str, Any] = {
        "model": SMALL,
        "batch_size": 32,
        "steps": 8000,
        "optimizer": "adamw",
        "lr": 5e-3,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warmup": 0.02,
        "clip": 1.0,
        "ema": 0.99,
        "loss": "softmax",
        "max_segments": 3,
        "exploration": 1.0,
        "steady": True,
    }
    return TrainConfig(env, **{**defaults, **changes})


RELATIONAL = {
    "mixer": "relations",
    "positions": "none",
    "shared": True,
    "L_layers": 2,
    "H_cycles": 2,
    "L_cycles": 2,
    "grad": "segment",
    "round_to": 16,
}
"""The model of ``relational``."""

EQUIVARIANT = {"symbols": "equivariant", "hidden_size": 32, "expansion": 3.75}
"""Further fields for interchangeable symbols: the state of a cell is one vector for each symbol."""


def relational(env: str, model: Mapping[str, Any], **changes: Any) -> TrainConfig:
    """Return a run that teaches a relational model on a CPU in about an hour.

    Args:
        env: Id of the Answer environment.
        model: Further fields of ``HRMConfig``.
        changes: Further fields of ``TrainConfig``.
    """
    defaults: dict[str, Any] = {
        "limit": None,
        "steps": 20_000,
        "optimizer": "muon",
        "lr": 2e-3,
        "weight_decay": 0.0,
        "matrix_weight_decay": 0.1,
        "schedule": "cosine",
        "warmup": 0.01,
        "clip": 1.0,
        "ema": 0.999,
        "halting": "q",
        "later_targets": True,
        "loss": "softmax",
        "halt_weight": 0.05,
        "test_segments": 32,
    }
    return TrainConfig(env, {**RELATIONAL, **model}, **{**defaults, **changes})


def fast(env: str, steps: int, model: Mapping[str, Any], **changes: Any) -> TrainConfig:
    """Return a run that takes less than half an hour on one GPU.

    It has two shared blocks, Muon, and no second forward pass for Q-targets.

    Args:
        env: Id of the Answer environment.
        steps: Optimizer steps.
        model: Further fields of ``HRMConfig``.
        changes: Further fields of ``TrainConfig``.
    """
    defaults: dict[str, Any] = {
        "optimizer": "muon",
        "lr": 1e-4,
        "momentum": 0.6,
        "ns_steps": 3,
        "matrix_weight_decay": 0.005,
        "schedule": "cosine",
        "warmup": 0.0,
        "clip": 1.0,
        "ema": 0.9,
        "ema_start": 2 / 3,
        "loss": "softmax",
        "label_smoothing": 0.2,
        "halt_weight": 0.05,
        "exploration": 0.1,
    }
    shape = {"shared": True, "L_layers": 2, "q_continue": False, **model}
    return TrainConfig(env, shape, steps=steps, **{**defaults, **changes})
