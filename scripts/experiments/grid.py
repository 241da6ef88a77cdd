"""Runs a grid of cells: several processes at a time; finished cells are not run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hrm_gym.extras import missing_extra

from .cell import Cell, load
from .process import Process, clear

Say = Callable[[str], None]
OnResult = Callable[[Any], None]
Runner = Callable[[Sequence[Cell], Path, OnResult, Say], None]


def show(line: str) -> None:
    """Print a line at once, so that the log of a long run can be followed."""
    print(line, flush=True)


def run_grid(
    cells: Sequence[Cell],
    out: Path,
    workers: int = 1,
    say: Say = show,
    rerun: bool = False,
    ray: str | None = None,
    timeout: float | None = None,
    on_result: OnResult | None = None,
) -> list[Any]:
    """Run every cell that has no result yet.

    Args:
        cells: The cells.
        out: Folder of all runs.
        workers: Number of processes at a time.
        say: Called with a line for every cell that starts or ends.
        rerun: Run finished cells again.
        ray: Address of a Ray cluster, ``auto`` or ``local``; the cells then run there.
        timeout: Seconds that a cell may take in total; ``None`` takes ``Cell.time_limit``.
        on_result: Called with the result of each cell that was run, as soon as it ends.

    Returns:
        A ``Result`` for every cell, in the order of the cells. The result of a cell whose process
        died or exceeded its time, or whose folder holds something else, contains the reason.

    Raises:
        ValueError: if Ray is not installed or the cluster is not available.
    """
    results: dict[Cell, Any] = {}
    waiting: list[Cell] = []
    for cell in cells:
        try:
            found = None if rerun else load(cell, out)
        except ValueError as error:
            results[cell] = cell.result_type(cell, failure=str(error))
            say(f"{cell.name}: failed: {error}")
            continue
        if found is None or found.failure is not None:
            waiting.append(cell)
        else:
            results[cell] = found
            say(f"{cell.name}: {found.summary} (finished before)")

    def keep(result: Any) -> None:
        results[result.cell] = result
        say(f"{result.cell.name}: {result.summary} ({len(results)} of {len(cells)})")
        if on_result is not None:
            on_result(result)

    runner = _in_processes(workers, timeout) if ray is None else _on_ray(ray, timeout)
    runner(waiting, out, keep, say)
    return [results[cell] for cell in cells]


def _in_processes(workers: int, timeout: float | None) -> Runner:
    """Return a runner that starts the cells as processes of this machine."""

    def run(cells: Sequence[Cell], out: Path, on_result: OnResult, say: Say) -> None:
        waiting = list(reversed(cells))
        running: list[Process] = []
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    cell = waiting.pop()
                    say(f"{cell.name}: started")
                    running.append(Process(cell, out, timeout))
                for process in [process for process in running if process.poll()]:
                    running.remove(process)
                    on_result(process.result())
                time.sleep(0.05)
        finally:
            # Ctrl-C must not leave a cell running.
            for process in running:
                process.stop()

    return run


def _on_ray(address: str, timeout: float | None) -> Runner:
    """Return a runner that starts the cells as Ray tasks; a lost worker's cell is run again.

    Raises:
        ValueError: if Ray is not installed or the cluster is not available.
    """
    try:
        import ray
    except ImportError:
        raise ValueError(missing_extra("ray: a cluster", "cluster")) from None
    try:
        where = {} if address == "local" else {"address": address}
        ray.init(**where, ignore_reinit_error=True, log_to_driver=False, include_dashboard=False)
    except Exception as error:
        # Ray raises a plain Exception if a node does not start in time.
        raise ValueError(f"ray: no cluster at {address!r}: {error}") from None

    @ray.remote(max_retries=2)
    def task(cell: Cell) -> dict[str, bytes]:
        import tempfile

        # The worker starts a process too, since only a process can be stopped after a time limit.
        with tempfile.TemporaryDirectory() as name:
            process = Process(cell, Path(name), timeout)
            try:
                while not process.poll():
                    time.sleep(0.05)
            finally:
                process.stop()
            process.result()
            return {path.name: path.read_bytes() for path in cell.folder(Path(name)).iterdir()}

    def run(cells: Sequence[Cell], out: Path, on_result: OnResult, say: Say) -> None:
        from hrm_gym.files import write_bytes

        try:
            tasks: dict[Any, Cell] = {task.options(num_cpus=c.threads).remote(c): c for c in cells}
            while tasks:
                (done,), _ = ray.wait(list(tasks), num_returns=1)
                cell = tasks.pop(done)
                folder = cell.folder(out)
                clear(folder)
                try:
                    for name, content in ray.get(done).items():
                        write_bytes(folder / name, content)
                except ray.exceptions.RayError as error:
                    reason = " ".join(str(error).split())
                    cell.result_type(cell, failure=f"its worker was lost: {reason}").save(out)
                on_result(load(cell, out))
        finally:
            # Ctrl-C ends the tasks too, and with them their cells.
            ray.shutdown()

    return run
