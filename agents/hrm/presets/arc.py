"""Training runs for ARC."""

from __future__ import annotations

from ..train_config import TrainConfig
from .recipes import EQUIVARIANT, SMALL, published, relational, small


def published_arc(source: str, steps: int) -> TrainConfig:
    """Return a published ARC run.

    Args:
        source: Folder that ``build-dataset arc`` wrote; its puzzles are augmented already.
        steps: Optimizer steps.
    """
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


PUBLISHED_TASK = "arc"

PRESETS: dict[str, TrainConfig] = {
    # 100,000 epochs of 3,988 pairs (with ConceptARC) and of 4,667 pairs.
    "arc-agi-1": published_arc("data/arc-aug-1000", 519_270),
    "arc-agi-2": published_arc("data/arc-2-aug-1000", 607_682),
    # Ten tasks of 3x3 cells, see docs/compute.md. The weight decay is strong, since an augmented
    # task has only a few demonstrations, which are easy to memorize. Tuned on held-out
    # demonstrations.
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
    # Every demonstration of Mini-ARC under the eight symmetries of the square. A task has a vector
    # for each colour; the rates of the embedding are chosen for its rows, which are scaled up by
    # the square root of their width.
    "arc-mini": relational(
        "HRMARCAnswer-5x5-v0",
        {**EQUIVARIANT, "num_puzzles": 1, "puzzle_per_symbol": True, "special_symbols": 1},
        source="mini-arc:turned",
        augment=False,
        batch_size=16,
        max_segments=4,
        test_segments=4,
        exploration=0.2,
        puzzle_lr=2e-3,
        puzzle_weight_decay=0.1,
    ),
}
