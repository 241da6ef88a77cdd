"""The second sink, against a module that stands in for wandb."""

from __future__ import annotations

import sys
import types

import pytest

from hrm_gym.tracking import Tracker


class Run:
    def __init__(self, **about):
        self.about, self.points, self.summary, self.config, self.ended = about, [], {}, {}, False

    def log(self, values, step):
        self.points.append((step, values))

    def finish(self):
        self.ended = True


def test_numbers_reach_wandb(tmp_path, monkeypatch):
    runs = []
    module = types.ModuleType("wandb")
    module.init = lambda **about: runs.append(Run(**about)) or runs[-1]
    monkeypatch.setitem(sys.modules, "wandb", module)
    with Tracker(tmp_path / "env" / "hrm" / "seed0", wandb="puzzles") as tracker:
        tracker.scalar("train/loss", 0.5, 10, 2.0)
        tracker.hparams({"lr": 0.1}, {"hparam/solve_rate": 1.0})
    (run,) = runs
    assert (run.about["project"], run.about["name"]) == ("puzzles", "env/hrm/seed0")
    assert run.points == [(10, {"train/loss": 0.5, "seconds": 2.0})]
    assert run.config == {"lr": 0.1}
    assert run.summary == {"hparam/solve_rate": 1.0}
    assert run.ended


def test_without_wandb_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(
        ValueError, match=r'wandb needs the extra wandb: pip install -e "\.\[wandb\]"'
    ):
        Tracker(tmp_path, wandb="puzzles")
