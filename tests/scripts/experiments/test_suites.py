"""The suites name agents, environments and presets that exist."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest

from hrm_gym.agents.baselines import ALGORITHM_NAMES, POLICY_NAMES
from hrm_gym.agents.baselines.hyperparameters import hyperparameters
from hrm_gym.agents.catalog import AGENTS
from hrm_gym.agents.hrm.presets import get_preset, preset_for
from hrm_gym.agents.shipped import pretrained
from hrm_gym.registration import answer_id
from hrm_gym.scripts.experiments import policies, transfer
from hrm_gym.scripts.experiments.suites import read_suite


@pytest.mark.parametrize("suite", read_suite("comparison").values())
def test_comparisons(suite: dict) -> None:
    assert set(suite["agents"]) <= set(AGENTS)
    assert suite.get("policy") in (None, *POLICY_NAMES)
    for env_id in suite["env"]:
        assert gym.spec(env_id)


def test_the_headline_gives_every_agent_the_network_of_the_hrm() -> None:
    suite = read_suite("comparison")["headline"]
    assert suite["policy"] == "relations"
    for env_id in suite["env"]:
        assert get_preset(preset_for(env_id)).model["mixer"] == "relations"
        for agent in {"ppo", "maskable-ppo", "dqn"} & set(suite["agents"]):
            assert hyperparameters(agent, env_id, "relations").policy == "relations"


def test_the_demonstration() -> None:
    cells = transfer.cells("demo", 1.0, 500, None, 0)
    assert len({cell.name for cell in cells}) == len({cell.folder(Path()) for cell in cells})
    trained = [cell.seconds is not None for cell in cells]
    assert trained == sorted(trained, reverse=True)
    for cell in cells:
        assert cell.agent in AGENTS or cell.agent in pretrained()
        assert all(gym.spec(env_id) for env_id in (cell.env, *cell.tests))
        assert cell.policy in (None, *POLICY_NAMES)
        if cell.preset is not None:
            assert get_preset(cell.preset).env == answer_id(cell.env)


def test_presets_of_the_ablation() -> None:
    for preset in read_suite("ablation")["presets"]:
        assert get_preset(preset)


def test_entries_of_the_policies() -> None:
    found = policies.entries()
    assert len(found) == sum(len(group["entries"]) for group in read_suite("policies"))
    for entry in found.values():
        assert gym.spec(entry["env"])
        assert gym.spec(entry["settings"])
        assert entry.get("algorithm") in (None, *ALGORITHM_NAMES)
        assert entry.get("policy") in (None, *POLICY_NAMES)


def test_halting_rules() -> None:
    suite = read_suite("halting")
    assert gym.spec(suite["env"])
    assert set(suite["algorithms"]) <= set(ALGORITHM_NAMES)
