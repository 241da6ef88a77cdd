"""The report of a comparison: its text, tables and figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from hrm_gym.machine import machine_text
from hrm_gym.results import write_json
from hrm_gym.scripts.experiments.cell import failures
from hrm_gym.scripts.reporting.document import Document
from hrm_gym.scripts.reporting.plots import png

from .cell import CURVE_EPISODES, AgentResult
from .figures import compute_figure, learning_figure, rating_figure
from .tables import json_rows, tables


def figures(results: Sequence[AgentResult]) -> dict[str, tuple[str, Figure]]:
    """Return captions and figures of the report by file name."""
    if all(result.failure is not None for result in results):
        return {}
    many = len({result.cell.seed for result in results}) > 1
    mean = ", the mean over seeds" if many else ""
    band = f"{mean}, and from the worst to the best" if many else ""
    puzzles = learning_figure(results, "puzzles")
    return {
        "seconds.png": (f"Solved against training time{band}", learning_figure(results)),
        "puzzles.png": (f"Solved against training puzzles handed out{band}", puzzles),
        "rating.png": (f"Solved by rating{mean}", rating_figure(results)),
        "compute.png": (
            "Solved against evaluation time, which includes the environment's time",
            compute_figure(results),
        ),
    }


def method(results: Sequence[AgentResult]) -> str:
    """Return the paragraph about budgets, puzzles, intervals and machines."""
    cell = results[0].cell
    seeds = sorted({result.cell.seed for result in results})
    budgets = {result.cell.env: result.cell.seconds for result in results}
    same = len(set(budgets.values())) == 1
    budget = (
        f"{cell.seconds:g} s" if same else ", ".join(f"{v:g} s on {k}" for k, v in budgets.items())
    )
    text = (
        f"Every agent that learns had {budget} of training on {cell.threads} "
        f"thread{'s' * (cell.threads > 1)} and {cell.puzzles:,} training puzzles, which it sees "
        f"many times under random symmetries; all agents were tested on the same puzzles of test "
        f"and ood, the first {cell.episodes} of each or all if there are fewer. "
    )
    if any(map(_learned_other_sizes, results)):
        text += "hrm, whose weights are independent of the size, also had puzzles of other sizes. "
    if len(seeds) > 1:
        text += (
            f"{len(seeds)} seeds; a cell is the interquartile mean over them with the 95% interval "
            "of a stratified bootstrap, and a failed run counts as one that solved nothing. "
        )
    else:
        text += f"Seed {seeds[0]}; the interval is Wilson's. "
    learned = [result for result in results if result.failure is None and result.learned]
    if learned:
        share = sum(r.overhead for r in learned) / sum(r.seconds for r in learned)
        text += (
            "The column of equal puzzles is interpolated between evaluations during training, of "
            f"{CURVE_EPISODES} puzzles each. Set-up, evaluation and logging took "
            f"{100 * share:.1f}% of the training time, and do not count as training. "
        )
    told = ("cpu", "cores", "gpu", "python", "torch")
    machines = list(
        dict.fromkeys(
            machine_text({name: run.machine[name] for name in told if name in run.machine})
            for run in results
            if run.machine
        )
    )
    if len(machines) > 1:
        text += "Results of different machines in the same time cannot be compared. "
    return text + " ".join(f"Machine: {machine}." for machine in machines)


def _learned_other_sizes(result: AgentResult) -> bool:
    """Return whether an agent learned from several sizes; the other agents learn one."""
    from hrm_gym.agents.hrm.presets import get_preset, preset_for

    cell = result.cell
    if result.failure is not None or cell.agent != "hrm":
        return False
    return len(get_preset(cell.preset or preset_for(cell.env)).sources) > 1


def write_report(results: Sequence[AgentResult], folder: Path, title: str, command: str) -> str:
    """Write ``report.md``, ``report.html``, ``results.json`` and the figures.

    Args:
        results: The results.
        folder: Folder of the report.
        title: Heading of the report.
        command: The command that makes the report.

    Returns:
        The report in Markdown.
    """
    document = Document(
        title,
        command,
        method(results),
        tables(results),
        failures(results),
        {name: (caption, png(f)) for name, (caption, f) in figures(results).items()},
    )
    text = document.write(folder)
    where = next((result.machine for result in results if result.machine), {})
    write_json(folder / "results.json", where, json_rows(results))
    return text
