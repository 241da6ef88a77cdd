"""The page in a real browser: a puzzle is typed in, the model thinks, the answer is read.

Left out where Chromium or Node is missing; with ``HRM_GYM_BROWSER=required`` that is a failure.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from hrm_gym.agents.hrm import HRM, HRMAgent, OnnxAgent
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle, get_task
from hrm_gym.scripts import build_web
from hrm_gym.scripts.build_web import WEB, build, write_model
from tests.web.browsing import browse, find_browser

SIZES = {"sudoku": (9, 6), "maze": (9, 15)}
"""Sizes of the puzzles that are typed and drawn, by family."""


def known_puzzle(agent, size):
    """A puzzle that the agent solves early, so that rounding errors change no answer."""
    task = agent.task.resized(size)
    puzzles = load_puzzles(task, "bank", "test", limit=20)
    solutions = agent.solve(puzzles.inputs, segments=6)
    # The fewest segments first, and those with an answer that the rules accept before others.
    order = sorted(
        range(len(puzzles)),
        key=lambda k: (not task.is_solved(puzzles[k], solutions.answer[k]), solutions.segments[k]),
    )
    return puzzles[order[0]].inputs


def add_untrained(folder):
    """Add an agent with random weights to a built page; it answers wrongly."""
    torch.manual_seed(0)
    config = HRMAgent.from_pretrained("sudoku").model.config
    agent = HRMAgent(HRM(config), "sudoku-9x9", max_segments=3)
    about = write_model(folder, "sudoku-untrained", agent, [4, 9])
    models = json.loads((folder / "models.json").read_text())
    (folder / "models.json").write_text(json.dumps([*models, about]))


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_browser_gives_the_same_answers_as_python(precision, tmp_path, monkeypatch):
    find_browser()
    monkeypatch.setattr(build_web, "WHOLE", 10**9 if precision == "float32" else 0)
    build(tmp_path / "page")
    models = tmp_path / "page" / "models"
    add_untrained(models)
    asked, expected = [], []
    families = json.loads((WEB / "families.json").read_text())
    shipped = [
        name
        for name, agent in HRMAgent.pretrained().items()
        if agent.mixer == "relations" and get_task(agent.task).family in families
    ]
    listed = [entry["name"] for entry in json.loads((models / "models.json").read_text())]
    assert sorted(listed) == sorted([*shipped, "sudoku-untrained"])
    for name in listed:
        agent = OnnxAgent(models / f"{name}.onnx", threads=1)
        assert agent.about["precision"] == precision
        for size in SIZES[agent.task.family][: 1 if name == "sudoku-untrained" else 2]:
            task, inputs = agent.task.resized(size), known_puzzle(agent, size)
            asked.append({"name": name, "side": size, "text": task.format(inputs)})
            expected.append((agent, task, inputs))
    # And one that nothing solves: two equal digits in a row.
    asked.append({"name": "sudoku", "side": 4, "text": "11" + "." * 14})
    shots = str(tmp_path / "shot.png") if os.environ.get("HRM_GYM_SHOTS") else ""
    said = browse("browser.mjs", tmp_path / "page", asked, shots)
    assert said["sizes"]["maze"] == list(range(5, 42))
    assert said["sizes"]["sudoku"][:4] == [4, 6, 8, 9]
    *results, refused = said["results"]
    for result, (agent, task, inputs) in zip(results, expected, strict=True):
        solution = agent.solve(inputs)
        answer = np.array([int(token) for token in result["answer"].split(",")])
        right = task.is_solved(Puzzle(inputs, inputs), answer)
        assert result["done"] == ("right" if right else "wrong")
        assert result["verdict"].startswith("Right" if right else "Wrong")
        if result["name"] == "sudoku-untrained":
            assert not right
            assert "without deciding to stop" in result["verdict"]
            # An untrained network amplifies rounding errors.
            continue
        np.testing.assert_array_equal(answer, solution.answer, err_msg=result["name"])
        assert int(result["segments"]) == solution.segments
        if task.family == "sudoku":
            # What a person sees, digit by digit.
            assert "".join(result["board"]) == task.format(solution.answer)
        else:
            marked = ["path" in cell.split() for cell in result["board"]]
            np.testing.assert_array_equal(marked, solution.answer == 5)
    assert "twice" in refused["message"]
    assert "answer" not in refused


def test_the_lock_file_names_no_server():
    lock = (WEB / "package-lock.json").read_text()
    assert "resolved" not in lock
    assert "://" not in lock
    versions = json.loads((WEB / "package.json").read_text())
    for name, version in {**versions["dependencies"], **versions["devDependencies"]}.items():
        assert version[0].isdigit(), f"{name} is not pinned"


def test_the_page_loads_only_its_own_files():
    page = (WEB / "index.html").read_text()
    assert "http:" not in page
    assert "https:" not in page
    for file in Path(WEB / "src").iterdir():
        assert "://" not in file.read_text(), file.name
