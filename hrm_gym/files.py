"""Atomic writing of files: a reader sees the old content or the new content, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_text(path: Path | str, text: str) -> None:
    """Write a UTF-8 text file atomically; see ``write_bytes``."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path | str, content: bytes) -> None:
    """Write a file atomically, and create its folder if needed.

    The content goes into a temporary file in the same folder, which then replaces ``path``. A
    symbolic link is kept, and its target is replaced. Anything that is not a regular file, such as
    ``/dev/stdout``, is written to directly.

    Raises:
        OSError: if the file cannot be written, for example because the disk is full. The error
            names ``path``.
    """
    try:
        _write(Path(os.path.realpath(path)), content)
    except OSError as error:
        # The system names no file when the disk is full, and otherwise the temporary file.
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def _write(path: Path, content: bytes) -> None:
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            file.write(content)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "wb") as file:
            file.write(content)
        # mkstemp creates a private file; the result gets the same permissions as any new file.
        # os.fchmod would do the same, but Windows has it only since Python 3.13.
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _umask() -> int:
    """Return the process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
