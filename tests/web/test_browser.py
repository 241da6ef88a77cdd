"""The page in a real browser: a puzzle is typed in, the model thinks, the answer is read.

Left out where Chromium or Node is missing; with ``HRM_GYM_BROWSER=required`` that is a failure.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest

from hrm_gym.agents.hrm import HRMAgent, OnnxAgent
from hrm_gym.data import load_puzzles
from hrm_gym.puzzles import Puzzle
from hrm_gym.scripts import build_web
from hrm_gym.scripts.build_web import WEB, build, make_server

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str:
    """Return the browser; leave the test out where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    missing = [
        name
        for name, there in (
            ("Chromium", found),
            ("npm", shutil.which("npm")),
            ("the packages of web/package-lock.json", (WEB / "node_modules" / "vite").is_dir()),
        )
        if not there
    ]
    if missing:
        reason = f"the page was not tried in a browser: {' and '.join(missing)} missing"
        if os.environ.get("HRM_GYM_BROWSER") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    assert found is not None
    return found


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_the_browser_gives_the_same_answers_as_python(precision, tmp_path, monkeypatch):
    program = browser()
    monkeypatch.setattr(build_web, "WHOLE", 10**9 if precision == "float32" else 0)
    build(tmp_path / "page")
    asked, expected = [], []
    for name, shipped in HRMAgent.pretrained().items():
        if shipped.mixer == "relations":
            continue
        agent = OnnxAgent(tmp_path / "page" / "models" / f"{name}.onnx", shipped.task)
        assert agent.about["precision"] == precision
        inputs = load_puzzles(agent.task, "bank", "test").inputs[2]
        asked.append({"name": name, "text": agent.task.format(inputs)})
        expected.append((agent, inputs))
    # And one that nothing solves: two equal digits in a row.
    asked.append({"name": "sudoku-4x4", "text": "11" + "." * 14})
    (tmp_path / "puzzles.json").write_text(json.dumps(asked))
    server = make_server(tmp_path / "page", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    shots = [str(tmp_path / "shot.png")] if os.environ.get("HRM_GYM_SHOTS") else []
    try:
        done = subprocess.run(
            ["node", "tests/browser.mjs", address, program, str(tmp_path / "puzzles.json"), *shots],
            cwd=WEB,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        server.shutdown()
        server.server_close()
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout)
    assert said["errors"] == []
    # Whatever it needs lies on the page's own server.
    assert all(url.startswith((address, "data:", "blob:")) for url in said["requests"])
    *results, refused = said["results"]
    for result, (agent, inputs) in zip(results, expected, strict=True):
        solution = agent.solve(inputs)
        answer = np.array([int(token) for token in result["answer"].split(",")])
        np.testing.assert_array_equal(answer, solution.answer, err_msg=result["name"])
        assert int(result["segments"]) == solution.segments
        right = agent.task.is_solved(Puzzle(inputs, inputs), solution.answer)
        assert result["done"] == ("right" if right else "wrong")
        assert result["verdict"].startswith("Right" if right else "Wrong")
        if agent.task.family == "sudoku":
            # What a person sees, digit by digit.
            assert "".join(result["board"]) == agent.task.format(solution.answer)
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
