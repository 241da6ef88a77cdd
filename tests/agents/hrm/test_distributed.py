"""Two processes learn what one does."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest

from hrm_gym.agents.hrm.distributed import World
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.run import Schedule, run
from hrm_gym.agents.hrm.trainer import Trainer

TINY = get_preset("sudoku-4x4")
CONFIG = dataclasses.replace(
    TINY,
    batch_size=16,
    model={**TINY.model, "hidden_size": 16, "q_continue": True, "num_puzzles": 1},
)


def losses(folder):
    """Train for a few steps; return the losses and how many steps the checkpoint knows of."""
    trainer, found = Trainer(CONFIG, seed=5), []
    beside = Schedule(folder=folder, on_log=lambda t, m: found.append(m), log_every=0.0)
    run(trainer, 12, beside=beside)
    return trainer, found


def test_two_processes_learn_as_one(tmp_path):
    _, alone = losses(tmp_path / "one")
    code = (
        "import json, sys; sys.path.append('tests/agents/hrm'); import pathlib, test_distributed\n"
        f"t, m = test_distributed.losses(pathlib.Path({str(tmp_path / 'two')!r}))\n"
        f"pathlib.Path({str(tmp_path)!r}, f'rank{{t.world.rank}}.json').write_text(json.dumps(m))\n"
        "t.world.leave()\n"
    )
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "OMP_NUM_THREADS": "1"}
    shared["MASTER_PORT"] = str(20000 + os.getpid() % 20000)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, **shared, "RANK": str(r), "LOCAL_RANK": str(r)},
        )
        for r in range(2)
    ]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    for rank in range(2):
        together = json.loads((tmp_path / f"rank{rank}.json").read_text())
        assert len(together) == len(alone) == 12
        for one, two in zip(alone, together, strict=True):
            assert two == pytest.approx(one, abs=1e-5)
    # What the first rank wrote holds the rows of both: one process can go on with it.
    assert Trainer.resume(tmp_path / "two").step == 12


def test_ranks_must_divide_the_batch():
    assert World(1, 4).rows(12) == slice(3, 6)
    with pytest.raises(ValueError, match="batch_size: 4 ranks do not divide 10"):
        World(0, 4).rows(10)
