"""An agent whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from hrm_gym.agents.hrm.inference.acting import ActingAgent
from hrm_gym.agents.hrm.inference.thinking import Segment


class Scripted(ActingAgent):
    """Answers each question correctly in segment ``needs`` and later, and halts there."""

    def __init__(self, task, needs, solve=None):
        super().__init__(task, max_segments=4)
        self.needs = needs
        self.solve_one = solve or task.solve

    def _segments(self, tokens, puzzle_ids, segments, noise=None):
        rows = []
        for number in range(1, segments + 1):
            known = np.array([number >= self.needs(t) for t in tokens], bool)
            right = np.stack([self.solve_one(t) for t in tokens])
            answer = np.where(known[:, None], right, 1).astype(np.uint8)
            size = len(tokens)
            q_halt = np.where(known, 2.0, -2.0).astype(np.float32)
            sure = np.ones(answer.shape, np.float32)
            yield Segment(answer, q_halt, None, sure, np.zeros(size, np.float32), known), rows
            if rows:
                tokens = tokens[rows.pop()]
                if not len(tokens):
                    return


@pytest.fixture
def scripted():
    """Return the class of an agent whose answers are known."""
    return Scripted
