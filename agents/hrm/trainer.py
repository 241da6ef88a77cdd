"""Training: an ordinary loop over the vector Answer environment.

model segment -> halting action -> ``envs.step`` -> losses. A row that halted gets its next puzzle
in the same step, and its carry starts anew. Nothing in a step waits for the device.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gymnasium as gym
import torch
from torch import Tensor

from ..base import TrainResult
from . import checkpoint
from .act import halt_in_training, minimum_segments, q_target
from .agent import HRMAgent
from .config import HRMConfig
from .losses import IGNORE_LABEL, act_loss
from .model import HRM, Carry
from .optimizers import AdamAtan2, SignSGD
from .presets import TrainConfig, get_preset, preset_for

if TYPE_CHECKING:
    from hrm_gym.tracking import Tracker

Progress = Callable[["Trainer", dict[str, float]], None]


def make_optimizers(model: HRM, config: TrainConfig) -> list[torch.optim.Optimizer]:
    """Return the optimisers, each group with its peak learning rate as ``peak``.

    Raises:
        ValueError: Muon is asked for and this torch has none.
    """
    groups = model.param_groups()
    dense = [*groups.matrices, *groups.other]
    options: dict[str, Any] = {
        "lr": config.lr,
        "betas": config.betas,
        "weight_decay": config.weight_decay,
    }
    optimizers: list[torch.optim.Optimizer] = []
    if config.optimizer == "muon":
        if not hasattr(torch.optim, "Muon"):
            raise ValueError(
                f"optimizer: muon needs torch 2.9 or newer, this is {torch.__version__}"
            )
        # Scaled so that one learning rate serves both kinds of parameters (arXiv 2502.16982).
        muon = torch.optim.Muon(
            groups.matrices,
            lr=config.lr,
            weight_decay=config.weight_decay,
            adjust_lr_fn="match_rms_adamw",
        )
        optimizers.append(muon)
        dense = groups.other
    if config.optimizer == "adam-atan2":
        optimizers.append(AdamAtan2(dense, **options))
    else:
        fused = dense[0].device.type == "cuda"
        optimizers.append(torch.optim.AdamW(dense, **options, fused=fused, foreach=not fused))
    if groups.puzzle:
        options = {"lr": config.puzzle_lr, "weight_decay": config.puzzle_weight_decay}
        optimizers.append(SignSGD(groups.puzzle, **options))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["peak"] = group["lr"]
    return optimizers


class Trainer:
    """One training run.

    Args:
        config: What to train on what; see ``TrainConfig``.
        seed: Of the weights, the puzzles and the exploration.
        device: ``cpu``, ``cuda`` and so on.
        bf16: Compute in bfloat16 (weights and optimisers stay float32).

    Raises:
        ValueError: The device is not there, or the configuration does not fit the environment.
    """

    def __init__(
        self, config: TrainConfig, seed: int = 0, device: str = "cpu", bf16: bool | None = None
    ) -> None:
        self.config = config
        self.seed = seed
        self.envs = gym.make_vec(
            config.env,
            num_envs=config.batch_size,
            task=config.task_id,
            device=device,
            autoreset_mode="SameStep",
            source=config.source,
            limit=config.limit,
            augment=config.augment,
            max_segments=config.max_segments,
        ).unwrapped
        self.device = torch.device(device)
        self.bf16 = self.device.type == "cuda" if bf16 is None else bf16
        tokens = self.envs.single_observation_space["tokens"]  # type: ignore[index]
        fields = dict(config.model)
        ids = int(self.envs.single_observation_space["puzzle_id"].n)  # type: ignore[index]
        if fields.get("num_puzzles"):
            fields["num_puzzles"] = max(ids, int(fields["num_puzzles"]))
        shape = {"vocab_size": int(tokens.high.max()) + 1, "seq_len": tokens.shape[0]}
        self.model_config = HRMConfig.from_dict({**shape, **fields})
        torch.manual_seed(seed)
        self.model = HRM(self.model_config).to(self.device)
        self.optimizers = make_optimizers(self.model, config)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.average: dict[str, Tensor] = {}
        if config.ema is not None:
            self.average = {k: v.clone() for k, v in self.model.state_dict().items()}
        self.step = 0
        self.seconds = 0.0
        self.observations, _ = self.envs.reset(seed=seed)
        self.segments = torch.zeros(config.batch_size, dtype=torch.int64, device=self.device)
        with self._autocast():
            start = self.model.initial_carry(config.batch_size, self.device)
        # Written out once, since a compiled model wants the same strides at every call.
        self.carry = self.model.reset_carry(start, torch.ones_like(self.segments).bool())
        self._sums: dict[str, Tensor] = {}
        self._summed = 0

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    # One step ----------------------------------------------------------------------------------

    def train_step(self, progress: float) -> None:
        """Think one segment in every row, learn from it, act.

        Args:
            progress: Share of the run that is over, for the schedule of the learning rate.
        """
        config = self.config
        tokens, ids = self.observations["tokens"], self.observations["puzzle_id"]
        # The labels are the teacher's: read before the step hands out the next puzzles.
        labels = self.envs.labels.long()  # type: ignore[attr-defined]
        labels = labels.masked_fill(labels == 0, IGNORE_LABEL)
        segments = self.segments + 1
        with self._autocast():
            carry, output = self.model.segment(self.carry, tokens, ids)
            target = None
            if self.model_config.q_continue:
                with torch.no_grad():
                    _, following = self.model.segment(carry, tokens, ids)
                target = q_target(following, segments >= config.max_segments)
        minimum = minimum_segments(
            config.batch_size, config.max_segments, config.exploration, self.generator, self.device
        )
        halt = halt_in_training(
            output, segments, minimum, config.max_segments, self.model_config.q_continue
        )
        loss, metrics, _ = act_loss(
            output,
            labels,
            target,
            config.loss,
            config.label_smoothing,
            config.halt_weight,
            halt,
            segments,
        )
        (loss / config.batch_size).backward()
        self._optimise(progress)

        actions = torch.cat([output.logits.argmax(-1), halt[:, None]], dim=1)
        self.observations, _, ended, _, _ = self.envs.step(actions)
        self.carry = self.model.reset_carry(carry, ended)
        self.segments = segments.masked_fill(ended, 0)
        self.step += 1
        self._count({**metrics, "loss": loss.detach()})

    def _optimise(self, progress: float) -> None:
        config = self.config
        rise = min(1.0, progress / config.warmup) if config.warmup else 1.0
        fall = 0.5 * (1 + math.cos(math.pi * progress)) if config.schedule == "cosine" else 1.0
        if config.clip is not None:
            groups = self.model.param_groups()
            torch.nn.utils.clip_grad_norm_([*groups.matrices, *groups.other], config.clip)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["peak"] * rise * fall
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if config.ema is not None:
            # A young average follows the weights closely, so that short runs profit too.
            decay = min(config.ema, (1 + self.step) / (10 + self.step))
            live = self.model.state_dict()
            floats = [name for name, value in live.items() if value.is_floating_point()]
            torch._foreach_lerp_(
                [self.average[name] for name in floats], [live[name] for name in floats], 1 - decay
            )

    # Metrics -----------------------------------------------------------------------------------

    def _count(self, metrics: dict[str, Tensor]) -> None:
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, torch.zeros_like(value)) + value
        self._summed += 1

    def read_metrics(self) -> dict[str, float]:
        """Return the means since the last call; the one place that waits for the device."""
        sums = {name: float(value) for name, value in self._sums.items()}
        rows, count = self._summed * self.config.batch_size, max(sums.get("count", 0.0), 1.0)
        self._sums, self._summed = {}, 0
        if not rows:
            return {}
        per_row = ("loss", "lm_loss", "q_halt_loss", "q_continue_loss")
        return {
            **{name: sums[name] / rows for name in per_row if name in sums},
            "accuracy": sums["accuracy"] / count,
            "exact_accuracy": sums["exact_accuracy"] / count,
            "q_halt_accuracy": sums["q_halt_accuracy"] / count,
            "segments": sums["steps"] / count,
            "lr": self.optimizers[0].param_groups[0]["lr"],
        }

    # Runs --------------------------------------------------------------------------------------

    def run(
        self,
        steps: int | None = None,
        seconds: float | None = None,
        on_log: Progress | None = None,
        log_every: float = 1.0,
    ) -> None:
        """Train until ``steps`` in all or ``seconds`` of training in all, whichever comes first.

        Args:
            steps: Default: the configuration's, or no end where ``seconds`` is given.
            seconds: Training time; what ``on_log`` takes is not counted.
            on_log: Called with the trainer and the means since its last call.
            log_every: Seconds of training between two calls.
        """
        if steps is None:
            steps = self.config.steps if seconds is None else 1 << 60
        limit = math.inf if seconds is None else seconds
        self.model.train()
        logged = self.seconds
        started = time.perf_counter() - self.seconds
        while self.step < steps and self.seconds < limit:
            self.train_step(max(self.step / steps, self.seconds / limit))
            self.seconds = time.perf_counter() - started
            over = self.step >= steps or self.seconds >= limit
            if on_log is not None and (over or self.seconds - logged >= log_every):
                on_log(self, self.read_metrics())
                self.model.train()
                logged = self.seconds
                started = time.perf_counter() - self.seconds

    @property
    def env_steps(self) -> int:
        """Steps of all environments together."""
        return self.step * self.config.batch_size

    def agent(self) -> HRMAgent:
        """Return the agent as it stands, of averaged weights where there are any."""
        model = HRM(self.model_config)
        model.load_state_dict(self.average or self.model.state_dict())
        about = {
            "env": self.config.env,
            "train": {**self.config.to_dict(), "seed": self.seed},
            "trained_steps": self.step,
            "trained_seconds": round(self.seconds, 1),
        }
        return HRMAgent(
            model, self.config.task_id, self.config.max_segments, self.device, self.bf16, about
        )

    # Checkpoints -------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the agent and all that ``resume`` needs."""
        folder = Path(folder)
        self.agent().save(folder)
        tensors = {f"live.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for number, optimizer in enumerate(self.optimizers):
            tensors |= checkpoint.flatten_optimizer(f"optimizer{number}", optimizer)
        state = self.envs.get_state()  # type: ignore[attr-defined]
        tensors |= {f"envs.{k}": value for k, value in state.items() if k != "task"}
        tensors |= {f"observations.{name}": value for name, value in self.observations.items()}
        tensors |= {"carry.z_H": self.carry.z_H, "carry.z_L": self.carry.z_L}
        tensors |= {"segments": self.segments, "generator": self.generator.get_state()}
        checkpoint.write_tensors(folder / checkpoint.STATE, tensors)
        progress = {"step": self.step, "seconds": self.seconds, "seed": self.seed}
        about = {**progress, "bf16": self.bf16, "config": self.config.to_dict()}
        checkpoint.write_json(folder / checkpoint.TRAINER, about)

    @classmethod
    def resume(
        cls, folder: str | Path, config: TrainConfig | None = None, device: str = "cpu"
    ) -> Trainer:
        """Go on with a saved run.

        Args:
            folder: What ``save`` wrote.
            config: Checked against the saved one, if given.
            device: Where to go on.

        Raises:
            ValueError: A file is missing or damaged, or the configurations differ (the message
                lists the fields).
        """
        folder = Path(folder)
        about = checkpoint.read_json(folder / checkpoint.TRAINER)
        saved = TrainConfig.from_dict(about["config"])
        if config is not None and config != saved:
            given, own = config.to_dict(), saved.to_dict()
            differ = ", ".join(
                f"{name} ({own[name]!r} saved, {given[name]!r} now)"
                for name in own
                if own[name] != given[name]
            )
            raise ValueError(f"{folder}: this run has another configuration: {differ}")
        tensors = checkpoint.read_tensors(folder / checkpoint.STATE)
        trainer = cls(saved, about["seed"], device, about["bf16"])

        def part(prefix: str) -> dict[str, Tensor]:
            return {
                name[len(prefix) + 1 :]: value.to(trainer.device)
                for name, value in tensors.items()
                if name.startswith(prefix + ".")
            }

        trainer.model.load_state_dict(part("live"))
        trainer.average = part("average")
        for number, optimizer in enumerate(trainer.optimizers):
            checkpoint.restore_optimizer(f"optimizer{number}", optimizer, tensors)
        state = {"task": trainer.envs.task.id, **part("envs")}
        trainer.envs.set_state(state)  # type: ignore[attr-defined]
        trainer.observations = part("observations")
        trainer.carry = Carry(**part("carry"))
        trainer.segments = tensors["segments"].to(trainer.device)
        trainer.generator.set_state(tensors["generator"])
        trainer.step, trainer.seconds = about["step"], about["seconds"]
        return trainer


def train_hrm(
    env_id: str,
    preset: str | None = None,
    seed: int = 0,
    seconds: float | None = None,
    steps: int | None = None,
    device: str = "cpu",
    limit: int | None = 1000,
    on_progress: Callable[[HRMAgent, int, float], None] | None = None,
    progress_evaluations: int = 6,
    tracker: Tracker | None = None,
) -> TrainResult:
    """Train an HRM for an environment, step or Answer; it learns on the Answer id.

    Args:
        env_id: The environment it is wanted for.
        preset: A name of ``PRESETS``; default: the smallest for the environment.
        seed: Of everything.
        seconds: Training time; ``steps`` likewise. Whichever comes first ends the run.
        steps: Optimiser steps.
        device: Where.
        limit: Labelled puzzles at most.
        on_progress: Called with the agent, environment steps and training seconds, evenly spread
            over the run; its time is not counted.
        progress_evaluations: How often.
        tracker: Gets the training metrics.

    Raises:
        ValueError: The environment or preset is unknown.
    """
    config = get_preset(preset or preset_for(env_id))
    trainer = Trainer(dataclasses.replace(config, limit=limit), seed, device)
    total_steps = steps if steps is not None else (1 << 60 if seconds else config.steps)
    due = 1

    def log(trainer: Trainer, metrics: dict[str, float]) -> None:
        nonlocal due
        if tracker is not None:
            for name, value in metrics.items():
                tracker.scalar(f"train/{name}", value, trainer.env_steps, trainer.seconds)
        done = max(trainer.step / total_steps, trainer.seconds / (seconds or math.inf))
        if on_progress is not None and done * progress_evaluations >= due:
            due = int(done * progress_evaluations) + 1
            on_progress(trainer.agent(), trainer.env_steps, trainer.seconds)

    trainer.run(steps, seconds, log)
    return TrainResult(trainer.agent(), trainer.env_steps, trainer.seconds)
