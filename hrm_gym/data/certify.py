"""Certify the puzzles of files, and remember which sets were found good."""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hrm_gym.files import write_bytes
from hrm_gym.puzzles import Task, Tokens

CHECK = 1
"""Version of what ``check_rows`` asks and rates; raise it when that changes."""

REMEMBERED = 5_000
"""Puzzles from which a set is certified once; fewer take less than a second or two."""


def certify(task: Task, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
    """Check and rate every row: a Sudoku has the one solution, a maze the shortest path it says.

    To solve a Sudoku takes some 0.2 ms, so a set of a million takes minutes. The ratings of a large
    set that was found good are remembered by its hash, in the user's cache (``$XDG_CACHE_HOME``, or
    ``~/.cache``); a set that changed has another hash. Where numba is not installed, as on bare
    machines that only train, a warning says that nothing was certified.

    Args:
        task: The task.
        inputs: ``(N, seq_len)`` integers.
        labels: ``(N, seq_len)`` integers, 0 where a position does not count.

    Returns:
        The ratings, ``(N,)``; 0 where the task rates no rows, or numba is not installed.

    Raises:
        ValueError: A row is no puzzle; the message gives its number.
    """
    mark = mark_of(task, inputs, labels) if len(inputs) >= REMEMBERED else None
    if mark is not None:
        known = recall(mark, len(inputs))
        if known is not None:
            return known
    try:
        ratings = task.check_rows(inputs, labels)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        warnings.warn(f"numba is not installed, so no {task.id} was certified", stacklevel=2)
        return np.zeros(len(inputs), np.float32)
    if mark is not None:
        content = io.BytesIO()
        np.save(content, ratings)
        # A cache that cannot be written to remembers nothing.
        with suppress(OSError):
            write_bytes(mark, content.getvalue())
    return ratings


def mark_of(task: Task, inputs: Tokens, labels: Tokens) -> Path | None:
    """Return the file that remembers a set, None where there is no folder for it."""
    name = hashlib.blake2b(f"{CHECK} {task.id}".encode(), digest_size=16)
    for part in (inputs, labels):
        name.update(part.astype(np.uint8).tobytes())
    try:
        return cache() / "certified" / f"{name.hexdigest()}.npy"
    except RuntimeError:  # neither $HOME nor a home in the list of users
        return None


def recall(mark: Path, count: int) -> NDArray[np.float32] | None:
    """Return the ratings of a set that was found good, None where none can be read."""
    try:
        with mark.open("rb") as file:
            ratings = np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    if not isinstance(ratings, np.ndarray):
        return None
    return ratings if (ratings.shape, ratings.dtype) == ((count,), np.float32) else None


def cache() -> Path:
    """Return the folder of what can be made again.

    Raises:
        RuntimeError: The user has no home.
    """
    # A relative path is to be ignored, says the XDG Base Directory Specification.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "hrm_gym"
