"""Every block of docs/libraries.md is a program that runs when it is copied into an empty file."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "libraries.md").read_text()
REQUIRED = {"gymnasium", "hrm_gym", "numpy", "sb3_contrib", "stable_baselines3", "torch"}
"""What blocks of the usual tests import; all others are run by ``make test-libraries``."""
LONG, SHORT = "300_000", "2_048"
"""The steps of the block that trains for a minute, and those of its test."""

pytestmark = pytest.mark.filterwarnings("default")


def imported(code):
    """Return the packages that a program imports."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module)
    return {name.split(".")[0] for name in names}


def blocks(language):
    """Yield the section and the text of the blocks of a language."""
    _, *parts = re.split(r"^## (.+)$", PAGE, flags=re.MULTILINE)
    for section, text in zip(parts[::2], parts[1::2], strict=True):
        for block in re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            yield section, block


def programs():
    for number, (section, code) in enumerate(blocks("python")):
        others = imported(code) - REQUIRED
        marks = [pytest.mark.libraries] if others else []
        yield pytest.param(code, others, marks=marks, id=f"{number}-{section.replace(' ', '-')}")


@pytest.mark.parametrize(("code", "others"), list(programs()))
def test_a_block_runs_in_an_empty_file(code, others, tmp_path, monkeypatch):
    for name in sorted(others):
        pytest.importorskip(name)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "program.py"
    file.write_text(code.replace(LONG, SHORT))
    if "__main__" in code:
        # It starts processes, which import this file.
        subprocess.run([sys.executable, str(file)], check=True, timeout=600)
    else:
        runpy.run_path(str(file), run_name="__main__")


def test_one_block_trains_for_a_minute():
    assert PAGE.count(LONG) == 1


@pytest.mark.libraries
def test_the_zoo_trains_with_the_file_of_the_page(tmp_path):
    pytest.importorskip("rl_zoo3")
    ((_, settings),) = blocks("yaml")
    ((_, command),) = blocks("bash")
    (tmp_path / "zoo.yml").write_text(settings)
    words = [sys.executable, *shlex.split(command)[1:]]
    words += ["--n-timesteps", "512", "--eval-freq", "-1", "--log-folder", "logs"]
    subprocess.run(words, cwd=tmp_path, check=True, env=dict(os.environ), timeout=600)
