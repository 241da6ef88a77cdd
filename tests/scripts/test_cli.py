"""How scripts print warnings, and end when the reader of what they print has gone."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

PRINTING = """
import dataclasses, sys
from hrm_gym.scripts.cli import run

@dataclasses.dataclass
class Args:
    lines: int = 1

def main(args):
    for line in range(args.lines):
        print(line)
    print("ended", file=sys.stderr)

sys.exit(run(main, Args))
"""


def ended(words: list[str], read: bool) -> tuple[int, str]:
    """Return the status and what stands on stderr, with or without a reader of stdout."""
    out, into = os.pipe()
    if not read:
        os.close(out)
    # Buffered, as it is for most people: what is left to flush must not break the pipe at the exit.
    env = {**os.environ, "PYTHONUNBUFFERED": ""}
    command = [sys.executable, *words]
    done = subprocess.run(command, stdout=into, stderr=subprocess.PIPE, env=env, text=True)
    os.close(into)
    if read:
        os.close(out)
    return done.returncode, done.stderr


def test_output_that_is_read_completely_exits_with_0():
    assert ended(["-c", PRINTING], read=True) == (0, "ended\n")


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_closed_pipe_ends_a_script_quietly(lines):
    # One line is still in the buffer when main returns, many break the pipe amid it.
    status, error = ended(["-c", PRINTING, "--lines", str(lines)], read=False)
    assert status == 141
    assert error == ("ended\n" if lines == 1 else "")


@pytest.mark.parametrize("words", [["--help"], ["build-bank", "--help"]])
def test_help_with_a_closed_pipe_ends_quietly(words):
    status, error = ended(["-m", "hrm_gym.scripts", *words], read=False)
    assert status != 0
    assert error == ""


LOOKING = PRINTING.replace("    for line", "    import train\n    print(train.WHOSE)\n    for line")


def test_a_custom_module_may_have_the_name_of_a_script(tmp_path):
    for folder, whose in ((tmp_path / "scripts", "the script's"), (tmp_path / "mine", "mine")):
        folder.mkdir()
        (folder / "train.py").write_text(f"WHOSE = {whose!r}")
    script = tmp_path / "scripts" / "tool.py"
    script.write_text(LOOKING)
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=tmp_path / "mine", capture_output=True, text=True)
    assert done.stdout.splitlines()[:1] == ["mine"], done.stderr


WARNING = PRINTING.replace("import dataclasses", "import warnings, dataclasses").replace(
    "print(line)", "warnings.warn(f'number\\n{line}')"
)


def test_a_warning_is_one_line():
    status, error = ended(["-W", "default", "-c", WARNING, "--lines", "2"], read=True)
    assert (status, error) == (0, "warning: number 0\nwarning: number 1\nended\n")
