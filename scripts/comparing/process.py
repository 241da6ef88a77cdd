"""The process of a cell: started, given its time, and ended with whoever started it."""

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
from typing import IO

from .cell import FILE, Cell, Result, load

LOG = "cell.log"
"""What a process wrote; it stays where the cell failed."""
MODULE = "hrm_gym.scripts.comparing.cell"


def time_limit(cell: Cell) -> float:
    """Return the seconds after which a cell is given up, where nobody says otherwise.

    Set-up and tests are meant to cost a tenth of the training time at most; who needs five times
    that time has got stuck, or a fraction of a core. Half an hour more is for what does not grow
    with the training: some 1,700 test puzzles, a second each.
    """
    return 5 * cell.seconds + 1800


class Process:
    """A cell that is being run, in a session of its own.

    Ctrl-C in a terminal is so for the parent alone, which ends its cells in order.

    Args:
        cell: What is run; what an earlier run has left of it is removed.
        out: Folder of the runs.
        timeout: Seconds that it may take in all; ``None`` is ``time_limit``.
    """

    def __init__(self, cell: Cell, out: Path, timeout: float | None = None) -> None:
        self.cell, self.out = cell, out
        self.timeout = time_limit(cell) if timeout is None else timeout
        self.late = False
        folder = cell.folder(out)
        clear(folder)
        threads = str(cell.threads)
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads}
        # Pictures are drawn without a display; agents of one's own are looked for where this runs.
        environment["SDL_VIDEODRIVER"] = "dummy"
        paths = [*sys.path, os.getcwd()]
        environment["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        # The cell ends when its input does, which no end of this process can fail to bring about.
        words = [sys.executable, "-m", MODULE, str(out), json.dumps(dataclasses.asdict(cell)), "0"]
        log: IO[bytes]
        with open(folder / LOG, "wb") as log:
            self.process = subprocess.Popen(
                words,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.begun = time.monotonic()

    def over(self) -> bool:
        """Say whether it has ended; one that is out of time is ended."""
        if self.process.poll() is None and time.monotonic() - self.begun > self.timeout:
            self.late = True
            self.stop()
        return self.process.poll() is not None

    def stop(self) -> None:
        """End it, with what it has started itself.

        That may outlive it, and would take time from the cells that follow.
        """
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with self.process:
            pass

    def result(self) -> Result:
        """Return what it has left; a failure, which is written too, where it left nothing."""
        self.stop()
        log = self.cell.folder(self.out) / LOG
        try:
            found = load(self.cell, self.out)
        except ValueError as error:
            return Result(self.cell, failure=str(error))
        if found is None:
            status = self.process.returncode
            how = f"signal {-status}" if status < 0 else f"exit status {status}"
            reason = f"its process died ({how})"
            if self.late:
                reason = f"it had no result after {self.timeout:g} s, and was ended (--timeout)"
            lines = log.read_text(errors="replace").strip().splitlines()
            last = f": {lines[-1].strip()}" if lines else ""
            found = Result(self.cell, failure=reason + last)
            found.save(self.out)
        elif found.failure is None:
            log.unlink(missing_ok=True)
        return found


def clear(folder: Path) -> None:
    """Make the folder of a cell, and remove what an earlier run has left there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FILE, LOG, "events.out.tfevents.*"):
        for old in folder.glob(name):
            old.unlink()
