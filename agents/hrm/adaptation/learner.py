"""Training a copy of an agent on the demonstrations of one task."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hrm_gym.data import PuzzleSet

from ..agent import HRMAgent
from ..model.network import HRM
from ..train_config import TrainConfig
from ..training.losses import IGNORE_LABEL, segment_loss
from ..training.optimizers import make_optimizers
from ..training.schedule import set_learning_rates
from ..training.weights import load_weights
from .symbols import Merged

RECIPE = TrainConfig(
    "HRMARCAnswer-v0",
    batch_size=8,
    max_segments=2,
    optimizer="muon",
    lr=2e-3,
    weight_decay=0.0,
    puzzle_lr=1e-2,
    puzzle_weight_decay=0.0,
    schedule="cosine",
    warmup=0.0,
    loss="softmax",
    halt_weight=0.05,
)
"""How a task is learned: Muon on all weights and sign-SGD on its rows of the embedding."""
CLIP = 1.0
"""Largest norm of the gradient of the weights."""


class Learner:
    """A copy of an agent that learns the puzzles of one task.

    Args:
        agent: The agent, which stays as it is.
        puzzles: The demonstrations; every puzzle id gets a row of the embedding.
        seed: Seed of the order of the demonstrations.
        weights: Whether all weights learn, not the embedding alone.

    Attributes:
        steps: Number of training steps so far.
        exact: ``(puzzles,)`` bool, whether the last answer to each puzzle was exactly right.
    """

    def __init__(
        self, agent: HRMAgent, puzzles: PuzzleSet, seed: int = 0, weights: bool = True
    ) -> None:
        self.base, self.origin = agent, puzzles.origin
        config = dataclasses.replace(agent.model.config, num_puzzles=puzzles.num_puzzle_ids)
        self.model = HRM(config).to(agent.device).train()
        # An unknown task begins as the mean of the known ones.
        load_weights(self.model, agent)
        self.model.boards = dict(agent.model.boards)
        assert self.model.puzzle_emb is not None
        tokens: np.ndarray = np.stack((puzzles.inputs, puzzles.labels))
        rows = self.model.puzzle_emb.detach()
        self.merged: Merged | None = None
        if config.symbols == "equivariant":
            self.merged = Merged.of(config, tokens, agent.task.vocab_size)
            boards = self.model.boards
            boards[tokens.shape[2]] = self.merged.board(boards[tokens.shape[2]])
            tokens, rows = self.merged.tokens(tokens), self.merged.merge(rows)
        self.rows = nn.Parameter(rows.clone())
        groups = self.model.param_groups()
        self.weights = [*groups.matrices, *groups.other]
        for weight in self.weights:
            weight.requires_grad_(weights)
        self.optimizers = make_optimizers(groups._replace(puzzle=[self.rows]), RECIPE)
        self.inputs, labels = torch.from_numpy(tokens).long().to(agent.device)
        self.labels = labels.masked_fill(labels == 0, IGNORE_LABEL)
        self.ids = torch.from_numpy(np.array(puzzles.puzzle_ids)).long().to(agent.device)
        self.exact = torch.zeros(len(puzzles), dtype=torch.bool, device=agent.device)
        self.steps = 0
        self._order = self._batches(np.random.default_rng(seed))

    def _batches(self, random: np.random.Generator) -> Iterator[Tensor]:
        """Yield the rows of batches; every puzzle occurs once before any occurs again."""
        count = len(self.inputs)
        size = min(RECIPE.batch_size, count)
        while True:
            order = random.permutation(count)
            # The last batch is filled up from the beginning.
            for start in range(0, count, size):
                rows = order[np.arange(start, start + size) % count]
                yield torch.from_numpy(rows).to(self.inputs.device)

    def round(self, progress: float) -> None:
        """Train on the segments of one batch.

        Args:
            progress: Share of the time that is over, for the learning rates.
        """
        set_learning_rates(self.optimizers, RECIPE, progress)
        batch = next(self._order)
        inputs, labels, ids = self.inputs[batch], self.labels[batch], self.ids[batch]
        with self.base.autocast():
            carry = self.model.initial_carry(len(batch), seq_len=inputs.shape[1])
        for _ in range(RECIPE.max_segments):
            rows = F.embedding(ids, self.rows, sparse=True)
            with self.base.autocast():
                carry, output = self.model(carry, inputs, rows)
            loss, _, exact = segment_loss(
                output, labels, loss=RECIPE.loss, halt_weight=RECIPE.halt_weight
            )
            (loss / len(batch)).backward()
            nn.utils.clip_grad_norm_(self.weights, CLIP)
            for optimizer in self.optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            self.steps += 1
        self.exact[batch] = exact

    def agent(self) -> HRMAgent:
        """Return the adapted agent."""
        rows = self.rows.detach()
        state = self.model.state_dict()
        state["puzzle_emb"] = rows if self.merged is None else self.merged.spread(rows)
        model = HRM(self.model.config)
        model.load_state_dict(state)
        about = {**self.base.about, "adapted": self.origin}
        about.pop("puzzles", None)
        return HRMAgent(
            model,
            self.base.task_name,
            self.base.max_segments,
            self.base.device,
            self.base.bf16,
            about,
            self.base.steady,
        )
