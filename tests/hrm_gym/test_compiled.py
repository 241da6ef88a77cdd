"""An install that its user cannot write to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hrm_gym import compiled

SCRIPT = """
import os, warnings

write = os.W_OK
access = os.access
# The package and the user's cache folder cannot be written, the temporary folder can.
os.access = lambda path, mode: mode != write and access(path, mode)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    {first}
    import hrm_gym.puzzles
assert len(said) == 1, [str(one.message) for one in said]
assert "NUMBA_CACHE_DIR" in str(said[0].message)
assert "\\n" not in str(said[0].message)

import numba
from numba.core import caching

folder = os.environ["NUMBA_CACHE_DIR"]
assert numba.config.CACHE_DIR == folder

def denied(self):
    if not self.get_cache_path().startswith(folder):
        raise OSError("read-only file system")
    os.makedirs(self.get_cache_path(), exist_ok=True)

for name, part in vars(caching).items():
    if name.endswith("CacheLocator"):
        part.ensure_cache_path = denied
from hrm_gym.puzzles.random_kernels import lane
import numpy as np

@numba.njit
def call(key):
    return lane(key, 1)

call(np.uint64(1))
print(folder)
"""


@pytest.mark.parametrize("first", ["pass", "import numba"])
def test_a_read_only_install_compiles_into_a_temporary_folder(first, tmp_path, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(first=first)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    # The folder goes with the process.
    assert done.stdout.strip().startswith(str(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_user_without_a_home_folder(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.delenv("LOCALAPPDATA", raising=False)
        monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
        compiled.find_cache()
