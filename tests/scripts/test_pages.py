"""The commands in the documentation have arguments that exist, and its first programs run."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from pathlib import Path

import pytest
import tyro

from hrm_gym.scripts import commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```|^((?:    .+\n)+)", re.DOTALL | re.MULTILINE)
SCRIPT = re.compile(r"(?:hrm-gym |python scripts/)([a-z_-]+)(?:\.py)?")


def commands_of(page):
    """Yield the names and the arguments of the commands in the code blocks of a page."""
    for language, fenced, indented in BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = re.sub(r"\\\n\s*", " ", fenced or indented).splitlines()
        for line in lines if language in ("", "sh", "bash") else ():
            for part in re.split(r" (?:\||&&) ", line):
                if match := SCRIPT.match(part.strip()):
                    words = part.strip()[match.end() :]
                    yield match[1].replace("_", "-"), shlex.split(words, comments=True)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of_a_page_can_be_parsed(page):
    for name, words in commands_of(page):
        assert name in commands.names(), name
        said = io.StringIO()
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            try:
                tyro.cli(commands.load(name).Args, args=words)
            except SystemExit:
                pytest.fail(f"hrm-gym {name} {shlex.join(words)}\n{said.getvalue()}")


def test_the_commands_are_found():
    found = {page.relative_to(ROOT).as_posix(): [*commands_of(page)] for page in PAGES}
    assert ("solve", ["maze", "-"]) in found["docs/watch.md"]
    assert found["docs/getting-started.md"][0] == ("doctor", [])
    assert len(found["README.md"]) > 10
    assert len(found["docs/relational.md"]) > 6


def test_the_reference_lists_every_command():
    text = (ROOT / "docs" / "api" / "commands.md").read_text(encoding="utf-8")
    listed = re.findall(
        r"^## hrm-gym (\S+)\n\n::: hrm_gym\.scripts\.(\w+)\.Args$", text, re.MULTILINE
    )
    assert listed == [(name, name.replace("-", "_")) for name in commands.names()]


def test_the_programs_for_newcomers_run(tmp_path):
    text = (ROOT / "docs" / "getting-started.md").read_text(encoding="utf-8")
    programs = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert len(programs) == 2
    for program in programs:
        (tmp_path / "program.py").write_text(program)
        runpy.run_path(str(tmp_path / "program.py"))
