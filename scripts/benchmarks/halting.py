"""Halting rules on the bundled traces, and the speed of ``HRMHalt-v0``, which replays them."""

from __future__ import annotations

from typing import Any


def measure(args: Any) -> list[dict[str, Any]]:
    """Return accuracy, segments and reward of every rule on ``test`` and ``ood``, and the speed."""
    from hrm_gym import halting
    from hrm_gym.data.traces import bundled_names, bundled_traces
    from hrm_gym.envs.halt import trace_splits
    from hrm_gym.puzzles import SPLITS
    from hrm_gym.scripts.benchmarks.envs import single_steps, vector_steps
    from hrm_gym.scripts.measuring.peers import ROWS

    rows = []
    for source in bundled_names():
        traces = bundled_traces(source)
        splits = trace_splits(traces)
        fit = traces.take(splits == SPLITS.index("train"))
        for split in ("test", "ood"):
            part = traces.take(splits == SPLITS.index(split))
            for found in halting.compare(fit, part):
                name = f"{source}, {split}, {found.name}"
                rows += [
                    {"name": f"{name}: accuracy", "value": found.accuracy, "unit": "1"},
                    {"name": f"{name}: segments", "value": found.segments, "unit": "segments"},
                    {"name": f"{name}: reward", "value": found.reward, "unit": "1"},
                ]
    return [
        *rows,
        {
            "name": f"HRMHalt-v0, vector of {ROWS}",
            "value": vector_steps("HRMHalt-v0", args.seconds, args.seed),
            "unit": "steps/s",
        },
        {
            "name": "HRMHalt-v0, single",
            "value": single_steps("HRMHalt-v0", args.seconds, args.seed),
            "unit": "steps/s",
        },
    ]
