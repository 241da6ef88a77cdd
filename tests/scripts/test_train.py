"""The train script: held-out tests, early stop, going on, and its refusals."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training import run as loop
from hrm_gym.agents.hrm.training.run import validation_puzzles
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.data import load_puzzles
from hrm_gym.data.writers import write_puzzles
from hrm_gym.puzzles import get_task
from hrm_gym.scripts import train
from hrm_gym.scripts.cli import run

FOLDER = Path("HRMSudokuAnswer-4x4-v0", "hrm", "seed0")


def args(tmp_path, **changes):
    fixed = {"preset": "sudoku-4x4", "batch_size": 8, "steps": 4, "episodes": 0, "out": tmp_path}
    return train.Args(**{**fixed, **changes})


def test_a_run_ends_when_its_target_accuracy_is_reached(tmp_path, capsys):
    result = tmp_path / "result.json"
    train.main(args(tmp_path, steps=50, eval_every=2, stop_at=0.0, json=result))
    said = capsys.readouterr().out
    assert "step 2: " in said
    assert re.search(r"of the held-out puzzles exact, \d+\.\d% solved, \d+\.\d segments", said)
    assert "2 steps in" in said
    rows = {row["name"]: row["value"] for row in json.loads(result.read_text())["rows"]}
    assert rows["env_steps"] == 16


@pytest.mark.parametrize(("targets", "ended"), [("any", 2), ("solved", 4)])
def test_with_targets_any_the_solve_rate_ends_a_run(targets, ended, tmp_path, capsys, monkeypatch):
    figures = {"exact_accuracy": 0.2, "solve_rate": 0.9, "steps": 2.0}
    changes = {"preset": None, "task": "maze-5x5", "data": "generator:20", "targets": targets}
    monkeypatch.setattr(loop, "validate", lambda trainer, puzzles: figures)
    train.main(args(tmp_path, **changes, episodes=7, eval_every=2, stop_at=0.8))
    said = capsys.readouterr().out
    assert f"{ended} steps in" in said
    assert "of 7 held-out puzzles solved" in said, "no bank has this size"


def test_a_resumed_run_ends_at_the_original_budget(tmp_path):
    train.main(args(tmp_path, steps=6))
    whole = Trainer.resume(tmp_path / FOLDER)
    other = tmp_path / "other"
    train.main(args(other, steps=6, eval_every=3, stop_at=0.0))
    assert Trainer.resume(other / FOLDER).step == 3
    train.main(args(other, preset=None, batch_size=None, steps=None, resume=other / FOLDER))
    resumed = Trainer.resume(other / FOLDER)
    assert resumed.step == 6
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_resumed_run_stores_all_commands_that_lead_to_it(tmp_path):
    train.main(args(tmp_path, steps=2))
    folder = tmp_path / FOLDER
    resumed = args(tmp_path, preset=None, batch_size=None, steps=3, episodes=4, resume=folder)
    train.main(resumed)
    about = json.loads((folder / "config.json").read_text())
    assert about["command"] == (
        "python scripts/train.py --preset sudoku-4x4 --steps 2 --batch-size 8 --episodes 0 && "
        f"python scripts/train.py --steps 3 --episodes 4 --resume {Path('runs') / FOLDER}"
    )
    assert about["trained_steps"] == 3


def test_a_run_is_never_overwritten(tmp_path):
    train.main(args(tmp_path, steps=2))
    before = (tmp_path / FOLDER / "model.safetensors").read_bytes()
    with pytest.raises(
        ValueError, match=r"out: .*seed0 contains a run of 2 steps; resume it with --res"
    ):
        train.main(args(tmp_path, steps=3))
    assert (tmp_path / FOLDER / "model.safetensors").read_bytes() == before


def test_invalid_arguments_are_rejected(tmp_path):
    train.main(args(tmp_path, steps=1))
    with pytest.raises(ValueError, match=r"batch_size \(8 saved, 16 now\)"):
        train.main(args(tmp_path, resume=tmp_path / FOLDER, batch_size=16))
    with pytest.raises(ValueError, match="seed: this run has 0, got 3"):
        train.main(args(tmp_path, resume=tmp_path / FOLDER, seed=3))
    with pytest.raises(ValueError, match="bf16: this run has False, got True"):
        train.main(args(tmp_path, resume=tmp_path / FOLDER, bf16=True))
    with pytest.raises(ValueError, match="stop_at: needs --eval-every"):
        train.main(args(tmp_path, stop_at=0.9))
    with pytest.raises(ValueError, match="targets: expected turned for"):
        train.main(args(tmp_path / "other", targets="any"))
    with pytest.raises(ValueError, match="targets: expected one of turned, solved, any, got 'all'"):
        train.main(args(tmp_path / "other", targets="all"))
    with pytest.raises(ValueError, match="eval_every: expected at least 1"):
        train.main(args(tmp_path, eval_every=0))


def test_rows_of_a_file_that_are_not_trained_on_are_held_out(tmp_path):
    import dataclasses

    source = tmp_path / "puzzles.csv"
    trainer = Trainer(dataclasses.replace(get_preset("sudoku-4x4"), batch_size=1))
    puzzles = trainer.streams[0].envs.puzzles
    lines = ["".join("." if t == 1 else str(t - 1) for t in row) for row in puzzles.inputs[:5]]
    source.write_text("\n".join(["question", *lines]) + "\n")
    config = dataclasses.replace(get_preset("sudoku-4x4"), source=str(source), limit=3)
    assert len(validation_puzzles(config)) == 2
    with pytest.raises(ValueError, match="training takes all 5 rows"):
        validation_puzzles(dataclasses.replace(config, limit=5))


def write_csv(path, puzzles):
    """Write Sudoku puzzles of 4x4 as a file."""
    lines = ["".join("." if t == 1 else str(t - 1) for t in row) for row in puzzles]
    path.write_text("question\n" + "\n".join(lines) + "\n")
    return str(path)


def test_training_puzzles_are_excluded_from_the_test(tmp_path, capsys):
    task = get_task("sudoku-4x4")
    tests, known = (load_puzzles(task, None, split, limit=20).inputs for split in ("test", "train"))
    turned = task.symmetry(5).apply(tests[:7])
    assert not any((row == tests).all(axis=1).any() for row in turned)
    source = write_csv(tmp_path / "a.csv", [*known, *turned])
    train.main(args(tmp_path, data=source, steps=1, episodes=20))
    among = f"among the training puzzles of {source}"
    assert f"7 of the 20 test puzzles are {among}, up to symmetry" in capsys.readouterr().out
    config = json.loads((tmp_path / FOLDER / "config.json").read_text())
    assert config["test_puzzles"] == 13

    second = args(tmp_path / "second", data=source, puzzles=20, steps=2, episodes=20, eval_every=1)
    train.main(second)
    said = capsys.readouterr().out
    assert f"none of the 20 test puzzles is {among}" in said
    assert f"none of the 7 validation puzzles is {among}" in said
    with pytest.raises(ValueError, match="every test puzzle is among"):
        train.main(args(tmp_path, data=source, steps=1, episodes=7))


def test_copies_in_a_folder_count_as_one_puzzle(tmp_path, capsys):
    task = get_task("sudoku-4x4")
    splits = {split: load_puzzles(task, None, split, limit=6) for split in ("train", "test")}
    write_puzzles(tmp_path / "data", task, splits, num_aug=4)
    train.main(args(tmp_path, data=str(tmp_path / "data"), puzzles=5, steps=1))
    assert "5 puzzles, 25 with their copies" in capsys.readouterr().out


def test_calibration_is_tracked(tmp_path):
    train.main(args(tmp_path, steps=4, eval_every=2, episodes=9))
    events = EventAccumulator(str(tmp_path / FOLDER)).Reload()
    steps = [event.step for event in events.Scalars("eval/calibration_error")]
    assert steps == [event.step for event in events.Images("eval/calibration")]
    # Two tests on the way and the one at the end.
    assert steps == [16, 32, 32]
    picture = events.Images("eval/calibration")[0]
    assert (picture.width, picture.height) == (528, 600)


@pytest.mark.parametrize("rule", ["q", "td", "bce", "fixed"])
def test_a_halting_rule_determines_the_q_values(tmp_path, rule):
    train.main(args(tmp_path, halting=rule, steps=2))
    resumed = Trainer.resume(tmp_path / FOLDER)
    assert resumed.halting.name == rule
    assert resumed.model_config.q_continue == (rule in ("q", "td"))
    assert (resumed.target is not resumed.model) == (rule == "td")
    # The same words describe the run that goes on.
    train.main(args(tmp_path, halting=rule, steps=3, resume=tmp_path / FOLDER))


def test_the_curriculum_is_an_argument(tmp_path, monkeypatch):
    depths = []
    step = Trainer.train_step

    def watched(self, progress):
        step(self, progress)
        depths.append(self.model.cycles)

    monkeypatch.setattr(Trainer, "train_step", watched)
    words = ["--preset", "sudoku-4x4", "--batch-size", "8", "--steps", "10", "--episodes", "1"]
    words += ["--curriculum", "0.3", "1", "1", "0.6", "1", "3", "--out", str(tmp_path)]
    assert run(train.main, train.Args, words) == 0
    own = get_preset("sudoku-4x4").model
    assert depths == [(1, 1)] * 3 + [(1, 3)] * 3 + [(own["H_cycles"], own["L_cycles"])] * 4
    config = json.loads((tmp_path / FOLDER / "config.json").read_text())
    assert "--curriculum 0.3 1 1 0.6 1 3" in config["command"]
