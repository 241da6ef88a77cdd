"""Whole configurations of a training run, by name: the published ones, and small ones for a CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hrm_gym.registration import answer_id, task_id

OPTIMIZERS = ("adam-atan2", "adamw", "muon")
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainConfig:
    """A training run but for its device and its budget.

    Raises:
        ValueError: A value makes no sense; the sentence names the field.
    """

    env: str
    """Id of the Answer environment."""
    task: str | None = None
    """Another task than the environment's own, such as ``arc-10x10`` or ``module:Class``."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``HRMConfig``; vocabulary and length come from the environment."""
    source: str | None = None
    """Puzzles to train on, see ``hrm_gym.data.load_puzzles``; by default the task's own."""
    limit: int | None = 1000
    """At most so many labelled puzzles."""
    augment: bool = True
    """Show every puzzle under a random symmetry."""
    batch_size: int = 384
    steps: int = 52_083
    """Optimiser steps, one segment each."""
    optimizer: str = "adam-atan2"
    """``adam-atan2``, ``adamw``, or ``muon`` for the block matrices with AdamW for the rest."""
    lr: float = 7e-5
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1.0
    puzzle_lr: float = 7e-5
    """Learning rate of the puzzle embedding (sign-SGD)."""
    puzzle_weight_decay: float = 1.0
    schedule: str = "constant"
    warmup: float = 0.0384
    """Share of the run over which the learning rate rises (published: 2,000 of 52,083 steps)."""
    clip: float | None = None
    """Largest norm of the gradient."""
    ema: float | None = None
    """Decay of the moving average of the weights that the agent then uses."""
    max_segments: int = 16
    exploration: float = 0.1
    """Chance that a row gets a minimum of segments before it may halt."""
    loss: str = "stablemax"
    label_smoothing: float = 0.0
    halt_weight: float = 0.5

    def __post_init__(self) -> None:
        """Check what no other part checks."""
        if answer_id(self.env) != self.env:
            raise ValueError(f"env: the HRM trains on an Answer id, got {self.env!r}")
        for name, allowed in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in ("batch_size", "steps", "max_segments"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected at least 1, got {getattr(self, name)}")

    @property
    def task_id(self) -> str:
        """The task that is trained on."""
        return self.task or task_id(self.env)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        return {**dataclasses.asdict(self), "model": dict(self.model), "betas": list(self.betas)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrainConfig:
        """Read what ``to_dict`` wrote.

        Raises:
            ValueError: A name is unknown, or a value makes no sense.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise ValueError(f"unknown training fields: {', '.join(unknown)}")
        return cls(**{**values, "betas": tuple(values.get("betas", (0.9, 0.95)))})


def published(env: str) -> TrainConfig:
    """Return the published single-GPU run: 27.3 M parameters, batch 384, 1,000 puzzles."""
    # The published code gives even a one-puzzle-id dataset an embedding in front of the grid.
    return TrainConfig(env, model={"num_puzzles": 1}, limit=1000)


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


def small(env: str, **changes: Any) -> TrainConfig:
    """Return a run that a CPU finishes in a minute or a few.

    Few segments a puzzle: while nothing is solved yet, sixteen segments on one puzzle leave time
    for few puzzles.
    """
    defaults: dict[str, Any] = {
        "model": SMALL,
        "batch_size": 64,
        "steps": 4000,
        "optimizer": "adamw",
        "lr": 5e-3,
        "weight_decay": 0.1,
        "schedule": "cosine",
        "warmup": 0.02,
        "clip": 1.0,
        "ema": 0.99,
        "loss": "softmax",
        "max_segments": 3,
    }
    return TrainConfig(env, **{**defaults, **changes})


PRESETS: dict[str, TrainConfig] = {
    "sudoku-extreme-1k": published("HRMSudokuAnswer-v0"),
    "maze-hard-1k": published("HRMMazeAnswer-v0"),
    "sudoku-4x4": small("HRMSudokuAnswer-4x4-v0", lr=3e-3, max_segments=8),
    "sudoku-6x6": small("HRMSudokuAnswer-6x6-v0"),
    "maze-7x7": small("HRMMazeAnswer-7x7-v0"),
    "maze-9x9": small("HRMMazeAnswer-9x9-v0"),
}


def get_preset(name: str) -> TrainConfig:
    """Return a preset.

    Raises:
        ValueError: There is none of this name.
    """
    if name not in PRESETS:
        raise ValueError(f"preset: expected one of {', '.join(sorted(PRESETS))}, got {name!r}")
    return PRESETS[name]


def preset_for(env_id: str) -> str:
    """Return the name of the smallest preset of an environment, step or Answer.

    Raises:
        ValueError: No preset trains on it.
    """
    wanted = answer_id(env_id)
    names = [name for name, config in PRESETS.items() if config.env == wanted]
    if not names:
        raise ValueError(f"env: no preset trains an HRM on {env_id}")
    return names[-1]
