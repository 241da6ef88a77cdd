"""When to halt: the rules on the bundled traces, and how fast ``HRMHalt-v0`` plays them back."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

BATCH = 1024


def measure(args: Any) -> list[dict[str, Any]]:
    """Return accuracy, segments and reward of every rule on ``test`` and ``ood``, and the speed."""
    from hrm_gym import halting
    from hrm_gym.data.traces import bundled_traces
    from hrm_gym.envs.halt import trace_splits
    from hrm_gym.puzzles import SPLITS

    traces = bundled_traces()
    splits = trace_splits(traces)
    rows = []
    fit = traces.take(splits == SPLITS.index("train"))
    for split in ("test", "ood"):
        part = traces.take(splits == SPLITS.index(split))
        for found in halting.compare(fit, part):
            name = f"{split}, {found.name}"
            rows += [
                {"name": f"{name}: accuracy", "value": found.accuracy, "unit": "1"},
                {"name": f"{name}: segments", "value": found.segments, "unit": "segments"},
                {"name": f"{name}: reward", "value": found.reward, "unit": "1"},
            ]
    return [*rows, *_speed(args.seconds, args.seed)]


def _speed(seconds: float, seed: int) -> list[dict[str, Any]]:
    """Return steps a second of the vector and of the single environment, random actions."""
    import gymnasium as gym

    import hrm_gym  # noqa: F401

    actions = np.random.default_rng(seed).integers(0, 2, (64, BATCH))
    envs = gym.make_vec("HRMHalt-v0", BATCH, autoreset_mode="SameStep")
    envs.reset(seed=seed)
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for action in actions:
            envs.step(action)
        steps += actions.size
    vector = steps / (time.perf_counter() - begun)
    env = gym.make("HRMHalt-v0", disable_env_checker=True)
    env.reset(seed=seed)
    steps, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for action in actions.ravel()[:2000].tolist():
            if env.step(action)[2]:
                env.reset()
        steps += 2000
    single = steps / (time.perf_counter() - begun)
    return [
        {"name": f"HRMHalt-v0, vector of {BATCH}", "value": vector, "unit": "steps/s"},
        {"name": "HRMHalt-v0, single", "value": single, "unit": "steps/s"},
    ]
