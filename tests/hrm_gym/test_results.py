"""Result files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hrm_gym.machine import machine
from hrm_gym.results import read_rows, write_json


def test_write_json(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "result.json"
    rows = [{"name": "a", "value": np.float64(0.5), "unit": "share", "target": np.int64(1)}]
    write_json(path, machine(), rows)
    content = json.loads(path.read_text())
    assert content["rows"] == [{"name": "a", "value": 0.5, "unit": "share", "target": 1}]
    assert content["machine"]["cores"] >= 1
    assert [p.name for p in path.parent.iterdir()] == ["result.json"]
    with pytest.raises(ValueError, match="expected name, value and unit"):
        write_json(path, {}, [{"name": "a", "value": 1}])
    with pytest.raises(ValueError, match="a is nan"):
        write_json(path, {}, [{"name": "a", "value": float("nan"), "unit": "s"}])
    assert json.loads(path.read_text()) == content


def test_rows_of_an_interrupted_run_are_kept(tmp_path):
    path = tmp_path / "rows.json"
    assert read_rows(path, {"seconds": 1}) == []
    row = {"name": "a", "value": 1, "unit": "s", "budget": {"seconds": 1}}
    write_json(path, {}, [row])
    assert read_rows(path, {"seconds": 1}) == [row]
    with pytest.raises(ValueError, match="another budget"):
        read_rows(path, {"seconds": 2})
    for content in ("", "[]", '{"rows": [{}]}'):
        path.write_text(content)
        with pytest.raises(ValueError, match="damaged"):
            read_rows(path, {"seconds": 1})
