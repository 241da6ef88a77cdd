"""How well the agents that answer every size do at each size and kind of puzzle.

The sizes are listed in ``scripts/experiments/suites/sizes.yaml``. An answer counts as solved if the
rules accept it: for mazes, if it is a shortest path.
"""

from __future__ import annotations

from typing import Any


def measure(args: Any) -> list[dict[str, Any]]:
    """Return solved puzzles and mean segments of one attempt at held-out puzzles."""
    import numpy as np
    import torch

    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.data import load_puzzles
    from hrm_gym.evaluation import wilson_interval
    from hrm_gym.puzzles import get_task
    from hrm_gym.scripts.experiments.suites import read_suite

    torch.set_num_threads(args.threads)
    suite = read_suite("sizes")
    rows: list[dict[str, Any]] = []
    for name, listed in suite["agents"].items():
        agent = HRMAgent.from_pretrained(name, args.device)
        for one in listed:
            task = get_task(one["task"], one.get("kind"))
            puzzles = load_puzzles(task, one["source"], "test", limit=suite["puzzles"])
            found = agent.solve(puzzles.inputs)
            solved = [task.is_solved(puzzles[i], answer) for i, answer in enumerate(found.answer)]
            low, high = wilson_interval(sum(solved), len(solved))
            title = " ".join([name, one["task"].rpartition("-")[2], one.get("kind", "")]).strip()
            rows += [
                {
                    "name": f"{title}: solved",
                    "value": float(np.mean(solved)),
                    "unit": f"of {len(solved)} puzzles ({low:.3f} to {high:.3f})",
                },
                {
                    "name": f"{title}: segments",
                    "value": float(found.segments.mean()),
                    "unit": "segments",
                },
            ]
    return rows
