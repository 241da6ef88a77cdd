"""Training runs for Sudoku."""

from __future__ import annotations

from ..train_config import Source, TrainConfig
from .recipes import EQUIVARIANT, TRM, fast, published, relational, small

PUBLISHED_TASK = "sudoku-9x9"


EASED = {"easier": 0.5, "start_noise": 0.5, "carry_noise": 0.15}
"""Easier puzzles and noise in the carry, in training on 9x9 boards."""

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
    # 20,000 epochs of 1,000 puzzles; batch size of the published command for a single GPU.
    "sudoku-extreme-1k": published("HRMSudokuAnswer-v0", 52_083, 7e-5, batch_size=384),
    # TRM, arXiv 2510.04871: 50,000 epochs of 1,000 puzzles.
    "trm-sudoku": published(
        "HRMSudokuAnswer-v0",
        65_104,
        1e-4,
        model={**TRM, "L_cycles": 6, "mixer": "mlp", "positions": "none"},
        ema=0.999,
    ),
    "sudoku-extreme-cpu": relational(
        "HRMSudokuAnswer-v0",
        EQUIVARIANT,
        source="data/sudoku-extreme/train.csv",
        limit=1000,
        batch_size=16,
        max_segments=8,
        **EASED,
    ),
    # For a few minutes of one GPU. The state of a pair is four times as wide as on a CPU: the CPU
    # run answered its training puzzles little better than held-out ones, and a second run from its
    # weights changed neither, so that its size limits it, and not its thousand puzzles. A matrix
    # product of width 32 would not fill a GPU either. The batch is eight times as large, which is
    # about where a step stops being limited by the number of kernels that the host starts; a still
    # larger batch would leave too few steps. There is one size of board, because with a second one
    # the compiler replaces the kernels by slower ones for every size. The rest is as in
    # ``sudoku``. The choice is an estimate: it has not been compared with others on a GPU.
    "sudoku-extreme-gpu": relational(
        "HRMSudokuAnswer-v0",
        {"symbols": "equivariant", "hidden_size": 128, "expansion": 4.0, "round_to": 64},
        source="data/sudoku-extreme/train.csv",
        limit=1000,
        batch_size=128,
        max_segments=16,
        **EASED,
    ),
    "sudoku": relational(
        "HRMSudokuAnswer-v0",
        EQUIVARIANT,
        # The agent answers every size, and a mean over groups of 4 or 6 differs from one of 9.
        sources=(
            Source("sudoku-9x9", 16, limit=1000, weight=8),
            Source("sudoku-6x6", 32, limit=1000),
            Source("sudoku-4x4", 32, limit=1000),
        ),
        max_segments=16,
        **EASED,
    ),
    "sudoku-4x4": small("HRMSudokuAnswer-4x4-v0"),
    "sudoku-6x6": small("HRMSudokuAnswer-6x6-v0"),
    # For comparisons at this size. Its settings are those of ``sudoku``; it was never trained.
    "sudoku-16x16": relational(
        "HRMSudokuAnswer-16x16-v0",
        EQUIVARIANT,
        batch_size=4,
        max_segments=16,
        easier=0.5,
    ),
    # For two minutes of a CPU.
    "sudoku-small": relational(
        "HRMSudokuAnswer-4x4-v0",
        EQUIVARIANT,
        sources=(
            Source("sudoku-6x6", 8, limit=1000, weight=2),
            Source("sudoku-4x4", 16, limit=1000),
        ),
        steps=1500,
        max_segments=8,
        ema=0.99,
        **EASED,
    ),
}
