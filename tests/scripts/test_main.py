"""The command ``hrm-gym``: its list of commands, completion, ``list`` and ``doctor``."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tyro

from hrm_gym import ENV_IDS
from hrm_gym.agents.hrm.presets import PRESETS
from hrm_gym.agents.shipped import pretrained
from hrm_gym.scripts import doctor
from hrm_gym.scripts.__main__ import help_text, main
from hrm_gym.scripts.commands import load, names, summary

EXAMPLES = [
    line.rsplit("   ", 1)[0].strip()
    for line in help_text().splitlines()
    if line.startswith("  hrm-gym ")
]


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_without_a_command_all_commands_are_listed_with_a_line_each(words, capsys):
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in names():
        assert sum(line.split()[:1] == [name] and len(line.split()) > 3 for line in lines) == 1


def test_an_unknown_command_is_named(capsys):
    assert main(["tarin"]) == 2
    assert capsys.readouterr().err.startswith("error: expected one of ablate, ")


def test_the_version_is_that_of_the_project(capsys):
    text = (Path(__file__).resolve().parents[2] / "pyproject.toml").read_text()
    assert main(["--version"]) == 0
    name, version = capsys.readouterr().out.split()
    assert name == "hrm-gym"
    assert f'\nversion = "{version}"\n' in text


def test_there_are_three_examples():
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_arguments_of_an_example_are_accepted(example):
    program, name, *rest = shlex.split(example)
    assert program == "hrm-gym"
    args = load(name).Args
    assert dataclasses.is_dataclass(args)
    tyro.cli(args, args=rest)


@pytest.mark.parametrize("name", names())
def test_every_command_has_a_summary_and_a_main_function(name):
    assert summary(name).endswith(".")
    assert callable(load(name).main)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hrm_gym.scripts", *words]
    return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_arguments(tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(run("completion", "bash").stdout)
    for words, wanted in {
        ("hrm-gym", "tr"): ["train", "train-rl"],
        ("hrm-gym", "watch", "--past"): ["--past-halting"],
        ("hrm-gym", "export", "--precision", "fl"): ["float32", "float16"],
    }.items():
        lines = [
            f". {script}",
            f"COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}",
            "$(complete -p hrm-gym | sed 's/.*-F //; s/ .*//'); echo ${COMPREPLY[@]}",
        ]
        # The last line prints the name of the function in a subshell and runs it in this one.
        done = subprocess.run(
            ["bash", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
        )
        assert done.stdout.split()[: len(wanted)] == wanted


def test_other_shells_get_a_script():
    assert "#compdef hrm-gym" in run("completion", "zsh").stdout


def test_list_names_everything(capsys):
    assert main(["list"]) == 0
    words = set(capsys.readouterr().out.split())
    assert words >= {*ENV_IDS, *PRESETS, *pretrained()}


def test_list_shows_the_results_of_the_agents(capsys):
    assert main(["list", "agents"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, agent in pretrained().items():
        line = next(line for line in lines if line.split()[:1] == [name])
        assert f"{agent.parameters:,}" in line
        assert f"{agent.solve_rate:.1%} of {agent.puzzles} (" in line
    assert not any(id in "\n".join(lines) for id in ENV_IDS)


def test_doctor_finds_a_working_installation(capsys, tmp_path):
    assert main(["doctor", "--json", str(tmp_path / "found.json")]) == 0
    text = capsys.readouterr().out
    for name in ("python", "torch", "device cpu", "compile", "bfloat16", "display"):
        assert f"  {name}: " in text
    assert "wrong" not in text
    rows = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert {row["state"] for row in rows} <= {"ok", "note"}


def test_doctor_says_what_to_do_about_packages(monkeypatch, capsys):
    needed = ["numpy>=99", "no-such-package>=1", 'no-such-extra>=1; extra == "export"', "rich>=1"]
    monkeypatch.setattr(doctor.metadata, "requires", lambda _: needed)
    assert main(["doctor"]) == 1
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert any(line.startswith("wrong  numpy: has version ") for line in lines)
    assert "wrong  no-such-package: is not installed" in lines
    assert '-> pip install "no-such-package>=1"' in lines
    assert "note   extra export: no-such-extra is not installed" in lines
    assert '-> pip install "hrm-gym[export]"' in lines
    assert lines[-1].startswith("2 of ")


@pytest.mark.parametrize("driver", ["dummy", ""])
def test_doctor_says_what_to_do_without_a_display(driver, monkeypatch):
    import pygame

    pygame.display.quit()
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SDL_VIDEODRIVER", driver)
    (finding,) = doctor.display()
    if os.name == "posix" and sys.platform == "linux":
        assert finding.state == "note"
        assert finding.advice
    pygame.display.quit()
