"""Certify the puzzles of files, and remember which sets were found good."""

from __future__ import annotations

import hashlib
import os
import warnings
from pathlib import Path

import numpy as np

from hrm_gym.puzzles import Task, Tokens

REMEMBERED = 5_000
"""Puzzles from which a set is certified once; fewer take less than a second or two."""


def certify(task: Task, inputs: Tokens, labels: Tokens) -> None:
    """Check that every row is a puzzle of its task: a Sudoku with the one solution that it says.

    To solve a Sudoku takes some 0.2 ms, so a set of a million takes minutes. A large set that was
    found good is remembered by its hash, as an empty file in the user's cache (``$XDG_CACHE_HOME``,
    or ``~/.cache``); a set that changed has another hash. Where numba is not installed, as on bare
    machines that only train, a warning says that nothing was certified.

    Args:
        task: The task.
        inputs: ``(N, seq_len)`` integers.
        labels: ``(N, seq_len)`` integers, 0 where a position does not count.

    Raises:
        ValueError: A row is no puzzle; the message gives its number.
    """
    mark = None
    if len(inputs) >= REMEMBERED:
        name = hashlib.blake2b(task.id.encode(), digest_size=16)
        for part in (inputs, labels):
            name.update(part.astype(np.uint8).tobytes())
        mark = cache() / "certified" / name.hexdigest()
        if mark.exists():
            return
    try:
        task.check_rows(inputs, labels)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        warnings.warn(f"numba is not installed, so no {task.id} was certified", stacklevel=2)
        return
    if mark is not None:
        try:
            mark.parent.mkdir(parents=True, exist_ok=True)
            mark.touch()
        except OSError:
            pass  # a cache that cannot be written to remembers nothing


def cache() -> Path:
    """Return the folder of what can be made again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hrm_gym"
