"""The benchmark of reasoning: the cost per solved puzzle, and the report."""

from __future__ import annotations

import timeit
from pathlib import Path

import numpy as np
import pytest

from hrm_gym.agents.hrm.inference.thinking import Solution
from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import get_task
from hrm_gym.scripts import benchmark
from hrm_gym.scripts.benchmarks import reasoning


class Clocked:
    """Solves every second puzzle; every call moves a clock by a number of seconds."""

    clock = 0.0

    def __init__(self, seconds: float, tokens: int | None = None) -> None:
        self.task, self.seconds, self.tokens = get_task("sudoku-4x4"), seconds, tokens

    def solve(self, questions: np.ndarray) -> Solution:
        Clocked.clock += self.seconds
        answers = np.stack([self.task.solve(question) for question in questions])
        answers[1::2] = 1
        if self.tokens is not None:
            self.written = np.full(len(questions), self.tokens)
        none = np.zeros(len(questions), np.float32)
        return Solution(answers, np.full(len(questions), 2), none, none, np.zeros(answers.shape))


def test_time_and_solved_puzzles_are_added_up_by_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeit, "default_timer", lambda: Clocked.clock)
    task = get_task("sudoku-4x4")
    puzzles = PuzzleSet.of([task.generate(key) for key in range(8)], "generator")
    agents = {"hrm": Clocked(1.0), "chain": Clocked(5.0, tokens=30)}
    spent, solved, steps = reasoning.answer(task, agents, puzzles, batch=4)
    assert spent == {"hrm": 2.0, "chain": 10.0}
    assert solved == {"hrm": 4, "chain": 4}
    assert steps == {"hrm": [2] * 8, "chain": [30] * 8}


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reasoning, "PAIRS", {"sudoku-4x4": "sudoku"})
    monkeypatch.setattr(reasoning, "PUZZLES", 8)
    benchmark.main(benchmark.Args("reasoning", seconds=0.2, threads=1, out=tmp_path))
    page = (tmp_path / reasoning.REPORT).read_text()
    # The decoder is untrained, so it solves nothing and has no cost.
    hrm, chain, solver, ratio, time = [
        line for line in page.splitlines() if line.startswith("| sudoku")
    ]
    assert "100.0%" in hrm
    assert hrm.count(" ms |") == 2
    assert "0.0%" in chain
    assert chain.count("none solved") == ratio.count("none solved") == 2
    assert "none" not in time
    assert "100.0%" in solver
    assert solver.count(" ms |") == 2
    assert "--seconds 0.2 --threads 1" in page
