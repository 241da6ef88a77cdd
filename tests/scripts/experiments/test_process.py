"""Processes of cells that hang, are interrupted or lose their parent; cells on Ray."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from hrm_gym.scripts.comparing.cell import AgentCell
from hrm_gym.scripts.experiments import cell as cells
from hrm_gym.scripts.experiments import grid
from hrm_gym.scripts.experiments.process import Process, kill_group

SLEEPER = """
import os, pathlib, subprocess, time

class Sleeper:
    def act(self, obs, info):
        child = subprocess.Popen(["sleep", "60"])
        pathlib.Path("pids").write_text(f"{os.getpid()} {child.pid}")
        print("so tired", flush=True)
        time.sleep(60)
"""
"""An agent that never answers and starts a child process."""


def alive(pid: int) -> bool:
    """Return whether a process runs; a zombie does not."""
    status = Path(f"/proc/{pid}/status")
    try:
        return "State:\tZ" not in status.read_text(encoding="utf-8")
    except OSError:
        return False


def asleep(folder: Path, seconds: float = 60.0) -> list[int]:
    """Wait until the sleeper has written its process id and its child's, and return them."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pids = (folder / "pids").read_text().split() if (folder / "pids").exists() else []
        if len(pids) == 2:
            return [int(pid) for pid in pids]
        time.sleep(0.05)
    raise AssertionError("the cell did not begin")


def test_processes_end_without_what_windows_lacks(monkeypatch):
    monkeypatch.delattr(os, "killpg")
    monkeypatch.delattr(signal, "SIGKILL")
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        kill_group(process.pid)
        assert process.wait(20) != 0


def gone(pids: list[int], seconds: float = 20.0) -> bool:
    """Return whether processes end within some seconds."""
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AgentCell:
    """Return a cell that hangs; its agent is in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tired.py").write_text(SLEEPER)
    return AgentCell("HRMSudoku-4x4-v0", "tired:Sleeper", seconds=1.0)


linux = pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")


@linux
def test_a_cell_that_exceeds_its_time_is_ended(sleeper: AgentCell, tmp_path: Path) -> None:
    running = Process(sleeper, tmp_path)
    pids = asleep(tmp_path)
    assert not running.poll()
    running.timeout = 0.1
    assert running.poll()
    result = running.result()
    assert result.failure == "it had no result after 0.1 s and was stopped (--timeout): so tired"
    assert cells.load(sleeper, tmp_path) == result
    assert gone(pids)


@linux
@pytest.mark.parametrize(
    ("end", "failure"),
    [("return 0", None), ("os._exit(3)", "its process died (exit status 3): so tired")],
)
def test_processes_started_by_a_cell_end_with_it(
    end: str, failure: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tired.py").write_text(SLEEPER.replace("time.sleep(60)", end))
    cell = AgentCell("HRMSudoku-4x4-v0", "tired:Sleeper", episodes=1)
    (result,) = grid.run_grid([cell], tmp_path, say=lambda line: None)
    assert result.failure == failure
    assert gone(asleep(tmp_path))


def test_other_cells_finish_if_one_hangs(
    sleeper: AgentCell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = property(lambda cell: 0.2 if cell is sleeper else 600.0)
    monkeypatch.setattr(AgentCell, "time_limit", limit)
    other = AgentCell("HRMSudoku-4x4-v0", "oracle", episodes=5)
    late, good = grid.run_grid([sleeper, other], tmp_path, say=lambda line: None)
    assert (late.failure or "").startswith("it had no result after 0.2 s and was stopped")
    assert good.failure is None


def test_the_time_limit_is_far_beyond_the_budget() -> None:
    assert AgentCell("HRMSudoku-4x4-v0", "hrm", seconds=180.0).time_limit == 2700.0


@linux
def test_an_interrupted_comparison_leaves_nothing_running(
    sleeper: AgentCell, tmp_path: Path
) -> None:
    # What a shell runs in the background ignores Ctrl-C, and so would Python.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        asleep(tmp_path)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            grid.run_grid([sleeper], tmp_path, say=lambda line: None)
        thread.join()
    finally:
        signal.signal(signal.SIGINT, before)
    assert gone(asleep(tmp_path))
    assert cells.load(sleeper, tmp_path) is None, "it is run again next time"


@linux
def test_cells_end_with_a_comparison_that_is_killed(sleeper: AgentCell, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\n"
        "from hrm_gym.scripts.comparing.cell import AgentCell\n"
        "from hrm_gym.scripts.experiments.grid import run_grid\n"
        f"run_grid([{sleeper!r}], Path())"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as parent:
        pids = asleep(tmp_path)
        assert all(map(alive, pids))
        parent.kill()
    assert gone(pids)


def test_ray_runs_the_same_cells(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    cell = AgentCell("HRMMaze-7x7-v0", "oracle", episodes=5)
    (result,) = grid.run_grid([cell], tmp_path, ray="local", say=lambda line: None)
    assert result.tested["test"].solve_rate == 1.0
    assert cells.load(cell, tmp_path) == result
    # Once more: what the first run left is removed.
    grid.run_grid([cell], tmp_path, rerun=True, ray="local", say=lambda line: None)
    assert len(list(cell.folder(tmp_path).glob("events.out.tfevents.*"))) == 1


def test_an_interrupted_ray_is_shut_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    def remote(**_: object) -> object:
        task = SimpleNamespace(remote=lambda cell: object())
        return lambda function: SimpleNamespace(options=lambda **_: task)

    ray = SimpleNamespace(
        init=lambda **_: said.append("init"),
        shutdown=lambda: said.append("shutdown"),
        wait=interrupted,
        remote=remote,
    )
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(KeyboardInterrupt):
        grid.run_grid([AgentCell("HRMMaze-7x7-v0", "oracle")], tmp_path, ray="local")
    assert said == ["init", "shutdown"]
