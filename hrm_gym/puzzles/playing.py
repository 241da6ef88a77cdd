"""The part of a task that concerns episodes: how it is played, and how it looks."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .puzzle import PAD, Puzzle, Symmetry, Tokens

if TYPE_CHECKING:
    from hrm_gym.rendering import Scene

CACHE_SIZE = 4096
"""Number of cached answers, since agents ask for them at every step of an episode."""


class Playable(ABC):
    """What agents and pictures ask a task; ``Task`` is its only direct subclass."""

    id: str
    """Family and size, such as ``sudoku-9x9``. Checkpoints and bank files contain it."""
    seq_len: int
    """Positions of a puzzle."""

    @abstractmethod
    def solve(self, inputs: Tokens) -> Tokens:
        """Return the label of ``(seq_len,)`` inputs.

        Raises:
            ValueError: if there is no solution, or more than one where it must be unique.
        """

    # Acting ------------------------------------------------------------------------------------

    def question(self, obs: Any) -> Tokens:
        """Return the question in an observation of any environment of the family.

        Args:
            obs: Observation of a step or an Answer environment, not batched.

        Returns:
            ``(seq_len,)`` uint8.

        Raises:
            ValueError: if the observation contains another number of tokens.
        """
        tokens = np.asarray(obs["tokens"])
        if tokens.shape != (self.seq_len,):
            raise ValueError(
                f"observation: expected {self.seq_len} tokens for an agent of {self.id}, got "
                f"shape {tokens.shape}"
            )
        return tokens.astype(np.uint8, copy=False)

    def next_action(self, answer: Tokens, obs: Any, info: Any) -> Any:
        """Return the next action with which an agent plays its answer in the step environment.

        It never searches for a better answer: where the answer is wrong, so is the action.

        Args:
            answer: ``(seq_len,)``, the agent's answer to ``question(obs)``.
            obs: Observation of the step environment, not batched.
            info: The info that came with it.

        Raises:
            ValueError: if the task has no step environment.
        """
        raise ValueError(f"{self.id}: the task has no step environment to play an answer in")

    def solver_action(self, obs: Any, info: Any) -> Any:
        """Return the next action of the task's own solver, which sees the observation alone.

        Args:
            obs: Observation of the step environment, not batched.
            info: The info that came with it.

        Raises:
            ValueError: if there is no solver, no solution or no step environment.
        """
        return self.next_action(self.solution(self.question(obs)), obs, info)

    def potential(self, obs: Any, labels: Tokens) -> float:
        """Return how close an episode is to success, from -1 to 0, for dense rewards.

        By default it is minus the share of wrong cells of the board or of the answer.

        Args:
            obs: Observation of a step or an Answer environment, not batched.
            labels: ``(seq_len,)``, the label of the puzzle.
        """
        shown = np.asarray(obs["answer"] if "answer" in obs else obs["tokens"])
        counted = labels != PAD
        return -float(np.mean(shown[counted] != labels[counted]))

    def search(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the answer that a plain depth-first search finds within a time limit.

        Args:
            inputs: ``(seq_len,)``, the question.
            seconds: Time limit.

        Returns:
            ``(seq_len,)`` tokens, incomplete if the search did not end in time.

        Raises:
            ValueError: if the task has no such search.
        """
        raise ValueError(f"{self.id}: the task has no depth-first search")

    def search_action(self, obs: Any, info: Any, seconds: float) -> Any:
        """Return the next action with which the result of ``search`` is played.

        Args:
            obs: Observation of the step environment, not batched.
            info: The info that came with it.
            seconds: Time limit of one search.

        Raises:
            ValueError: if the task has no such search or no step environment.
        """
        return self.next_action(self.searched(self.question(obs), seconds), obs, info)

    def searched(self, inputs: Tokens, seconds: float) -> Tokens:
        """Return the cached result of ``search``; the caller must not modify it."""
        return _searched(self, inputs.tobytes(), seconds)

    def solution(self, inputs: Tokens) -> Tokens:
        """Return the cached result of ``solve``; the caller must not modify it."""
        return _solution(self, inputs.tobytes())

    # Pictures ----------------------------------------------------------------------------------

    def scene(
        self,
        inputs: Tokens,
        answer: Tokens | None = None,
        labels: Tokens | None = None,
        *,
        confidence: NDArray[np.floating] | None = None,
        demos: Sequence[tuple[Any, Any]] = (),
        caption: str = "",
        in_progress: bool = False,
    ) -> Scene:
        """Return the picture of a question and of an answer to it.

        By default tokens are coloured cells, in a square if their number allows it.

        Args:
            inputs: ``(seq_len,)``, the question.
            answer: ``(seq_len,)``; ``None`` if there is none yet.
            labels: ``(seq_len,)``, the label if it is known; mistakes are then marked.
            confidence: ``(seq_len,)``, the probability of each token of the answer.
            demos: Demonstration pairs of grids, for families that have them.
            caption: One line below the picture.
            in_progress: Whether the picture belongs to an episode of an Answer environment. It
                then marks only what a family shows during an episode.
        """
        from hrm_gym.rendering.grids import LARGEST_GRID, GridScene

        side = math.isqrt(self.seq_len)
        shape = (side, side)
        if side * side != self.seq_len or side > LARGEST_GRID:
            shape = (1, self.seq_len) if self.seq_len % LARGEST_GRID else (-1, LARGEST_GRID)
        question = ((inputs.astype(int) - 1) % 10).reshape(shape)
        if answer is None:
            return GridScene(demos, question, caption=caption)
        canvas = ((answer.astype(int) - 1) % 10).reshape(shape)
        wrong = None
        if labels is not None and not in_progress:
            wrong = ((answer != labels) & (labels != PAD)).reshape(shape)
        sure = None if confidence is None else confidence.reshape(shape)
        return GridScene(demos, question, canvas, wrong=wrong, confidence=sure, caption=caption)

    def demonstrations(
        self, puzzle: Puzzle, symmetry: Symmetry | None = None
    ) -> Sequence[tuple[Any, Any]]:
        """Return the demonstration pairs of a puzzle, for families that have them.

        Args:
            puzzle: The puzzle.
            symmetry: The symmetry under which the puzzle is shown.
        """
        return ()

    def is_exact(self, env: Any, info: Any) -> bool | None:
        """Return whether an episode of the step environment reached the label itself.

        By default every solution is the label.

        Args:
            env: The environment, unwrapped, after the last step of the episode.
            info: The info of the last step.

        Returns:
            ``None`` if it is not defined.
        """
        return bool(info["is_success"])

    def progress(self, obs: Any) -> tuple[str, float, str] | None:
        """Return the progress of an episode of the step environment.

        Args:
            obs: Observation of the step environment, not batched.

        Returns:
            A name, the progress from 0 to 1, and the progress as text; ``None`` if the task does
            not measure progress.
        """
        return None


@lru_cache(maxsize=CACHE_SIZE)
def _searched(task: Playable, inputs: bytes, seconds: float) -> Tokens:
    return task.search(np.frombuffer(inputs, np.uint8).copy(), seconds)


@lru_cache(maxsize=CACHE_SIZE)
def _solution(task: Playable, inputs: bytes) -> Tokens:
    # The array is copied, since numba compiles a second version for read-only arrays.
    return task.solve(np.frombuffer(inputs, np.uint8).copy())
