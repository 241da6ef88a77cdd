"""The evaluate script: more segments, votes, the votes of ARC, custom tasks."""

from __future__ import annotations

import dataclasses
import json

import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.puzzles.arc import mini_tasks
from hrm_gym.scripts import train
from hrm_gym.scripts.build_dataset import Args as BuildArgs
from hrm_gym.scripts.build_dataset import main as build
from hrm_gym.scripts.cli import run
from hrm_gym.scripts.evaluate import Args, main


def rows_of(path):
    return {row["name"]: row for row in json.loads(path.read_text())["rows"]}


def test_depth_and_votes(tmp_path, capsys):
    words = ["--agent", "sudoku", "--env", "HRMSudokuAnswer-4x4-v0", "--episodes", "30"]
    words += ["--segments", "9", "--votes", "4"]
    files = ["--json", str(tmp_path / "r.json"), "--out", str(tmp_path / "figures")]
    assert run(main, Args, [*words, *files]) == 0
    shown = capsys.readouterr().out
    for words in (
        "still thinking",
        "by rating",
        "times fewer segments",
        "vote by count",
        "calibration",
    ):
        assert words in " ".join(shown.split())
    rows = rows_of(tmp_path / "r.json")
    own = max(int(n[7:].split("/")[0]) for n in rows if n.startswith("segment") and n[7].isdigit())
    # Puzzles are the same ones in every figure.
    assert rows["halting/exact_accuracy"]["value"] == rows["exact_accuracy"]["value"]
    assert rows["halting/segments"]["value"] == rows["mean_steps"]["value"]
    for last in (own, 9):
        for votes in (1, 2, 4):
            row = rows[f"segments{last}/votes{votes}/exact_accuracy"]
            assert row["segments_spent"] >= votes
    assert rows[f"segments{own}/votes1/exact_accuracy"]["value"] == rows["exact_accuracy"]["value"]
    bins = [r for n, r in rows.items() if n.startswith("calibration/0.")]
    # One answer a segment, until its puzzle halts.
    assert sum(r["answers"] for r in bins) == round(30 * rows["mean_steps"]["value"])
    gaps = [r["answers"] * abs(r["predicted"] - r["value"]) for r in bins]
    error = sum(gaps) / sum(r["answers"] for r in bins)
    assert rows["calibration/error"]["value"] == pytest.approx(error, abs=1e-6)
    assert (tmp_path / "figures" / "segments.png").read_bytes()[:4] == b"\x89PNG"


def test_arc_from_folder_to_votes(tmp_path, capsys):
    folder = tmp_path / "arc"
    words = ["arc", "--smallest", "2", "--hold-out", "all", "--num-aug", "3", "--size", "4"]
    assert run(build, BuildArgs, [*words, "--out", str(folder)]) == 0
    preset = get_preset("arc-small")
    model = {**preset.model, "hidden_size": 16}
    changes = {"task": "arc-4x4", "source": str(folder), "model": model, "batch_size": 8}
    trainer = Trainer(dataclasses.replace(preset, **changes))
    assert trainer.model_config.num_puzzles == 9
    before = trainer.model.puzzle_emb.detach().clone()
    trainer.train_step(0.5)
    # The embedding is trained by the sign of its gradient, on the rows of the batch alone.
    moved = (trainer.model.puzzle_emb.detach() != before).any(dim=1)
    assert 0 < int(moved.sum()) <= 8
    agent = tmp_path / "agent"
    trainer.agent().save(agent)
    capsys.readouterr()
    result = tmp_path / "r.json"
    words = ["--agent", str(agent), "--votes", "2", "--json", str(result)]
    assert run(main, Args, [*words, "--submission", str(tmp_path / "submission.json")]) == 0
    attempts = json.loads((tmp_path / "submission.json").read_text())
    assert len(attempts) == 2
    assert {name for test in attempts.values() for name in test[0]} == {"attempt_1", "attempt_2"}
    assert "2 test inputs of 2 tasks" in " ".join(capsys.readouterr().out.split())
    assert rows_of(result)["votes2/pass@2"]["unit"] == "share"
    # The tasks of a file have other identifiers than those of the training.
    pair = {"input": [[1, 2]], "output": [[2, 1]]}
    (tmp_path / "task.json").write_text(json.dumps({"train": [pair], "test": [pair]}))
    words = ["--agent", str(agent), "--data", str(tmp_path / "task.json")]
    assert run(main, Args, words) == 2
    assert "task.json does not contain; expected the dataset folder" in capsys.readouterr().err


def test_an_agent_is_tested_on_its_task_also_if_the_environment_has_another(tmp_path, capsys):
    preset = get_preset("sudoku-4x4")
    config = dataclasses.replace(preset, task="sudoku-6x6", batch_size=2)
    Trainer(config, compile=False, bf16=False).agent().save(tmp_path)
    words = ["--agent", str(tmp_path), "--data", "generator:4", "--episodes", "2"]
    assert run(main, Args, words) == 0
    assert "solve_rate" in capsys.readouterr().out


def test_mini_arc_is_evaluated_by_votes(tmp_path, capsys):
    preset = get_preset("arc-mini")
    config = dataclasses.replace(preset, source="mini-arc:turned:4", batch_size=2, test_segments=1)
    trainer = Trainer(config, compile=False, bf16=False)
    trainer.train_step(0.5)
    trainer.agent().save(tmp_path / "agent")
    result = tmp_path / "r.json"
    words = ["--agent", str(tmp_path / "agent"), "--env", "HRMARCAnswer-5x5-v0"]
    assert run(main, Args, [*words, "--json", str(result)]) == 0
    assert "4 test inputs of 4 tasks" in " ".join(capsys.readouterr().out.split())
    assert rows_of(result)["votes8/pass@2"]["tests"] <= 4
    # Tasks that it was not trained on, of which one does not fit.
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task in mini_tasks()[4:6]:
        (folder / f"{task.name}.json").write_text(json.dumps(task.to_json()))
    large = {"train": [{"input": [[1] * 6], "output": [[1]]}], "test": [{"input": [[1]]}]}
    (folder / "large.json").write_text(json.dumps(large))
    submission = tmp_path / "submission.json"
    words += ["--adapt-seconds", "0.1", "--json", str(result), "--submission", str(submission)]
    assert run(main, Args, [*words, "--data", str(folder)]) == 0
    said = capsys.readouterr()
    assert "and a black cell for 1 that do not fit the agent" in said.out
    attempts = json.loads(submission.read_text())
    assert set(attempts) == {"large", *(task.name for task in mini_tasks()[4:6])}
    assert attempts["large"] == [{"attempt_1": [[0]], "attempt_2": [[0]]}]
    assert "2 of 3 tasks fit on the canvas of the agent" in said.err
    assert "Demonstrations reproduced: all in" in said.out
    rows = rows_of(result)
    assert rows["votes8/pass@2"]["tests"] <= 2
    for task in mini_tasks()[4:6]:
        row = rows[f"adapt/{task.name}"]
        assert 0 <= row["value"] <= 1
        assert row["steps"] > 0
        assert row["solved"] in ([False], [True])
    assert run(main, Args, [*words, "--data", str(folder / "large.json")]) == 2
    assert "has a grid of 1x6 cells; the canvas of the agent has 5x5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("agent", "seconds", "sentence"),
    [
        ("sudoku", "1", "adapt-seconds: sudoku cannot adapt; expected an HRM whose"),
        ("nearest-cell", "1", "adapt-seconds: nearest-cell cannot adapt; expected an HRM"),
        ("sudoku-4x4", "0", "adapt_seconds: expected a positive number, got 0"),
    ],
)
def test_agents_that_cannot_adapt_are_named(agent, seconds, sentence, capsys):
    env = "HRMARC-5x5-v0" if agent == "nearest-cell" else "HRMSudoku-4x4-v0"
    words = ["--agent", agent, "--env", env, "--adapt-seconds", seconds]
    assert run(main, Args, words) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:bf16")  # Some CPUs emulate it.
def test_ten_small_arc_tasks(tmp_path, monkeypatch):
    # The commands of docs/compute.md: at least three test inputs right, by votes.
    monkeypatch.chdir(tmp_path)
    words = ["arc", "--smallest", "10", "--hold-out", "all", "--num-aug", "300", "--size", "3"]
    assert run(build, BuildArgs, [*words, "--out", "data/arc-small"]) == 0
    words = ["--preset", "arc-small", "--bf16", "True", "--threads", "1", "--episodes", "0"]
    assert run(train.main, train.Args, words) == 0
    agent = "runs/HRMARCAnswer-v0-arc-3x3/hrm/seed0"
    assert run(main, Args, ["--agent", agent, "--json", "r.json"]) == 0
    assert rows_of(tmp_path / "r.json")["votes301/pass@1"]["tests"] >= 3


def test_invalid_arguments_are_reported(capsys):
    for words, sentence in (
        (
            ["--agent", "oracle", "--env", "HRMSudoku-4x4-v0", "--votes", "2"],
            "expected an HRM agent",
        ),
        (["--agent", "sudoku", "--votes", "0"], "votes: expected at least 1, got 0"),
        (["--start-noise", "-1", "--restarts", "2"], "start-noise: expected a number in 0..10"),
        (["--carry-noise", "0"], "carry-noise: it has no effect alone; expected --restarts too"),
        (["--no-adapt-weights"], "adapt-weights: it has no effect alone; expected --adapt-seconds"),
        (["--trace-splits", "val"], "trace-splits: it has no effect alone; expected --save-traces"),
        (["--agent", "sudoku", "--segments", "0"], "segments: expected at least 1, got 0"),
        (["--agent", "maze", "--votes", "9"], "votes: maze-30x30 has 8 symmetries, got 9"),
    ):
        assert run(main, Args, [*words, "--episodes", "3"]) == 2
        said = capsys.readouterr()
        assert sentence in said.err
        assert not said.out, "before any work"


# The bank has no mazes of this size.
@pytest.mark.parametrize("path", ["examples.latin_square:LatinSquare:4", "maze-8x8"])
def test_a_custom_task_is_evaluated(path, tmp_path, capsys):
    config = dataclasses.replace(get_preset("custom-task"), task=path, source="generator:20")
    Trainer(config).agent().save(tmp_path)
    words = ["--agent", str(tmp_path), "--episodes", "4", "--task", path, "--data", "generator:4"]
    assert run(main, Args, words) == 0
    assert "solve_rate" in capsys.readouterr().out


@pytest.mark.parametrize("votes", ["count", "confidence"])
def test_votes_do_not_reduce_the_accuracy(tmp_path, votes):
    words = ["--agent", "maze", "--env", "HRMMazeAnswer-7x7-v0", "--episodes", "40"]
    words += ["--votes", "8", "--vote-by", votes]
    assert run(main, Args, [*words, "--json", str(tmp_path / "r.json")]) == 0
    rows = rows_of(tmp_path / "r.json")
    accuracy = [r["value"] for n, r in rows.items() if "/votes" in n]
    assert len(accuracy) == 4
    assert accuracy[-1] >= accuracy[0] - 0.05
