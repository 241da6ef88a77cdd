"""The demonstration: its cells, tables, figure and film."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from hrm_gym.scripts import demo
from hrm_gym.scripts.experiments import transfer
from hrm_gym.scripts.experiments.cell import load
from hrm_gym.scripts.experiments.transfer import TransferCell, TransferResult

PNG = b"\x89PNG"


def result(
    entry: str, group: str = "Mazes", segments: float | None = None, **changes: object
) -> TransferResult:
    """Return a result on three sizes."""
    tests = {"HRMMaze-7x7-v0": 20, "HRMMaze-15x15-v0": 20, "HRMMaze-v0": 10}
    cell = TransferCell(group, entry, entry, "HRMMaze-7x7-v0", tests, seconds=1.0)
    tested = {
        env: {"solve_rate": 0.5, "low": 0.3, "high": 0.7, "puzzles": n, "steps": 9.0}
        | ({} if segments is None else {"segments": segments + n})
        for env, n in tests.items()
    }
    return TransferResult(cell, **{"signal": "labels", "seconds": 60.0, "tested": tested} | changes)  # type: ignore[arg-type]


def test_a_demonstration_without_training(tmp_path: Path) -> None:
    args = demo.Args(
        report=tmp_path / "demo",
        out=tmp_path / "runs",
        episodes=3,
        agents=["random", "oracle"],
        json=tmp_path / "demo.json",
    )
    assert demo.main(args) == 0
    report = (tmp_path / "demo" / "report.md").read_text()
    assert report.count("| oracle | solver | - | - | 100.0% (44-100) |") == 2
    assert "film.gif" not in report, "nobody thinks"
    assert (tmp_path / "demo" / "sizes.png").read_bytes().startswith(PNG)
    rows = {row["name"]: row for row in json.loads((tmp_path / "demo.json").read_text())["rows"]}
    assert rows["HRMMaze-15x15-v0/oracle/solve_rate"]["value"] == 1.0
    assert rows["HRMSudoku-v0/oracle/solve_rate"]["puzzles"] == 3


def test_trained_agents_are_tested_at_other_sizes_and_filmed(tmp_path: Path) -> None:
    cells = transfer.cells("demo", 1e-3, 2, ["hrm", "maskable-ppo"], 0)
    tests = {"HRMMaze-7x7-v0": 2, "HRMMaze-9x9-v0": 2}
    cells = [dataclasses.replace(cell, tests=tests) for cell in cells if cell.group == "Mazes"]
    for cell in cells:
        folder = cell.folder(tmp_path)
        folder.mkdir(parents=True)
        found = cell.run(folder)
        found.save(tmp_path)
        assert load(cell, tmp_path) == found
        assert set(found.tested) == set(tests)
        assert found.seconds > 0
        assert (folder / "model.safetensors").is_file()
        assert all(("segments" in one) == (cell.agent == "hrm") for one in found.tested.values())
    assert found.summary.endswith("% of HRMMaze-9x9-v0")


def test_the_film_shows_an_agent_that_solves_a_puzzle(tmp_path: Path) -> None:
    env_id = "HRMMaze-7x7-v0"
    cell = TransferCell("Mazes", "maze (pretrained)", "maze", env_id, {env_id: 2})
    found = cell.run(tmp_path)
    caption, content = transfer.film([found], tmp_path) or ("", b"")
    assert content.startswith(b"GIF89a")
    assert caption.startswith("maze (pretrained) solves HRMMaze-7x7-v0 in ")


def test_tables_and_figure() -> None:
    results = [
        result("hrm", segments=1.0),
        result("maskable-ppo", signal="reward"),
        result("random", seconds=0.0, signal="none"),
        result("oracle", failure="no solver"),
        result("hrm", "Others", segments=2.0),
    ]
    del results[2].tested["HRMMaze-15x15-v0"]
    first, second = transfer.tables(results)
    assert first.headings[-2:] == ["30x30 solved of 10 (95%)", "mean segments"]
    text = io.StringIO()
    Console(file=text, width=80).print(first.rich())
    assert "maskable-ppo" in text.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in text.getvalue(), "something was cut off"
    assert first.rows[0][-1] == "21.0, 21.0, 11.0"
    assert first.rows[2][3:6] == ["-", "50.0% (30-70)", "-"]
    assert first.rows[3][1] == "failed: no solver"
    assert {len(row) for row in first.rows} == {len(first.headings)}
    assert "failed" in first.markdown()
    assert "<td>21.0, 21.0, 11.0</td>" in first.html()
    assert second.title.startswith("Others: HRMMaze-7x7-v0, ")
    figure = transfer.transfer_figure(results)
    assert len(figure.axes) == 4
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words == ["hrm 50%", "maskable-ppo 50%", "random 50%"]
    names = {row["name"] for row in transfer.json_rows(results)}
    assert {"HRMMaze-v0/hrm/segments", "HRMMaze-7x7-v0/oracle/failed"} <= names


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agents": ["chess"]}, "agents: expected some of hrm, .*, got chess"),
        ({"agents": []}, "agents: expected some of hrm, .*, got none"),
        ({"scale": 0.0}, "scale: expected a positive number"),
        ({"episodes": 0}, "episodes: expected a positive number"),
    ],
)
def test_errors_are_reported_before_training(changes: dict, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=sentence):
        demo.main(demo.Args(out=tmp_path, **changes))
