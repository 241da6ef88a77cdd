"""The workflow of the continuous integration on GitHub names commands that exist."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PATH = ROOT / ".github" / "workflows" / "ci.yml"
WORKFLOW: dict[str, Any] = yaml.safe_load(PATH.read_text(encoding="utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]
COMMANDS = [line.strip() for step in STEPS for line in step.get("run", "").splitlines()]
MAKE = [words[1:] for line in COMMANDS if (words := shlex.split(line))[0] == "make"]
WINDOWS = next(step for step in STEPS if "Windows" in step.get("if", ""))
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="needs make")


def made(*words: str) -> list[str]:
    """Return the commands that make would run in a checkout without a virtual environment."""
    command = ["make", "--no-print-directory", "-n", "VENV=.venv-nowhere", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace(".venv-nowhere", ".venv").splitlines()


def test_every_command_is_a_target_of_make_or_known():
    known = ("make ", "npm ci --prefix web ", "python -m venv ", ".venv/Scripts/")
    assert len(COMMANDS) > 8
    assert [line for line in COMMANDS if not line.startswith(known)] == []
    assert (ROOT / "web" / "package-lock.json").is_file()


@needs_make
def test_every_target_exists():
    assert {words[0] for words in MAKE} == {"test", "test-oldest", "docs", "release-check"}
    for words in MAKE:
        assert made(*words)


@needs_make
def test_the_commands_for_windows_are_those_of_make_test():
    wanted = [line for line in made("PYTHON=python", "test") if not line.startswith("touch ")]
    assert WINDOWS["run"].splitlines() == [line.replace("/bin/", "/Scripts/") for line in wanted]


def test_windows_has_the_variables_of_the_makefile():
    exported = re.findall(
        r"^export (\w+) \??= (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE
    )
    assert WINDOWS["env"] == dict(exported)
    # A list of commands ends with the first failure in bash alone.
    assert WINDOWS["shell"] == "bash"


def test_three_systems_and_three_pythons():
    matrix = WORKFLOW["jobs"]["test"]["strategy"]["matrix"]
    assert {name.partition("-")[0] for name in matrix["os"]} == {"ubuntu", "macos", "windows"}
    assert len(matrix["python"]) == 3
    # The pinned NumPy needs 3.11; the oldest Python has a job with the oldest releases.
    assert all(isinstance(version, str) for version in matrix["python"])


def test_every_system_runs_the_tests_once():
    conditions = [step["if"] for step in WORKFLOW["jobs"]["test"]["steps"] if "if" in step]
    systems = ["Linux", "macOS", "Windows"]
    assert conditions == [f"runner.os == '{system}'" for system in systems]
