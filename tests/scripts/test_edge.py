"""The edge benchmark measures an agent on puzzles of a size, and its report has a line for it."""

from __future__ import annotations

from types import SimpleNamespace

from hrm_gym.agents.hrm import HRMAgent, OnnxAgent
from hrm_gym.agents.hrm.exchange.export import export
from hrm_gym.machine import machine
from hrm_gym.scripts.benchmarks.edge import at_size
from hrm_gym.scripts.measuring.peers import row
from hrm_gym.scripts.reporting.edge import PUBLISHED, edge_report


def test_the_report_has_a_line_for_an_agent_at_a_size(tmp_path):
    agent = HRMAgent.from_pretrained("maze")
    args = SimpleNamespace(seed=0, seconds=0.01, threads=1)
    rows, exported = [row("published size: parameters", 27.3, "M")], {}
    for precision in ("float32", "int8"):
        path = tmp_path / f"{precision}.onnx"
        rows.append(row(f"maze, {precision}: file", export(agent, path, precision) / 1e3, "kB"))
        exported[path] = OnnxAgent(path, threads=1)
    for label in PUBLISHED:
        rows.append(row(f"published size, {label}: peak memory", 131.4, "MB"))
    rows += at_size(args, agent, exported, "maze, 7x7", agent.task.resized(7), 10)
    found = {entry["name"]: entry["value"] for entry in rows}
    assert found["maze, 7x7, float32: logits apart"] < 1e-3
    assert 20 < found["maze, 7x7, int8: peak memory"] < 300
    assert found["maze, 7x7, int8, batch 1: puzzle"] > 0
    text = edge_report(rows, "--seconds 0.01", machine())
    assert "| ONNX, int8 |  | 131 MB |" in text
    lines = [line for line in text.splitlines() if line.startswith("| maze |")]
    assert [line.split(" | ")[1] for line in lines] == ["7x7"]
