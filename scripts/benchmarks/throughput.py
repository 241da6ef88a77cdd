"""Training throughput compared with plain loops, at the published size and of a relational preset.

At the published size the reference is the published training step in its own order: eager, in the
dtype of the trainer, with a separate forward pass for the Q target, a carry whose halted rows are
reset at the start of the next step, its own loss, and an optimizer that updates one parameter at a
time. ``measuring/steps.py`` describes the plain loop of the relational preset.

Two independent runs diverge even if the code is equivalent: training amplifies a difference in the
last bit tenfold every two or three steps (in float64 from 1e-16 to 1e-7 in thirty steps), and
sign-SGD turns a gradient near 0 into a whole step. Both therefore start every step from the same
weights, moments, carry and puzzles, and the losses and the updates of that step are compared.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hrm_gym.agents.hrm.inference.halting import minimum_segments
from hrm_gym.agents.hrm.model.flops import training_flops
from hrm_gym.agents.hrm.model.network import HRM, Output
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.training.losses import IGNORE_LABEL
from hrm_gym.agents.hrm.training.optimizers import AdamAtan2
from hrm_gym.agents.hrm.training.trainer import Trainer
from hrm_gym.scripts.measuring.steps import preset_rows
from hrm_gym.scripts.measuring.timing import finish, matrix_rate, timed

TARGET = 1.5
UTILISATION = 0.35
"""Target on CUDA: the share of the measured matrix rate in bfloat16."""
RELATIONAL, RELATIONAL_ON_CUDA = "sudoku", "sudoku-extreme-gpu"
"""The relational presets: batches as large as on a CPU would leave a GPU idle."""
TINY = {"hidden_size": 32, "num_heads": 2, "H_layers": 1, "L_layers": 1, "round_to": 8}
"""Fields of a small model."""
LOSS_TOLERANCE = {torch.bfloat16: 1e-2, torch.float32: 1e-4}
"""Largest relative difference of the losses of one step (bfloat16 rounds to 4e-3)."""
UPDATE_TOLERANCE = {torch.float32: 1e-2, torch.bfloat16: None}
"""Largest norm of the difference of two updates, relative to the norm of the reference's update. In
bfloat16 there is no bound: the update hardly depends on the size of a gradient, so the rounding of
small gradients matters as much as that of large ones."""


def published_loss(output: Output, labels: Tensor, target: Tensor) -> Tensor:
    """Return the published loss of a segment, summed over the batch."""
    labelled = labels != IGNORE_LABEL
    count = labelled.sum(-1)
    x = output.logits.double()
    s = torch.where(x < 0, 1 / (1 - x + 1e-30), x + 1)
    log_p = torch.log(s / s.sum(-1, keepdim=True))
    chosen = log_p.gather(-1, torch.where(labelled, labels, 0)[..., None])[..., 0]
    answer = -(torch.where(labelled, chosen, 0) / count.clamp(min=1)[:, None]).sum()
    right = ((output.logits.argmax(-1) == labels) & labelled).sum(-1) == count
    halt = F.binary_cross_entropy_with_logits(output.q_halt, right.float(), reduction="sum")
    assert output.q_continue is not None
    continuing = F.binary_cross_entropy_with_logits(output.q_continue, target, reduction="sum")
    return answer + 0.5 * (halt + continuing)


class Reference:
    """The published training loop, over a vectorized environment like the trainer's.

    Args:
        trainer: The trainer to compare with.
    """

    def __init__(self, trainer: Trainer) -> None:
        self.config, self.device, self.bf16 = trainer.config, trainer.device, trainer.bf16
        own = Trainer(trainer.config, trainer.seed, str(trainer.device), compile=False)
        self.model: HRM = own.model
        self.source = own.streams[0]
        groups = self.model.param_groups()
        self.dense, self.tables = [*groups.matrices, *groups.other], groups.puzzle
        self.moments: dict[Tensor, tuple[Tensor, Tensor]] = {}
        batch = self.config.batch_size
        self.generator = torch.Generator(self.device).manual_seed(trainer.seed)
        self.carry = tuple(self.model.initial_carry(batch))
        self.steps = torch.zeros(batch, dtype=torch.int64, device=self.device)
        self.halted = torch.ones(batch, dtype=torch.bool, device=self.device)
        self.step_count = 0

    def follow(self, trainer: Trainer) -> None:
        """Copy the whole state of the trainer."""
        self.model.load_state_dict(trainer.model.state_dict())
        groups, adam = trainer.model.param_groups(), trainer.optimizers[0]
        assert isinstance(adam, AdamAtan2)
        theirs = [*groups.matrices, *groups.other]
        for own, other in zip(self.dense, theirs, strict=True):
            if adam.state[other]:
                self.moments[own] = (adam.state[other]["m"].clone(), adam.state[other]["v"].clone())
        self.step_count = trainer.step
        # The trainer has already reset the carry of rows with 0 segments.
        stream = trainer.streams[0]
        self.carry = tuple(z.clone() for z in stream.carry)
        self.steps, self.halted = stream.segments.clone(), stream.segments == 0
        self.generator.set_state(trainer.generator.get_state())
        self.source.envs.set_state(stream.envs.get_state())
        self.source.observations = {k: v.clone() for k, v in stream.observations.items()}

    def step(self, progress: float) -> Tensor:
        """Train one step and return the loss, summed over the batch."""
        config, model, envs = self.config, self.model, self.source.envs
        tokens, ids = self.source.observations["tokens"], self.source.observations["puzzle_id"]
        labels = envs.labels.long()
        labels = labels.masked_fill(labels == 0, IGNORE_LABEL)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            start = model.initial_carry(config.batch_size)
            mask = self.halted.view(-1, 1, 1)
            carry = type(start)(
                *(torch.where(mask, a, b) for a, b in zip(start, self.carry, strict=True))
            )
            self.steps = torch.where(self.halted, 0, self.steps) + 1
            carry, output = model.segment(carry, tokens, ids)
            last = self.steps >= config.max_segments
            assert output.q_continue is not None
            with torch.no_grad():
                _, following = model.segment(carry, tokens, ids)
                assert following.q_continue is not None
                best = torch.maximum(following.q_halt, following.q_continue)
                target = torch.sigmoid(torch.where(last, following.q_halt, best))
        minimum = minimum_segments(
            config.batch_size, config.max_segments, config.exploration, self.generator, self.device
        )
        self.halted = (last | (output.q_halt > output.q_continue)) & (self.steps >= minimum)
        loss = published_loss(output, labels, target)
        (loss / config.batch_size).backward()
        self._optimize(min(1.0, progress / config.warmup))
        actions = torch.cat([output.logits.argmax(-1), self.halted[:, None]], dim=1)
        self.source.observations, _, self.halted, _, _ = envs.step(actions)
        self.carry = tuple(carry)
        return loss.detach()

    @torch.no_grad()
    def _optimize(self, factor: float) -> None:
        """Apply Adam-atan2 and sign-SGD to one parameter after the other."""
        config, (b1, b2) = self.config, self.config.betas
        self.step_count += 1
        lr = config.lr * factor
        for p in self.dense:
            assert p.grad is not None
            if p not in self.moments:
                self.moments[p] = torch.zeros_like(p), torch.zeros_like(p)
            m, v = self.moments[p]
            p.mul_(1 - lr * config.weight_decay)
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            bias1, bias2 = 1 - b1**self.step_count, 1 - b2**self.step_count
            p.sub_(torch.atan2(m, v.sqrt() / bias2**0.5) * (lr / bias1))
            p.grad = None
        for table in self.tables:
            assert table.grad is not None
            gradient = table.grad.coalesce()
            ids, rows = gradient.indices()[0], gradient.values()
            rate = config.puzzle_lr * factor
            table[ids] = table[ids] * (1 - rate * config.puzzle_weight_decay) - rate * rows.sign()
            table.grad = None


def measure(args: Any) -> list[dict[str, Any]]:
    """Return the rows of the published size and of a relational preset."""
    return [row for part in parts(args) for row in part]


def parts(args: Any, tiny: bool = False) -> Iterator[list[dict[str, Any]]]:
    """Yield rows as they are measured.

    These are the published size in bfloat16, its own dtype; a relational preset; and the published
    size in float32, whose updates are compared too.

    Args:
        args: Arguments of the benchmark.
        tiny: Take small models, uncompiled, to see whether everything runs.
    """
    torch.set_num_threads(args.threads)
    yield compare(args, torch.bfloat16, tiny)
    yield relational(args, tiny)
    yield compare(args, torch.float32, tiny)


def relational(args: Any, tiny: bool) -> list[dict[str, Any]]:
    """Return the rows of a relational preset, on the bundled puzzles."""
    name = RELATIONAL_ON_CUDA if args.device.startswith("cuda") else RELATIONAL
    config = get_preset(name).with_puzzles(source=None)
    compile: bool | None = None
    if tiny:
        model = {**config.model, "hidden_size": 16}
        config, compile = dataclasses.replace(config, model=model).with_puzzles(batch_size=2), False
    return preset_rows(name, config, args.device, args.seconds, args.seed, compile=compile)


def compare(args: Any, dtype: torch.dtype, tiny: bool = False) -> list[dict[str, Any]]:
    """Train both in turns in a dtype and return rates, ratio, differences and utilization."""
    cuda, bf16 = args.device.startswith("cuda"), dtype == torch.bfloat16
    config = dataclasses.replace(
        get_preset("sudoku-extreme-1k"), batch_size=384 if cuda else 8, steps=1000
    )
    if tiny:
        config = dataclasses.replace(config, model={**config.model, **TINY}, batch_size=2)
    trainer = Trainer(config, args.seed, args.device, bf16=bf16, compile=not tiny)
    reference = Reference(trainer)
    losses: list[tuple[float, float]] = []
    updates: list[float] = []
    times: list[tuple[float, float]] = []
    warm, least = 3, 4
    step, before = 0, 0.0
    # They take turns, so that a busy machine slows both. The first steps compile.
    while step < warm + least or (sum(map(sum, times)) < 2 * args.seconds and step < 500):
        reference.follow(trainer)
        start = [p.detach().clone() for p in reference.dense]
        progress = (step + 1) / 1000
        theirs, reference_seconds = timed(partial(finish, reference.step, progress, args.device))
        _, trainer_seconds = timed(partial(finish, trainer.train_step, progress, args.device))
        total = float(trainer.means.sums["loss"])
        losses.append((float(theirs), total - before))
        before = total
        updates.append(update_gap(start, reference, trainer))
        if step >= warm:
            times.append((reference_seconds, trainer_seconds))
        step += 1
    worst = max(abs(ours - theirs) / abs(theirs) for theirs, ours in losses)
    # Another process or a late compilation would distort a mean.
    reference_step, trainer_step = (median(column) for column in zip(*times, strict=True))
    flops = training_flops(trainer.model_config, config.batch_size, True)
    peak = matrix_rate(args.device, dtype, min(args.seconds, 2.0))
    rate, name = "puzzles x segments/s", str(dtype).removeprefix("torch.")
    rows: list[dict[str, Any]] = [
        {"name": "reference loop", "value": config.batch_size / reference_step, "unit": rate},
        {"name": "trainer", "value": config.batch_size / trainer_step, "unit": rate},
        {"name": "ratio", "value": reference_step / trainer_step, "unit": "x", "target": TARGET},
        {"name": "reference loss, first step", "value": losses[0][0], "unit": "1"},
        {"name": "trainer loss, first step", "value": losses[0][1], "unit": "1"},
        {"name": f"largest gap of losses in {step} steps", "value": worst, "unit": "1"}
        | {"target": LOSS_TOLERANCE[dtype], "at_most": True},
        {"name": f"largest gap of updates in {step} steps", "value": max(updates), "unit": "1"}
        | {"target": UPDATE_TOLERANCE[dtype], "at_most": True},
        {"name": "matrix rate", "value": peak / 1e12, "unit": "TFLOP/s"},
        {"name": "model-FLOP utilisation", "value": flops / trainer_step / peak, "unit": "1"}
        | {"target": UTILISATION if cuda and bf16 else None},
    ]
    return [{**row, "name": f"{row['name']}, {name}"} for row in rows]


@torch.no_grad()
def update_gap(start: list[Tensor], reference: Reference, trainer: Trainer) -> float:
    """Return the norm of the difference of two updates of the dense weights.

    It is relative to the norm of the update of the reference.
    """
    groups = trainer.model.param_groups()
    rows = zip(start, reference.dense, [*groups.matrices, *groups.other], strict=True)
    squares = [(float((b - c).square().sum()), float((b - a).square().sum())) for a, b, c in rows]
    apart, size = (sum(column) ** 0.5 for column in zip(*squares, strict=True))
    # At a learning rate of 0 there are no updates.
    return apart / size if size else apart
