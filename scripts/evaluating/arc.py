"""Evaluation on ARC with votes: the answers to all augmentations of a test input vote."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.inference.voting.arc import ArcResult, evaluate_arc, has_votes
from hrm_gym.files import write_text
from hrm_gym.scripts.reporting.tables import number_table


def evaluate_agent(args: Any, agent: Any) -> list[dict[str, Any]] | None:
    """Let the answers of an HRM vote, print pass@k and return the rows.

    Args:
        args: Arguments of the evaluate script.
        agent: The agent.

    Returns:
        Rows of a result file; ``None`` if the agent is no HRM, the environment is a step
        environment, or the puzzles come without augmentations, so that there is nothing to vote on.
    """
    if not isinstance(agent, HRMAgent) or "Answer" not in (args.env or "Answer"):
        return None
    source = args.data or agent.about.get("train", {}).get("source")
    if source is None or not has_votes(source):
        return None
    rows = []
    for last in args.segments or (agent.max_segments,):
        result = _vote(agent, source, args.votes, last)
        if args.segments:
            print(f"up to {last} segments")
        Console().print(result_table(result))
        name = f"segments{last}/" if args.segments else ""
        rows += [{**row, "name": name + row["name"]} for row in result_rows(result)]
    if args.submission is not None:
        write_submission(args.submission, result)
    return rows


def write_submission(path: Path, result: ArcResult) -> None:
    """Write two attempts for each test input in the format of Kaggle's ARC Prize.

    Args:
        path: The file.
        result: The result; the answers with all votes are written.
    """
    write_text(path, json.dumps(result.submission()))
    tests = sum(test.label.size == 0 for test in result.tests)
    hidden = f", of which {tests} have a hidden output" if tests else ""
    print(f"{path}: two attempts for each of {len(result.tests)} test inputs{hidden}")


def _vote(agent: HRMAgent, source: str, votes: int | None, segments: int) -> ArcResult:
    """Evaluate an agent with a progress bar."""
    with Progress(disable=not sys.stderr.isatty()) as bar:
        work = bar.add_task("voting")

        def show(done: int, total: int) -> None:
            bar.update(work, completed=done, total=total)

        return evaluate_arc(agent, source, votes, segments, on_batch=show)


def result_table(result: ArcResult) -> Table:
    """Return pass@k by votes."""
    tests, tasks = len(result.tests), len({test.task for test in result.tests})
    title = f"ARC: {tests} test inputs of {tasks} tasks"
    table = number_table(title, "votes", "pass@1", "pass@2", "tests right in 1", "in 2", "seconds")
    for score in result.scores:
        if not score.pass_at:
            table.add_row(str(score.votes), *["hidden"] * 4, f"{score.seconds:.1f}")
            continue
        table.add_row(
            str(score.votes),
            f"{score.pass_at[1]:.1%}",
            f"{score.pass_at[2]:.1%}",
            str(score.tests[1]),
            str(score.tests[2]),
            f"{score.seconds:.1f}",
        )
    return table


def result_rows(result: ArcResult) -> list[dict[str, Any]]:
    """Return the rows of a result file."""
    rows: list[dict[str, Any]] = []
    for score in result.scores:
        if not score.pass_at:
            # Without an output there is no verdict.
            answered = {"name": f"votes{score.votes}/answered", "value": len(result.tests)}
            rows.append({**answered, "unit": "tests", "seconds": score.seconds})
        for k, value in score.pass_at.items():
            row = {"name": f"votes{score.votes}/pass@{k}", "value": value, "unit": "share"}
            tests, spent = score.tests[k], score.segments
            rows.append({**row, "tests": tests, "segments_spent": spent, "seconds": score.seconds})
    return rows
