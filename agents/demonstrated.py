"""Agents that only look at demonstrations: the least that an agent with a model must beat.

They play step environments whose observation contains ``demos``, pairs of input and output as
tokens, and submit the same answer at every attempt.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from hrm_gym.puzzles import Task, Tokens, get_task

from .base import Agent, Info, Observation


class DemonstrationAgent(Agent):
    """An agent that answers from the demonstrations alone, and plays its answer."""

    def __init__(self) -> None:
        self._last: tuple[bytes, Tokens] = (b"", np.zeros(0, np.uint8))

    def act(self, obs: Observation, info: Info) -> Any:
        """Return the next action that plays the answer.

        Raises:
            ValueError: if the observation contains no demonstrations.
        """
        if "demos" not in obs or "task" not in info:
            raise ValueError(f"{self.name}: expected an environment that shows demonstrations")
        task = get_task(info["task"])
        question, demos = np.asarray(obs["tokens"]), np.asarray(obs["demos"])
        asked = question.tobytes() + demos.tobytes()
        if self._last[0] != asked:
            pairs = demos.reshape(-1, 2, len(question))
            shown = pairs[pairs.any(axis=(1, 2))]
            self._last = asked, self.answer(task, question, shown)
        return task.next_action(self._last[1], obs, info)

    @abstractmethod
    def answer(self, task: Task, question: Tokens, demos: Tokens) -> Tokens:
        """Return the answer, ``(seq_len,)``.

        Args:
            task: The task.
            question: ``(seq_len,)`` uint8.
            demos: ``(D, 2, seq_len)`` uint8, the demonstrations.
        """


class CopyAgent(DemonstrationAgent):
    """Answers with the input itself."""

    name = "copy-input"

    def answer(self, task: Task, question: Tokens, demos: Tokens) -> Tokens:
        """Return the input."""
        return question


class CommonAgent(DemonstrationAgent):
    """Fills the shape of the input with the commonest symbol of the demonstrated outputs."""

    name = "common-symbol"

    def answer(self, task: Task, question: Tokens, demos: Tokens) -> Tokens:
        """Return the filled shape."""
        counts = np.bincount(demos[:, 1].ravel(), minlength=task.vocab_size)
        symbols = np.array(task.symbols)
        common = symbols[counts[symbols].argmax()]
        return np.where(np.isin(question, symbols), common, question).astype(np.uint8)


class NearestAgent(DemonstrationAgent):
    """Copies every cell from the output cell whose input looks most alike around it.

    The neighbourhoods of 3x3 cells are compared token by token; of equally similar ones those that
    agree in the cell itself come first, then the earliest.
    """

    name = "nearest-cell"

    def answer(self, task: Task, question: Tokens, demos: Tokens) -> Tokens:
        """Return the copied cells."""
        asked = neighbourhoods(question[None], task.size)
        known = neighbourhoods(demos[:, 0], task.size)
        outputs = demos[:, 1].ravel()
        # Only cells that exist in both grids of a demonstration can be copied.
        usable = (demos[:, 0].ravel() > 0) & (outputs > 0)
        known, outputs = known[usable], outputs[usable]
        answer = question.copy()
        if len(known) == 0:
            return answer
        for cell in np.flatnonzero(np.isin(question, task.symbols)):
            alike = known == asked[cell]
            answer[cell] = outputs[(2 * alike.sum(axis=1) + alike[:, 4]).argmax()]
        return answer


def neighbourhoods(canvases: Tokens, side: int) -> Tokens:
    """Return the 3x3 tokens around every cell of canvases ``(N, side * side)``, ``(N * cells, 9)``.

    Cells outside the canvas are padding.
    """
    grids = np.pad(canvases.reshape(-1, side, side), ((0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(grids, (3, 3), axis=(1, 2))
    return windows.reshape(-1, 9)


AGENTS: dict[str, type[DemonstrationAgent]] = {
    agent.name: agent for agent in (CopyAgent, CommonAgent, NearestAgent)
}
"""The agents by name."""
