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

from ..agent import HRMAgent
from ..exchange import checkpoint
from ..inference.calibration import calibration_counts
from ..inference.halting import HaltingRule, minimum_segments
from ..model.config import HRMConfig
from ..model.network import HRM, Carry, Output
from ..train_config import TrainConfig
from . import schedule
from .distributed import World
from .ema import WeightAverage
from .environments import make_envs
from .guard import Guard
from .losses import IGNORE_LABEL, log_scores, segment_loss
from .metrics import Means
from .optimizers import make_optimizers


class Trainer:
    """One training run; ``run.run`` is its loop.

    Args:
        config: Configuration of the run.
        seed: Seed of the weights, the puzzles and the exploration.
        device: ``cpu``, ``cuda`` and so on.
        bf16: Compute in bfloat16 (weights and optimizer states stay float32); None: on CUDA only.
        compile: Compile the model; None: on CUDA only.

    Raises:
        ValueError: if the device is not available, the configuration does not fit the environment,
            or the batch cannot be divided evenly among the ranks.
    """

    def __init__(
        self,
        config: TrainConfig,
        seed: int = 0,
        device: str = "cpu",
        bf16: bool | None = None,
        compile: bool | None = None,
    ) -> None:
        self.config = config
        self.seed = seed
        self.world = World.from_environment()
        device = self.world.device(device)
        self.rows = self.world.rows(config.batch_size)
        batch = self.rows.stop - self.rows.start
        self.envs = make_envs(config, batch, device)
        self.device = torch.device(device)
        on_cuda = self.device.type == "cuda"
        self.bf16 = on_cuda if bf16 is None else bf16
        tokens = self.envs.single_observation_space["tokens"]
        fields = dict(config.model)
        ids = int(self.envs.single_observation_space["puzzle_id"].n)
        if fields.get("num_puzzles"):
            fields["num_puzzles"] = max(ids, int(fields["num_puzzles"]))
        shape = {"vocab_size": int(tokens.high.max()) + 1, "seq_len": tokens.shape[0]}
        self.model_config = HRMConfig.from_dict({**shape, **fields})
        torch.manual_seed(seed)
        self.model = HRM(self.model_config).to(self.device)
        compile = on_cuda if compile is None else compile
        self.optimizers = make_optimizers(self.model.param_groups(), config, compile)
        rule = config.halting or ("q" if self.model_config.q_continue else "bce")
        self.halting = HaltingRule(rule, config.max_segments, config.discount)
        # The network that computes Q-targets: the model, or an older copy of it.
        self.target = self.model
        if rule == "td":
            self.target = HRM(self.model_config).to(self.device).requires_grad_(False)
            self.target.load_state_dict(self.model.state_dict())
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
        self.seconds = 0.0
        self.folder: Path | None = None
        self.budget: dict[str, Any] = {"steps": None, "seconds": None}
        # The commands that started and resumed the run, if a script records them.
        self.commands: list[str] = []
        self.observations, _ = self.envs.reset(seed=seed + self.rows.start)
        self.segments = torch.zeros(batch, dtype=torch.int64, device=self.device)
        with self._autocast():
            start = self.model.initial_carry(batch, self.device)
        # Contiguous from the start, since a compiled model expects equal strides in all calls.
        self.carry = self.model.reset_carry(start, torch.ones_like(self.segments).bool())
        self.means = Means()
        # Last, so that an error is raised before this rank waits for the others.
        self.world.join(self.device)

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.bf16 else nullcontext()

    # One step ----------------------------------------------------------------------------------

    def train_step(self, progress: float) -> None:
        """Compute a segment in every row, update the weights, and step the environments.

        Args:
            progress: Share of the run that is over after this step, for the schedules.
        """
        config = self.config
        full = (self.model_config.H_cycles, self.model_config.L_cycles)
        self.model.cycles = self.target.cycles = schedule.depth(config, full, progress)
        tokens, ids = self.observations["tokens"], self.observations["puzzle_id"]
        segments = self.segments + 1
        with self._autocast():
            carry, output = self.model.segment(self.carry, tokens, ids)
            target = None
            if self.halting.looks_ahead:
                with torch.no_grad():
                    _, following = self.target.segment(carry, tokens, ids)
                target = self.halting.target(following, segments)
        minimum = minimum_segments(
            config.batch_size, config.max_segments, config.exploration, self.generator, self.device
        )
        halt = self.halting.halts(output, segments, minimum[self.rows])
        loss, metrics, exact = segment_loss(
            output,
            self._labels(output.logits),
            target,
            config.loss,
            config.label_smoothing,
            config.halt_weight,
            halt,
            segments,
        )
        (loss / config.batch_size).backward()
        good = self._update_weights(progress, output)

        actions = torch.cat([output.logits.argmax(-1), halt[:, None]], dim=1)
        self.observations, _, ended, _, _ = self.envs.step(actions)
        # A carry that is not finite would otherwise stay so until its row halts.
        finite = (carry.z_H + carry.z_L).isfinite().flatten(1).all(1)
        self.carry = self.model.reset_carry(carry, ended | ~finite)
        self.segments = segments.masked_fill(ended, 0)
        self.step += 1
        metrics |= {"loss": loss.detach(), "calibration": calibration_counts(output.q_halt, exact)}
        self.means.add(metrics, good)

    def _labels(self, logits: Tensor) -> Tensor:
        """Return the labels of the current puzzles, (B, seq_len) int64 with IGNORE_LABEL.

        They must be read before the environments step, which replaces puzzles.
        """
        labels = self.envs.labels
        if self.config.targets == "any":
            # The right answer with the lowest loss; for a right answer this is the answer itself.
            labels = self.envs.likeliest_labels(log_scores(logits, self.config.loss))
        labels = labels.long()
        return labels.masked_fill(labels == 0, IGNORE_LABEL)

    def _update_weights(self, progress: float, output: Output) -> Tensor:
        """Step the optimizers; return whether the step was good, 0-d bool on the device."""
        config = self.config
        groups = self.model.param_groups()
        gradients = [p.grad for p in (*groups.matrices, *groups.other) if p.grad is not None]
        q_values = [q.detach() for q in output[1:] if q is not None]
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
            **self.means.read(self.world, self.config.batch_size),
            "skipped": float(self.guard.skipped),
            "skipped_in_a_row": float(self.guard.in_a_row),
            "lr": self.optimizers[-1].param_groups[0]["lr"],
        }

    @property
    def env_steps(self) -> int:
        """Number of steps of all environments together."""
        return self.step * self.config.batch_size

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
        return checkpoint.fingerprint(self.envs.puzzles)

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
        state = self.envs.get_state()
        rows = {f"envs.{k}": value for k, value in state.items() if k != "env"}
        rows |= {f"observations.{name}": value for name, value in self.observations.items()}
        rows |= {"carry.z_H": self.carry.z_H, "carry.z_L": self.carry.z_L}
        rows["segments"] = self.segments
        tensors |= {name: self.world.gather(value) for name, value in rows.items()}
        self.folder = Path(folder)
        if not self.world.is_first:
            return
        about = {
            "device": self.device.type,
            "step": self.step,
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
            config: Expected configuration; default: no check.
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
        trainer = cls(saved, about["seed"], device, about["bf16"], compile)
        if trainer.fingerprint != about["puzzles"]:
            raise ValueError(
                f"{folder}: the puzzles of {saved.source!r} have changed since this run was saved"
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

        def part(prefix: str, rows: bool = False) -> dict[str, Tensor]:
            return {
                name[len(prefix) + 1 :]: (value[self.rows] if rows else value).to(self.device)
                for name, value in tensors.items()
                if name.startswith(prefix + ".")
            }

        self.model.load_state_dict(part("live"))
        self.average.weights, self.average.updates = part("average"), about["averaged"]
        if self.target is not self.model:
            self.target.load_state_dict(part("target"))
        for number, optimizer in enumerate(self.optimizers):
            checkpoint.restore_optimizer(f"optimizer{number}", optimizer, tensors)
        # With the name of this rank's rows, since the run may have had other ranks.
        own = self.envs.get_state()["env"]
        self.envs.set_state({"env": own, **part("envs", rows=True)})
        self.observations = part("observations", rows=True)
        self.carry = Carry(**part("carry", rows=True))
        self.segments = tensors["segments"][self.rows].to(self.device)
        if about["device"] == self.device.type:
            self.generator.set_state(tensors["generator"])
        else:
            # The state of a generator cannot move to another kind of device: seed it again.
            self.generator.manual_seed(self.seed + about["step"])
        self.guard = Guard(self.device)
        self.guard.skipped += about["skipped"]
        self.step, self.seconds = about["step"], about["seconds"]
        self.budget = about["budget"]
        self.means = Means()

    def reshuffle(self, attempt: int) -> None:
        """Change puzzles and exploration after a return to a checkpoint.

        Args:
            attempt: Number of the return, which changes the seed.
        """
        seed = self.seed + 1_000_003 * attempt
        self.generator.manual_seed(seed)
        self.observations, _ = self.envs.reset(seed=seed + self.rows.start)
        self.carry = self.model.reset_carry(self.carry, torch.ones_like(self.segments).bool())
        self.segments = torch.zeros_like(self.segments)
