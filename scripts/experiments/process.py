"""The process of a cell, seen from its parent: start it, watch its time, end it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

from .cell import FILE, Cell, load

LOG = "cell.log"
"""Output of a process; the file is kept if the cell failed or asks for it."""


def kill_group(number: int) -> None:
    """End the processes of a group at once; Windows has no groups, so there only its first process.

    Args:
        number: Number of the group, which is that of its first process; 0 means the own one.
    """
    if hasattr(os, "killpg"):
        os.killpg(number, signal.SIGKILL)
    else:
        # On Windows this signal ends a process at once.
        os.kill(number or os.getpid(), signal.SIGTERM)


class Process:
    """A running cell, in a session of its own.

    Ctrl-C in a terminal therefore reaches only the parent, which then ends its cells.

    Args:
        cell: The cell; files of an earlier run of it are removed.
        out: Folder of all runs.
        timeout: Seconds that the cell may take in total; ``None`` takes ``Cell.time_limit``.
    """

    def __init__(self, cell: Cell, out: Path, timeout: float | None = None) -> None:
        self.cell, self.out = cell, out
        self.timeout = cell.time_limit if timeout is None else timeout
        self.timed_out = False
        folder = cell.folder(out)
        clear(folder)
        threads = str(cell.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        # Pictures are drawn without a display.
        environment["SDL_VIDEODRIVER"] = "dummy"
        # Custom agents are modules of the folder in which the command was started.
        paths = [*sys.path, os.getcwd()]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        # The cell ends when its standard input is closed, which happens however this process ends.
        kind = f"{type(cell).__module__}:{type(cell).__qualname__}"
        settings = json.dumps(dataclasses.asdict(cell))
        command = [sys.executable, "-m", __package__ or "", kind, settings, str(out), "0"]
        log: IO[bytes]
        with open(folder / LOG, "wb") as log:
            self.process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.started = time.monotonic()

    def poll(self) -> bool:
        """Return whether the process has ended; end it if it has exceeded its time."""
        if self.process.poll() is None and time.monotonic() - self.started > self.timeout:
            self.timed_out = True
            self.stop()
        return self.process.poll() is not None

    def stop(self) -> None:
        """End the process and the processes that it has started.

        These could outlive it and take time from the cells that follow.
        """
        # The process may have ended already; the name of this error depends on the system.
        with contextlib.suppress(OSError):
            kill_group(self.process.pid)
        with self.process:
            pass

    def result(self) -> Any:
        """Return the cell's result; without one, save and return a failure."""
        self.stop()
        log = self.cell.folder(self.out) / LOG
        failed = self.cell.result_type
        try:
            found = load(self.cell, self.out)
        except ValueError as error:
            return failed(self.cell, failure=str(error))
        if found is None:
            lines = log.read_text(errors="replace").strip().splitlines()
            last = f": {lines[-1].strip()}" if lines else ""
            found = failed(self.cell, failure=self._reason() + last)
            found.save(self.out)
        elif found.failure is None and not self.cell.keep_log:
            log.unlink(missing_ok=True)
        return found

    def _reason(self) -> str:
        """Return why there is no result."""
        if self.timed_out:
            option = self.cell.limit_option
            return f"it had no result after {self.timeout:g} s and was stopped{option}"
        status = self.process.returncode
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return f"its process died ({how})"


def clear(folder: Path) -> None:
    """Create the folder of a cell, and remove the files of an earlier run from it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FILE, LOG, "events.out.tfevents.*"):
        for old in folder.glob(name):
            old.unlink()
