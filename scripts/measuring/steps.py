"""The time of a training step of a preset, compared with a plain loop over the same model.

The plain loop is the trainer itself without what makes it fast: the model runs uncompiled (in
float32 on a CPU, in bfloat16 on CUDA), and a second forward pass computes the target of q_continue,
as in the published loop.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from statistics import median
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from hrm_gym.agents.hrm.train_config import TrainConfig
from hrm_gym.agents.hrm.training.trainer import Trainer

from .timing import finish, matrix_rate, timed

WARM, LEAST = 3, 4
"""Rounds of steps that are not counted, since they compile, and counted ones at least."""


def preset_rows(
    name: str,
    config: TrainConfig,
    device: str = "cpu",
    seconds: float = 2.0,
    seed: int = 0,
    compile: bool | None = None,
) -> list[dict[str, Any]]:
    """Train a preset and the plain loop in turns, and return the rows of both.

    Only the first source of the configuration is used, so that every step has the same size.

    Args:
        name: Name of the preset, for the names of the rows.
        config: The preset.
        device: Device of both.
        seconds: Time to spend in counted steps of each.
        seed: Seed of both.
        compile: Whether the trainer compiles its model; ``None``: its default.
    """
    first = config.all_sources[0]
    config = dataclasses.replace(config, sources=(first,), source=None)
    trainer = Trainer(config, seed, device, compile=compile)
    slow = dataclasses.replace(config, later_targets=False)
    plain = Trainer(slow, seed, device, bf16=device.startswith("cuda"), compile=False)
    times: list[tuple[float, float]] = []
    rounds = 0
    # They take turns, so that a busy machine slows both.
    while rounds < WARM + LEAST or (sum(map(sum, times)) < 2 * seconds and rounds < 1000):
        progress = 0.1 + rounds / 10_000
        seen = tuple(
            timed(partial(finish, one.train_step, progress, device))[1] for one in (plain, trainer)
        )
        if rounds >= WARM:
            times.append((seen[0], seen[1]))
        rounds += 1
    plain_step, step = (median(column) for column in zip(*times, strict=True))
    dtype = torch.bfloat16 if trainer.bf16 else torch.float32
    peak = matrix_rate(device, dtype, min(seconds, 2.0))
    rate, rows = "puzzles x segments/s", first.batch_size
    what = str(dtype).removeprefix("torch.")
    found: list[dict[str, Any]] = [
        {"name": "plain loop", "value": rows / plain_step, "unit": rate},
        {"name": "trainer", "value": rows / step, "unit": rate},
        {"name": f"step of {rows} puzzles", "value": 1000 * step, "unit": "ms"},
        {"name": "ratio", "value": plain_step / step, "unit": "x"},
        {"name": f"matrix rate, {what}", "value": peak / 1e12, "unit": "TFLOP/s"},
        {"name": "matrix-product utilisation", "value": step_flops(plain) / step / peak}
        | {"unit": "1"},
    ]
    return [{**row, "name": f"{row['name']}, {name}"} for row in found]


def step_flops(trainer: Trainer) -> int:
    """Return the FLOPs of the matrix products of a segment and its backward pass, counted.

    A formula such as ``model.flops`` would have to know how many groups each relation has.

    Args:
        trainer: A trainer whose model is not compiled. Its weights and gradients do not change.
    """
    stream = trainer.streams[0]
    model, tokens = trainer.model, stream.observations["tokens"]
    autocast = torch.autocast(trainer.device.type, torch.bfloat16, enabled=trainer.bf16)
    with FlopCounterMode(display=False) as counter:
        with autocast:
            _, output = model.segment(stream.carry, tokens, stream.observations["puzzle_id"])
        q_values = [q.sum() for q in output[1:] if q is not None]
        (output.logits.float().sum() + sum(q_values)).backward()
    model.zero_grad(set_to_none=True)
    return int(counter.get_total_flops())
