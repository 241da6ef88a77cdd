"""How well the agents that answer every size do at each size and kind of puzzle.

The sizes are listed in ``scripts/experiments/suites/sizes.yaml``. An answer counts as solved if the
rules accept it: for mazes, if it is a shortest path. The first attempt is shown beside the best of
several, see ``agents/hrm/inference/restarts.py``.
"""

from __future__ import annotations

import sys
from typing import Any

from hrm_gym.scripts.reporting.tables import markdown_table

REPORT = "sizes.md"
TEXT = """# One agent for every size

Held-out puzzles that a pretrained agent solves, with 95% Wilson intervals, and the mean number of
segments: in one attempt, and with as many further attempts as the table says, which end once an
answer cannot be improved. In a maze an answer is right if it marks a shortest path.

{tables}

Made by `python scripts/benchmark.py sizes {options}` on {cpu}, {torch_threads} torch thread(s),
torch {torch}, Python {python}.
"""


def measure(args: Any) -> list[dict[str, Any]]:
    """Return solved puzzles and mean segments of one attempt and of all, at held-out puzzles."""
    import torch

    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.inference.restarts import Restarts
    from hrm_gym.files import write_text
    from hrm_gym.machine import machine
    from hrm_gym.scripts.experiments.suites import read_suite

    torch.set_num_threads(args.threads)
    suite = read_suite("sizes")
    rows: list[dict[str, Any]] = []
    tables = []
    for name, listed in suite["agents"].items():
        agent = HRMAgent.from_pretrained(name, args.device)
        restarts = Restarts(suite["restarts"][name])
        lines = []
        for one in listed:
            own = attempts(agent, one, suite["puzzles"], restarts)
            rows += own
            cells = [f"{row['value']:.1%} {row['unit']}" for row in own[::2]]
            spent = [f"{row['value']:.1f}" for row in own[1::2]]
            lines.append([title(one), cells[0], spent[0], cells[1], spent[1]])
            print(f"{name} {title(one)}: {', '.join(cells)}", file=sys.stderr)
        heads = [f"`{name}`", "one attempt", "segments", f"{restarts.limit} restarts", "segments"]
        tables.append(markdown_table(heads, lines))
    options = f"--threads {args.threads}"
    text = TEXT.format(tables="\n".join(tables).rstrip(), options=options, **machine())
    write_text(args.out / REPORT, text)
    return rows


def title(one: dict[str, Any]) -> str:
    """Return the size and the kind of an entry of the list."""
    return " ".join([one["task"].rpartition("-")[2], one.get("kind", "")]).strip()


def attempts(agent: Any, one: dict[str, Any], limit: int, restarts: Any) -> list[dict[str, Any]]:
    """Return the rows of an entry of the list.

    Args:
        agent: The agent.
        one: Task, kind and source of the puzzles.
        limit: Largest number of puzzles.
        restarts: The further attempts.
    """
    import numpy as np

    from hrm_gym.agents.hrm.inference.restarts import solve_with_restarts
    from hrm_gym.data import load_puzzles
    from hrm_gym.evaluation import wilson_interval
    from hrm_gym.puzzles import get_task

    task = get_task(one["task"], one.get("kind"))
    puzzles = load_puzzles(task, one["source"], "test", limit=limit)
    found = [*solve_with_restarts(agent, puzzles.inputs, restarts)]
    rows = []
    for text, best in (("solved", found[0]), (f"{restarts.limit} restarts", found[-1])):
        solved = [task.is_solved(puzzles[k], own) for k, own in enumerate(best.solution.answer)]
        low, high = wilson_interval(sum(solved), len(solved))
        name = f"{agent.task.family} {title(one)}, {text}"
        unit = f"of {len(solved)} ({100 * low:.1f} to {100 * high:.1f})"
        rows += [
            {"name": name, "value": float(np.mean(solved)), "unit": unit},
            {
                "name": f"{name}: segments",
                "value": float(best.solution.segments.mean()),
                "unit": "segments",
            },
        ]
    return rows
