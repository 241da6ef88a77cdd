"""The comparison of policies: every row runs, an interrupted run resumes, mistakes are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hrm_gym.scripts import policies as script
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.experiments import policies
from hrm_gym.scripts.experiments.policies import PolicyCell

FAST = ["--seconds", "0.2", "--episodes", "2"]


def cell(name: str) -> PolicyCell:
    settings = policies.entries()[name]
    return PolicyCell(entry=name, seed=0, episodes=2, seconds=0.2, **settings)


def test_all_policies_of_step_environments_have_the_same_hyperparameters() -> None:
    names = [
        name
        for name, entry in policies.entries().items()
        if entry.get("algorithm")
        and not name.endswith("answers")
        and entry["policy"] != "relations"
    ]
    found = [cell(name).hyperparameters() for name in names]
    assert len(found) == 8
    assert all(s.algorithm == found[0].algorithm for s in found)
    assert all(s.learning_rate == found[0].learning_rate for s in found)
    own = [cell(name).hyperparameters() for name in policies.entries() if "relations" in name]
    assert len(own) == 3
    assert all(s.algorithm == own[0].algorithm for s in own)
    assert all(s.dense_reward and s.dense_reward == own[0].dense_reward for s in own)
    assert not any(s.dense_reward for s in found)
    marked = [s.policy_kwargs["features_extractor_kwargs"]["marked"] for s in own]
    assert marked == [False, True, False]
    carried = {s.policy_kwargs["features_extractor_kwargs"].get("carried") for s in found[-2:]}
    assert carried == {True, False}


def test_an_interrupted_run_resumes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*FAST, "--out", str(tmp_path), "--entries", "random"]
    assert run(script.main, script.Args, words) == 0
    first = json.loads((tmp_path / "policies.json").read_text())["rows"]
    assert run(script.main, script.Args, [*words, "structured"]) == 0
    rows = json.loads((tmp_path / "policies.json").read_text())["rows"]
    assert rows[0] == first[0]
    assert [row["entry"] for row in rows] == ["random", "structured"]
    assert rows[1]["env_steps"] > 0
    text = (tmp_path / "policies.md").read_text()
    assert "| structured | " in text
    assert "Doors" not in text
    assert run(script.main, script.Args, [*words, "--seconds", "1"]) == 2
    assert "holds rows of another budget" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["hrm, carried", "cnn, answers", "random, doors"])
def test_rows_of_other_environments_run(name: str, tmp_path: Path) -> None:
    row = cell(name).run(tmp_path).row
    assert row["episodes"] == 2
    assert 0 <= row["value"] <= 1


def test_the_error_names_an_unknown_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(script.main, script.Args, ["--entries", "gru"]) == 2
    assert "entries: expected some of 'random', 'mlp'" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--seeds", "--episodes", "--workers"])
def test_numbers_must_be_positive(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(script.main, script.Args, [option, "0"]) == 2
    assert f"error: {option[2:]}: expected" in capsys.readouterr().err
