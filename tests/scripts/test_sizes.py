"""The benchmark of sizes: its list exists, and a small one is measured."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from hrm_gym.agents.shipped import pretrained
from hrm_gym.puzzles import get_task
from hrm_gym.scripts.benchmarks import sizes
from hrm_gym.scripts.experiments.suites import read_suite


def test_every_size_of_the_list_exists() -> None:
    for name, listed in read_suite("sizes")["agents"].items():
        assert pretrained()[name].mixer == "relations"
        for one in listed:
            assert get_task(one["task"], one.get("kind")).id.startswith(name)


def test_a_small_list_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {
        "sudoku": [{"task": "sudoku-4x4", "source": "bank"}],
        "maze": [{"task": "maze-7x7", "kind": "perfect", "source": "generator:4"}],
    }
    suite = {"puzzles": 3, "agents": listed, "restarts": dict.fromkeys(listed, 2)}
    monkeypatch.setattr("hrm_gym.scripts.experiments.suites.read_suite", lambda name: suite)
    rows = sizes.measure(SimpleNamespace(threads=1, device="cpu", out=tmp_path))
    names = [row["name"] for row in rows[::2]]
    titles = ("sudoku 4x4", "maze 7x7 perfect")
    assert names == [f"{title}, {text}" for title in titles for text in ("solved", "2 restarts")]
    assert all(0 <= row["value"] <= 1 for row in rows[::2])
    assert all(row["unit"].startswith("of 3 (") for row in rows[::2])
    once, all_attempts = rows[5]["value"], rows[7]["value"]
    assert all_attempts >= 2 * once, "mazes take all attempts"
    text = (tmp_path / sizes.REPORT).read_text()
    assert text.count("| 2 restarts |") == 2
    assert "| 7x7 perfect | " in text
