"""Training of the decoder: teacher forcing on the chains of a solver, with symmetries."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from hrm_gym.checks import check_positive
from hrm_gym.puzzles import get_task

from ..base import Diverged, TrainResult
from ..hrm.model.config import HRMConfig
from ..hrm.presets import get_preset, preset_for
from ..hrm.train_config import TrainConfig
from ..hrm.training import schedule
from ..hrm.training.ema import WeightAverage
from ..hrm.training.environments import make_envs
from ..hrm.training.guard import check_finite
from ..hrm.training.losses import IGNORE_LABEL, softmax_cross_entropy
from ..hrm.training.optimizers import make_optimizers
from ..supervised import count_parameters
from ..transformer import fit_size
from .agent import ChainAgent
from .model import Decoder
from .steps import Language

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

LAYERS = 4
"""Number of blocks. They are few and wide, because each one adds kernels to every token written."""


def decoder_config(base: TrainConfig, language: Language) -> HRMConfig:
    """Return the configuration of a decoder with as many parameters as the HRM of a run."""
    half = LAYERS // 2
    size = {"vocab_size": language.vocab_size, "seq_len": language.capacity}
    fields = {**size, "H_layers": half, "L_layers": half, "positions": "rotary"}

    def count(fields: dict[str, Any]) -> int:
        with torch.device("meta"):
            model = Decoder(HRMConfig.from_dict(fields), language)
        return sum(parameter.numel() for parameter in model.parameters())

    wanted = count_parameters(base, dict(base.model))
    return HRMConfig.from_dict(fit_size(fields, LAYERS, wanted, count))


class ChainTrainer:
    """One training run with the puzzles, symmetries, batches and optimizer of an HRM.

    Args:
        config: Configuration of the HRM's run; the fields of the recurrence are not used.
        seed: Seed of the weights and the puzzles.
        device: Device of the training.

    Raises:
        ValueError: if the task has no solver whose steps can be written.
    """

    def __init__(self, config: TrainConfig, seed: int = 0, device: str = "cpu") -> None:
        # An episode is one step, because a chain is written once.
        puzzles = config.main_source
        config = dataclasses.replace(
            config, max_segments=1, sources=(), batch_size=puzzles.batch_size
        )
        self.config, self.seed, self.device = config, seed, device
        self.language = Language(get_task(config.task_id))
        self.envs = make_envs(config, puzzles, puzzles.batch_size, device)
        torch.manual_seed(seed)
        self.model = Decoder(decoder_config(config, self.language), self.language).to(device)
        self.optimizers = make_optimizers(self.model.param_groups(), config)
        self.average = WeightAverage(config.ema or 0.0)
        self.observations, _ = self.envs.reset(seed=seed)
        self.step = 0

    def train_step(self, progress: float) -> Tensor:
        """Train on one batch of chains; return the mean loss per token, 0-d."""
        config, cells = self.config, self.language.task.seq_len
        questions = self.observations["tokens"]
        labels = self.envs.labels
        chains, places = (
            torch.from_numpy(part).to(self.device)
            for part in self.language.chains(questions.cpu().numpy(), labels.cpu().numpy())
        )
        logits = self.model(chains[:, :-1], places[:, :-1])[:, cells - 1 :]
        # Every token after the question counts, except padding.
        wanted = chains[:, cells:]
        wanted = wanted.masked_fill(wanted == 0, IGNORE_LABEL)
        counted = (wanted != IGNORE_LABEL).sum()
        loss = softmax_cross_entropy(logits, wanted).sum() / counted
        loss.backward()
        if config.clip is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        schedule.set_learning_rates(self.optimizers, config, progress)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if schedule.averages(config, progress):
            self.average.update(self.model.state_dict())
        halt = np.ones((len(questions), 1), np.int64)
        answers = np.concatenate([labels.cpu().numpy().astype(np.int64), halt], axis=1)
        self.observations, *_ = self.envs.step(answers)
        self.step += 1
        return loss.detach()

    def result(self, seconds: float) -> TrainResult[ChainAgent]:
        """Return the result so far; a puzzle is an episode of one step."""
        ended, batch = self.step * self.config.batch_size, self.config.batch_size
        return TrainResult(self.agent(seconds), ended, seconds, ended + batch)

    def agent(self, seconds: float) -> ChainAgent:
        """Return the current agent, with averaged weights if there are any."""
        model = Decoder(self.model.config, self.language)
        model.load_state_dict(self.average.weights or self.model.state_dict())
        about = {
            "env": self.config.env,
            "train": {**self.config.to_dict(), "seed": self.seed},
            "trained_steps": self.step,
            "trained_seconds": round(seconds, 1),
        }
        return ChainAgent(model, self.config.task_id, self.device, about)


def train_chain(
    env_id: str,
    preset: str | None = None,
    seed: int = 0,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "cpu",
    limit: int | None = 1000,
    on_progress: Callable[[TrainResult[ChainAgent]], None] | None = None,
    progress_evaluations: int = 6,
    tracker: Tracker | None = None,
) -> TrainResult[ChainAgent]:
    """Train a decoder for an environment, step or Answer.

    Args:
        env_id: The environment that the agent is meant for.
        preset: Preset of the HRM, by default the smallest one for the environment.
        seed: Seed of the weights and the puzzles.
        seconds: Training time. The run ends when ``seconds`` or ``steps`` is reached, whichever
            comes first.
        steps: Optimizer steps. By default those of the preset, or without a limit if ``seconds``
            is given.
        device: Device of the training.
        limit: Maximum number of labelled puzzles; ``None`` uses all of them.
        on_progress: Called with the result so far, at the start and at equal intervals of the
            budget. The time it takes is not counted.
        progress_evaluations: Maximum number of calls of ``on_progress`` after the first.
        tracker: Receives the training loss.

    Raises:
        ValueError: if the environment or the preset is unknown, the task has no solver, or a
            budget is not positive.
        Diverged: if the loss is not finite.
    """
    for name, budget in (("steps", steps), ("seconds", seconds)):
        if budget is not None:
            check_positive(name, budget)
    config = get_preset(preset or preset_for(env_id))
    trainer = ChainTrainer(config.with_puzzles(limit=limit), seed, device)
    last = steps or (math.inf if seconds else config.steps)
    limit_s, spent, due = seconds or math.inf, 0.0, 0
    while True:
        done = min(1.0, max(trainer.step / last, spent / limit_s))
        if on_progress is not None and done * progress_evaluations >= due:
            due = int(done * progress_evaluations) + 1
            on_progress(trainer.result(spent))
        if done >= 1.0:
            break
        begun = time.perf_counter()
        # The progress at the end of the step, as in all trainers.
        loss = float(trainer.train_step(max((trainer.step + 1) / last, min(1.0, spent / limit_s))))
        spent += time.perf_counter() - begun
        if not math.isfinite(loss):
            raise Diverged(f"step {trainer.step}: the loss is not finite; lower the rate")
        if tracker is not None and trainer.step % 20 == 0:
            tracker.scalar("train/loss", loss, trainer.step * trainer.config.batch_size, spent)
    result = trainer.result(spent)
    # The last loss was computed before the last step, so that the weights are checked too.
    check_finite(result.agent.model)
    return result
