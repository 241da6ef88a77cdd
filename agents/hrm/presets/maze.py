"""Training runs for mazes."""

from __future__ import annotations

from typing import Any

from hrm_gym.puzzles.maze.tokens import PATH

from ..train_config import Source, TrainConfig
from .recipes import SMALL, TRM, fast, published, relational, small

PUBLISHED_TASK = "maze-30x30"
TRANSFORMER_RATES = {"HRMMazeAnswer-7x7-v0": 1e-3, "HRMMazeAnswer-9x9-v0": 1e-3}
"""The learning rate of the HRM is too high for eight layers: on 7x7 mazes the plain transformer
learns nothing at 5e-3. These rates were chosen on ``val`` from 5e-4, 1e-3 and 2e-3, together with
other batch sizes, decays and Muon."""

CELLS = 6000
"""Cells of all mazes of a training step, about the same for each size."""
SMALL_CELLS = 1500
"""The same for runs of a minute or two."""
GPU_CELLS = 60_000
"""The same on a GPU, which smaller steps would leave idle."""


def mazes(size: int, kind: str, source: str | None, weight: int = 1, cells: int = CELLS) -> Source:
    """Return mazes of a size and kind, in batches of about this number of cells."""
    return Source(f"maze-{size}x{size}", cells // size**2, kind, source, weight=weight)


MAZES: dict[str, Any] = {
    "model": {"hidden_size": 48},
    "targets": "solved",
    # A path has few cells.
    "label_weights": ((PATH, 5.0),),
    "exploration": 0.3,
}
"""What the relational presets have in common."""

PRESETS: dict[str, TrainConfig] = {
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
        # Every maze of the public set has several shortest paths; see docs/compute.md.
        targets="solved",
        batch_size=128,
        matrix_lr=0.005,
    ),
    # The published maze set is not augmented.
    "maze-hard-1k": published("HRMMazeAnswer-v0", 26_041, 1e-4, augment=False),
    # TRM, arXiv 2510.04871: 50,000 epochs of 1,000 puzzles.
    "trm-maze": published("HRMMazeAnswer-v0", 65_104, 1e-4, model=TRM, ema=0.999, augment=False),
    "maze-hard-1k-cpu": relational(
        "HRMMazeAnswer-v0",
        source="data/maze-30x30-hard/train.csv",
        limit=1000,
        batch_size=CELLS // 900,
        # Parts of a labelled path are puzzles too.
        easier=0.5,
        **MAZES,
    ),
    # One GPU, for a minute or more, from the weights of the agent ``maze`` (--init maze): mazes
    # larger than those that it was trained on. Most of the large ones are perfect, because hard
    # mazes of these sizes take long to generate.
    "maze-gpu": relational(
        "HRMMazeAnswer-v0",
        sources=(
            mazes(30, "hard", None, 3, GPU_CELLS),
            mazes(41, "hard", "generator:100", 1, GPU_CELLS),
            mazes(41, "perfect", "generator:1000", 1, GPU_CELLS),
            mazes(51, "perfect", "generator:1000", 1, GPU_CELLS),
        ),
        lr=1e-3,
        max_segments=24,
        # The average spans the last steps of a short run.
        ema=0.99,
        **MAZES,
    ),
    # For the weights of ``maze`` (--init): mostly mazes as large as those of the environment. These
    # have several shortest paths, and a model that has to guess which one the solver takes often
    # marks two.
    "maze-large": relational(
        "HRMMazeAnswer-v0",
        sources=(
            mazes(30, "hard", None, weight=5),
            mazes(29, "hard", "generator:4000", weight=2),
            mazes(15, "hard", "generator:4000"),
            mazes(21, "perfect", "generator:4000"),
            mazes(15, "perfect", None),
            mazes(29, "braided", "generator:2000"),
            mazes(15, "braided", "generator:4000"),
        ),
        lr=1e-3,
        **{**MAZES, "targets": "any"},
    ),
    "maze": relational(
        "HRMMazeAnswer-v0",
        sources=(
            mazes(9, "hard", "generator:4000"),
            mazes(12, "hard", "generator:4000"),
            mazes(15, "hard", "generator:4000"),
            mazes(20, "hard", "generator:4000"),
            mazes(30, "hard", None),
            mazes(9, "perfect", None),
            mazes(15, "perfect", None),
            mazes(15, "braided", "generator:4000"),
        ),
        **MAZES,
    ),
    "maze-15x15": relational("HRMMazeAnswer-15x15-v0", batch_size=CELLS // 225, **MAZES),
    "maze-7x7": small("HRMMazeAnswer-7x7-v0", model={**SMALL, "hidden_size": 48}),
    "maze-9x9": small("HRMMazeAnswer-9x9-v0", model={**SMALL, "hidden_size": 48}, steps=20_000),
    # For two minutes of a CPU: batches are small, so that there are many steps.
    "maze-small": relational(
        "HRMMazeAnswer-7x7-v0",
        sources=(
            Source("maze-7x7", SMALL_CELLS // 49, "perfect", limit=1000, weight=2),
            Source("maze-9x9", SMALL_CELLS // 81, "hard", "generator:1000"),
        ),
        steps=1500,
        max_segments=8,
        ema=0.99,
        **MAZES,
    ),
}
