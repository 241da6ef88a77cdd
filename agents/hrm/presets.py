"""Whole configurations of a training run, by name: the published ones, and small ones for a CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hrm_gym.checks import check_whole
from hrm_gym.puzzles import TARGETS
from hrm_gym.registration import answer_id, task_id

from .model.config import present_names

HALTING = ("q", "bce", "td", "fixed")
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
    model: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``HRMConfig``; vocabulary and length come from the environment."""
    source: str | None = None
    """Puzzles to train on, see ``hrm_gym.data.load_puzzles``; by default the task's own."""
    task: str | None = None
    """Another task than the environment's own, such as ``arc-10x10`` or ``module:Class``."""
    limit: int | None = 1000
    """At most so many labelled puzzles."""
    augment: bool = True
    """Show every puzzle under a random symmetry."""
    targets: str = "turned"
    """Where several paths through a maze are shortest: the label ``turned`` with the maze, the one
    that the solver gives the turned maze (``solved``), or of ``any`` shortest paths the one that
    the model's answer is nearest to."""
    batch_size: int = 384
    steps: int = 52_083
    """Optimiser steps, one segment each."""
    optimizer: str = "adam-atan2"
    """``adam-atan2``, ``adamw``, or ``muon`` for the block matrices with AdamW for the rest."""
    lr: float = 7e-5
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 1.0
    matrix_lr: float | None = None
    """Muon's own learning rate, in its original scaling; None: ``lr``, scaled to AdamW's steps."""
    matrix_weight_decay: float | None = None
    """Weight decay under Muon; None: ``weight_decay``."""
    momentum: float = 0.95
    """Of Muon."""
    ns_steps: int = 5
    """Newton-Schulz iterations of Muon."""
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
    ema_start: float = 0.0
    """Share of the run after which the average begins."""
    curriculum: tuple[tuple[float, int, int], ...] = ()
    """Rows (share, H, L): up to this share of the run, think in H x L cycles; then as ``model``."""
    max_segments: int = 16
    test_segments: int = 16
    """Segments that the trained agent may take."""
    steady: bool = False
    """The trained agent halts only once two segments in a row give the same answer."""
    halting: str | None = None
    """``q`` (HRM), ``bce`` (TRM), ``td`` (target network, discount) or ``fixed``, see
    ``halting.py``; None: ``q`` where the model has q_continue, else ``bce``."""
    discount: float = 0.99
    """Of the value of thinking on, with ``td``."""
    target_every: int = 100
    """Steps between two copies of the weights into the target network, with ``td``."""
    q_limit: float = 1000.0
    """A Q-value beyond this counts as divergence, and the step is skipped."""
    exploration: float = 0.1
    """Chance that a row gets a minimum of segments before it may halt."""
    loss: str = "stablemax"
    label_smoothing: float = 0.0
    halt_weight: float = 0.5
    name: str = "hrm"
    """What tables call the trained agent."""

    def __post_init__(self) -> None:
        """Check what no other part checks."""
        if answer_id(self.env) != self.env:
            raise ValueError(f"env: the HRM trains on an Answer id, got {self.env!r}")
        choices = {"optimizer": OPTIMIZERS, "schedule": SCHEDULES, "targets": TARGETS}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(
                    f"{name}: expected one of {', '.join(allowed)}, got {getattr(self, name)!r}"
                )
        for name in (
            "batch_size",
            "steps",
            "max_segments",
            "test_segments",
            "ns_steps",
            "target_every",
        ):
            check_whole(name, getattr(self, name))
        for name in ("ema_start", "discount", "momentum"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        if self.halting is not None:
            if self.halting not in HALTING:
                raise ValueError(
                    f"halting: expected one of {', '.join(HALTING)}, got {self.halting!r}"
                )
            wanted = self.halting in ("q", "td")
            if self.model.get("q_continue", True) != wanted:
                raise ValueError(f"halting: {self.halting} needs a model with q_continue={wanted}")
        shares = [row[0] for row in self.curriculum]
        if shares != sorted(shares) or any(min(row[1:]) < 1 for row in self.curriculum):
            raise ValueError(
                "curriculum: expected rows (share, H, L) of rising share and H, L of at least 1, "
                f"got {self.curriculum}"
            )

    @property
    def task_id(self) -> str:
        """The task that is trained on."""
        return self.task or task_id(self.env)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain JSON values."""
        lists = {"betas": list(self.betas), "curriculum": [list(row) for row in self.curriculum]}
        return {**dataclasses.asdict(self), "model": dict(self.model), **lists}

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
        read: dict[str, Any] = {
            "betas": tuple(values.get("betas", (0.9, 0.95))),
            "curriculum": tuple(tuple(row) for row in values.get("curriculum", ())),
            "model": present_names(values.get("model", {})),
        }
        return cls(**{**values, **read})


# What every published run has: betas 0.9 and 0.95, 2,000 steps of warm-up to a constant rate,
# stablemax, 16 segments, exploration 0.1. Their steps are epochs x examples / batch. The published
# code gives even a dataset of one puzzle id an embedding in front of the grid.
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


def published(env: str, steps: int, lr: float, **changes: Any) -> TrainConfig:
    """Return a published run on 1,000 puzzles, as the README of its repository gives it."""
    defaults: dict[str, Any] = {
        "model": {"num_puzzles": 1},
        "batch_size": 768,
        "puzzle_lr": lr,
        "warmup": 2000 / steps,
        "limit": 1000,
    }
    return TrainConfig(env, steps=steps, lr=lr, **{**defaults, **changes})


def published_arc(source: str, steps: int) -> TrainConfig:
    """Return a published ARC run on a folder of ``build-dataset arc``, which is augmented."""
    return published(
        "HRMARCAnswer-v0",
        steps,
        1e-4,
        source=source,
        limit=None,
        augment=False,
        weight_decay=0.1,
        puzzle_lr=1e-2,
        puzzle_weight_decay=0.1,
    )


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
    for few puzzles. All explore, two or three segments for every puzzle: a model that learns its
    thousand puzzles by heart would halt after the first, and never learn to mend an answer.
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


def fast(env: str, steps: int, model: Mapping[str, Any], **changes: Any) -> TrainConfig:
    """Return a run of under half an hour on one GPU: two shared blocks, Muon, no Q-target pass."""
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


PRESETS: dict[str, TrainConfig] = {
    "sudoku-extreme-fast": fast(
        "HRMSudokuAnswer-v0",
        steps=8000,
        model={
            "mixer": "mlp",
            "positions": "none",
            "registers": 1,
            "H_cycles": 6,
            "L_cycles": 9,
            "grad": "last_cycle",
        },
        batch_size=384,
        matrix_lr=0.02,
    ),
    "maze-hard-fast": fast(
        "HRMMazeAnswer-v0",
        steps=2500,
        model={
            "mixer": "attention",
            "positions": "rotary2d",
            "H_cycles": 3,
            "L_cycles": 4,
            "grad": "segment",
            "recompute_activations": True,
        },
        # No maze of the public set has one shortest path alone; measured in docs/compute.md.
        targets="solved",
        batch_size=128,
        matrix_lr=0.005,
    ),
    # 20,000 epochs of 1,000 puzzles; the single-GPU command, whose batch is 384.
    "sudoku-extreme-1k": published("HRMSudokuAnswer-v0", 52_083, 7e-5, batch_size=384),
    # The published maze set is not augmented.
    "maze-hard-1k": published("HRMMazeAnswer-v0", 26_041, 1e-4, augment=False),
    # 100,000 epochs of 3,988 pairs (with ConceptARC) and of 4,667.
    "arc-agi-1": published_arc("data/arc-aug-1000", 519_270),
    "arc-agi-2": published_arc("data/arc-2-aug-1000", 607_682),
    # TRM, arXiv 2510.04871: 50,000 epochs of 1,000 puzzles.
    "trm-sudoku": published(
        "HRMSudokuAnswer-v0",
        65_104,
        1e-4,
        model={**TRM, "L_cycles": 6, "mixer": "mlp", "positions": "none"},
        ema=0.999,
    ),
    "trm-maze": published("HRMMazeAnswer-v0", 65_104, 1e-4, model=TRM, ema=0.999, augment=False),
    "sudoku-4x4": small("HRMSudokuAnswer-4x4-v0"),
    "sudoku-6x6": small("HRMSudokuAnswer-6x6-v0"),
    "maze-7x7": small("HRMMazeAnswer-7x7-v0", model={**SMALL, "hidden_size": 48}),
    "maze-9x9": small("HRMMazeAnswer-9x9-v0", model={**SMALL, "hidden_size": 48}, steps=20_000),
    "own-task": small("HRMAnswer-v0"),
    # Ten tasks of 3x3 cells, see docs/compute.md. Strong decay, as an augmented task has but a few
    # demonstrations to learn by heart. Tuned on demonstrations that were held out.
    "arc-small": small(
        "HRMARCAnswer-v0",
        task="arc-3x3",
        source="data/arc-small",
        limit=None,
        augment=False,
        model={**SMALL, "num_puzzles": 1, "puzzle_emb_len": 2, "hidden_size": 96},
        batch_size=128,
        steps=2000,
        lr=3e-3,
        weight_decay=1.0,
        puzzle_lr=1e-2,
        puzzle_weight_decay=1.0,
        exploration=0.1,
    ),
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
