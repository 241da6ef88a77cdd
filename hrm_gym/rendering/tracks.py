"""Tracks from plain arrays: the answers of a model by segment, or the moves of an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_gym.puzzles import Puzzle, Task

from ..halting import sigmoid
from .replay import Bar, Step, Track
from .scene import Scene, changed_cells


def thinking_track(
    name: str,
    task: Task,
    inputs: np.ndarray,
    answers: np.ndarray,
    confidence: np.ndarray,
    q_halt: np.ndarray,
    q_continue: np.ndarray | None,
    halts: np.ndarray,
    labels: np.ndarray | None = None,
    demos: Sequence[tuple[Any, Any]] = (),
    limit: int = 0,
) -> Track:
    """Return the track of a model that gave S answers.

    Args:
        name: Name of the model.
        task: Task of the puzzle.
        inputs: uint8 ``(seq_len,)``, the question.
        answers: uint8 ``(S, seq_len)``, the answer after each segment.
        confidence: float ``(S, seq_len)``, the probability of each token of the answers.
        q_halt: float ``(S,)``, logits.
        q_continue: float ``(S,)``, logits; ``None`` for a model that halts if q_halt > 0.
        halts: bool ``(S,)``, whether the model would halt. This does not follow from the Q-values
            alone.
        labels: uint8 ``(seq_len,)``, the label if it is known.
        demos: Demonstration pairs of the puzzle, if the family has them.
        limit: Largest number of segments.
    """
    steps, before = [], inputs
    for k, answer in enumerate(answers):
        count = int((answer != before).sum())
        caption = f"{count} cell{'s' * (count != 1)} changed"
        scene = task.scene(
            inputs, answer, labels, confidence=confidence[k], demos=demos, caption=caption
        )
        bars = [_chance("q halt", q_halt[k], 0.5 if q_continue is None else None)]
        if q_continue is not None:
            bars.append(_chance("q continue", q_continue[k]))
        badge, tone = "continue", "open"
        if halts[k] or k + 1 == limit:
            badge, tone = "HALT" if halts[k] else "LAST", "on"
            if labels is not None:
                right = task.is_solved(Puzzle(inputs, labels), answer)
                badge, tone = (
                    f"{badge}, {'right' if right else 'wrong'}",
                    "good" if right else "bad",
                )
        changed = changed_cells(scene.visible(before), scene.visible(answer))
        steps.append(Step(scene, changed, tuple(bars), badge, tone))
        before = answer
    return Track(name, "segment", steps, limit)


def _chance(name: str, logit: float, mark: float | None = None) -> Bar:
    """Return the bar of a Q-value: the probability of its logit."""
    share = float(sigmoid(logit))
    return Bar(name, share, f"{share:.3f}", mark)


def playing_track(
    name: str,
    task: Task,
    scenes: Sequence[Scene],
    observations: Sequence[dict[str, Any]],
    solved: bool | None,
    limit: int = 0,
) -> Track:
    """Return the track of an agent that played in a step environment.

    Args:
        name: Name of the agent.
        task: Task of the puzzle.
        scenes: The scene before the first move and after every move.
        observations: The observation of every scene.
        solved: Whether the episode ended with success; ``None`` if it has not ended.
        limit: Largest number of moves of an episode.
    """
    steps: list[Step] = []
    for k, (scene, obs) in enumerate(zip(scenes, observations, strict=True)):
        changed = scene.changed_since(scenes[k - 1]) if k else ()
        last = k == len(scenes) - 1
        badge, tone = ("plays", "open") if k else ("begins", "open")
        if last and solved is not None:
            badge, tone = ("SOLVED", "good") if solved else ("NOT SOLVED", "bad")
        progress = task.progress(obs)
        bars = () if progress is None else (Bar(*progress),)
        steps.append(Step(scene, changed, bars, badge, tone))
    return Track(name, "move", steps, limit, first=0)
