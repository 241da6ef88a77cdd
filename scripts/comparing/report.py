"""The report of a comparison: Markdown, an HTML page that opens offline, and figures."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from hrm_gym.files import write_bytes, write_text
from hrm_gym.machine import machine_text
from hrm_gym.results import write_json
from hrm_gym.scripts.reporting.plots import png

from .cell import CURVE_EPISODES, AgentResult
from .figures import compute_figure, learning_figure, rating_figure
from .tables import Table, failures, json_rows, tables

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 70rem;
  padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-size: 14px; display: block;
  overflow-x: auto; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right;
  white-space: nowrap; }
th { cursor: pointer; vertical-align: bottom; white-space: normal; user-select: none; }
th::after { content: " \\2195"; color: #aaa; }
.name { text-align: left; }
img { max-width: 100%; }
code { background: #f3f3f3; padding: .1rem .3rem; }
"""
"""Style of the HTML page."""
SCRIPT = """
for (const heading of document.querySelectorAll("th")) {
  heading.addEventListener("click", () => {
    const body = heading.closest("table").tBodies[0];
    const place = heading.cellIndex;
    const turn = heading.dataset.turn = heading.dataset.turn === "-1" ? "1" : "-1";
    const key = (row) => {
      const text = row.cells[place].textContent.replaceAll(",", "");
      const number = parseFloat(text);
      return Number.isNaN(number) ? text : number;
    };
    const order = (a, b) =>
      typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1;
    const rows = [...body.rows].sort((a, b) => turn * order(key(a), key(b)));
    body.append(...rows);
  });
}
"""
"""Sorts the rows if a heading is clicked, by the number that a cell begins with or by its text; a
second click reverses the order."""


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
    pictures = {name: (caption, png(f)) for name, (caption, f) in figures(results).items()}
    for name, (_, content) in pictures.items():
        write_bytes(folder / name, content)
    text = markdown(results, title, command, {name: c for name, (c, _) in pictures.items()})
    write_text(folder / "report.md", text)
    write_text(folder / "report.html", page(results, title, command, pictures))
    where = next((result.machine for result in results if result.machine), {})
    write_json(folder / "results.json", where, json_rows(results))
    return text


def markdown(
    results: Sequence[AgentResult], title: str, command: str, pictures: dict[str, str]
) -> str:
    """Return the report in Markdown.

    Args:
        results: The results.
        title: Heading of the report.
        command: The command that makes the report.
        pictures: Captions of the figures by file name.
    """
    parts = [f"# {title}", f"`{command}`", method(results)]
    for table in tables(results):
        parts += [f"## {table.title}", table.markdown().rstrip()]
    if failures(results):
        parts += ["## Failed", "\n".join(f"- {line}" for line in failures(results))]
    parts += [f"![{caption}]({name})" for name, caption in pictures.items()]
    return "\n\n".join(parts) + "\n"


def page(
    results: Sequence[AgentResult], title: str, command: str, pictures: dict[str, tuple[str, bytes]]
) -> str:
    """Return the report as one HTML page that contains the figures.

    Args:
        results: The results.
        title: Heading of the report.
        command: The command that makes the report.
        pictures: Captions and PNG files of the figures by file name.
    """
    say = html.escape
    body = [f"<h1>{say(title)}</h1>", f"<p><code>{say(command)}</code></p>"]
    body.append(f"<p>{say(method(results))}</p>")
    for table in tables(results):
        body += [f"<h2>{say(table.title)}</h2>", _html_table(table)]
    if failures(results):
        lines = "".join(f"<li>{say(line)}</li>" for line in failures(results))
        body += ["<h2>Failed</h2>", f"<ul>{lines}</ul>"]
    for caption, content in pictures.values():
        data = base64.b64encode(content).decode()
        body.append(f"<h2>{say(caption)}</h2>")
        body.append(f'<img alt="{say(caption)}" src="data:image/png;base64,{data}">')
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{say(title)}</title>\n'
        # Browsers ask the server for an icon otherwise.
        '<link rel="icon" href="data:,">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(body) + f"\n<script>{SCRIPT}</script>\n</html>\n"
    )


def _html_table(table: Table) -> str:
    def line(tag: str, cells: Sequence[str]) -> str:
        names = ['<{0} class="name">{1}</{0}>', "<{0}>{1}</{0}>"]
        return (
            "<tr>"
            + "".join(
                names[place >= table.names].format(tag, html.escape(cell))
                for place, cell in enumerate(cells)
            )
            + "</tr>"
        )

    body = "\n".join(line("td", row) for row in table.rows)
    return f"<table><thead>{line('th', table.headings)}</thead><tbody>\n{body}\n</tbody></table>"
