"""Tracks from plain arrays: what a model answered segment by segment, what an agent played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hrm_gym.puzzles import Puzzle, Task

from ..halting import sigmoid
from .answers import Pairs, answer_scene
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
    demos: Pairs = (),
    limit: int = 0,
) -> Track:
    """Return the track of a model that answered S times.

    Args:
        name: whose thoughts these are.
        task: what the puzzle is of.
        inputs: uint8 (seq_len,), the question.
        answers: uint8 (S, seq_len), the answer after each segment.
        confidence: float (S, seq_len), the probability of each of its tokens.
        q_halt: float (S,), logits.
        q_continue: float (S,), logits; None for a model that halts where q_halt > 0.
        halts: bool (S,), where the model would stop; Q-values alone do not say it.
        labels: uint8 (seq_len,), the solution where it is known.
        demos: demonstration pairs of an ARC task.
        limit: segments that the model might have taken.
    """
    steps, before = [], inputs
    for k, answer in enumerate(answers):
        count = int((answer != before).sum())
        caption = f"{count} cell{'s' * (count != 1)} changed"
        scene = answer_scene(task, inputs, answer, confidence[k], labels, demos, caption)
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
    """Return a Q-value as the probability it stands for."""
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
    """Return the track of an agent that played move by move.

    Args:
        name: the agent.
        task: what the puzzle is of.
        scenes: the board before the first move and after every one.
        observations: as the step environment gave them, as many.
        solved: how it ended; None where it is not over.
        limit: moves that the episode allows.
    """
    steps: list[Step] = []
    for k, (scene, obs) in enumerate(zip(scenes, observations, strict=True)):
        changed = scene.changed_since(scenes[k - 1]) if k else ()
        last = k == len(scenes) - 1
        badge, tone = ("plays", "open") if k else ("begins", "open")
        if last and solved is not None:
            badge, tone = ("SOLVED", "good") if solved else ("NOT SOLVED", "bad")
        steps.append(Step(scene, changed, _progress(task, obs, k), badge, tone))
    return Track(name, "move", steps, limit, first=0)


def _progress(task: Task, obs: dict[str, Any], moves: int) -> tuple[Bar, ...]:
    """Return how far a game is: cells filled, or how near the goal is. ARC has no measure."""
    if task.family == "sudoku":
        blanks = np.asarray(obs["given"]) == 0
        filled, total = int((np.asarray(obs["tokens"])[blanks] > 1).sum()), int(blanks.sum())
        return (Bar("filled", filled / max(total, 1), f"{filled}/{total}"),)
    if task.family == "maze":
        from hrm_gym.puzzles.maze import GOAL, START

        kind: Any = task
        tokens = np.asarray(obs["tokens"])
        away = kind.distances(tokens, int(np.flatnonzero(tokens == GOAL)[0]))
        start = int(away[np.flatnonzero(tokens == START)[0]])
        left = int(away[int(obs["position"])])
        return (Bar("to G", max(0.0, 1 - left / max(start, 1)), f"{left} left"),)
    return ()
