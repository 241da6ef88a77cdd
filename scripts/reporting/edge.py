"""The tables of the documentation about exported agents, from the rows of ``benchmark.py edge``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .tables import markdown_table

PUBLISHED = ("torch float32", "float32", "float16", "int8")
TEXT = """# Exported agents on small machines

One segment of an agent is exported to ONNX, and ONNX Runtime computes the segments of a puzzle
until the agent halts. The peak memory is that of a new process, from the start of Python to the
answer.

The published size, with random weights and without halting:

{published}
The pretrained agents, batch size 1, with halting. `segments` is the mean number of segments of a
puzzle, and `same cells` compares the answers with those of the agent in PyTorch:

{agents}
Measured by `python scripts/benchmark.py edge {options}` on {cpu} ({cores} cores), {system},
Python {python}, PyTorch {torch}.
"""
"""The report of the subject."""


def edge_report(rows: Sequence[Mapping[str, Any]], options: str, machine: Mapping[str, Any]) -> str:
    """Return the report in Markdown.

    Args:
        rows: The rows of the subject; those of the replay are not needed.
        options: Options of the command.
        machine: The description of the machine.
    """
    found = {entry["name"]: float(entry["value"]) for entry in rows}
    tables = {"published": published_table(found), "agents": agents_table(found)}
    return TEXT.format(**tables, options=options, **machine)


def published_table(found: Mapping[str, float]) -> str:
    """Return the table of the published size, from the figures by name."""
    size = "published size"
    lines = [
        [
            label.replace("torch", "PyTorch,") if label.startswith("torch") else f"ONNX, {label}",
            _figure(found.get(f"{size}, {label}: file"), "MB"),
            _figure(found.get(f"{size}, {label}: peak memory"), "MB"),
        ]
        for label in PUBLISHED
    ]
    parameters = found[f"{size}: parameters"]
    heading = f"published size ({parameters:.1f} M parameters), 81 cells, 16 segments"
    return markdown_table([heading, "file", "peak memory"], lines)


def agents_table(found: Mapping[str, float]) -> str:
    """Return the table of the pretrained agents by size, from the figures by name."""
    ending = ": segments a puzzle"
    lines = []
    for about in [name.removesuffix(ending) for name in found if name.endswith(ending)]:
        agent, board = about.split(", ")
        files = [found[f"{agent}, {precision}: file"] for precision in ("float32", "int8")]
        values = {
            precision: [
                found[f"{about}, {precision}{what}"]
                for what in (": peak memory", ", batch 1: puzzle", ": same cells, answers")
            ]
            for precision in ("float32", "int8")
        }
        lines.append(
            [
                agent,
                board,
                f"{found[about + ending]:.1f}",
                *(f"{size:.0f} kB" for size in files),
                *(f"{values[precision][0]:.0f} MB" for precision in values),
                f"{found[about + ', torch, batch 1: puzzle']:.1f} ms",
                *(f"{values[precision][1]:.1f} ms" for precision in values),
                *(f"{values[precision][2]:.2%}" for precision in values),
            ]
        )
    headings = ["agent", "puzzles", "segments", "file, float32", "int8"]
    headings += ["memory, float32", "int8", "PyTorch", "ONNX, float32", "int8"]
    headings += ["same cells, float32", "int8"]
    return markdown_table(headings, lines, 2)


def _figure(value: float | None, unit: str) -> str:
    """Return a figure with its unit, or nothing."""
    return "" if value is None else f"{value:.0f} {unit}"
