"""Export an agent to ONNX and compare the file with the agent."""

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
    """HRM to export: a pretrained one, or the folder of a trained one."""
    file: Annotated[Path, tyro.conf.Positional]
    """File to write, such as out.onnx."""
    precision: Literal["float32", "float16", "int8"] = "float32"
    """Precision of the stored matrices of the blocks, which are most of the model. The embedding,
    the heads and all computations use float32."""
    episodes: int = 100
    """Number of test puzzles on which the file is compared with the agent."""
    seed: int = 0
    """Seed of random questions, used for tasks without bundled puzzles."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


def main(args: Args) -> None:
    """Write the file, then answer the same puzzles with the file and with the agent.

    Raises:
        ValueError: if there is no such agent, it cannot be exported, or ``episodes`` is 0.
    """
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.exchange.export import export
    from hrm_gym.agents.hrm.exchange.onnx import OnnxAgent, check_installed
    from hrm_gym.machine import machine
    from hrm_gym.results import write_json

    if args.episodes < 1:
        raise ValueError(f"episodes: expected at least 1, got {args.episodes}")
    check_file("file", args.file)
    check_installed()
    agent = HRMAgent.from_pretrained(args.agent)
    size = export(agent, args.file, args.precision)
    exported = OnnxAgent(args.file, agent.task.id)
    tokens = questions(agent.task, args.episodes, args.seed)
    difference, same = compare(agent, exported, tokens)
    print(
        f"{args.file}: {agent.parameters:,} parameters of {agent.task.id} as {args.precision}, "
        f"{size / 1e6:.2f} MB\n"
        f"against the agent, every segment of {args.episodes} puzzles: {same:.2%} of cells the "
        f"same, probabilities at most {difference:.1e} apart"
    )
    if args.json is not None:
        rows = [
            {"name": "size", "value": size, "unit": "B"},
            {"name": "same_cells", "value": same, "unit": "1"},
            {"name": "probability_difference", "value": difference, "unit": "1"},
        ]
        write_json(args.json, machine(), rows)


def questions(task: Any, count: int, seed: int = 0) -> np.ndarray:
    """Return ``(count, seq_len)`` test puzzles of a task, or random tokens if it has no bank."""
    from hrm_gym.data import load_puzzles

    try:
        puzzles = load_puzzles(task, "bank", "test").inputs
    except ValueError:
        random = np.random.default_rng(seed)
        return random.integers(1, task.vocab_size, (count, task.seq_len)).astype(np.uint8)
    return puzzles[np.arange(count) % len(puzzles)]


def compare(agent: Any, other: Any, tokens: np.ndarray) -> tuple[float, float]:
    """Compare all segments of two agents, each of which continues from its own carry.

    Returns:
        The largest difference of two probabilities, and the share of equal cells.
    """
    difference, same = 0.0, []
    pairs = zip(agent.think(tokens, halt=False), other.think(tokens, halt=False), strict=True)
    for one, two in pairs:
        difference = max(difference, float(np.abs(one.confidence - two.confidence).max()))
        same.append(float((one.answer == two.answer).mean()))
    return difference, float(np.mean(same))


if __name__ == "__main__":
    sys.exit(run(main, Args))
