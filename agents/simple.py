"""Agents that do not learn: a random agent, and the oracle, which uses the solver of the task."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from hrm_gym.puzzles import Task, Tokens, get_task

from .base import Agent, Info, Observation, Signal


class RandomAgent(Agent):
    """Draws uniformly from the legal actions, those in ``info["action_mask"]`` if it is present.

    Args:
        action_space: ``Discrete`` or ``MultiDiscrete`` of one dimension.
        seed: Seed of its choices.

    Raises:
        ValueError: if the action space is of another kind.
    """

    name = "random"

    def __init__(self, action_space: spaces.Space[Any], seed: int | None = None) -> None:
        if isinstance(action_space, spaces.Discrete):
            self._values = np.array([action_space.n])
        elif isinstance(action_space, spaces.MultiDiscrete) and action_space.nvec.ndim == 1:
            self._values = action_space.nvec
        else:
            raise ValueError(
                f"action_space: expected Discrete or flat MultiDiscrete, got {action_space}"
            )
        self.discrete = isinstance(action_space, spaces.Discrete)
        self.start = int(action_space.start) if isinstance(action_space, spaces.Discrete) else 0
        # For each component the values that exist, so that one draw covers all components.
        self._exists = np.arange(self._values.max()) < self._values[:, None]
        self.random = np.random.default_rng(seed)

    def act(self, obs: Observation, info: Info) -> Any:
        """Return a legal action, or any action if none is legal.

        Raises:
            ValueError: if the mask does not fit the action space.
        """
        mask: Any = info.get("action_mask")
        if self.discrete:
            legal = np.arange(self._values[0]) if mask is None else np.flatnonzero(mask)
            if len(legal) and legal[-1] >= self._values[0]:
                raise ValueError(
                    f"action_mask: expected {self._values[0]} values, got {np.size(mask)}"
                )
            pick = self.random.choice(legal) if len(legal) else 0
            return np.int64(pick + self.start)
        keys = np.where(self._exists, self.random.random(self._exists.shape), -1.0)
        if mask is not None:
            flat = np.concatenate(mask).astype(bool)
            if flat.size != self._exists.sum():
                raise ValueError(
                    f"action_mask: expected {self._exists.sum()} values, got {flat.size}"
                )
            # Illegal values rank below every legal one, but above those that do not exist.
            keys[self._exists] -= np.where(flat, 0.0, 1.0)
            keys[~self._exists] = -2.0
        return keys.argmax(axis=1).astype(np.int64)


class OracleAgent(Agent):
    """Plays what the solver of the task finds in the observation; it never reads a solution.

    It plays every step and Answer environment whose task has a solver.
    """

    name = "oracle"
    signal: ClassVar[Signal] = "solver"

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the next action of a solution.

        Raises:
            ValueError: if the info names no task, the task has no solver, or the puzzle has no
                solution.
        """
        task = info_task(info, self.name)
        if "answer" in obs:
            return halting_answer(task.solution(task.question(obs)))
        return task.solver_action(obs, info)


def info_task(info: Info, agent: str) -> Task:
    """Return the task that an info names.

    Args:
        info: Info of an environment of this package.
        agent: Name of the agent, for the message.

    Raises:
        ValueError: if the info names no task.
    """
    if "task" not in info:
        raise ValueError(
            f"{agent}: expected an info with a 'task', as the environments of this package give "
            f"it, got the entries {sorted(info)}"
        )
    return get_task(info["task"])


def halting_answer(answer: Tokens) -> NDArray[np.int64]:
    """Return the action of an Answer environment that gives an answer and halts."""
    return np.append(answer.astype(np.int64), 1)
