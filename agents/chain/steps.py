"""Chains: a question, the steps of a solver and the answer, as one sequence of tokens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import Task, Tokens
from hrm_gym.puzzles.maze import WALL, Maze
from hrm_gym.puzzles.sudoku import Sudoku


class Language:
    """The tokens of a task's chains.

    The tokens of the task come first, then one token per cell, then ``answer`` (the answer
    follows), ``guess`` and ``back``. A Sudoku is solved by singles, each written as a cell and its
    digit. If there is no single, the solver guesses in the cell with the fewest possible digits,
    and undoes the guess if it fails. In a maze the steps are the cells of a depth-first walk,
    including the way back from dead ends.

    Args:
        task: A Sudoku or a maze.

    Raises:
        ValueError: if it is another task, whose solver has no steps.

    Attributes:
        vocab_size: Number of all tokens.
        capacity: Positions of the longest chain; longer solutions are cut off.
    """

    def __init__(self, task: Task) -> None:
        if not isinstance(task, Sudoku | Maze):
            raise ValueError(f"task: expected Sudoku or a maze, {task.id} has no solver")
        self.task = task
        self.first_cell = task.vocab_size
        self.answer = self.first_cell + task.seq_len
        self.guess, self.back = self.answer + 1, self.answer + 2
        self.vocab_size = self.back + 1
        self.most_steps = 3 * task.seq_len
        self.capacity = 2 * task.seq_len + 1 + self.most_steps

    def steps(self, question: Tokens) -> NDArray[np.int64]:
        """Return the tokens of the solver's steps, ``(L,)`` with L at most ``most_steps``."""
        from .step_kernels import maze_steps, sudoku_steps

        task, out = self.task, np.empty(self.most_steps, np.int64)
        if isinstance(task, Sudoku):
            tables = task.tables
            grid = task.grid(question)
            length = sudoku_steps(
                grid, tables.units, tables.box_of, self.first_cell, self.guess, self.back, out
            )
        else:
            walls = (question == WALL).reshape(task.size, task.size)
            length = maze_steps(walls, *task.ends(question), self.first_cell, out)
        return out[:length]

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
