"""The comparison of policies: every row runs, a stopped run goes on, mistakes are named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hrm_gym.scripts import policies
from hrm_gym.scripts.cli import run

FAST = ["--seconds", "0.2", "--episodes", "2"]


def test_every_walking_policy_has_the_same_hyperparameters() -> None:
    walking = [e for e in policies.ENTRIES if e.algorithm and e.env_id != policies.ANSWER]
    found = [policies.settings(entry) for entry in walking]
    assert len(found) == 8
    assert all(s.algorithm == found[0].algorithm for s in found)
    assert all(s.learning_rate == found[0].learning_rate for s in found)
    carried = {s.policy_kwargs["features_extractor_kwargs"].get("carried") for s in found[-2:]}
    assert carried == {True, False}


def test_a_run_that_was_stopped_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [*FAST, "--out", str(tmp_path), "--entries", "random"]
    assert run(policies.main, policies.Args, words) == 0
    first = json.loads((tmp_path / "policies.json").read_text())["rows"]
    assert run(policies.main, policies.Args, [*words, "structured"]) == 0
    rows = json.loads((tmp_path / "policies.json").read_text())["rows"]
    assert rows[0] == first[0]
    assert [row["entry"] for row in rows] == ["random", "structured"]
    assert rows[1]["env_steps"] > 0
    text = (tmp_path / "policies.md").read_text()
    assert "| structured | " in text
    assert "Doors" not in text
    assert run(policies.main, policies.Args, [*words, "--seconds", "1"]) == 2
    assert "holds rows of another budget" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["hrm, carried", "cnn, answers", "random, doors"])
def test_rows_of_other_environments_run(name: str) -> None:
    (entry,) = [entry for entry in policies.ENTRIES if entry.name == name]
    row = policies.run_entry(policies.Args(seconds=0.2, episodes=2), entry, 0)
    assert row["episodes"] == 2
    assert 0 <= row["value"] <= 1


def test_an_unknown_row_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(policies.main, policies.Args, ["--entries", "gru"]) == 2
    assert "entries: expected some of 'random', 'mlp'" in capsys.readouterr().err
