"""A place for the cache of compiled functions, where the package's folder cannot be written."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

NAME = "NUMBA_CACHE_DIR"


def find_cache() -> None:
    """Give numba a temporary folder for its cache, where it has no other place to write to.

    numba caches beside a module, or else in the user's cache folder or ``NUMBA_CACHE_DIR``. Where
    none of them can be written, it raises an error instead of compiling without a cache. This is
    called before numba is loaded, or at least before it has compiled anything.
    """
    if os.environ.get(NAME) or any(map(_is_writable, _folders())):
        return
    folder = tempfile.mkdtemp(prefix="hrm-gym-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    # Processes that this one starts share the folder.
    os.environ[NAME] = folder
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = folder
    warnings.warn(
        f"numba can write its cache neither beside the package nor in the user's cache folder, so "
        f"functions are compiled again; {NAME} names another folder",
        RuntimeWarning,
        stacklevel=2,
    )


def _folders() -> list[Path]:
    """Return the folders that numba tries: beside the modules, then the user's own.

    A user without a home folder, as in a container that runs under any number, has none.
    """
    package = Path(__file__).parent / "__pycache__"
    try:
        return [package, _user_folder()]
    except RuntimeError:
        return [package]


def _user_folder() -> Path:
    """Return the folder of the user's caches.

    Raises:
        RuntimeError: if the user has no home folder.
    """
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def _is_writable(folder: Path) -> bool:
    """Return whether a folder can be written, or created in the nearest folder that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK)
