"""Training: steps in the vectorized Answer environment.

A training step is a segment of the model, the halting action, the losses and ``envs.step``. A row
that halts gets its next puzzle in the same step, and its carry is reset. No step waits for the
device.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hrm_gym.puzzles import PAD

from ..agent import HRMAgent
from ..exchange import checkpoint
from ..inference.calibration import calibration_counts
from ..inference.halting import HaltingRule, minimum_segments
from ..model.network import HRM, Carry, Output
from ..train_config import TrainConfig
from . import schedule
from .distributed import World
from .ema import WeightAverage
from .environments import Stream, turns
from .execution import chosen_bf16, chosen_compile
from .guard import Guard
from .losses import IGNORE_LABEL, log_scores, segment_loss
from .metrics import Means
from .optimizers import make_optimizers
from .weights import load_weights, model_config


class Trainer:
    """One training run; ``run.run`` is its loop.

    Args:
        config: Configuration of the run.
        seed: Seed of the weights, the puzzles and the exploration.
        device: ``cpu``, ``cuda`` and so on.
        bf16: Compute in bfloat16 (weights and optimizer states stay float32); None: on CUDA, and
            on a CPU whose bfloat16 turns out faster for a relational model.
        compile: Compile the model; None: on CUDA, and a relational model on a CPU with a compiler.
        init: Agent with whose weights the run starts; None: random weights.

    Raises:
        ValueError: if the device is not available, the configuration does not fit the environment,
            the model of ``init`` is another one, or the batch cannot be divided evenly among the
            ranks.
    """

    def __init__(
        self,
        config: TrainConfig,
        seed: int = 0,
        device: str = "cpu",
        bf16: bool | None = None,
        compile: bool | None = None,
        init: HRMAgent | None = None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.world = World.from_environment()
        device = self.world.device(device)
        self.streams = [Stream(config, own, self.world, device) for own in config.all_sources]
        self.turns = turns(config)
        self.device = torch.device(device)
        self.model_config = model_config(config, self.streams)
        torch.manual_seed(seed)
        self.model = HRM(self.model_config).to(self.device)
        if init is not None:
            load_weights(self.model, init)
        for stream in self.streams:
            if self.model.relational:
                self.model.learn_board(stream.task)
        self.bf16 = chosen_bf16(bf16, self.model, self.streams[0], self.device)
        compile = chosen_compile(compile, self.model, self.device)
        self.optimizers = make_optimizers(self.model.param_groups(), config, compile)
        rule = config.halting or ("q" if self.model_config.q_continue else "bce")
        self.halting = HaltingRule(rule, config.max_segments, config.discount)
        # The network that computes Q-targets: the model, or an older copy of it.
        self.target = self.model
        if rule == "td":
            self.target = HRM(self.model_config).to(self.device).requires_grad_(False)
            self.target.load_state_dict(self.model.state_dict())
            self.target.boards = self.model.boards
        if compile:
            self.model.compile()
            if self.target is not self.model:
                self.target.compile()
        # Every rank draws for all rows and uses its own, so that the exploration does not depend
        # on the number of ranks.
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.average = WeightAverage(config.ema or 0.0)
        self.guard = Guard(self.device)
        self.step = 0
        self.env_steps = 0
        self.seconds = 0.0
        self.folder: Path | None = None
        self.budget: dict[str, Any] = {"steps": None, "seconds": None}
        # The commands that started and resumed the run, if a script records them.
        self.commands: list[str] = []
        self._begin(seed)
        self.means = Means()
        # Last, so that an error is raised before this rank waits for the others.
        self.world.join(self.device)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    def _begin(self, seed: int) -> None:
        """Start the first episodes of every source, each with seeds of its own."""
        with self._autocast():
            for number, stream in enumerate(self.streams):
                stream.begin(self.model, seed + 1_000_000 * number)

    # One step ----------------------------------------------------------------------------------

    def train_step(self, progress: float) -> None:
        """Compute a segment in every row, update the weights, and step the environments.

        Args:
            progress: Share of the run that is over after this step, for the schedules.
        """
        config = self.config
        full = (self.model_config.H_cycles, self.model_config.L_cycles)
        self.model.cycles = self.target.cycles = schedule.depth(config, full, progress)
        stream = self.streams[self.turns[self.step % len(self.turns)]]
        tokens, ids = stream.observations["tokens"], stream.observations["puzzle_id"]
        segments = stream.segments + 1
        with self._autocast():
            carry, output = self.model.segment(stream.carry, tokens, ids)
            predicted, target = output.q_continue, None
            later = self.halting.name == "q" and config.later_targets
            if later:
                # This segment is the next one of the last: it has the target of what was predicted
                # there, so no second forward pass is needed.
                _, predicted = self.model.read_q(stream.carry.z_H)
                target = self.halting.target(output, segments)
            elif self.halting.looks_ahead:
                with torch.no_grad():
                    _, following = self.target.segment(carry, tokens, ids)
                target = self.halting.target(following, segments)
        minimum = minimum_segments(
            stream.batch_size, config.max_segments, config.exploration, self.generator, self.device
        )
        halt = self.halting.halts(output, segments, minimum[stream.rows])
        loss, metrics, exact = segment_loss(
            output._replace(q_continue=predicted),
            self._labels(stream, output.logits),
            target,
            config.loss,
            config.label_smoothing,
            config.halt_weight,
            halt,
            segments,
            # The first segment of an episode is the next one of none.
            segments > 1 if later else None,
            config.label_weights,
        )
        (loss / stream.batch_size).backward()
        good = self._update_weights(progress, output)

        actions = torch.cat([output.logits.argmax(-1), halt[:, None]], dim=1)
        stream.observations, _, ended, _, _ = stream.envs.step(actions)
        # A carry that is not finite would otherwise stay so until its row halts.
        finite = (carry.z_H + carry.z_L).isfinite().flatten(1).all(1)
        stream.carry = self._next_carry(carry, ended | ~finite)
        stream.segments = segments.masked_fill(ended, 0)
        self.step += 1
        self.env_steps += stream.batch_size
        metrics |= {"loss": loss.detach(), "calibration": calibration_counts(output.q_halt, exact)}
        metrics["rows"] = torch.full((), float(stream.count), device=self.device)
        self.means.add(metrics, good)

    def _next_carry(self, carry: Carry, reset: Tensor) -> Carry:
        """Return the carry of the next segment: rows reset where an episode ended, and noise."""
        config = self.config
        carry = self.model.reset_carry(carry, reset)
        if not (config.start_noise or config.carry_noise):
            return carry
        deviation = torch.where(reset, config.start_noise, config.carry_noise)
        deviation = deviation.view(-1, *(1,) * (carry.z_H.ndim - 1)).to(carry.z_H.dtype)

        def noisy(state: Tensor) -> Tensor:
            noise = torch.empty_like(state).normal_(generator=self.generator)
            return torch.addcmul(state, noise, deviation)

        return Carry(noisy(carry.z_H), noisy(carry.z_L))

    def _labels(self, stream: Stream, logits: Tensor) -> Tensor:
        """Return the labels of the current puzzles, (B, seq_len) int64 with IGNORE_LABEL.

        They must be read before the environments step, which replaces puzzles.
        """
        labels = stream.envs.labels
        if self.config.targets == "any":
            # The right answer with the lowest loss; for a right answer this is the answer itself.
            labels = stream.envs.likeliest_labels(log_scores(logits, self.config.loss))
        labels = labels.long()
        return labels.masked_fill(labels == PAD, IGNORE_LABEL)

    def _update_weights(self, progress: float, output: Output) -> Tensor:
        """Step the optimizers; return whether the step was good, 0-d bool on the device."""
        config = self.config
        groups = self.model.param_groups()
        gradients = [p.grad for p in (*groups.matrices, *groups.other) if p.grad is not None]
        q_values = [q.detach() for q in output[1:3] if q is not None]
        wild = (torch.stack(q_values).abs() > config.q_limit).any().to(gradients[0].dtype)
        self.world.sum_([*gradients, wild])
        for table in groups.puzzle:
            if table.grad is not None:
                table.grad = self.world.gather_sparse(table.grad)
        # If the loss is not finite, neither is the norm of the gradients.
        norm = torch.nn.utils.get_total_norm(gradients)
        if config.clip is not None:
            dense = [*groups.matrices, *groups.other]
            torch.nn.utils.clip_grads_with_norm_(dense, config.clip, norm)
        good = norm.isfinite() & (wild == 0)
        schedule.set_learning_rates(self.optimizers, config, progress)
        self.guard.step(self.optimizers, good)
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        if schedule.averages(config, progress):
            self.average.update(self.model.state_dict())
        if self.target is not self.model and (self.step + 1) % config.target_every == 0:
            self.target.load_state_dict(self.model.state_dict())
        return good

    # Results -----------------------------------------------------------------------------------

    def read_metrics(self) -> dict[str, float]:
        """Return the means since the last call, see ``Means``; this waits for the device."""
        return {
            **self.means.read(self.world),
            "skipped": float(self.guard.skipped),
            "skipped_in_a_row": float(self.guard.in_a_row),
            "lr": self.optimizers[-1].param_groups[0]["lr"],
        }

    def agent(self) -> HRMAgent:
        """Return the current agent, with the averaged weights if there are any."""
        model = HRM(self.model_config)
        model.load_state_dict(self.average.weights or self.model.state_dict())
        about = {
            "name": self.config.name,
            "env": self.config.env,
            "train": {**self.config.to_dict(), "seed": self.seed},
            "trained_steps": self.step,
            "trained_seconds": round(self.seconds, 1),
        }
        if self.model_config.num_puzzles:
            # The rows of the embedding belong to these puzzles.
            about["puzzles"] = self.fingerprint
        if self.commands:
            about["command"] = " && ".join(self.commands)
        return HRMAgent(
            model,
            self.config.task_id,
            self.config.test_segments,
            self.device,
            self.bf16,
            about,
            self.config.steady,
        )

    # Checkpoints -------------------------------------------------------------------------------

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the training puzzles; cached, since a dataset may have gigabytes of them."""
        return checkpoint.fingerprint(*(stream.envs.puzzles for stream in self.streams))

    def save(self, folder: str | Path) -> None:
        """Write the agent and everything that ``resume`` needs.

        Every rank must call this; the first rank writes.

        Args:
            folder: Folder of the checkpoint, created if necessary.

        Raises:
            ValueError: if the checkpoint cannot be written; an existing checkpoint stays intact.
        """
        tensors = {f"live.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.weights.items()}
        if self.target is not self.model:
            tensors |= {f"target.{name}": v for name, v in self.target.state_dict().items()}
        for number, optimizer in enumerate(self.optimizers):
            tensors |= checkpoint.flatten_optimizer(f"optimizer{number}", optimizer)
        tensors["generator"] = self.generator.get_state()
        # The rows of all ranks, so that a run may be resumed with another number of ranks.
        rows = {
            f"stream{number}.{name}": value
            for number, stream in enumerate(self.streams)
            for name, value in stream.state().items()
        }
        tensors |= {name: self.world.gather(value) for name, value in rows.items()}
        self.folder = Path(folder)
        if not self.world.is_first:
            return
        about = {
            "device": self.device.type,
            "step": self.step,
            "env_steps": self.env_steps,
            "seconds": self.seconds,
            "seed": self.seed,
            "bf16": self.bf16,
            "averaged": self.average.updates,
            "skipped": int(self.guard.skipped),
            "budget": self.budget,
            "commands": self.commands,
            "puzzles": self.fingerprint,
            "config": self.config.to_dict(),
        }
        agent = self.agent()
        weights = agent.model.state_dict()
        if self.bf16:
            # Linear layers round their weights to bfloat16 anyway, so answers stay the same, and
            # the file is half as large.
            rounded = {n: v.bfloat16() for n, v in weights.items() if n.endswith(".weight")}
            weights = {**weights, **rounded}
        files = {
            checkpoint.STATE: tensors,
            checkpoint.TRAINER: about,
            checkpoint.MODEL: weights,
            checkpoint.CONFIG: {"format": checkpoint.FORMAT, **agent.describe()},
        }
        checkpoint.write_files(Path(folder), files)

    @classmethod
    def resume(
        cls,
        folder: str | Path,
        config: TrainConfig | None = None,
        device: str = "cpu",
        compile: bool | None = None,
    ) -> Trainer:
        """Resume a saved run.

        Args:
            folder: Folder that ``save`` wrote.
            config: Expected configuration; default: no check. Its ``source`` may be another one
                than before, if the data were moved.
            device: Device of the resumed run. On another kind of device than before, the
                exploration differs.
            compile: See ``Trainer``.

        Raises:
            ValueError: if a file is missing or damaged, the configurations differ (the message
                lists the fields), or the training puzzles have changed.
        """
        folder = Path(folder)
        about, saved = checkpoint.read_run(folder)
        if config is not None:
            checkpoint.check_same(folder, saved, config)
        config = config or saved
        trainer = cls(config, about["seed"], device, about["bf16"], compile)
        if trainer.fingerprint != about["puzzles"]:
            given = [repr(part.source) for part in config.all_sources if part.source is not None]
            sources = ", ".join(given) or config.env
            raise ValueError(
                f"{folder}: the puzzles of {sources} have changed since this run was saved"
            )
        trainer.restore(folder)
        trainer.commands = about["commands"]
        return trainer

    def restore(self, folder: str | Path) -> None:
        """Restore the state that ``save`` wrote for the same configuration.

        Args:
            folder: Folder of the checkpoint.

        Raises:
            ValueError: if a file is missing or damaged, or does not fit the configuration.
        """
        try:
            self._restore(Path(folder))
        except (KeyError, RuntimeError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise ValueError(
                f"{folder}: the checkpoint does not fit its configuration: {reason}"
            ) from None
        self.folder = Path(folder)

    def _restore(self, folder: Path) -> None:
        about = checkpoint.read_json(folder, checkpoint.TRAINER)
        tensors = checkpoint.read_tensors(folder, checkpoint.STATE)

        def part(prefix: str) -> dict[str, Tensor]:
            start = len(prefix) + 1
            return {
                name[start:]: value.to(self.device)
                for name, value in tensors.items()
                if name.startswith(prefix + ".")
            }

        self.model.load_state_dict(part("live"))
        self.average.weights, self.average.updates = part("average"), about["averaged"]
        if self.target is not self.model:
            self.target.load_state_dict(part("target"))
        for number, optimizer in enumerate(self.optimizers):
            checkpoint.restore_optimizer(f"optimizer{number}", optimizer, tensors)
        for number, stream in enumerate(self.streams):
            stream.restore(part(f"stream{number}"))
        if about["device"] == self.device.type:
            self.generator.set_state(tensors["generator"])
        else:
            # The state of a generator cannot move to another kind of device: seed it again.
            self.generator.manual_seed(self.seed + about["step"])
        self.guard = Guard(self.device)
        self.guard.skipped += about["skipped"]
        self.step, self.env_steps = about["step"], about["env_steps"]
        self.seconds = about["seconds"]
        self.budget = about["budget"]
        self.means = Means()

    def reshuffle(self, attempt: int) -> None:
        """Change puzzles and exploration after a return to a checkpoint.

        Args:
            attempt: Number of the return, which changes the seed.
        """
        seed = self.seed + 1_000_003 * attempt
        self.generator.manual_seed(seed)
        self._begin(seed)
