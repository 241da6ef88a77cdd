"""Test-time training on the demonstrations of one ARC task.

An HRM knows a task by its puzzle embedding. For a new task the embedding is trained on the
demonstrations under the eight symmetries of the square, while the weights stay; the weights may
follow in the second half of the time. How many demonstrations the adapted agent reproduces says
whether its answer to the test input is worth anything.
"""

from __future__ import annotations

import dataclasses
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hrm_gym.checks import check_positive
from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles.arc import Grid, read_grid
from hrm_gym.puzzles.arc.augment import ArcTask
from hrm_gym.puzzles.arc.turned import TURNS, turned_set

from ..agent import HRMAgent
from ..inference.voting.arc import Candidate, key_of, vote
from ..model.network import HRM, Carry
from ..training.losses import IGNORE_LABEL, segment_loss

BATCH = 16
"""Rows of a training step."""
ROW_RATE, WEIGHT_RATE = 3e-3, 5e-4
"""Peak learning rates of the embedding and of the weights."""
CLIP = 1.0
"""Largest norm of the gradient of the weights."""
HALT_WEIGHT = 0.05
"""Weight of the loss of q_halt."""


@dataclass(frozen=True)
class Adaptation:
    """An agent that was trained on the demonstrations of a task.

    Attributes:
        agent: The adapted agent, whose puzzle ids 0 to 7 are the symmetries of the task.
        task: The task.
        reproduced: Number of demonstrations whose output the first answer equals.
        steps: Number of training steps.
        seconds: Wall time of the training.
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
    weights: bool = False,
    seed: int = 0,
    on_progress: Callable[[float, float], None] | None = None,
) -> Adaptation:
    """Train a copy of an agent on the demonstrations of a task.

    Args:
        agent: An agent with a puzzle embedding.
        task: The task: a file in ARC's JSON form, its content, or an ``ArcTask``.
        seconds: Training time.
        weights: Train all weights in the second half of the time, not the embedding alone.
        seed: Seed of the order of the demonstrations.
        on_progress: Called with the share of the time that is over and the share of the last
            batch that was answered exactly.

    Raises:
        ValueError: if the agent has no puzzle embedding, the task is malformed or has no
            demonstration, a grid does not fit on the agent's canvas, or ``seconds`` is not
            positive.
    """
    check_positive("seconds", seconds)
    known = read_task(task)
    check_fits(agent, known)
    learner = Learner(agent, known, seed)
    begun = time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        exact = learner.round(spent / seconds, weights and spent > seconds / 2)
        if on_progress is not None:
            on_progress(min(1.0, (time.perf_counter() - begun) / seconds), exact)
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


class Learner:
    """A copy of an agent that learns the demonstrations of a task.

    Args:
        agent: The agent, which stays as it is.
        task: The task.
        seed: Seed of the order of the demonstrations.

    Attributes:
        steps: Number of training steps so far.
    """

    def __init__(self, agent: HRMAgent, task: ArcTask, seed: int) -> None:
        self.base = agent
        self.puzzles: PuzzleSet = turned_set([task.demos], agent.task.size, task.name)
        self.device = agent.device
        config = dataclasses.replace(agent.model.config, num_puzzles=TURNS)
        self.model = HRM(config).to(self.device).train()
        state = dict(agent.model.state_dict())
        # An unknown task begins as the mean of the known ones.
        state["puzzle_emb"] = state["puzzle_emb"].mean(0, keepdim=True).repeat(TURNS, 1)
        self.model.load_state_dict(state)
        self.model.boards = dict(agent.model.boards)
        assert self.model.puzzle_emb is not None
        self.rows = self.model.puzzle_emb
        self.weights = [p for p in self.model.parameters() if p is not self.rows]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [self.rows], "lr": ROW_RATE, "peak": ROW_RATE},
                {"params": self.weights, "lr": WEIGHT_RATE, "peak": WEIGHT_RATE},
            ],
            betas=(0.9, 0.95),
            weight_decay=0.0,
        )
        tensors = (
            torch.from_numpy(np.array(part)).long().to(self.device)
            for part in (self.puzzles.inputs, self.puzzles.labels, self.puzzles.puzzle_ids)
        )
        self.inputs, labels, self.ids = tensors
        self.labels = labels.masked_fill(labels == 0, IGNORE_LABEL)
        self.steps = 0
        self._order = self._batches(np.random.default_rng(seed))

    def _batches(self, random: np.random.Generator) -> Iterator[torch.Tensor]:
        """Yield the rows of batches; every example occurs once before any occurs again."""
        count = len(self.puzzles)
        size = min(BATCH, count)
        while True:
            order = random.permutation(count)
            # The last batch is filled up from the beginning.
            for start in range(0, count, size):
                rows = order[np.arange(start, start + size) % count]
                yield torch.from_numpy(rows).to(self.device)

    def round(self, progress: float, weights: bool) -> float:
        """Train on the segments of one batch, and return the share that is exact at the end.

        Args:
            progress: Share of the time that is over, for the learning rates.
            weights: Whether all weights learn, not the embedding alone.
        """
        factor = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = factor * group["peak"]
        for weight in self.weights:
            weight.requires_grad_(weights)
        rows = next(self._order)
        inputs, labels, ids = self.inputs[rows], self.labels[rows], self.ids[rows]
        with self.base.autocast():
            carry = self.model.initial_carry(len(rows), self.device, seq_len=inputs.shape[1])
        exact = 0.0
        for _ in range(self.base.max_segments):
            carry, exact = self._step(carry, inputs, labels, ids)
        return exact

    def _step(
        self, carry: Carry, inputs: torch.Tensor, labels: torch.Tensor, ids: torch.Tensor
    ) -> tuple[Carry, float]:
        """Train on one segment; return the next carry and the share of exact answers."""
        table = self.model.puzzle_rows(ids, sparse=False)
        with self.base.autocast():
            carry, output = self.model(carry, inputs, table)
        loss, _, exact = segment_loss(output, labels, loss="softmax", halt_weight=HALT_WEIGHT)
        self.optimizer.zero_grad(set_to_none=True)
        (loss / len(inputs)).backward()
        torch.nn.utils.clip_grad_norm_(self.weights, CLIP)
        self.optimizer.step()
        self.steps += 1
        return carry, float(exact.float().mean())

    def agent(self) -> HRMAgent:
        """Return the adapted agent."""
        for weight in self.weights:
            weight.requires_grad_(True)
        about = {**self.base.about, "adapted": self.puzzles.origin}
        about.pop("puzzles", None)
        return HRMAgent(
            self.model,
            self.base.task_name,
            self.base.max_segments,
            self.device,
            self.base.bf16,
            about,
            self.base.steady,
        )
