"""TensorBoard runs and result files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hrm_gym import tracking
from hrm_gym.agents.simple import OracleAgent
from hrm_gym.evaluation import evaluate
from hrm_gym.tracking import Tracker, machine, read_rows, run_folder, write_json, write_text


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


def test_nothing_is_written_before_something_is_said(tmp_path: Path) -> None:
    Tracker(tmp_path / "run").close()
    assert not (tmp_path / "run").exists()


def test_write_json(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    rows = [{"name": "a", "value": np.float64(0.5), "unit": "share", "target": np.int64(1)}]
    write_json(path, machine(), rows)
    content = json.loads(path.read_text())
    assert content["rows"] == [{"name": "a", "value": 0.5, "unit": "share", "target": 1}]
    assert content["machine"]["cores"] >= 1
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]
    with pytest.raises(ValueError, match="expected name, value and unit"):
        write_json(path, {}, [{"name": "a", "value": 1}])
    with pytest.raises(ValueError, match="a is nan"):
        write_json(path, {}, [{"name": "a", "value": float("nan"), "unit": "s"}])
    assert json.loads(path.read_text()) == content


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.md"
    write_text(path, "old")

    def fail(source: object, target: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(tracking.os, "replace", fail)
    with pytest.raises(OSError, match="disk full") as caught:
        write_text(path, "new")
    assert caught.value.filename == str(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["report.md"]


def test_of_a_full_disk_the_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_text("/dev/full", "new")
    assert caught.value.filename == "/dev/full"

    def full(descriptor: int, mode: str) -> Any:
        os.close(descriptor)
        return open("/dev/full", mode)

    monkeypatch.setattr(tracking, "open", full, raising=False)
    path = tmp_path / "deep" / "report.md"
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_text(path, "new")
    assert caught.value.filename == str(path)
    assert list(path.parent.iterdir()) == []


def test_a_link_stays_one_and_a_device_is_written_into(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("old")
    (tmp_path / "link.md").symlink_to("real.md")
    write_text(tmp_path / "link.md", "new")
    assert (tmp_path / "link.md").is_symlink()
    assert (tmp_path / "real.md").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "said")
    assert os.read(reader, 10) == b"said"
    os.close(reader)
    write_text("/dev/null", "x")
    assert Path("/dev/null").is_char_device()


def test_machine_names_neither_host_nor_folder() -> None:
    text = json.dumps(machine())
    assert os.uname().nodename not in text
    assert str(Path.home()) not in text


def test_torch_is_loaded_by_the_writer_alone() -> None:
    program = (
        "import sys; from hrm_gym.tracking import Tracker, machine; machine(); Tracker('x'); "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_rows_of_an_interrupted_run_go_on(tmp_path):
    path = tmp_path / "rows.json"
    assert read_rows(path, {"seconds": 1}) == []
    row = {"name": "a", "value": 1, "unit": "s", "budget": {"seconds": 1}}
    write_json(path, {}, [row])
    assert read_rows(path, {"seconds": 1}) == [row]
    with pytest.raises(ValueError, match="another budget"):
        read_rows(path, {"seconds": 2})
    for content in ("", "[]", '{"rows": [{}]}'):
        path.write_text(content)
        with pytest.raises(ValueError, match="damaged"):
            read_rows(path, {"seconds": 1})
