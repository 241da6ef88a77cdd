"""TensorBoard runs, and Weights & Biases beside them, with a module that stands in for wandb."""

from __future__ import annotations

import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_gym.agents.simple import OracleAgent
from hrm_gym.evaluation import evaluate
from hrm_gym.tracking import Tracker, run_folder


def read(folder: Path) -> Any:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder)).Reload()


def test_run_folder() -> None:
    assert run_folder("runs", "HRMMaze-v0", "hrm", 3) == Path("runs/HRMMaze-v0/hrm/seed3")


def test_common_tags_against_steps_and_training_seconds(tmp_path: Path) -> None:
    result = evaluate(OracleAgent(), "HRMMaze-7x7-v0", episodes=5)
    with Tracker(tmp_path) as tracker:
        tracker.evaluation(result, 0, 0.0)
        tracker.evaluation(result, 1000, 12.5)
        tracker.scalar("train/loss", 0.25, 1000, 12.5)
        tracker.text("report", "**bold**")
        tracker.image("maze", np.zeros((8, 8, 3), np.uint8))
    events = read(tmp_path)
    tags = events.Tags()
    wanted = {"eval/solve_rate", "eval/exact_accuracy", "eval/return", "eval/steps", "train/loss"}
    assert wanted <= set(tags["scalars"])
    first, second = events.Scalars("eval/solve_rate")
    assert (first.step, second.step, second.value) == (0, 1000, 1.0)
    assert first.wall_time == pytest.approx(0.0, abs=1e-3)
    assert second.wall_time == pytest.approx(12.5)
    assert tags["images"] == ["maze"]


def test_hparams_stay_in_the_run(tmp_path: Path) -> None:
    with Tracker(tmp_path) as tracker:
        tracker.hparams({"lr": 1e-3, "none": None, "list": [1, 2]}, {"hparam/solve_rate": 0.5})
    plugins = read(tmp_path).summary_metadata
    assert any(meta.plugin_data.plugin_name == "hparams" for meta in plugins.values())
    assert [path.is_file() for path in tmp_path.iterdir()] == [True]


def test_nothing_is_written_before_the_first_value(tmp_path: Path) -> None:
    Tracker(tmp_path / "run").close()
    assert not (tmp_path / "run").exists()


def test_only_the_writer_loads_torch() -> None:
    program = (
        "import sys; from hrm_gym.tracking import Tracker; Tracker('x'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


class Run:
    def __init__(self, **about):
        self.about, self.points, self.summary, self.config, self.ended = about, [], {}, {}, False

    def log(self, values, step):
        self.points.append((step, values))

    def finish(self):
        self.ended = True


def test_values_are_sent_to_wandb(tmp_path, monkeypatch):
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


def test_a_missing_wandb_is_reported_in_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(
        ValueError, match=r'wandb needs the extra wandb: pip install "hrm-gym\[wandb\]"'
    ):
        Tracker(tmp_path, wandb="puzzles")
