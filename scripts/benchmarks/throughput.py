"""Training throughput at the published size, against the published loop written out plainly.

The reference is the published training step in its own order: eager, float32 or bfloat16 as the
trainer's, a separate Q-target pass, a carry whose halted rows are reset at the start of the next
step, an optimiser that goes through the parameters one by one. It sees the trainer's puzzles,
starts from its weights and is fed its halting draws, so its losses must be equal.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import torch
from torch import Tensor

from hrm_gym.agents.hrm.act import minimum_segments
from hrm_gym.agents.hrm.flops import training_flops
from hrm_gym.agents.hrm.losses import IGNORE_LABEL, act_loss
from hrm_gym.agents.hrm.model import HRM
from hrm_gym.agents.hrm.presets import get_preset
from hrm_gym.agents.hrm.trainer import Trainer

TARGET = 1.5
LOSS_TOLERANCE = {False: 1e-4, True: 5e-2}
"""Largest relative difference of a loss, in float32 and bfloat16 (8 bits of mantissa)."""


class Reference:
    """The published loop, step for step, over the same vector environment."""

    def __init__(self, trainer: Trainer) -> None:
        self.config, self.device, self.bf16 = trainer.config, trainer.device, trainer.bf16
        self.source = Trainer(trainer.config, trainer.seed, str(trainer.device), compile=False)
        self.model: HRM = self.source.model
        self.moments = {
            p: (torch.zeros_like(p), torch.zeros_like(p))
            for group in self.model.param_groups()[:2]
            for p in group
        }
        batch = self.config.batch_size
        self.generator = torch.Generator(self.device).manual_seed(trainer.seed)
        self.carry = tuple(self.model.initial_carry(batch))
        self.steps = torch.zeros(batch, dtype=torch.int64, device=self.device)
        self.halted = torch.ones(batch, dtype=torch.bool, device=self.device)
        self.step_count = 0

    def step(self, progress: float) -> Tensor:
        """Train one step; return the loss, summed over the batch."""
        config, model, envs = self.config, self.model, self.source.envs
        tokens, ids = self.source.observations["tokens"], self.source.observations["puzzle_id"]
        labels = envs.labels.long()  # type: ignore[attr-defined]
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
        loss, _, _ = act_loss(output, labels, target)
        (loss / config.batch_size).backward()
        self._optimise(min(1.0, progress / config.warmup))
        actions = torch.cat([output.logits.argmax(-1), self.halted[:, None]], dim=1)
        self.source.observations, _, self.halted, _, _ = envs.step(actions)
        self.carry = tuple(carry)
        return loss.detach()

    @torch.no_grad()
    def _optimise(self, factor: float) -> None:
        """Adam-atan2 and sign-SGD, a parameter at a time."""
        config, (b1, b2) = self.config, self.config.betas
        self.step_count += 1
        lr = config.lr * factor
        for p, (m, v) in self.moments.items():
            assert p.grad is not None
            p.mul_(1 - lr * config.weight_decay)
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            bias1, bias2 = 1 - b1**self.step_count, 1 - b2**self.step_count
            p.sub_(torch.atan2(m / bias1, (v / bias2).sqrt()) * lr)
            p.grad = None
        for table in self.model.param_groups().puzzle:
            assert table.grad is not None
            gradient = table.grad.coalesce()
            ids, rows = gradient.indices()[0], gradient.values()
            rate = config.puzzle_lr * factor
            table[ids] = table[ids] * (1 - rate * config.puzzle_weight_decay) - rate * rows.sign()
            table.grad = None


def matrix_rate(device: str, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Return the measured rate of a large square matrix product, in FLOP/s."""
    size = 8192 if device.startswith("cuda") else 1024
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    for _ in range(3):
        a @ b
    _wait(device)
    count, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for _ in range(10):
            a @ b
        _wait(device)
        count += 10
    return count * 2 * size**3 / (time.perf_counter() - begun)


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def measure(args: Any) -> list[dict[str, Any]]:
    """Train both in turns from the same start; return rates, ratio, losses and utilisation."""
    torch.set_num_threads(args.threads)
    cuda = args.device.startswith("cuda")
    config = dataclasses.replace(
        get_preset("sudoku-extreme-1k"), batch_size=384 if cuda else 8, steps=1000
    )
    trainer = Trainer(config, args.seed, args.device, bf16=cuda, compile=True)
    reference = Reference(trainer)
    losses: list[tuple[Tensor, Tensor]] = []
    spent = [0.0, 0.0]
    warm, least = 3, 4
    step = 0
    # In turns, so that a busy machine slows both; the first steps compile.
    while step < warm + least or (sum(spent) < 2 * args.seconds and step < 500):
        _wait(args.device)
        begun = time.perf_counter()
        theirs = reference.step(step / 1000)
        _wait(args.device)
        between = time.perf_counter()
        trainer.train_step(step / 1000)
        _wait(args.device)
        ended = time.perf_counter()
        ours = trainer._sums["loss"]
        losses.append((theirs, ours))
        if step >= warm:
            spent = [spent[0] + between - begun, spent[1] + ended - between]
        step += 1
    before, worst = 0.0, 0.0
    for theirs, ours in losses:
        gap = abs(float(ours) - before - float(theirs)) / abs(float(theirs))
        before, worst = float(ours), max(worst, gap)
    segments = (step - warm) * config.batch_size
    flops = training_flops(trainer.model_config, config.batch_size, True) * (step - warm)
    dtype = torch.bfloat16 if trainer.bf16 else torch.float32
    peak = matrix_rate(args.device, dtype, min(args.seconds, 2.0))
    tolerance = LOSS_TOLERANCE[trainer.bf16]
    rate = "puzzles x segments/s"
    return [
        {"name": "reference loop", "value": segments / spent[0], "unit": rate},
        {"name": "trainer", "value": segments / spent[1], "unit": rate},
        {"name": "ratio", "value": spent[0] / spent[1], "unit": "x", "target": TARGET},
        {"name": "reference loss, first step", "value": float(losses[0][0]), "unit": "1"},
        {"name": "trainer loss, first step", "value": float(losses[0][1]), "unit": "1"},
        {"name": "largest relative gap of losses", "value": worst, "unit": "1"}
        | {"target": tolerance, "at_most": True},
        {"name": "matrix rate", "value": peak / 1e12, "unit": "TFLOP/s"},
        {"name": "model-FLOP utilisation", "value": flops / spent[1] / peak, "unit": "1"},
    ]
