"""Agents by name: what each learns from, how it is trained, and how a trained one is loaded.

Importing this module does not load torch.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .base import Signal, TrainResult
from .baselines import ALGORITHM_NAMES
from .demonstrated import AGENTS as DEMONSTRATED

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

AGENTS: dict[str, Signal] = {
    "hrm": "labels",
    "transformer": "labels",
    "looped-transformer": "labels",
    "chain-of-thought": "labels",
    **dict.fromkeys(ALGORITHM_NAMES, "reward"),
    "random": "none",
    **dict.fromkeys(DEMONSTRATED, "none"),
    "depth-first": "solver",
    "oracle": "solver",
}
"""What each agent learns from; agents that learn from ``labels`` or ``reward`` are trained."""

Progress = Callable[[TrainResult[Any]], None]


def learns(name: str) -> bool:
    """Return whether an agent is trained; a custom agent is not.

    Args:
        name: A key of ``AGENTS``, or ``module:Class``.

    Raises:
        ValueError: if there is no such agent.
    """
    if ":" in name:
        find_class(name)
        return False
    if name not in AGENTS:
        raise ValueError(
            f"agents: expected some of {', '.join(AGENTS)}, or module:Class, got {name!r}"
        )
    return AGENTS[name] in ("labels", "reward")


def find_class(name: str) -> Callable[[], Any]:
    """Return the class named by ``module:Class``; its only required method is ``act(obs, info)``.

    Raises:
        ValueError: if the module cannot be imported, or it has no such class.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        # This is the user's code, which may raise anything. The message names the module.
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"agents: cannot import {module!r}: {reason}") from None
    if not (isinstance(found, type) and callable(getattr(found, "act", None))):
        raise ValueError(f"agents: {name} is not a class with a method act(obs, info)")
    return found


def train_agent(
    name: str,
    env_id: str,
    seed: int = 0,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "cpu",
    limit: int | None = 1000,
    on_progress: Progress | None = None,
    progress_evaluations: int = 6,
    tracker: Tracker | None = None,
    preset: str | None = None,
    policy: str | None = None,
) -> TrainResult[Any]:
    """Train an agent; one that does not learn is returned at once, with a cost of zero.

    Args:
        name: A key of ``AGENTS``, or ``module:Class``.
        env_id: The step environment that the agent is meant for.
        seed: Seed of weights, puzzles and exploration.
        seconds: Training time. The run ends when ``seconds`` or ``steps`` is reached, whichever
            comes first.
        steps: Environment steps of an agent that learns from reward, optimizer steps of an agent
            that learns from labels.
        device: Device of the networks.
        limit: Maximum number of training puzzles; ``None`` uses all of them.
        on_progress: Called with the result so far, at the start and at equal intervals of the
            budget. The time it takes is not counted.
        progress_evaluations: Maximum number of calls of ``on_progress`` after the first.
        tracker: Receives the training metrics.
        preset: Configuration of an agent that learns from labels; default: the smallest preset for
            the environment. The supervised baselines match the HRM of this preset.
        policy: Network of an agent that learns from reward; default: that of its hyperparameters.

    Raises:
        ValueError: if the agent is unknown or does not fit the environment.
    """
    common: dict[str, Any] = {
        "seed": seed,
        "seconds": seconds,
        "steps": steps,
        "device": device,
        "limit": limit,
        "on_progress": on_progress,
        "progress_evaluations": progress_evaluations,
        "tracker": tracker,
    }
    if name == "hrm":
        from .hrm.training.run import train_hrm

        return train_hrm(env_id, preset=preset, **common)
    if name == "chain-of-thought":
        from .chain import train_chain

        return train_chain(env_id, preset=preset, **common)
    if AGENTS.get(name) == "labels":
        from .supervised import train_supervised

        return train_supervised(name, env_id, preset=preset, **common)
    if learns(name):
        from .baselines import train_rl

        return train_rl(name, env_id, policy=policy, **common)
    return TrainResult(untrained(name, env_id, seed), 0, 0.0, 0)


def untrained(name: str, env_id: str | None = None, seed: int = 0) -> Any:
    """Return an agent that does not learn.

    Args:
        name: ``random``, ``depth-first``, ``oracle``, an agent of ``demonstrated``, or
            ``module:Class``.
        env_id: Environment of the random agent, which defines its actions.
        seed: Seed of the random agent.

    Raises:
        ValueError: if ``random`` is given no environment, or a custom agent cannot be created.
    """
    if ":" in name:
        made = find_class(name)
        try:
            return made()
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise ValueError(f"agents: cannot make {name} without arguments: {reason}") from error
    if name == "oracle":
        from .simple import OracleAgent

        return OracleAgent()
    if name in DEMONSTRATED:
        return DEMONSTRATED[name]()
    if name == "depth-first":
        from .search import DepthFirstAgent

        return DepthFirstAgent()
    from hrm_gym.evaluation import make_env

    from .simple import RandomAgent

    if env_id is None:
        raise ValueError(f"env: the agent {name} needs --env")
    return RandomAgent(make_env(env_id).action_space, seed)


def load_agent(
    name: str,
    device: str = "cpu",
    env_id: str | None = None,
    seed: int = 0,
    task: str | None = None,
) -> Any:
    """Load the agent that the option ``--agent`` names.

    Args:
        name: ``oracle``, ``depth-first``, ``random``, an agent of ``demonstrated``,
            ``module:Class``, a pretrained agent, the folder of a trained agent,
            ``hub:owner/name``, or an exported ``.onnx`` file.
        device: Device of a network; an exported network runs on the CPU.
        env_id: Environment of the random agent, which defines its actions.
        seed: Seed of the random agent.
        task: For an HRM: the custom task that it was trained on, or the task of a published
            checkpoint whose files do not name it.

    Raises:
        ValueError: if there is no such agent, or its files are damaged.
    """
    if name in AGENTS and not learns(name):
        return untrained(name, env_id, seed)
    path = Path(name)
    if name.startswith("hub:"):
        from .hrm.exchange.checkpoint import fetch

        path = fetch(name)
        name = str(path)
    elif ":" in name and not path.exists():
        return untrained(name)
    if path.suffix == ".onnx":
        from .hrm.exchange.onnx import OnnxAgent

        return OnnxAgent(path)
    config = _config(path)
    if "algorithm" in config:
        from .baselines import SB3Agent

        return SB3Agent.load(path, device)
    if config.get("name") == "chain-of-thought":
        from .chain import ChainAgent

        return ChainAgent.load(path, device)
    from .hrm import HRMAgent

    return HRMAgent.from_pretrained(name, device, task=task)


def _config(folder: Path) -> dict[str, Any]:
    """Return the content of ``config.json`` in a folder, empty if there is none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def env_of(agent: Any) -> str | None:
    """Return the environment that an agent was trained on; ``None`` if it is not known."""
    about = getattr(agent, "about", {})
    env_id = about.get("env") or getattr(agent, "env_id", None)
    return None if env_id is None else str(env_id)


def check_task(name: str, agent: Any, task: str, what: str) -> None:
    """Refuse an agent that was trained on another task.

    Args:
        name: The name the agent was loaded by.
        agent: The agent. One without a task, such as the oracle, fits every task.
        task: Id of the task that it has to solve. A variant that plays the puzzles of another task
            counts as that task.
        what: What is to be solved, for the message.

    Raises:
        ValueError: if the tasks differ.
    """
    from hrm_gym.puzzles import get_task
    from hrm_gym.registration import task_id

    own, env_id = getattr(agent, "task", None), getattr(agent, "env_id", None)
    if own is None and env_id is not None:
        own = get_task(task_id(env_id))
    wanted = get_task(task)
    if getattr(agent, "any_size", False) and own is not None and own.family == wanted.family:
        return
    if own is not None and own.base_id != wanted.base_id:
        raise ValueError(f"agent: {name} solves {own.base_id}, {what} is {task}")
