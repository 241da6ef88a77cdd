"""The cells of the notebook run in order; ``make test-libraries`` runs them in Jupyter."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

NOTEBOOK = Path(__file__).resolve().parents[2] / "examples" / "train_watch_compare.ipynb"
QUICK = {"SECONDS = 60": "SECONDS = 1", "EPISODES = 200": "EPISODES = 5"}
"""Lines of the notebook, and what a test replaces them by."""


def test_the_notebook_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    # IPython comes with Jupyter, which the tests do not install.
    ipython, display = ModuleType("IPython"), ModuleType("IPython.display")
    # matplotlib asks a loaded IPython whether it is running.
    ipython.get_ipython = lambda: None  # type: ignore[attr-defined]
    ipython.version_info = (9, 0)  # type: ignore[attr-defined]
    display.Image = Path  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    scope: dict[str, Any] = {}
    for cell in cells:
        source = "".join(cell["source"])
        if cell["id"] == "settings":
            for line, quick in QUICK.items():
                assert line in source
                source = source.replace(line, quick)
        if cell["cell_type"] == "code":
            exec(compile(source, f"cell {cell['id']}", "exec"), scope)
    printed = capsys.readouterr().out
    assert "oracle       100.0% solved" in printed
    assert "segment 1: q_halt " in printed
    assert (tmp_path / "walk.gif").stat().st_size > 1000
    scope["plt"].close("all")


def test_the_notebook_is_stored_without_outputs():
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in content["cells"]:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
