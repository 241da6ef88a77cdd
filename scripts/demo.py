"""Demonstration: an agent that is trained on small puzzles solves larger ones.

HRM and MaskablePPO with the same network are trained for about two minutes each, and tested on
puzzles of their own size and, without further training, on larger ones, beside the pretrained
agents, a random agent and a solver. The agents, sizes and training times are defined in
scripts/experiments/suites/demo.yaml.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts.cli import command, run

WORKERS = 2
"""Number of agents at a time, each on one torch thread."""


@dataclass
class Args:
    """Arguments of the demonstration."""

    out: Path = Path("runs")
    """Folder of all TensorBoard runs, which contains the trained agents and the finished cells."""
    report: Path = Path("results/demo")
    """Folder of the report and its pictures."""
    seed: int = 0
    """Seed of every agent."""
    scale: float = 1.0
    """Factor of every training time."""
    episodes: int = 500
    """Number of held-out puzzles of every test at most; the suite has smaller numbers."""
    agents: list[str] | None = None
    """Agents that are compared, such as hrm and random; by default those of the suite."""
    rerun: bool = False
    """Run cells again that finished before with the same settings."""
    json: Path | None = None
    """Also write the result to this file as JSON."""


def main(args: Args) -> int:
    """Train and test the agents and write the report; return 1 if an agent failed.

    Raises:
        ValueError: if an argument is wrong.
    """
    from rich.console import Console

    from hrm_gym.machine import cores, machine, machine_text
    from hrm_gym.results import write_json
    from hrm_gym.scripts.experiments import transfer
    from hrm_gym.scripts.experiments.cell import failures
    from hrm_gym.scripts.experiments.grid import run_grid, show
    from hrm_gym.scripts.reporting.document import Document
    from hrm_gym.scripts.reporting.plots import png

    console = Console()
    begun = time.perf_counter()
    cells = transfer.cells("demo", args.scale, args.episodes, args.agents, args.seed)
    results = run_grid(cells, args.out, min(WORKERS, cores()), rerun=args.rerun)
    tables, failed = transfer.tables(results), failures(results)
    for table in tables:
        console.print(table.rich(failed))
    pictures = {}
    film = transfer.film(results, args.out)
    if film is not None:
        pictures["film.gif"] = film
    if any(result.failure is None for result in results):
        pictures["sizes.png"] = (
            "Solved puzzles and mean segments by size",
            png(transfer.transfer_figure(results)),
        )
    text = (
        "hrm and maskable-ppo have the same relational network, which is independent of the size "
        "of a puzzle, and are trained at the smallest size (hrm also at the other sizes of its "
        "preset). All other tests of them are without further training. hrm learns from labels, "
        "maskable-ppo from reward, which its hyperparameters may shape during training. All "
        "agents are tested on the same "
        f"held-out puzzles; the intervals are Wilson's. Machine: {machine_text(machine())}."
    )
    document = Document(
        "HRM Gym: demonstration",
        command("demo", args),
        text,
        tables,
        failed,
        pictures,
        opening=len(pictures),
    )
    document.write(args.report)
    rows = transfer.json_rows(results)
    write_json(args.report / "results.json", machine(), rows)
    if args.json is not None:
        write_json(args.json, machine(), rows)
    show(
        f"Done in {time.perf_counter() - begun:.0f} s. The report is {args.report}/report.html; "
        f"curves: tensorboard --logdir {args.out}"
    )
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(run(main, Args))
