"""Build the package, check it, and try it in an empty virtual environment: ``make release-check``.

The wheel is installed with its dependencies, which downloads PyTorch; ``--packages-of-this-python``
takes them from the running interpreter instead.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIMIT = 10_000_000
"""Largest size of a wheel in bytes."""


def call(*words: object, cwd: Path = ROOT) -> str:
    """Run a command and return what it printed; a failure ends the check with its output."""
    command = [str(word) for word in words]
    print("+", " ".join(command).partition("\n")[0], flush=True)
    quiet = {"SDL_VIDEODRIVER": "dummy", "PYGAME_HIDE_SUPPORT_PROMPT": "1", "PYTHONPATH": ""}
    done = subprocess.run(
        command, cwd=cwd, env={**os.environ, **quiet}, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{done.stdout}{done.stderr}\nfailed: {' '.join(command)}")
    return done.stdout


def five_lines() -> str:
    """Return the program that the README begins with."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    found = re.search(r"## Five lines\n+```python\n(.*?)```", text, re.DOTALL)
    if found is None:
        raise SystemExit("README.md: expected a Python block under the heading 'Five lines'")
    return found[1]


def build(folder: Path) -> Path:
    """Build the source distribution and the wheel, check both, and return the wheel."""
    call(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    call(sys.executable, "-m", "twine", "check", "--strict", *folder.iterdir())
    (wheel,) = folder.glob("*.whl")
    size = wheel.stat().st_size
    print(f"{wheel.name}: {size / 1e6:.1f} MB")
    if size >= LIMIT:
        raise SystemExit(f"expected a wheel of less than {LIMIT / 1e6:.0f} MB")
    return wheel


def install(wheel: Path, folder: Path, linked: bool) -> Path:
    """Install the wheel into a new virtual environment and return the folder of its programs."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / "python"
    options = ["--no-deps"] if linked else ["--constraint", ROOT / "constraints.txt"]
    call(python, "-m", "pip", "install", "--quiet", *options, wheel)
    if linked:
        own = call(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        # A .pth file adds these folders behind the environment's own. The .pth files in them, such
        # as that of an editable installation, have no effect.
        others = [path for path in sys.path if Path(path).name == "site-packages"]
        (Path(own.strip()) / "others.pth").write_text("\n".join(others) + "\n")
    return programs


def use(programs: Path, folder: Path) -> None:
    """Run what a newcomer runs first, in an empty folder."""
    where = call(programs / "python", "-c", "import hrm_gym; print(hrm_gym.__file__)", cwd=folder)
    if not Path(where.strip()).is_relative_to(programs.parent):
        raise SystemExit(f"expected the installed package, got {where.strip()}")
    call(programs / "python", "-c", five_lines(), cwd=folder)
    answer = call(programs / "hrm-gym", "solve", "sudoku", ".1.....2...343..", cwd=folder)
    if "1 of 1 solved" not in answer:
        raise SystemExit(f"solve: expected a solved puzzle, got\n{answer}")
    picture = folder / "watch.gif"
    words = ("watch", "--agents", "maze", "--env", "HRMMazeAnswer-7x7-v0", "--record", picture)
    call(programs / "hrm-gym", *words, cwd=folder)
    if picture.stat().st_size < 1000:
        raise SystemExit("watch: expected a recording")
    call(programs / "hrm-gym", "doctor", cwd=folder)


def main() -> None:
    """Build, install and use the package."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packages-of-this-python", action="store_true")
    linked = parser.parse_args().packages_of_this_python
    with tempfile.TemporaryDirectory() as name:
        wheel = build(Path(name, "dist"))
        programs = install(wheel, Path(name, "venv"), linked)
        empty = Path(name, "empty")
        empty.mkdir()
        use(programs, empty)
    print("The package can be released.")


if __name__ == "__main__":
    main()
