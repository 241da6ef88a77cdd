"""Latent reasoning against a chain of thought: the time per solved puzzle.

The pretrained HRM agents are compared with decoders, which write the steps of a solver and then the
answer, and with the solver itself. A decoder is trained here for ``--seconds`` for each size of
puzzles, and has as many parameters as the HRM of a preset for this size. All answer the same
held-out puzzles in turns. The tested claim is the published "100x faster reasoning".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_gym.data import PuzzleSet
from hrm_gym.puzzles import Task, Tokens
from hrm_gym.scripts.measuring.peers import Row, row
from hrm_gym.scripts.measuring.timing import timed
from hrm_gym.scripts.reporting.tables import markdown_table

if TYPE_CHECKING:
    from hrm_gym.agents.hrm.inference.thinking import Solution

PAIRS = {
    "sudoku-4x4": "sudoku",
    "sudoku-6x6": "sudoku",
    "sudoku": "sudoku",
    "maze-7x7": "maze",
    "maze": "maze",
}
"""Pretrained agents by the preset whose puzzles and number of parameters the decoder takes."""
BATCHES = 1, 64
"""Batch sizes. The largest one has all puzzles of a size, a quarter of them are answered singly."""
PUZZLES, CELLS = 256, 20_000
"""Largest number of held-out puzzles of a size, and of their cells: a long chain takes a decoder
seconds."""
ROUNDS = 3
"""How often each agent answers a batch, in turns; the median time counts."""
CLAIM = 100.0
REPORT = "reasoning-speed.md"
TEXT = """# Latent reasoning and a chain of thought

The HRM paper (arXiv 2506.21734) was announced with "100x faster reasoning" than a chain of
thought. Here both answer the same held-out puzzles in turns in one process; the number of puzzles
is in brackets. `hrm` is the pretrained agent, which computes segments until it halts. `chain` is
an autoregressive transformer with a key-value cache, trained on one size of puzzles. It writes the
steps of a solver token by token, then the answer. It learned from 1,000 puzzles and their
symmetries. The steps of a Sudoku are singles (cell, digit), guesses and retractions; the steps of
a maze are the cells of a depth-first walk. `solver` is the program that labels the puzzles, which
learned nothing; it is what to use where the rules are known. The cost of a solved puzzle is the
time for all puzzles divided by the number of solved puzzles, and the ratio is that of the two
costs. If an agent solves few puzzles, this ratio depends more on its training than on its speed.
The row "solved or not" therefore gives the ratio of the times alone.

{table}
Made by `python scripts/benchmark.py reasoning {options}` on {cpu}, {cores} core(s),
{torch_threads} torch thread(s), torch {torch}, Python {python}.
"""


def measure(args: Any) -> list[Row]:
    """Return the rows of the subject, and write a report of them to ``args.out``."""
    import torch

    from hrm_gym.files import write_text

    torch.set_num_threads(args.threads)
    rows = [row for preset in PAIRS for row in side_by_side(args, preset)]
    write_text(args.out / REPORT, report(rows, args))
    return rows


def side_by_side(args: Any, preset: str) -> list[Row]:
    """Train the decoder of a preset and return the rows of it and of the pretrained agent."""
    from hrm_gym.agents.chain import train_chain
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.data import load_puzzles
    from hrm_gym.puzzles import get_task

    config = get_preset(preset)
    name = config.task_id
    hrm = HRMAgent.from_pretrained(PAIRS[preset], args.device)
    trained = train_chain(
        config.env, preset=preset, seed=args.seed, seconds=args.seconds, device=args.device
    )
    task = get_task(name)
    agents: dict[str, Any] = {"hrm": hrm, "chain": trained.agent, "solver": Solver(task)}
    puzzles = load_puzzles(task, None, "test", limit=min(PUZZLES, CELLS // task.seq_len))
    seconds = {"hrm": hrm.about["trained_seconds"], "chain": trained.seconds}
    rows = [row(f"{name}: puzzles", len(puzzles), "1")]
    for title in seconds:
        rows.append(row(f"{name}, {title}: parameters", agents[title].parameters, "1"))
        rows.append(row(f"{name}, {title}: training", seconds[title], "s"))
    for batch in BATCHES:
        chosen = puzzles.first(len(puzzles) // 4) if batch == 1 else puzzles
        spent, solved, steps = answer(task, agents, chosen, batch)
        # An agent that solves nothing has no cost per solved puzzle.
        costs = {t: 1000 * spent[t] / solved[t] for t in agents if solved[t]}
        for title, cost in costs.items():
            rows.append(row(f"{name}, {title}, batch {batch}: a solved puzzle", cost, "ms"))
        if {"hrm", "chain"} <= set(costs):
            ratio = costs["chain"] / costs["hrm"]
            rows.append(row(f"{name}, batch {batch}: ratio", ratio, "x"))
    # These are the times of the largest batches, which contain all puzzles.
    ratio = spent["chain"] / spent["hrm"]
    rows.append(row(f"{name}: ratio, solved or not", ratio, "x", CLAIM))
    for title in agents:
        rows.append(row(f"{name}, {title}: solve rate", solved[title] / len(chosen), "1"))
    for title, unit in (("hrm", "segments"), ("chain", "tokens")):
        rows.append(row(f"{name}, {title}: steps a puzzle", float(np.mean(steps[title])), unit))
    return rows


class Solver:
    """The solver of a task, with the interface of an agent."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def solve(self, questions: Tokens) -> Solution:
        """Return the answers to ``(B, seq_len)`` questions, without segments."""
        from hrm_gym.agents.hrm.inference.thinking import Solution

        answer = np.stack([self.task.solve(question) for question in questions])
        none = np.zeros(len(questions), np.float32)
        sure = np.ones(answer.shape, np.float32)
        return Solution(answer, none.astype(np.int64), none, none, sure)


def answer(
    task: Task, agents: dict[str, Any], puzzles: PuzzleSet, batch: int
) -> tuple[dict[str, float], dict[str, int], dict[str, list[int]]]:
    """Let agents answer puzzles in turns.

    Returns:
        By agent: total seconds, solved puzzles, and segments or tokens of every puzzle.
    """
    spent, solved = dict.fromkeys(agents, 0.0), dict.fromkeys(agents, 0)
    steps: dict[str, list[int]] = {title: [] for title in agents}
    for start in range(0, len(puzzles), batch):
        part = puzzles.inputs[start : start + batch]
        times: dict[str, list[float]] = {title: [] for title in agents}
        for number in range(ROUNDS):
            for title, agent in agents.items():
                solution, seconds = timed(partial(agent.solve, part))
                times[title].append(seconds)
                if number == 0:
                    solved[title] += sum(
                        task.is_solved(puzzles[start + row], answer)
                        for row, answer in enumerate(solution.answer)
                    )
                    steps[title] += getattr(agent, "written", solution.segments).tolist()
        for title in agents:
            spent[title] += float(np.median(times[title]))
    return spent, solved, steps


def report(rows: list[Row], args: Any) -> str:
    """Return the report of the rows in Markdown."""
    from hrm_gym.agents.hrm.presets import get_preset
    from hrm_gym.machine import machine

    value = {row["name"]: row["value"] for row in rows}
    head = ("puzzles", "agent", "parameters", "trained", "solved", "steps a puzzle")
    lines = []
    for name in (get_preset(preset).task_id for preset in PAIRS):
        count = f"{name} ({value[f'{name}: puzzles']:.0f})"
        for title, unit in (("hrm", "segments"), ("chain", "tokens"), ("solver", None)):
            own = f"{name}, {title}"
            costs = [f"{own}, batch {batch}: a solved puzzle" for batch in BATCHES]
            learned = ["", ""]
            if unit:
                learned = [
                    f"{value[f'{own}: parameters']:,.0f}",
                    f"{value[f'{own}: training']:.0f} s",
                ]
            steps = f"{value[f'{own}: steps a puzzle']:.1f} {unit}" if unit else ""
            solved = f"{value[f'{own}: solve rate']:.1%}"
            times = [shown(value.get(cost), " ms") for cost in costs]
            lines.append([count, title, *learned, solved, steps, *times])
        ratios = [shown(value.get(f"{name}, batch {batch}: ratio"), "x") for batch in BATCHES]
        lines.append([count, "**chain / hrm**", "", "", "", "", *ratios])
        ratio = value[f"{name}: ratio, solved or not"]
        lines.append([count, "**chain / hrm, solved or not**", *[""] * 5, f"{ratio:.3g}x"])
    table = markdown_table([*head, *(f"a solved puzzle, batch {n}" for n in BATCHES)], lines, 2)
    options = f"--seconds {args.seconds:g} --threads {args.threads} --seed {args.seed}"
    return TEXT.format(table=table, options=options, **machine())


def shown(value: float | None, unit: str) -> str:
    """Return a figure for the table; ``None`` means that no puzzle was solved."""
    return "none solved" if value is None else f"{value:.3g}{unit}"
