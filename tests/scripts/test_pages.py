"""The commands in the documentation have arguments that exist, and its first programs run."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import tyro

from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.puzzles.keys import signed
from hrm_gym.scripts import commands
from hrm_gym.scripts.cli import run

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


def programs_of(name):
    """Return the blocks of Python of a page."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_the_programs_for_newcomers_run(tmp_path):
    programs = programs_of("getting-started.md")
    assert len(programs) == 3
    for program in programs:
        (tmp_path / "program.py").write_text(program)
        runpy.run_path(str(tmp_path / "program.py"))


def test_the_custom_task_of_the_page_is_trained_tested_and_watched(tmp_path, monkeypatch, capsys):
    definition, use = programs_of("custom-task.md")
    (tmp_path / "mytask.py").write_text(definition)
    (tmp_path / "use.py").write_text(use)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    runpy.run_path("use.py")
    words = dict(commands_of(ROOT / "docs" / "custom-task.md"))
    assert [*words] == ["train", "evaluate", "watch", "solve"]
    for name, changes in (
        ("train", ["--steps", "2", "--batch-size", "4", "--episodes", "4", "--puzzles", "8"]),
        ("evaluate", ["--episodes", "4"]),
        ("watch", ["--record", "mirror.gif", "--speed", "8"]),
        ("solve", ["--json", "answer.json"]),
    ):
        module = commands.load(name)
        # An agent after two steps answers wrongly.
        assert run(module.main, module.Args, [*words[name], *changes]) == (name == "solve")
    assert "0 of 1 solved" in capsys.readouterr().out
    assert (tmp_path / "mirror.gif").stat().st_size > 1000


def test_the_custom_task_of_the_page_has_a_generator_and_symmetries(tmp_path, monkeypatch):
    (tmp_path / "mytask.py").write_text(programs_of("custom-task.md")[0])
    monkeypatch.syspath_prepend(tmp_path)
    task = get_task("mytask:Mirror:5")
    keys = [key * 2**58 + 7 for key in range(64)]
    positions, tokens = task.symmetries(torch.tensor([signed(key) for key in keys]))
    for row, key in enumerate(keys):
        puzzle, symmetry = task.generate(key), task.symmetry(key)
        np.testing.assert_array_equal(task.solve(puzzle.inputs), puzzle.labels)
        np.testing.assert_array_equal(task.parse(task.format(puzzle.inputs)), puzzle.inputs)
        inputs, labels = symmetry.apply(puzzle.inputs), symmetry.apply(puzzle.labels)
        assert task.is_solved(Puzzle(inputs, inputs), labels)
        assert task.digest(inputs, labels) == task.digest(puzzle.inputs, puzzle.labels)
        np.testing.assert_array_equal(positions[row].numpy(), symmetry.positions)
        np.testing.assert_array_equal(tokens[row].numpy(), symmetry.tokens)
    with pytest.raises(ValueError, match="has no solution, or several"):
        task.solve(task.parse("." * 25))
