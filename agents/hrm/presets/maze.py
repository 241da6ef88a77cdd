"""Training runs for mazes."""

from __future__ import annotations

from ..train_config import TrainConfig
from .recipes import SMALL, TRM, fast, published, small

PUBLISHED_TASK = "maze-30x30"
TRANSFORMER_RATES = {"HRMMazeAnswer-7x7-v0": 1e-3, "HRMMazeAnswer-9x9-v0": 1e-3}
"""The learning rate of the HRM is too high for eight layers: on 7x7 mazes the plain transformer
learns nothing at 5e-3. These rates were chosen on ``val`` from 5e-4, 1e-3 and 2e-3, together with
other batch sizes, decays and Muon."""

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
    "maze-7x7": small("HRMMazeAnswer-7x7-v0", model={**SMALL, "hidden_size": 48}),
    "maze-9x9": small("HRMMazeAnswer-9x9-v0", model={**SMALL, "hidden_size": 48}, steps=20_000),
}
