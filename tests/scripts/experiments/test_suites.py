"""The suites name agents, environments and presets that exist."""

from __future__ import annotations

import gymnasium as gym
import pytest

from hrm_gym.agents.baselines import ALGORITHM_NAMES, POLICY_NAMES
from hrm_gym.agents.catalog import AGENTS
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.scripts.experiments import policies
from hrm_gym.scripts.experiments.suites import read_suite


@pytest.mark.parametrize("suite", [*read_suite("comparison").values(), read_suite("demo")])
def test_comparisons(suite: dict) -> None:
    assert set(suite["agents"]) <= set(AGENTS)
    for env_id in suite.get("env", suite["seconds"]):
        assert gym.spec(env_id)


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
