"""The process of a cell: ``python -m hrm_gym.scripts.experiments CLASS SETTINGS OUT [PIPE]``.

CLASS is ``module:Class`` of a subclass of ``Cell``, SETTINGS are its fields as JSON, OUT is the
folder of all runs. The process ends early if the pipe with that file descriptor is closed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path

from .cell import Cell, run_cell
from .process import kill_group


def end_with(pipe: int) -> None:
    """End this process and its children as soon as the other end of a pipe is closed.

    The system closes it when the parent ends, whatever ends the parent.

    Args:
        pipe: File descriptor of the reading end.
    """

    def wait() -> None:
        os.read(pipe, 1)
        kill_group(0)

    threading.Thread(target=wait, daemon=True).start()


def main() -> None:
    """Run the cell that the command line describes, and save its result."""
    if len(sys.argv) > 4:
        end_with(int(sys.argv[4]))
    module, _, name = sys.argv[1].partition(":")
    cell: Cell = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    out = Path(sys.argv[3])
    run_cell(cell, out).save(out)


if __name__ == "__main__":
    main()
