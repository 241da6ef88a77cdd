"""The comparison of halting rules: policies are scored like rules, and the report is complete."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_gym import halting
from hrm_gym.data.traces import bundled_traces
from hrm_gym.evaluation import evaluate
from hrm_gym.scripts import halting as script
from hrm_gym.scripts.experiments.halting import policy_halts

PNG = b"\x89PNG"


class QHead:
    """Halts where q_halt > q_continue, read from an observation."""

    name = "q"

    def act(self, obs: Any, info: Any) -> np.int64:
        return np.int64(obs[0] > obs[1])

    def act_batch(self, observations: list[Any], infos: list[Any]) -> list[np.int64]:
        return [self.act(obs, None) for obs in observations]


def test_policy_halts_agrees_with_the_rule_of_the_q_head() -> None:
    traces = bundled_traces()
    assert np.array_equal(policy_halts(QHead(), traces), halting.q_head(traces))


def test_the_score_of_a_policy_equals_its_episodes() -> None:
    from hrm_gym.envs.halt import trace_splits
    from hrm_gym.puzzles import SPLITS

    traces = bundled_traces()
    part = traces.take(trace_splits(traces) == SPLITS.index("test"))
    scored = halting.score("q", part, policy_halts(QHead(), part))
    played = evaluate(QHead(), "HRMHalt-v0", len(part), split="test")
    assert scored.accuracy == played.solve_rate
    assert scored.reward == pytest.approx(played.mean_return)


def test_the_report_is_complete(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    args = script.Args(steps=256, seeds=2, train_costs=(0.01,), out=tmp_path)
    assert script.main(args) == 0
    text = (tmp_path / "halting.md").read_text()
    assert "python scripts/halting.py --steps 256 --seeds 2 --train-costs 0.01" in text
    for name in ("oracle", "q head", "steady", "ppo, trained for 0.01", "dqn, trained for 0.01"):
        assert text.count(f"| {name} |") == 2
    rows = {row["name"]: row for row in json.loads((tmp_path / "halting.json").read_text())["rows"]}
    assert len(rows["test, ppo, trained for 0.01: reward"]["seeds"]) == 2
    best = rows["ood, oracle: reward"]["value"]
    assert all(row["value"] <= best for name, row in rows.items() if name.startswith("ood") and
               name.endswith("reward"))  # fmt: skip
    assert (tmp_path / "halting.png").read_bytes().startswith(PNG)
    # A second run trains nothing, and its report is the same.
    capsys.readouterr()
    assert script.main(args) == 0
    assert capsys.readouterr().out == text
