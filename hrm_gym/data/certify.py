"""Check the puzzles of files, and remember which sets passed."""

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
"""Version of the checks and ratings of ``check_rows``; increase it when they change."""

REMEMBERED = 5_000
"""Number of puzzles from which the result is remembered; fewer take a second or two at most."""


def certify(task: Task, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
    """Check and rate every row; see ``Task.check_rows``.

    Solving a Sudoku takes about 0.2 ms, so a set of a million takes minutes. The ratings of a large
    set that passed are stored under its hash in the user's cache (``$XDG_CACHE_HOME``, or
    ``~/.cache``); a set that has changed has another hash. If numba is not installed, as on
    machines that only train, a warning says that nothing was checked.

    Args:
        task: The task.
        inputs: ``(N, seq_len)`` integers.
        labels: ``(N, seq_len)`` integers, 0 where a position does not count.

    Returns:
        The ratings, ``(N,)``; 0 if the task rates no rows, or numba is not installed.

    Raises:
        ValueError: if a row is not a valid puzzle; the message gives its number.
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
        # Without a writable cache, the set is checked again next time.
        with suppress(OSError):
            write_bytes(mark, content.getvalue())
    return ratings


def mark_of(task: Task, inputs: Tokens, labels: Tokens) -> Path | None:
    """Return the file for the ratings of a set, ``None`` if the user has no cache."""
    name = hashlib.blake2b(f"{CHECK} {task.id}".encode(), digest_size=16)
    for part in (inputs, labels):
        name.update(part.astype(np.uint8).tobytes())
    try:
        return cache() / "certified" / f"{name.hexdigest()}.npy"
    except RuntimeError:  # neither $HOME nor a home in the list of users
        return None


def recall(mark: Path, count: int) -> NDArray[np.float32] | None:
    """Return the stored ratings of a set, ``None`` if there are none."""
    try:
        with mark.open("rb") as file:
            ratings = np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    if not isinstance(ratings, np.ndarray):
        return None
    return ratings if (ratings.shape, ratings.dtype) == ((count,), np.float32) else None


def cache() -> Path:
    """Return the cache folder of this package.

    Raises:
        RuntimeError: if the user has no home directory.
    """
    # The XDG Base Directory Specification says that a relative path is ignored.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "hrm_gym"
