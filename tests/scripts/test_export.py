"""The export script: it writes, then checks what it wrote."""

from __future__ import annotations

import json
import sys

import pytest

from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent
from hrm_gym.puzzles import get_task
from hrm_gym.scripts import export, train
from hrm_gym.scripts.cli import command, run


def call(*words):
    return run(export.main, export.Args, [str(word) for word in words])


def test_the_exported_file_agrees_with_the_agent(tmp_path, capsys):
    path, out = tmp_path / "a.onnx", tmp_path / "a.json"
    for precision in ("float32", "int8"):
        assert call("sudoku", path, "--episodes", 20, "--precision", precision, "--json", out) == 0
        said = {row["name"]: row["value"] for row in json.loads(out.read_text())["rows"]}
        assert said["size"] == path.stat().st_size
        assert said["same_cells"] >= 0.99
        assert OnnxAgent(path).about["precision"] == precision
    assert said["probability_difference"] > 1e-4, "int8 is not exact, or it was not int8"
    assert "100.00% of cells the same" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody", "a.onnx"], "agent: expected a checkpoint folder or one of"),
        (["sudoku", "a.bin"], "file: expected a name that ends in .onnx"),
        (["sudoku", "a.onnx", "--episodes", "0"], "episodes: expected"),
        (["sudoku", "/dev/null/a.onnx"], "file: expected a folder, but /dev/null is a file"),
        (["sudoku", "a.onnx", "--json", "/"], "json: expected a file to write, but / is"),
    ],
)
def test_invalid_input_is_reported_in_one_sentence(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {sentence}")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_without_onnx_runtime_nothing_is_written(capsys, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.chdir(tmp_path)
    assert call("sudoku", "a.onnx") == 2
    assert 'needs the extra export: pip install "hrm-gym[export]"' in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_task_without_a_bank_is_compared_on_random_questions():
    assert export.questions(get_task("sudoku-4x4"), 7).shape == (7, 16)
    assert export.questions(get_task("arc"), 3).shape == (3, 900)


def test_a_checkpoint_stores_the_command_that_repeats_its_training():
    args = train.Args(preset="sudoku-4x4", seconds=9.0, seed=3, bf16=False)
    assert command("train", args) == (
        "python scripts/train.py --preset sudoku-4x4 --seconds 9.0 --seed 3 --bf16 False"
    )
