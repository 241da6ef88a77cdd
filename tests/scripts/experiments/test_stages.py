"""Stages: a failure or a time limit stops no other stage, and finished ones do not run again."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hrm_gym.scripts.experiments.stages import run_stages

MODULE = """
import os, time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from hrm_gym.scripts.experiments.stages import Stage

@dataclass(frozen=True)
class Named(Stage):
    label: str
    mode: str = "good"

    @property
    def name(self):
        return self.label

    def parts(self, folder):
        with Path("calls").open("a") as file:
            file.write(self.name + " ")
        print("at work", flush=True)
        yield [{"name": "first", "value": 1, "unit": "1", "target": 2}]
        if self.mode == "bad" and not Path("mended").exists():
            raise ValueError("out of luck")
        if self.mode == "slow":
            time.sleep(60)
        yield [{"name": "second", "value": 3.0, "unit": "1"}]

@dataclass(frozen=True)
class Later(Named):
    after: ClassVar[tuple[str, ...]] = ("b",)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Return a module with stages, in the current folder."""
    (tmp_path / "stages_of_a_test.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("stages_of_a_test")
    # Another test has another file.
    sys.modules.pop("stages_of_a_test")


def test_stages_fail_alone_and_resume(module: Any, tmp_path: Path) -> None:
    said: list[str] = []
    out = tmp_path / "out"
    stages = [
        module.Named("a", limit=300.0),
        module.Named("b", "bad", limit=300.0),
        module.Later("c", limit=300.0),
        module.Named("d", "slow", limit=0.2),
    ]
    rows = run_stages(stages, out, said.append)
    values = {row["name"]: row["value"] for row in rows if not row["name"].endswith(": time")}
    assert values == {
        "a: first": 1,
        "a: second": 3.0,
        "b: first": 1,
        "b: failed: out of luck": None,
        "c: first": 1,
        "c: second": 3.0,
        "d: failed: it had no result after 0.2 s and was stopped": None,
    }
    assert rows[0]["target"] == 2
    assert [line for line in said if line.endswith("started")] == [
        f"{name}: started" for name in "abcd"
    ]
    saved = json.loads((out / "b" / "rows.json").read_text())
    assert [row["name"] for row in saved["rows"]] == ["first"]
    assert saved["machine"]["cores"] >= 1
    assert (out / "a" / "cell.log").read_text() == "at work\n"

    # The stage that failed runs again, and so does the one that uses its result.
    Path("calls").unlink()
    Path("mended").touch()
    rows = run_stages(stages[:3], out, said.append)
    assert Path("calls").read_text(encoding="utf-8").split() == ["b", "c"]
    assert not [row for row in rows if row["value"] is None]
    run_stages(stages[:3], out, said.append)
    assert Path("calls").read_text(encoding="utf-8").split() == ["b", "c"]
