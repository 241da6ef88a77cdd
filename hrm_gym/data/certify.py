"""Certification of the puzzles of dataset folders, and a cache of the sets that were certified."""

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

CHECK_VERSION = 1
"""Version of ``Task.check_rows``; increment it when the checks or the ratings change."""

CACHED_FROM = 5_000
"""Least number of puzzles of a set that is cached; smaller sets take a second or two at most."""


def certify(task: Task, inputs: Tokens, labels: Tokens) -> NDArray[np.float32]:
    """Check and rate every row with ``Task.check_rows``.

    Solving a Sudoku takes about 0.2 ms, so that a set of a million puzzles takes minutes. The
    ratings of a large set that passed are therefore cached by the hash of the set in the user's
    cache folder (``$XDG_CACHE_HOME``, or ``~/.cache``). If numba is not installed, as on machines
    that are only used for training, a warning says that nothing was certified.

    Args:
        task: The task.
        inputs: ``(N, seq_len)`` integers.
        labels: ``(N, seq_len)`` integers, 0 at positions that do not count.

    Returns:
        The ratings, ``(N,)``; 0 if the task does not rate rows, or numba is not installed.

    Raises:
        ValueError: if a row is not a valid puzzle; the message gives its number.
    """
    cached = cache_file(task, inputs, labels) if len(inputs) >= CACHED_FROM else None
    if cached is not None:
        known = read_cached(cached, len(inputs))
        if known is not None:
            return known
    try:
        ratings = task.check_rows(inputs, labels)
    except ModuleNotFoundError as error:
        if error.name != "numba":
            raise
        warnings.warn(f"numba is not installed, so no {task.id} was certified", stacklevel=2)
        return np.zeros(len(inputs), np.float32)
    if cached is not None:
        content = io.BytesIO()
        np.save(content, ratings)
        # If the cache cannot be written, the set is certified again next time.
        with suppress(OSError):
            write_bytes(cached, content.getvalue())
    return ratings


def cache_file(task: Task, inputs: Tokens, labels: Tokens) -> Path | None:
    """Return the file in which the ratings of a set are cached, ``None`` without a cache folder."""
    name = hashlib.blake2b(f"{CHECK_VERSION} {task.id}".encode(), digest_size=16)
    for part in (inputs, labels):
        name.update(part.astype(np.uint8).tobytes())
    try:
        return cache_folder() / "certified" / f"{name.hexdigest()}.npy"
    except RuntimeError:  # the user has no home folder
        return None


def read_cached(path: Path, count: int) -> NDArray[np.float32] | None:
    """Return the cached ratings of a set, ``None`` if they do not exist or cannot be read."""
    try:
        with path.open("rb") as file:
            ratings = np.load(file, allow_pickle=False)
    except (OSError, EOFError, ValueError):
        return None
    if not isinstance(ratings, np.ndarray):
        return None
    return ratings if (ratings.shape, ratings.dtype) == ((count,), np.float32) else None


def cache_folder() -> Path:
    """Return the cache folder of this package.

    Raises:
        RuntimeError: if the user has no home folder.
    """
    # The XDG Base Directory Specification says that relative paths must be ignored.
    chosen = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".cache") / "hrm_gym"
