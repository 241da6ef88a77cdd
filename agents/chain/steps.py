"""Chains: a question, the steps of a solver and the answer, as one sequence of tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrm_gym.families import family_module
from hrm_gym.puzzles import Task, Tokens

from .solvers.tokens import StepTokens

SOLVERS = f"{__package__}.solvers"
"""The package of the solvers, one module for each family."""


class Language:
    """The tokens of a task's chains.

    The tokens of the task come first, then one token per cell, then ``answer`` (the answer
    follows), ``guess`` and ``back``. The steps are those of the solver in ``solvers/<family>.py``.

    Args:
        task: The task, whose family must have a solver.

    Raises:
        ValueError: if the family of the task has no solver that writes its steps.

    Attributes:
        vocab_size: Number of all tokens.
        capacity: Positions of the longest chain; longer solutions are cut off.
    """

    def __init__(self, task: Task) -> None:
        self.solver = family_module(SOLVERS, task.family)
        if self.solver is None:
            raise ValueError(f"task: {task.id} has no solver that writes its steps")
        self.task = task
        self.first_cell = task.vocab_size
        self.answer = self.first_cell + task.seq_len
        self.guess, self.back = self.answer + 1, self.answer + 2
        self.vocab_size = self.back + 1
        self.most_steps = 3 * task.seq_len
        self.capacity = 2 * task.seq_len + 1 + self.most_steps

    def steps(self, question: Tokens) -> NDArray[np.int64]:
        """Return the tokens of the solver's steps, ``(L,)`` with L at most ``most_steps``."""
        assert self.solver is not None
        out = np.empty(self.most_steps, np.int64)
        tokens = StepTokens(self.first_cell, self.guess, self.back)
        return out[: self.solver.write_steps(self.task, question, tokens, out)]

    def chains(
        self, questions: Tokens, answers: Tokens
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return what a decoder reads and what it learns to write.

        Args:
            questions: ``(B, seq_len)``.
            answers: ``(B, seq_len)``.

        Returns:
            Chains ``(B, L)``, 0 after the end, and ``places`` ``(B, L)``: at each position of the
            question the cell that is read, at each position of the answer the cell that is written
            next, and -1 everywhere else.
        """
        cells = self.task.seq_len
        rows = [self.steps(question) for question in questions]
        longest = max(len(row) for row in rows)
        chains = np.zeros((len(rows), 2 * cells + 1 + longest), np.int64)
        places = np.full_like(chains, -1)
        chains[:, :cells], places[:, :cells] = questions, np.arange(cells)
        for chain, place, row, answer in zip(chains, places, rows, answers, strict=True):
            end = cells + len(row)
            chain[cells:end], chain[end] = row, self.answer
            chain[end + 1 : end + 1 + cells] = answer
            place[end : end + cells] = np.arange(cells)
        return chains, places
