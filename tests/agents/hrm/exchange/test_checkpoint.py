"""Saves are atomic, and a run that cannot be resumed says why."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.exchange import checkpoint
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.results import write_json

TINY = dataclasses.replace(
    get_preset("sudoku-4x4"),
    batch_size=8,
    model={**get_preset("sudoku-4x4").model, "hidden_size": 16},
)
FILES = (checkpoint.CONFIG, checkpoint.MODEL, checkpoint.TRAINER, checkpoint.STATE)


def steps_of(folder):
    """Return the step in each file that contains it."""
    config = checkpoint.read_json(folder, checkpoint.CONFIG)
    trainer = checkpoint.read_json(folder, checkpoint.TRAINER)
    return config["trained_steps"], trainer["step"]


@pytest.mark.parametrize("moved", range(len(FILES) + 1))
def test_a_save_killed_at_any_point_leaves_the_old_or_the_new_checkpoint(
    tmp_path, monkeypatch, moved
):
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    trainer.train_step(0.0)

    class Killed(BaseException):
        pass

    replace, count = checkpoint.os.replace, [0]

    def kill(source, target):
        if count[0] == moved:
            raise Killed
        count[0] += 1
        replace(source, target)

    monkeypatch.setattr(checkpoint.os, "replace", kill)
    if moved < len(FILES):
        with pytest.raises(Killed):
            trainer.save(tmp_path)
    else:
        trainer.save(tmp_path)
    monkeypatch.undo()
    assert steps_of(tmp_path) == (1, 1)
    HRMAgent.from_pretrained(tmp_path)
    assert Trainer.resume(tmp_path).step == 1
    trainer.train_step(0.0)
    trainer.save(tmp_path)
    assert steps_of(tmp_path) == (2, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_a_file_that_is_replaced_while_it_is_opened_is_read(tmp_path, monkeypatch):
    """A running process moves a complete save to its place while another process reads it."""
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    saved = tmp_path / checkpoint.SAVED
    saved.mkdir()
    for name in FILES:
        (tmp_path / name).rename(saved / name)
    exists, read, load = Path.exists, Path.read_text, checkpoint.load_file

    def move(path):
        if path.parent == saved and exists(path):
            os.replace(path, tmp_path / path.name)

    def before(reads):
        return lambda path, *words, **how: (move(path), reads(path, *words, **how))[1]

    def moved_once_seen(path, **how):
        found = exists(path, **how)
        move(path)
        return found

    monkeypatch.setattr(Path, "exists", moved_once_seen)
    monkeypatch.setattr(Path, "read_text", before(read))
    monkeypatch.setattr(checkpoint, "load_file", before(load))
    assert steps_of(tmp_path) == (0, 0)
    HRMAgent.from_pretrained(tmp_path)
    assert Trainer.resume(tmp_path).step == 0
    assert sorted(path.name for path in saved.iterdir()) == []


def test_the_error_names_what_a_damaged_record_lacks(tmp_path):
    Trainer(TINY).save(tmp_path)
    path = tmp_path / checkpoint.TRAINER
    about = json.loads(path.read_text())
    for change, sentence in (
        ({"config": {**about["config"], "hats": 3}}, "unknown training fields: hats"),
        ({"config": {**about["config"], "batch_size": "8"}}, "batch_size: expected an integer"),
        ({"config": {}}, "missing 1 required positional argument: 'env'"),
    ):
        path.write_text(json.dumps({**about, **change}))
        with pytest.raises(ValueError, match=f"{checkpoint.TRAINER}: .*{sentence}"):
            Trainer.resume(tmp_path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="damaged, it lacks config, seed, bf16, puzzles, commands"):
        Trainer.resume(tmp_path)
    path.write_text(json.dumps(about))
    tensors = checkpoint.read_tensors(tmp_path, checkpoint.STATE)
    for name in ("stream0.carry.z_H", "stream0.segments", "live.token_emb", "stream0.envs.keys"):
        rest = {key: value for key, value in tensors.items() if key != name}
        (tmp_path / checkpoint.STATE).write_bytes(checkpoint.save(rest))
        with pytest.raises(ValueError, match=r"the checkpoint does not fit|keys is missing"):
            Trainer.resume(tmp_path)


def test_loaded_tensors_do_not_depend_on_their_file(tmp_path):
    Trainer(TINY).save(tmp_path)
    tensors = checkpoint.read_tensors(tmp_path, checkpoint.STATE)
    before = {name: value.tolist() for name, value in tensors.items()}
    path = tmp_path / checkpoint.STATE
    size = path.stat().st_size
    with path.open("r+b") as file:  # the same file, not a replacement
        file.write(bytes(size))
    assert {name: value.tolist() for name, value in tensors.items()} == before


def test_the_fingerprint_of_puzzles_is_computed_once(tmp_path, monkeypatch):
    counted = []
    real = checkpoint.fingerprint
    monkeypatch.setattr(checkpoint, "fingerprint", lambda p: (counted.append(1), real(p))[1])
    trainer = Trainer(TINY)
    for _ in range(3):
        trainer.save(tmp_path)
    assert len(counted) == 1
    assert Trainer.resume(tmp_path).fingerprint == trainer.fingerprint


def test_a_full_disk_leaves_the_old_checkpoint(tmp_path, monkeypatch):
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    trainer.train_step(0.0)
    monkeypatch.setattr(
        checkpoint, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(ValueError, match=r"could not be written .*No space left.* intact"):
        trainer.save(tmp_path)
    monkeypatch.undo()
    assert steps_of(tmp_path) == (0, 0)
    assert Trainer.resume(tmp_path).step == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)


def test_files_of_a_killed_save_are_ignored(tmp_path):
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    left = tmp_path / checkpoint.SAVING
    left.mkdir()
    (left / checkpoint.STATE).write_bytes(b"half")
    trainer.agent().save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(FILES)
    assert Trainer.resume(tmp_path).step == 0


def test_exploration_restarts_on_another_kind_of_device(tmp_path):
    trainer = Trainer(TINY, seed=5)
    trainer.train_step(0.0)
    trainer.save(tmp_path)
    path = tmp_path / checkpoint.TRAINER
    about = json.loads(path.read_text())
    path.write_text(json.dumps({**about, "device": "cuda"}))
    state = Trainer.resume(tmp_path).generator.get_state()
    assert torch.equal(state, torch.Generator().manual_seed(5 + 1).get_state())
    assert not torch.equal(state, trainer.generator.get_state())
    path.write_text(json.dumps({k: v for k, v in about.items() if k != "averaged"}))
    with pytest.raises(ValueError, match="does not fit its configuration: 'averaged'"):
        Trainer.resume(tmp_path)


def test_changed_puzzles_are_rejected(tmp_path):
    puzzles = Trainer(TINY).streams[0].envs.puzzles
    source = tmp_path / "puzzles.csv"
    lines = ["".join("." if t == 1 else str(int(t) - 1) for t in row) for row in puzzles.inputs[:3]]
    source.write_text("\n".join(["question", *lines]) + "\n")
    config = dataclasses.replace(TINY, source=str(source))
    Trainer(config).save(tmp_path / "run")
    assert Trainer.resume(tmp_path / "run").step == 0
    source.write_text("\n".join(["question", *lines[:2]]) + "\n")
    with pytest.raises(ValueError, match="have changed since this run was saved"):
        Trainer.resume(tmp_path / "run")


def test_a_run_goes_on_after_its_puzzles_were_moved(tmp_path):
    puzzles = Trainer(TINY).streams[0].envs.puzzles
    source, moved = tmp_path / "puzzles.csv", tmp_path / "elsewhere" / "renamed.csv"
    lines = ["".join("." if t == 1 else str(int(t) - 1) for t in row) for row in puzzles.inputs[:3]]
    source.write_text("\n".join(["question", *lines]) + "\n")
    config = dataclasses.replace(TINY, source=str(source))
    Trainer(config).save(tmp_path / "run")
    moved.parent.mkdir()
    source.rename(moved)
    there = dataclasses.replace(config, source=str(moved))
    trainer = Trainer.resume(tmp_path / "run", there)
    assert trainer.config.source == str(moved)
    trainer.save(tmp_path / "run")
    # From then on the new place is the run's own.
    assert Trainer.resume(tmp_path / "run").config.source == str(moved)
    with pytest.raises(ValueError, match=r"another configuration: batch_size \(8 saved, 4 now\)$"):
        Trainer.resume(tmp_path / "run", dataclasses.replace(there, batch_size=4))
    moved.write_text("\n".join(["question", *lines[:2]]) + "\n")
    with pytest.raises(ValueError, match=r"renamed.csv' have changed since this run was saved"):
        Trainer.resume(tmp_path / "run", there)


def test_the_puzzles_of_a_run_with_several_sources_may_be_moved(tmp_path):
    saved = get_preset("sudoku").with_puzzles(source="here.csv")
    checkpoint.check_same(tmp_path, saved, saved.with_puzzles(source="there.csv"))
    with pytest.raises(ValueError, match="another configuration: sources"):
        checkpoint.check_same(tmp_path, saved, saved.with_puzzles(source="there.csv", limit=7))


def test_checkpoints_need_nothing_that_windows_lacks(tmp_path, monkeypatch):
    def fsync(descriptor):
        # Windows cannot flush a file that is open for reading alone.
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(9, "Bad file descriptor")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(os, "fsync", fsync)
    for name in ("fchmod", "fchown", "killpg", "getuid", "fork"):
        monkeypatch.delattr(os, name)
    Trainer(TINY).save(tmp_path)
    assert Trainer.resume(tmp_path).step == 0
    HRMAgent.from_pretrained(tmp_path).save(tmp_path / "agent")
    write_json(tmp_path / "result.json", {}, [])


PATIENCE = 600.0
"""Seconds to wait for a process on a busy machine; the process never outlives its test."""


@contextmanager
def started(out, *words):
    """Start a training run; it is killed at the end if it is still running."""
    command = [sys.executable, "scripts/train.py", "--preset", "sudoku-4x4", "--batch-size", "8"]
    command += ["--threads", "1", "--episodes", "0", "--out", str(out), *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as run:
        try:
            yield run
        finally:
            run.kill()


def wait_until(true, run):
    """Wait until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert run.poll() is None, run.stdout.read()
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_0(tmp_path, number):
    folder = tmp_path / "HRMSudokuAnswer-4x4-v0" / "hrm" / "seed0"
    with started(tmp_path, "--steps", "1000000", "--save-every", "0.1") as run:
        wait_until((folder / checkpoint.TRAINER).exists, run)
        run.send_signal(number)
        said, _ = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, said
    assert "resume with --resume" in said
    trainer = Trainer.resume(folder)
    assert trainer.budget["steps"] == 1_000_000
    assert f"{trainer.step} steps in" in said


@pytest.mark.slow
def test_a_run_killed_at_any_moment_can_be_resumed(tmp_path):
    """After each of 20 kills the checkpoint is readable, and at most one interval is lost."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "HRMSudokuAnswer-4x4-v0" / "hrm" / "seed0"
    every, before = 0.2, 0
    for attempt in range(20):
        words = ["--resume", str(folder)] if attempt else []
        with started(tmp_path, "--steps", "1000000", "--save-every", str(every), *words) as run:
            if not attempt:
                wait_until((folder / checkpoint.TRAINER).exists, run)
            # Until it has saved again, and a moment longer.
            wait_until(lambda before=before: steps_of(folder)[1] > before, run)
            time.sleep(rng.uniform(0, 3 * every))
            saved = steps_of(folder)[1]
        config, step = steps_of(folder)
        assert config == step
        assert step >= saved > before
        HRMAgent.from_pretrained(folder)
        before = Trainer.resume(folder).step
        assert before == step


def test_saved_files_contain_no_pickle(tmp_path):
    trainer = Trainer(TINY)
    trainer.save(tmp_path)
    for name in (checkpoint.CONFIG, checkpoint.TRAINER):
        json.loads((tmp_path / name).read_text())
    for name in (checkpoint.MODEL, checkpoint.STATE):
        tensors = checkpoint.read_tensors(tmp_path, name)
        assert all(isinstance(value, torch.Tensor) for value in tensors.values())
