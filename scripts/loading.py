"""Agents by name: what ``--agent`` means in the scripts that take one of any kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def load_agent(
    name: str,
    device: str = "cpu",
    env_id: str | None = None,
    seed: int = 0,
    task: str | None = None,
) -> Any:
    """Return an agent.

    Args:
        name: ``oracle``, ``depth-first``, ``random``, a bundled agent, the folder of a trained one,
            or an exported ``.onnx`` file.
        device: Where a network runs; an exported one runs on the CPU.
        env_id: Environment of the random agent, which needs to know its actions.
        seed: Seed of the random agent.
        task: For an HRM, the task of one's own that it was trained on, or that of a published
            checkpoint whose files do not say.

    Raises:
        ValueError: There is no such agent, or its files are damaged.
    """
    from hrm_gym.agents.catalog import AGENTS, learns, untrained

    if name in AGENTS and not learns(name):
        return untrained(name, env_id, seed)
    path = Path(name)
    if path.suffix == ".onnx":
        from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent

        return OnnxAgent(path)
    config = _config(path)
    if "algorithm" in config:
        from hrm_gym.agents.baselines import SB3Agent

        return SB3Agent.load(path, device)
    if config.get("name") == "chain-of-thought":
        from hrm_gym.agents.chain import ChainAgent

        return ChainAgent.load(path, device)
    from hrm_gym.agents.hrm import HRMAgent

    return HRMAgent.from_pretrained(name, device, task=task)


def _config(folder: Path) -> dict[str, Any]:
    """Return what ``config.json`` in a folder says, nothing where there is none."""
    try:
        config = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def env_of(agent: Any) -> str | None:
    """Return the environment that an agent was trained on, where it says so."""
    about = getattr(agent, "about", {})
    env_id = about.get("env") or getattr(agent, "env_id", None)
    return None if env_id is None else str(env_id)


def check_task(name: str, agent: Any, task_id: str, what: str) -> None:
    """Refuse an agent that answers or plays another task.

    Args:
        name: The agent's, as it was asked for.
        agent: One without a task, as the oracle, fits any.
        task_id: What it is wanted for.
        what: Names that in the sentence.

    Raises:
        ValueError: They differ.
    """
    from hrm_gym.registration import task_id as task_of

    task, trained = getattr(agent, "task", None), getattr(agent, "env_id", None)
    own = task.id if task is not None else None if trained is None else task_of(trained)
    if own not in (None, task_id):
        raise ValueError(f"agent: {name} solves {own}, {what} is {task_id}")
