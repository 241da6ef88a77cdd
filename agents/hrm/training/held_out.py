"""Held-out puzzles of a training run, and which of them training also sees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.data import PuzzleSet
from hrm_gym.data.overlap import overlap
from hrm_gym.evaluation import make_env
from hrm_gym.puzzles import get_task

from ..train_config import TrainConfig


def held_out_kwargs(config: TrainConfig) -> dict[str, Any]:
    """Return the keyword arguments of the environment in which the agent is tested."""
    kwargs: dict[str, Any] = {} if config.task is None else {"task": config.task}
    source = config.main_source.source
    generated = source is not None and source.partition(":")[0] == "generator"
    if get_task(config.task_id).learns_groups or generated:
        # The generator also makes puzzles of sizes that are not in the bank.
        kwargs["source"] = source
    return kwargs


def held_out_puzzles(config: TrainConfig, count: int) -> PuzzleSet:
    """Return the first held-out puzzles of the environment in which the agent is tested.

    Args:
        config: Configuration of the run.
        count: Number of puzzles at most.

    Raises:
        ValueError: if there are none.
    """
    env = make_env(config.env, split="test", **held_out_kwargs(config))
    return env.unwrapped.puzzles.take(slice(count))  # type: ignore[attr-defined]


def seen_in_training(
    config: TrainConfig, train: PuzzleSet, puzzles: PuzzleSet
) -> NDArray[np.bool_]:
    """Return which held-out puzzles training also sees, as they are or as a symmetric copy.

    The splits of a task never overlap, but a file or folder may contain any puzzle. If a task
    learns groups, test puzzles belong to the groups that are trained on.

    Args:
        config: Configuration of the run.
        train: Training puzzles.
        puzzles: Held-out puzzles.

    Returns:
        ``(len(puzzles),)`` bool.
    """
    if not may_overlap(config):
        return np.zeros(len(puzzles), bool)
    return overlap(get_task(config.task_id), train, puzzles)


def may_overlap(config: TrainConfig) -> bool:
    """Return whether held-out puzzles may be among the training puzzles."""
    source = config.main_source.source
    given = source is not None and Path(source).exists()
    return given and not get_task(config.task_id).learns_groups
