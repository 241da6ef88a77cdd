"""Classical search: an agent that tries one choice after the other until its time is up."""

from __future__ import annotations

from typing import Any, ClassVar

from .base import Agent, Info, Observation, Signal
from .simple import halting_answer, info_task


class DepthFirstAgent(Agent):
    """Searches depth first, without propagation, bounds or heuristics; see ``Task.search``.

    A puzzle whose search does not end in time stays unsolved. The solution need not be optimal: a
    path need not be the shortest one.

    Args:
        seconds: Time for one puzzle.

    Raises:
        ValueError: if ``seconds`` is not positive.
    """

    name = "depth-first"
    signal: ClassVar[Signal] = "solver"

    def __init__(self, seconds: float = 1.0) -> None:
        if not seconds > 0:
            raise ValueError(f"seconds: expected a positive time, got {seconds}")
        self.seconds = seconds

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the next action of what the search found.

        Raises:
            ValueError: if the info names no task, or the task has no depth-first search.
        """
        task = info_task(info, self.name)
        if "answer" in obs:
            return halting_answer(task.searched(task.question(obs), self.seconds))
        return task.search_action(obs, info, self.seconds)
