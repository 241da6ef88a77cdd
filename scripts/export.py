"""Export an agent to ONNX, and compare what was written with the agent itself."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from hrm_gym.scripts.cli import check_file, run


@dataclass
class Args:
    """Arguments of the export."""

    agent: Annotated[str, tyro.conf.Positional]
    """Bundled agent or checkpoint folder of an HRM."""
    file: Annotated[Path, tyro.conf.Positional]
    """The file to write, such as out.onnx."""
    precision: Literal["float32", "float16", "int8"] = "float32"
    """How the matrices of the blocks are stored, nearly all of a model; embedding, heads and the
    computation are float32 in every case."""
    puzzles: int = 100
    """Test puzzles on which the file is compared with the agent."""
    seed: int = 0
    """Seed of random questions, for a task without bundled puzzles."""
    json: Path | None = None
    """Also write the result to this file, for programs."""


def main(args: Args) -> None:
    """Write the file, then run both on the same puzzles."""
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.exchange.export import export
    from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent, check_installed
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    check_file("file", args.file)
    check_installed()
    agent = HRMAgent.from_pretrained(args.agent)
    size = export(agent, args.file, args.precision)
    exported = OnnxAgent(args.file, agent.task.id)
    far, agreed = compare(agent, exported, questions(agent.task, args.puzzles, args.seed))
    print(
        f"{args.file}: {agent.parameters:,} parameters of {agent.task.id} as {args.precision}, "
        f"{size / 1e6:.2f} MB\n"
        f"against the agent, every segment of {args.puzzles} puzzles: {agreed:.2%} of cells the "
        f"same, probabilities at most {far:.1e} apart"
    )
    if args.json is not None:
        rows = [
            {"name": "size", "value": size, "unit": "B"},
            {"name": "same_cells", "value": agreed, "unit": "1"},
            {"name": "probability_difference", "value": far, "unit": "1"},
        ]
        write_json(args.json, machine(), rows)


def questions(task: Any, count: int, seed: int = 0) -> np.ndarray:
    """Return test puzzles of a task, random tokens where no bank has it, ``(count, seq_len)``."""
    from hrm_gym.data import load_puzzles

    try:
        puzzles = load_puzzles(task, "bank", "test").inputs
    except ValueError:
        random = np.random.default_rng(seed)
        return random.integers(1, task.vocab_size, (count, task.seq_len)).astype(np.uint8)
    return puzzles[np.arange(count) % len(puzzles)]


def compare(agent: Any, other: Any, tokens: np.ndarray) -> tuple[float, float]:
    """Return how far the probabilities of two agents lie apart, and the share of equal cells.

    Both think through all segments, each on its own carry.
    """
    far, agreed = 0.0, []
    pairs = zip(agent.think(tokens, halt=False), other.think(tokens, halt=False), strict=True)
    for mine, its in pairs:
        far = max(far, float(np.abs(mine.confidence - its.confidence).max()))
        agreed.append(float((mine.answer == its.answer).mean()))
    return far, float(np.mean(agreed))


if __name__ == "__main__":
    sys.exit(run(main, Args))
