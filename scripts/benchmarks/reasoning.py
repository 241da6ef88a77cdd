"""Latent reasoning against a chain of thought: seconds for a solved puzzle, side by side.

The shipped HRM agents stand beside decoders of as many parameters, which write a solver's steps
and then the answer, and are trained here for ``--seconds`` each on the same puzzles. Both answer
the same held-out puzzles in turns. The claim under test is the published "100x faster reasoning".
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from hrm_gym.data import PuzzleSet
from hrm_gym.scripts.peers import Row, row

AGENTS = ("sudoku-4x4", "sudoku-6x6", "maze-7x7")
"""Of the shipped ones, those whose chains are short enough for minutes of training."""
PUZZLES = 256
"""Held out; all are answered in batches of 64, the first quarter one by one."""
COUNTS = {1: PUZZLES // 4, 64: PUZZLES}
ROUNDS = 3
"""Times that either answers a batch, in turns; the median counts."""
CLAIM = 100.0
REPORT = "reasoning-speed.md"
TEXT = """# Latent reasoning and a chain of thought

The HRM paper (arXiv 2506.21734) has been announced with "100x faster reasoning" than a chain of
thought. Here both answer the same {puzzles} held-out puzzles, in turns, in one process. `hrm` is
the agent that ships, which thinks in segments until it halts. `chain` is an autoregressive
transformer of as many parameters with a key-value cache: it writes the steps of a solver token by
token, then the answer. It learned from the same 1,000 puzzles, under the same symmetries, with the
same optimiser. A Sudoku's steps are singles (cell, digit), guesses and what they take back; a
maze's are the cells of a depth-first walk. A solved puzzle costs the time of all puzzles, divided
by the solved ones; the ratio is that of these costs, as measured. Where an agent solves little, it
says more of its learning than of its speed: the ratio of the time alone, solved or not, stands
below it.

{table}

Made by `python scripts/benchmark.py reasoning {options}` on {cpu}, {cores} core(s),
{torch_threads} torch thread(s), torch {torch}, Python {python}.
"""


def measure(args: Any) -> list[Row]:
    """Return the rows of the subject, and write them up in ``args.out``."""
    import torch

    from hrm_gym.files import write_text

    torch.set_num_threads(args.threads)
    rows = [row for name in AGENTS for row in side_by_side(args, name)]
    write_text(args.out / REPORT, report(rows, args))
    return rows


def side_by_side(args: Any, name: str) -> list[Row]:
    """Train the decoder that stands beside a shipped agent; return what both take."""
    from hrm_gym.agents.chain import train_chain
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.data import load_puzzles

    hrm = HRMAgent.from_pretrained(name, args.device)
    trained = train_chain(
        hrm.about["env"], preset=name, seed=args.seed, seconds=args.seconds, device=args.device
    )
    agents = {"hrm": hrm, "chain": trained.agent}
    puzzles = load_puzzles(hrm.task, None, "test", limit=PUZZLES)
    seconds = {"hrm": hrm.about["trained_seconds"], "chain": trained.seconds}
    rows = []
    for title, agent in agents.items():
        rows.append(row(f"{name}, {title}: parameters", agent.parameters, "1"))
        rows.append(row(f"{name}, {title}: training", seconds[title], "s"))
    for batch, count in COUNTS.items():
        chosen = puzzles.first(count)
        spent, solved, steps = answer(agents, chosen, batch)
        # An agent that solves nothing has no cost that could be told.
        costs = {t: 1000 * spent[t] / solved[t] for t in agents if solved[t]}
        for title, cost in costs.items():
            rows.append(row(f"{name}, {title}, batch {batch}: a solved puzzle", cost, "ms"))
        if len(costs) == len(agents):
            ratio = costs["chain"] / costs["hrm"]
            rows.append(row(f"{name}, batch {batch}: ratio", ratio, "x"))
    # Of the last batches, which take all puzzles.
    ratio = spent["chain"] / spent["hrm"]
    rows.append(row(f"{name}: ratio, solved or not", ratio, "x", CLAIM))
    for title, unit in (("hrm", "segments"), ("chain", "tokens")):
        rows.append(row(f"{name}, {title}: solve rate", solved[title] / len(chosen), "1"))
        rows.append(row(f"{name}, {title}: steps a puzzle", float(np.mean(steps[title])), unit))
    return rows


def answer(
    agents: dict[str, Any], puzzles: PuzzleSet, batch: int
) -> tuple[dict[str, float], dict[str, int], dict[str, list[int]]]:
    """Let agents answer puzzles in turns.

    Returns:
        By agent: seconds in all, puzzles solved, and segments or tokens of every puzzle.
    """
    spent, solved = dict.fromkeys(agents, 0.0), dict.fromkeys(agents, 0)
    steps: dict[str, list[int]] = {title: [] for title in agents}
    for start in range(0, len(puzzles), batch):
        part = puzzles.inputs[start : start + batch]
        times: dict[str, list[float]] = {title: [] for title in agents}
        for number in range(ROUNDS):
            for title, agent in agents.items():
                begun = time.perf_counter()
                solution = agent.solve(part)
                times[title].append(time.perf_counter() - begun)
                if number == 0:
                    solved[title] += sum(
                        agent.task.is_solved(puzzles[start + row], answer)
                        for row, answer in enumerate(solution.answer)
                    )
                    steps[title] += getattr(agent, "written", solution.segments).tolist()
        for title in agents:
            spent[title] += float(np.median(times[title]))
    return spent, solved, steps


def report(rows: list[Row], args: Any) -> str:
    """Return the rows as a page of Markdown."""
    from hrm_gym.machine import machine

    value = {row["name"]: row["value"] for row in rows}
    lines = [
        "| puzzles | agent | parameters | trained | solved | steps a puzzle | "
        "a solved puzzle, batch 1 | batch 64 |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in AGENTS:
        for title, unit in (("hrm", "segments"), ("chain", "tokens")):
            own = f"{name}, {title}"
            costs = [f"{own}, batch {batch}: a solved puzzle" for batch in COUNTS]
            lines.append(
                f"| {name} | {title} | {value[f'{own}: parameters']:,.0f} | "
                f"{value[f'{own}: training']:.0f} s | {value[f'{own}: solve rate']:.1%} | "
                f"{value[f'{own}: steps a puzzle']:.1f} {unit} | "
                + " | ".join(shown(value.get(cost), " ms") for cost in costs)
                + " |"
            )
        ratios = [shown(value.get(f"{name}, batch {batch}: ratio"), "x") for batch in COUNTS]
        lines.append(f"| {name} | **ratio** | | | | | {' | '.join(ratios)} |")
        ratio = value[f"{name}: ratio, solved or not"]
        lines.append(f"| {name} | **ratio, solved or not** | | | | | | {ratio:.3g}x |")
    options = f"--seconds {args.seconds:g} --threads {args.threads} --seed {args.seed}"
    table = "\n".join(lines)
    return TEXT.format(puzzles=PUZZLES, table=table, options=options, **machine())


def shown(value: float | None, unit: str) -> str:
    """Return a figure for the table; there is none where nothing was solved."""
    return "none solved" if value is None else f"{value:.3g}{unit}"
