"""Recording traces: the outputs of every segment of an agent, without halting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_gym.data import PuzzleSet
from hrm_gym.data.traces import Traces, trace_digest

from .thinking import ReasoningAgent


def record_traces(
    agent: ReasoningAgent,
    puzzles: PuzzleSet | Sequence[PuzzleSet],
    env_id: str,
    name: str = "hrm",
    segments: int | None = None,
    batch: int = 256,
    about: dict[str, Any] | None = None,
) -> Traces:
    """Let an agent think about puzzles without halting, and record every segment.

    Args:
        agent: The agent, in PyTorch or exported.
        puzzles: One set of puzzles or several.
        env_id: The environment that the traces belong to.
        name: Name of the agent in the traces.
        segments: Number of segments for each puzzle; default: ``max_segments`` of the agent, which
            it may exceed.
        batch: Number of puzzles in a batch.
        about: Further information to store, plain JSON.

    Raises:
        ValueError: if ``segments`` is not positive, or the puzzles do not fit the agent's task.
    """
    sets = [puzzles] if isinstance(puzzles, PuzzleSet) else list(puzzles)
    task = agent.task_for(sets[0].inputs.shape[1])
    names = ("answers", "confidence", "entropy", "q_halt", "q_continue")
    parts: dict[str, list[Any]] = {key: [] for key in names}
    for part in sets:
        for start in range(0, len(part), batch):
            rows = slice(start, start + batch)
            ids = part.puzzle_ids[rows].copy()  # torch needs a writable array
            thought = list(agent.think(part.inputs[rows], ids, halt=False, segments=segments))
            parts["answers"].append(np.stack([s.answer for s in thought], 1))
            shares = np.stack([s.confidence for s in thought], 1)
            parts["confidence"].append(np.rint(shares * 255).astype(np.uint8))
            # Rounding may make an entropy slightly negative.
            parts["entropy"].append(np.stack([s.entropy for s in thought], 1).clip(0, 1))
            q_halt = np.stack([s.q_halt for s in thought], 1).astype(np.float32)
            parts["q_halt"].append(q_halt)
            q_continue = [s.q_continue for s in thought if s.q_continue is not None]
            parts["q_continue"].append(
                np.stack(q_continue, 1).astype(np.float32) if q_continue else np.zeros_like(q_halt)
            )
    arrays = {key: np.concatenate(values) for key, values in parts.items()}
    inputs = np.concatenate([part.inputs for part in sets])
    labels = np.concatenate([part.labels for part in sets])
    each = [part[row] for part in sets for row in range(len(part))]
    accepted = [
        [task.is_solved(puzzle, answer) for answer in answers]
        for puzzle, answers in zip(each, arrays["answers"], strict=True)
    ]
    return Traces(
        task.id,
        env_id,
        name,
        inputs,
        labels,
        np.concatenate([part.ratings for part in sets]),
        np.array([trace_digest(task, puzzle) for puzzle in each], np.uint64),
        np.array([task.is_ood(puzzle) for puzzle in each]),
        accepted=np.array(accepted),
        about=about or {},
        steady=agent.steady,
        **arrays,
    )
