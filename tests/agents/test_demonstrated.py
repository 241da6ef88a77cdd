"""Agents that only look at demonstrations."""

from __future__ import annotations

import json

import numpy as np
import pytest

from hrm_gym.agents.catalog import learns, load_agent
from hrm_gym.agents.demonstrated import AGENTS, neighbourhoods
from hrm_gym.evaluation import evaluate, make_env

NAMES = tuple(AGENTS)
SOURCES = {
    "copy-input": ([[1, 2]], [[1, 2]]),
    "common-symbol": ([[1, 2, 4]], [[3, 3, 3]]),
    "nearest-cell": ([[1, 2, 1]], [[4, 5, 4]]),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_solves_what_it_can_see(name, tmp_path):
    question, answer = SOURCES[name]
    pair = {"input": question, "output": answer}
    other = {"copy-input": {"input": [[7]], "output": [[7]]}}.get(name, pair)
    (tmp_path / "mine.json").write_text(json.dumps({"train": [pair], "test": [other]}))
    result = evaluate(load_agent(name), "HRMARC-v0", source=str(tmp_path / "mine.json"))
    assert (result.solve_rate, result.agent) == (1, name)
    assert not learns(name)


def test_the_baselines_of_mini_arc():
    agents = [load_agent(name) for name in NAMES]
    solved = [evaluate(agent, "HRMARC-5x5-v0").solve_rate * 149 for agent in agents]
    assert [round(count) for count in solved] == [2, 0, 8]


def test_neighbours_outside_the_canvas_are_padding():
    windows = neighbourhoods(np.arange(1, 10, dtype=np.uint8)[None], 3)
    assert windows[0].tolist() == [0, 0, 0, 0, 1, 2, 0, 4, 5]
    assert windows[4].tolist() == list(range(1, 10))


def test_other_environments_are_refused():
    env = make_env("HRMSudoku-4x4-v0")
    with pytest.raises(ValueError, match="copy-input: expected an environment that shows demonst"):
        load_agent("copy-input").act(*env.reset(seed=0))
