"""Agents by name: what each learns from, and how one is come by. Nothing here loads torch."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .base import Signal, TrainResult
from .baselines import ALGORITHM_NAMES

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

AGENTS: dict[str, Signal] = {
    "hrm": "labels",
    "transformer": "labels",
    "looped-transformer": "labels",
    "chain-of-thought": "labels",
    **dict.fromkeys(ALGORITHM_NAMES, "reward"),
    "random": "none",
    "depth-first": "solver",
    "oracle": "solver",
}
"""What each agent learns from; those of ``labels`` and ``reward`` are trained."""

Progress = Callable[[TrainResult[Any]], None]


def learns(name: str) -> bool:
    """Say whether an agent is trained; one of one's own is not.

    Args:
        name: One of ``AGENTS``, or ``module:Class``.

    Raises:
        ValueError: There is no such agent.
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
    """Return the class that ``module:Class`` names; it needs ``act(obs, info)`` and nothing else.

    Raises:
        ValueError: The module cannot be imported, or there is no such class in it.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), attribute, None)
    except Exception as error:
        # Code of the user's own: whatever it raises is a mistake to be named, not ours.
        reason = f"{type(error).__name__}: {error}"
        raise ValueError(f"agents: cannot import {module!r}: {reason}") from None
    if not (isinstance(found, type) and callable(getattr(found, "act", None))):
        raise ValueError(f"agents: {name} is no class with a method act(obs, info)")
    return found


def obtain(
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
) -> TrainResult[Any]:
    """Return an agent, trained where it learns; one that does not cost no time and no puzzles.

    Args:
        name: One of ``AGENTS``, or ``module:Class``.
        env_id: The step environment it is wanted for.
        seed: Of weights, puzzles and exploration.
        seconds: Training time; ``steps`` likewise. Whichever comes first ends the run.
        steps: Environment steps of an agent that learns from reward, else optimiser steps.
        device: Where networks run.
        limit: Training puzzles at most; ``None`` takes all.
        on_progress: Called with the run so far, at the start and evenly spread over it; its time
            is not counted.
        progress_evaluations: How often.
        tracker: Gets the training metrics.
        preset: Configuration of hrm, and what its supervised baselines stand beside; default: the
            smallest for the environment.

    Raises:
        ValueError: The agent is unknown or does not fit the environment.
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

        return train_rl(name, env_id, **common)
    return TrainResult(untrained(name, env_id, seed), 0, 0.0, 0)


def untrained(name: str, env_id: str | None = None, seed: int = 0) -> Any:
    """Return an agent that does not learn.

    Args:
        name: ``random``, ``depth-first``, ``oracle`` or ``module:Class``.
        env_id: Environment of the random agent, which needs to know its actions.
        seed: Seed of the random agent.

    Raises:
        ValueError: ``random`` got no environment, or a class of one's own cannot be made.
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
    if name == "depth-first":
        from .search import DepthFirstAgent

        return DepthFirstAgent()
    from hrm_gym.evaluation import make_env

    from .simple import RandomAgent

    if env_id is None:
        raise ValueError(f"env: the agent {name} needs --env")
    return RandomAgent(make_env(env_id).action_space, seed)
