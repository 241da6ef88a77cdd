"""The grid of cells: each in its own process, several at a time, finished ones not run again."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

from hrm_gym.extras import missing_extra

from .cell import FILE, Cell, Result, load, run_cell

Say = Callable[[str], None]
LOG = "cell.log"
"""What a process wrote; it stays where the process died."""
MODULE = "hrm_gym.scripts.comparing.cell"


def run_grid(
    cells: Sequence[Cell],
    out: Path,
    workers: int = 1,
    say: Say = print,
    again: bool = False,
    ray: str | None = None,
) -> list[Result]:
    """Run every cell that has no result yet.

    Args:
        cells: What to run.
        out: Folder of their runs, as for TensorBoard.
        workers: Processes at a time.
        say: Takes a line about what is going on.
        again: Run finished cells too.
        ray: Address of a Ray cluster, ``auto`` or ``local``; the cells then run there.

    Returns:
        A result for every cell, in their order. A cell that failed, whose process died, or whose
        folder holds something else, is among them with its reason.

    Raises:
        ValueError: Ray is asked for and not installed, or not reached.
    """
    results: dict[Cell, Result] = {}
    waiting = []
    for cell in cells:
        try:
            found = None if again else load(cell, out)
        except ValueError as error:
            results[cell] = Result(cell, failure=str(error))
            say(f"{cell.name}: failed: {error}")
            continue
        if found is None or found.failure is not None:
            waiting.append(cell)
        else:
            results[cell] = found
            say(f"{cell.name}: {_outcome(found)} (finished before)")
    run = _on_ray(ray) if ray is not None else _in_processes(workers)
    run(waiting, out, results, say)
    return [results[cell] for cell in cells]


Run = Callable[[Sequence[Cell], Path, dict[Cell, Result], Say], None]


def _in_processes(workers: int) -> Run:
    def run(cells: Sequence[Cell], out: Path, results: dict[Cell, Result], say: Say) -> None:
        waiting = list(reversed(cells))
        running: dict[Cell, subprocess.Popen[bytes]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    cell = waiting.pop()
                    say(f"{cell.name}: begun")
                    running[cell] = _start(cell, out)
                for cell, process in list(running.items()):
                    if process.poll() is not None:
                        del running[cell]
                        results[cell] = _collect(cell, out, process.returncode)
                        count = f"{len(results)} of {len(results) + len(waiting) + len(running)}"
                        say(f"{cell.name}: {_outcome(results[cell])} ({count})")
                time.sleep(0.05)
        finally:
            # An interrupted comparison leaves nothing running.
            for process in running.values():
                process.terminate()
            for process in running.values():
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()

    return run


def _start(cell: Cell, out: Path) -> subprocess.Popen[bytes]:
    """Start the process of a cell; what an earlier one left of it is removed."""
    folder = cell.folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).unlink(missing_ok=True)
    threads = str(cell.threads)
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
    # Pictures are drawn without a display; agents of one's own are looked for where this runs.
    environment["SDL_VIDEODRIVER"] = "dummy"
    paths = [*sys.path, os.getcwd()]
    environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
    words = [sys.executable, "-m", MODULE, str(out), json.dumps(dataclasses.asdict(cell))]
    log: IO[bytes]
    with open(folder / LOG, "wb") as log:
        # A session of its own: Ctrl-C is for the parent, which ends its children in order.
        return subprocess.Popen(
            words, env=environment, stdout=log, stderr=log, start_new_session=True
        )


def _collect(cell: Cell, out: Path, status: int) -> Result:
    """Return what a process has left; a failure where it left nothing."""
    log = cell.folder(out) / LOG
    try:
        found = load(cell, out)
    except ValueError as error:
        found = Result(cell, failure=str(error))
    if found is None:
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        lines = log.read_text(errors="replace").strip().splitlines()
        last = f": {lines[-1].strip()}" if lines else ""
        found = Result(cell, failure=f"its process died ({how}){last}")
        found.save(out)
    elif found.failure is None:
        log.unlink(missing_ok=True)
    return found


def _outcome(result: Result) -> str:
    if result.failure is not None:
        return f"failed: {result.failure}"
    trained = f" after {result.seconds:.0f} s" if result.learned else ""
    return f"{result.tested['test'].solve_rate:.1%} solved{trained}"


def _on_ray(address: str) -> Run:
    """Return what runs cells as Ray tasks; the cell of a lost worker is run again.

    Raises:
        ValueError: Ray is not installed, or the cluster is not reached.
    """
    try:
        import ray
    except ImportError:
        raise ValueError(missing_extra("ray: a cluster", "cluster")) from None
    try:
        where = {} if address == "local" else {"address": address}
        ray.init(**where, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"ray: no cluster at {address!r}: {error}") from None

    @ray.remote(max_retries=2)
    def task(cell: Cell) -> tuple[dict[str, bytes], Result]:
        import tempfile

        os.environ["SDL_VIDEODRIVER"] = "dummy"
        with tempfile.TemporaryDirectory() as name:
            result = run_cell(cell, Path(name))
            folder = cell.folder(Path(name))
            runs = folder.glob("events.out.tfevents.*")
            return {path.name: path.read_bytes() for path in runs}, result

    def run(cells: Sequence[Cell], out: Path, results: dict[Cell, Result], say: Say) -> None:
        from hrm_gym.tracking import write_bytes

        tasks: dict[Any, Cell] = {task.options(num_cpus=c.threads).remote(c): c for c in cells}
        while tasks:
            (done,), _ = ray.wait(list(tasks), num_returns=1)
            cell = tasks.pop(done)
            try:
                files, result = ray.get(done)
            except ray.exceptions.RayError as error:
                reason = " ".join(str(error).split())
                files, result = {}, Result(cell, failure=f"its worker was lost: {reason}")
            for name, content in files.items():
                write_bytes(cell.folder(out) / name, content)
            result.save(out)
            results[cell] = result
            say(f"{cell.name}: {_outcome(result)}")
        ray.shutdown()

    return run
