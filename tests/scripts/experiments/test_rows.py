"""Grids with one row per cell: failed cells have no row and run again, other rows stay."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hrm_gym.scripts.experiments.cell import Cell, run_cell
from hrm_gym.scripts.experiments.rows import Row, RowResult, run_rows

BUDGET = {"steps": 1}


@dataclass(frozen=True)
class NumberCell(Cell):
    """Half of an even number."""

    number: int
    result_type: ClassVar = RowResult

    @property
    def name(self) -> str:
        return f"number {self.number}"

    def folder(self, out: Path) -> Path:
        return out / str(self.number)

    def run(self, folder: Path) -> RowResult:
        if self.number % 2:
            raise ValueError(f"{self.number} is odd")
        return RowResult(self, row={"name": self.name, "value": self.number / 2, "unit": "1"})


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    class Here:
        def __init__(self, cell: Cell, out: Path, timeout: float | None) -> None:
            self.cell, self.out = cell, out

        def poll(self) -> bool:
            return True

        def result(self) -> Any:
            return run_cell(self.cell, self.out)

    monkeypatch.setattr("hrm_gym.scripts.experiments.grid.Process", Here)


def write(rows: Sequence[Row], machine: dict[str, Any]) -> str:
    assert machine["cores"] > 0
    return " ".join(row["name"] for row in rows) + "\n"


def run(numbers: Sequence[int], path: Path, **budget: int) -> tuple[int, list[str]]:
    said: list[str] = []
    cells = [NumberCell(number) for number in numbers]
    status = run_rows(cells, path, {**BUDGET, **budget}, write, say=said.append)
    return status, said


def test_a_failed_cell_has_no_row_and_runs_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    status, said = run([4, 3], path)
    assert status == 1
    assert "number 3: failed: 3 is odd (2 of 2)" in said
    assert [row["name"] for row in json.loads(path.read_text())["rows"]] == ["number 4"]
    status, said = run([2, 3, 4], path)
    assert status == 1
    assert "number 3: started" in said
    assert "number 4: started" not in said
    assert said[-1] == "number 2 number 4", "rows are in the order of the cells"
    assert run([2, 4], path) == (0, ["number 2 number 4"])
    with pytest.raises(ValueError, match="another budget"):
        run([2], path, steps=2)


def test_nothing_is_written_if_all_cells_failed(tmp_path: Path) -> None:
    status, said = run([1], tmp_path / "rows.json")
    assert status == 1
    assert said == ["number 1: started", "number 1: failed: 1 is odd (1 of 1)"]
    assert not (tmp_path / "rows.json").exists()
