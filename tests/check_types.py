"""Type-check what an install holds; ``make types`` runs it.

From the repository ``mypy -p hrm_gym`` sees the ground alone, since the wings stand beside it and
join only when installed. So the tree is copied, installed without its dependencies into a temporary
folder, and checked there; a check that saw fewer files than the tree holds fails.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WINGS = ("hrm_gym", "envs", "agents", "scripts")
PROJECT = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
PIP = ("pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check")
NEEDED = 77
"""The setuptools that builds the project, as in pyproject.toml."""


def install(source: Path, target: Path) -> int:
    """Install a copy of the tree into ``target`` and return the number of Python files in it."""
    # A copy, since building leaves build/ and egg-info beside its source.
    for wing in WINGS:
        # Puzzles and weights have no types, and stay where they are.
        ignored = shutil.ignore_patterns("__pycache__", "bank", "pretrained", "*.npz")
        shutil.copytree(ROOT / wing, source / wing, ignore=ignored)
    for name in PROJECT:
        shutil.copy(ROOT / name, source)
    try:
        # Where it is there already, nothing is downloaded.
        isolated = int(version("setuptools").split(".")[0]) < NEEDED
    except PackageNotFoundError:
        isolated = True
    pip = PIP if isolated else (*PIP, "--no-build-isolation")
    subprocess.run([sys.executable, "-m", *pip, "--target", target, source], check=True)
    return sum(len(list((source / wing).rglob("*.py"))) for wing in WINGS)


def main() -> int:
    """Return mypy's exit status, or 1 if it did not see every file."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target")
        source.mkdir()
        wanted = install(source, target)
        config, cache = ROOT / "pyproject.toml", ROOT / ".mypy_cache"
        command = ["mypy", "--config-file", config, "--cache-dir", cache, "-p", "hrm_gym"]
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=target, capture_output=True, text=True
        )
    print(done.stdout + done.stderr, end="")
    seen = re.search(r"(\d+) source files?", done.stdout)
    if seen is None or int(seen[1]) < wanted:
        print(f"mypy saw {seen[1] if seen else 0} files, the tree holds {wanted}")
        return 1
    return done.returncode


if __name__ == "__main__":
    raise SystemExit(main())
