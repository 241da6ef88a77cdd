"""Two processes learn the same as one process."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.distributed import World
from hrm_gym.agents.hrm.training.run import Callbacks, run
from hrm_gym.agents.hrm.training.trainer import Trainer

TINY = get_preset("sudoku-4x4")
CONFIG = dataclasses.replace(
    TINY,
    batch_size=16,
    model={**TINY.model, "hidden_size": 16, "q_continue": True, "num_puzzles": 1},
)


def losses(folder):
    """Train for a few steps; return the losses and the number of steps in the checkpoint."""
    trainer, found = Trainer(CONFIG, seed=5), []
    callbacks = Callbacks(folder=folder, on_log=lambda t, m: found.append(m), log_every=0.0)
    run(trainer, 12, callbacks=callbacks)
    return trainer, found


RANKS = """
import json, pathlib, sys
sys.path.append("tests/agents/hrm/training")
import test_distributed
folder = pathlib.Path(sys.argv[1])
trainer, found = test_distributed.losses(folder / "two")
(folder / f"rank{trainer.world.rank}.json").write_text(json.dumps(found))
if sys.argv[2:] == ["fail"]:
    sys.exit(3)
trainer.world.leave()
"""


def torchrun(folder, *words):
    """Start two processes as described in the README, on a free port."""
    (folder / "ranks.py").write_text(RANKS)
    start = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
    start += ["--nproc-per-node", "2", str(folder / "ranks.py"), str(folder), *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *start], env=environment, capture_output=True, text=True, timeout=900
    )


def test_two_processes_learn_as_one(tmp_path):
    _, alone = losses(tmp_path / "one")
    done = torchrun(tmp_path)
    assert done.returncode == 0, done.stderr
    for rank in range(2):
        together = json.loads((tmp_path / f"rank{rank}.json").read_text())
        assert len(together) == len(alone) == 12
        for one, two in zip(alone, together, strict=True):
            assert two == pytest.approx(one, abs=1e-5)
    # The checkpoint contains the rows of both ranks: one process can resume it.
    assert Trainer.resume(tmp_path / "two").step == 12


@pytest.mark.slow
def test_a_failed_rank_reports_its_exit_status(tmp_path):
    # The error ends the process without waiting for the other one, and without an abort in gloo.
    for _ in range(5):
        done = torchrun(tmp_path, "fail")
        assert "exitcode  : 3 " in done.stderr, done.stderr
        assert "exitcode  : -" not in done.stderr, done.stderr


def test_ranks_must_divide_the_batch():
    assert World(1, 4).rows(12) == slice(3, 6)
    with pytest.raises(ValueError, match="batch_size: 4 ranks do not divide 10"):
        World(0, 4).rows(10)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({}, "batch_size: 3 ranks do not divide 16"),
        ({"batch_size": 15, "source": "nowhere.csv"}, "nowhere.csv"),
        ({"batch_size": 15, "model": {**CONFIG.model, "hidden_size": -1}}, "hidden_size"),
    ],
)
def test_an_error_is_raised_before_the_ranks_synchronize(monkeypatch, change, sentence):
    # There are no other processes: joining them would fail, or wait for half an hour.
    for name, value in (("WORLD_SIZE", "3"), ("RANK", "1"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    with pytest.raises(ValueError, match=sentence):
        Trainer(dataclasses.replace(CONFIG, **change))
