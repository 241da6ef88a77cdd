"""Agents with random weights, for tests that need some agent and not its answers."""

from __future__ import annotations

from typing import Any

import torch

from hrm_gym.agents.hrm import HRM, HRMAgent, HRMConfig
from hrm_gym.agents.hrm.model.tasks import task_fields
from hrm_gym.puzzles import get_task

SMALL = {"hidden_size": 16, "num_heads": 2, "round_to": 16, "L_layers": 1, "H_layers": 1}


def untrained(
    task_id: str, segments: int = 2, about: dict[str, Any] | None = None, **model: Any
) -> HRMAgent:
    """Return a small agent with random weights.

    Args:
        task_id: Its task.
        segments: Its largest number of segments.
        about: What is known about its training.
        model: Fields of ``HRMConfig``; without ``mixer="relations"`` it answers one size.
    """
    torch.manual_seed(0)
    if model.get("mixer") == "relations":
        model = {"positions": "none", **model}
    task = get_task(task_id)
    network = HRM(HRMConfig.from_dict(task_fields(task, {**SMALL, **model})))
    if network.relational:
        network.learn_board(task)
    return HRMAgent(network, task_id, segments, about=about)
