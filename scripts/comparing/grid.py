"""The grid of cells: each in its own process, several at a time, finished ones not run again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hrm_gym.extras import missing_extra

from .cell import Cell, Result, load
from .process import Process, clear

Say = Callable[[str], None]


def run_grid(
    cells: Sequence[Cell],
    out: Path,
    workers: int = 1,
    say: Say = print,
    again: bool = False,
    ray: str | None = None,
    timeout: float | None = None,
) -> list[Result]:
    """Run every cell that has no result yet.

    Args:
        cells: What to run.
        out: Folder of their runs, as for TensorBoard.
        workers: Processes at a time.
        say: Takes a line about what is going on.
        again: Run finished cells too.
        ray: Address of a Ray cluster, ``auto`` or ``local``; the cells then run there.
        timeout: Seconds that a cell may take in all; ``None`` is ``process.time_limit``.

    Returns:
        A result for every cell, in their order. A cell that failed, whose process died or was
        not done in time, or whose folder holds something else, is among them with its reason.

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
    run = _in_processes(workers, timeout) if ray is None else _on_ray(ray, timeout)
    run(waiting, out, results, say)
    return [results[cell] for cell in cells]


Run = Callable[[Sequence[Cell], Path, dict[Cell, Result], Say], None]


def _in_processes(workers: int, timeout: float | None) -> Run:
    def run(cells: Sequence[Cell], out: Path, results: dict[Cell, Result], say: Say) -> None:
        waiting = list(reversed(cells))
        running: list[Process] = []
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    cell = waiting.pop()
                    say(f"{cell.name}: begun")
                    running.append(Process(cell, out, timeout))
                for process in [process for process in running if process.over()]:
                    running.remove(process)
                    cell = process.cell
                    results[cell] = process.result()
                    count = f"{len(results)} of {len(results) + len(waiting) + len(running)}"
                    say(f"{cell.name}: {_outcome(results[cell])} ({count})")
                time.sleep(0.05)
        finally:
            # An interrupted comparison leaves nothing running.
            for process in running:
                process.stop()

    return run


def _outcome(result: Result) -> str:
    if result.failure is not None:
        return f"failed: {result.failure}"
    trained = f" after {result.seconds:.0f} s" if result.learned else ""
    return f"{result.tested['test'].solve_rate:.1%} solved{trained}"


def _on_ray(address: str, timeout: float | None) -> Run:
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
    except Exception as error:
        # Of a node that does not start in time Ray says so with a plain Exception.
        raise ValueError(f"ray: no cluster at {address!r}: {error}") from None

    @ray.remote(max_retries=2)
    def task(cell: Cell) -> dict[str, bytes]:
        import tempfile

        # A process of its own here too, which can be ended when its time is out.
        with tempfile.TemporaryDirectory() as name:
            process = Process(cell, Path(name), timeout)
            try:
                while not process.over():
                    time.sleep(0.05)
            finally:
                process.stop()
            process.result()
            return {path.name: path.read_bytes() for path in cell.folder(Path(name)).iterdir()}

    def run(cells: Sequence[Cell], out: Path, results: dict[Cell, Result], say: Say) -> None:
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
                    Result(cell, failure=f"its worker was lost: {reason}").save(out)
                found = load(cell, out)
                assert found is not None
                results[cell] = found
                say(f"{cell.name}: {_outcome(found)}")
        finally:
            # Ctrl-C ends the tasks with it, and their cells with them.
            ray.shutdown()

    return run
