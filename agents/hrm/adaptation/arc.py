"""Test-time training on the demonstrations of one ARC task.

An HRM knows a task by its puzzle embedding. A new task gets new rows of the embedding, one for
each symmetry of the square, which are trained together with the weights on the demonstrations under
these symmetries. How many demonstrations the adapted agent reproduces says whether its answer to
the test input can be trusted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.checks import check_positive
from hrm_gym.puzzles.arc import Grid, read_grid
from hrm_gym.puzzles.arc.augment import ArcTask
from hrm_gym.puzzles.arc.turned import turned_set

from ..agent import HRMAgent
from ..inference.voting.arc import Candidate, key_of, vote
from .learner import Learner


@dataclass(frozen=True)
class Adaptation:
    """An agent that was trained on the demonstrations of a task.

    Attributes:
        agent: The adapted agent, whose puzzle ids 0 to 7 are the symmetries of the task.
        task: The task.
        reproduced: Number of demonstrations whose output equals the first answer.
        steps: Number of training steps.
        seconds: Wall time of the training and of answering the demonstrations.
    """

    agent: HRMAgent
    task: ArcTask
    reproduced: int
    steps: int
    seconds: float

    def answers(self, question: Grid) -> list[Candidate]:
        """Return the answers to a test input, the best one first; the symmetries vote."""
        return vote(self.agent, question)


def adapt(
    agent: HRMAgent,
    task: ArcTask | Mapping[str, Any] | str | Path,
    seconds: float = 30.0,
    weights: bool = True,
    seed: int = 0,
    on_progress: Callable[[float, float], None] | None = None,
) -> Adaptation:
    """Train a copy of an agent on the demonstrations of a task.

    Args:
        agent: An agent with a puzzle embedding.
        task: The task: a file in ARC's JSON form, its content, or an ``ArcTask``.
        seconds: Longest training time; the training ends earlier when the demonstrations are
            answered exactly under all symmetries.
        weights: Train all weights, not the puzzle embedding alone.
        seed: Seed of the order of the demonstrations.
        on_progress: Called with the share of the time that is over and the share of the
            demonstrations that were answered exactly when they were last asked.

    Raises:
        ValueError: if the agent has no puzzle embedding, the task is malformed or has no
            demonstration, a grid does not fit on the agent's canvas, or ``seconds`` is not
            positive.
    """
    check_positive("seconds", seconds)
    known = read_task(task)
    check_fits(agent, known)
    puzzles = turned_set([known.demos], agent.task.size, known.name)
    learner = Learner(agent, puzzles, seed, weights)
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds and not learner.exact.all():
        learner.round(spent / seconds)
        if on_progress is not None:
            share = float(learner.exact.float().mean())
            on_progress(min(1.0, (time.perf_counter() - begun) / seconds), share)
    adapted = learner.agent()
    reproduced = sum(
        key_of(vote(adapted, question)[0].grid) == key_of(answer)
        for question, answer in known.demos
    )
    return Adaptation(adapted, known, reproduced, learner.steps, time.perf_counter() - begun)


def read_task(task: ArcTask | Mapping[str, Any] | str | Path) -> ArcTask:
    """Return a task with its demonstrations; test outputs may be missing.

    Raises:
        ValueError: if it is not in ARC's JSON form, or has no demonstration.
    """
    if isinstance(task, ArcTask):
        known = task
    else:
        name = "task"
        content: Any = task
        if isinstance(task, str | Path):
            name = Path(task).stem
            try:
                content = json.loads(Path(task).read_text(encoding="utf-8-sig"))
            except OSError:
                raise ValueError(f"task: there is no file {task}") from None
            except ValueError:
                raise ValueError(f"task: {task} is not JSON") from None
        try:
            demos = tuple(
                (read_grid(pair["input"]), read_grid(pair["output"])) for pair in content["train"]
            )
        except (KeyError, TypeError):
            raise ValueError(
                f"task: expected ARC JSON with a list 'train' of input/output pairs in {name}"
            ) from None
        except ValueError as error:
            raise ValueError(f"task: {name}: {error}") from None
        known = ArcTask(name, demos, ())
    if not known.demos:
        raise ValueError(f"task: {known.name} has no demonstration; expected at least one")
    return known


def check_fits(agent: HRMAgent, task: ArcTask, *questions: Grid) -> None:
    """Check that an agent can learn a task.

    Raises:
        ValueError: if it has no puzzle embedding, or a grid does not fit on its canvas.
    """
    if not agent.num_puzzles:
        raise ValueError(
            f"agent: {agent.name} has no puzzle embedding, by which a model knows a task; expected "
            "an agent with one, such as one of the preset arc-mini"
        )
    side = agent.task.size
    for grid in (*questions, *(grid for pair in task.demos for grid in pair)):
        if max(grid.shape) > side:
            rows, columns = grid.shape
            raise ValueError(
                f"task: {task.name} has a grid of {rows}x{columns} cells; the canvas of the agent "
                f"has {side}x{side}"
            )
