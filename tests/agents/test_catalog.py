"""Agents by name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from untrained import untrained

from hrm_gym.agents.catalog import AGENTS, check_task, env_of, learns, load_agent, train_agent
from hrm_gym.agents.search import DepthFirstAgent
from hrm_gym.agents.simple import OracleAgent, RandomAgent

CUSTOM = "examples.my_agent:WallFollower"


def test_every_agent_has_its_learning_signal() -> None:
    assert {name for name, signal in AGENTS.items() if signal in ("labels", "reward")} == {
        name for name in AGENTS if learns(name)
    }
    assert not learns(CUSTOM)
    with pytest.raises(ValueError, match=r"agents: expected some of hrm, .*, got 'chess'"):
        learns("chess")


def test_an_agent_that_does_not_learn_costs_nothing() -> None:
    result = train_agent("random", "HRMMaze-7x7-v0", seconds=1.0)
    assert isinstance(result.agent, RandomAgent)
    assert (result.env_steps, result.seconds, result.puzzles) == (0, 0.0, 0)


def test_agents_are_loaded_by_name(tmp_path: Path) -> None:
    assert isinstance(load_agent("oracle"), OracleAgent)
    assert isinstance(load_agent("depth-first"), DepthFirstAgent)
    assert isinstance(load_agent("random", env_id="HRMMaze-7x7-v0"), RandomAgent)
    assert type(load_agent(CUSTOM)).__name__ == "WallFollower"
    agent = load_agent("maze")
    assert agent.task.id == "maze-30x30"
    assert env_of(agent) == "HRMMazeAnswer-v0"
    agent.save(tmp_path)
    assert load_agent(str(tmp_path)).task.id == "maze-30x30"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random", "env: the agent random needs --env"),
        ("nobody", "agent: expected a checkpoint folder or one of"),
        ("no_such_module:Agent", "agents: cannot import 'no_such_module'"),
        ("json:loads", "json:loads is not a class with a method act"),
    ],
)
def test_an_unknown_agent_is_rejected(name: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        load_agent(name)


def test_a_folder_names_its_kind_of_agent(tmp_path: Path) -> None:
    for config, message in (
        ({"algorithm": "ppo"}, "expected a folder with model.safetensors"),
        ({"name": "chain-of-thought"}, "config.json: expected a checkpoint"),
        ([], "config.json: damaged, expected a JSON object"),
    ):
        (tmp_path / "config.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=message):
            load_agent(str(tmp_path))


def test_an_agent_of_another_task_is_rejected() -> None:
    agent = untrained("maze-7x7")
    check_task("maze-7x7", agent, "maze-7x7", "the puzzle")
    check_task("oracle", OracleAgent(), "maze-9x9", "the puzzle")
    with pytest.raises(ValueError, match="agent: m solves maze-7x7, the puzzle is maze-9x9"):
        check_task("m", agent, "maze-9x9", "the puzzle")


def test_the_catalog_needs_no_torch() -> None:
    program = (
        "import sys; from hrm_gym.agents.catalog import load_agent; load_agent('oracle'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
