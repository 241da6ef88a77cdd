"""The benchmark on a GPU: its plan, and what it refuses before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.scripts import benchmark
from hrm_gym.scripts.benchmarks import gpu
from hrm_gym.scripts.experiments.stages import Rows


def folder(path: Path) -> Path:
    """Return a folder with empty data files."""
    path.mkdir()
    for name in ("train.csv", "test.csv"):
        (path / name).touch()
    return path


def args(tmp_path: Path, **changes: Any) -> benchmark.Args:
    """Return arguments of a rehearsal."""
    known: dict[str, Any] = {"rehearse": True, "out": tmp_path / "out", **changes}
    return benchmark.Args("gpu", **known)


def test_the_plan_takes_at_most_thirteen_minutes() -> None:
    assert sum(stage.most for stage in gpu.STAGES) <= 13 * 60
    assert gpu.Training.seconds_of_training <= gpu.Training.most - 40
    assert gpu.Mazes.seconds_of_training <= gpu.Mazes.most - 40
    names = [stage.title for stage in gpu.STAGES]
    assert names == ["tests", "throughput", "training", "restarts", "mazes"]
    for number, stage in enumerate(gpu.STAGES):
        assert set(stage.after) <= set(names[:number])


def test_missing_data_are_reported_before_any_work(tmp_path: Path) -> None:
    good = folder(tmp_path / "good")
    with pytest.raises(ValueError, match=r"sudoku_data: expected a folder with train.csv"):
        gpu.measure(args(tmp_path, sudoku_data=tmp_path / "none", maze_data=good))
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "train.csv").touch()
    with pytest.raises(ValueError, match=r"maze_data: .*half/test.csv does not exist"):
        gpu.measure(args(tmp_path, sudoku_data=good, maze_data=tmp_path / "half"))
    assert not (tmp_path / "out").exists()


def test_without_a_gpu_only_a_rehearsal_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="needs a CUDA device, and this machine has none; --rehe"):
        gpu.measure(args(tmp_path, rehearse=False))


def test_a_rehearsal_has_its_own_folder_and_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = folder(tmp_path / "good")
    seen: list[Any] = []

    def ran(stages: list[gpu.GpuStage], out: Path) -> Rows:
        seen.append((stages, out))
        return [{"name": "tests: passed", "value": 1, "unit": "tests"}]

    monkeypatch.setattr(gpu, "run_stages", ran)
    benchmark.main(args(tmp_path, sudoku_data=good, maze_data=good))
    ((stages, out),) = seen
    assert out == tmp_path / "out" / "rehearsal"
    assert (out / "summary.json").is_file()
    assert [type(stage) for stage in stages] == list(gpu.STAGES)
    assert {(stage.device, stage.rehearse, stage.limit) for stage in stages} == {
        ("cpu", True, gpu.REHEARSAL_LIMIT)
    }


def test_configurations_of_a_rehearsal_are_tiny() -> None:
    mazes = gpu.tiny(get_preset(gpu.Mazes.preset), resize=False)
    assert mazes.model == get_preset("maze").model
    assert {source.batch_size for source in mazes.sources} == {1}
    assert {source.source for source in mazes.sources} == {None, "generator:2"}
    sudoku = gpu.tiny(get_preset(gpu.Training.preset), resize=True)
    assert (sudoku.batch_size, sudoku.limit, sudoku.model["hidden_size"]) == (2, 4, 16)
