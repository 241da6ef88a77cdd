"""Evaluation on ARC: the answers to all augmentations of a test input vote.

The agent was trained on the tasks, or adapts to each of them, which it has never seen, first.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.adaptation.arc import Adaptation, check_fits
from hrm_gym.agents.hrm.inference.voting.arc import (
    ArcResult,
    ArcTest,
    evaluate_arc,
    has_votes,
    key_of,
    score_tests,
)
from hrm_gym.data import load_puzzles
from hrm_gym.files import write_text
from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.arc import ArcPuzzle, to_grid
from hrm_gym.puzzles.arc.augment import ArcTask
from hrm_gym.puzzles.arc.turned import TURNS
from hrm_gym.scripts.reporting.tables import number_table


def evaluate_agent(args: Any, agent: Any) -> list[dict[str, Any]] | None:
    """Let the answers of an HRM vote, print pass@k and return the rows.

    Args:
        args: Arguments of the evaluate script.
        agent: The agent.

    Returns:
        Rows of a result file; ``None`` if the agent is no HRM, the environment is a step
        environment, or the puzzles come without augmentations, so that there is nothing to vote on.

    Raises:
        ValueError: if the agent is to adapt and has no puzzle embedding, or no task fits on its
            canvas; or if it has one and the puzzles do not come from its training.
    """
    if not isinstance(agent, HRMAgent):
        return None
    if args.adapt_seconds is not None:
        adapted = adapt_to_tasks(args, agent)
        Console().print(result_table(adapted.result))
        print(adapted.summary())
        if args.submission is not None:
            write_submission(args.submission, adapted.result)
        return [*result_rows(adapted.result), *adapted.rows()]
    if "Answer" not in (args.env or "Answer"):
        return None
    source = args.data or agent.about.get("train", {}).get("source")
    if source is None or not has_votes(source):
        if args.data is not None and agent.num_puzzles:
            raise ValueError(
                f"data: {args.agent} knows a task by the puzzle identifier of its training, which "
                f"{source} does not contain; expected the dataset folder that it was trained on, "
                "or --adapt-seconds, the time to learn a task from its demonstrations"
            )
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


@dataclass(frozen=True)
class Adapted:
    """The result of adapting to each task.

    Attributes:
        result: The answers to all test inputs.
        tasks: Each task with its adaptation and its test inputs.
    """

    result: ArcResult
    tasks: list[tuple[Adaptation, list[ArcTest]]]

    def shares(self) -> list[float]:
        """Return the share of the demonstrations that is reproduced, for each task."""
        return [found.reproduced / len(found.task.demos) for found, _ in self.tasks]

    def trusted(self) -> list[ArcTest]:
        """Return the test inputs of the tasks whose demonstrations are all reproduced."""
        pairs = zip(self.shares(), self.tasks, strict=True)
        return [test for share, (_, tests) in pairs if share == 1 for test in tests]

    def summary(self) -> str:
        """Return how far the demonstrations are reproduced, and what that says, in sentences."""
        shares, trusted = self.shares(), [test for test in self.trusted() if test.label.size]
        right = sum(test.passed(2) for test in trusted)
        return (
            f"Demonstrations reproduced: all in {sum(share == 1 for share in shares)} of "
            f"{len(shares)} tasks, {median(shares):.0%} in the median task. Of the "
            f"{len(trusted)} test inputs of those tasks, {right} are right within two attempts."
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of a result file for each task."""
        return [
            {
                "name": f"adapt/{found.task.name}",
                "value": share,
                "unit": "share of demonstrations",
                "steps": found.steps,
                "seconds": found.seconds,
                "solved": [test.passed(2) if test.label.size else None for test in tests],
            }
            for share, (found, tests) in zip(self.shares(), self.tasks, strict=True)
        ]


def adapt_to_tasks(args: Any, agent: HRMAgent) -> Adapted:
    """Adapt copies of an agent to each task of a source and answer its test inputs.

    Args:
        args: Arguments of the evaluate script.
        agent: The agent.

    Raises:
        ValueError: if the agent has no puzzle embedding, or no task of the source fits on its
            canvas.
    """
    source = args.data or agent.task.default_source
    puzzles: Any = load_puzzles(get_task("arc"), source, args.split).puzzles or []
    tasks: dict[str, list[ArcPuzzle]] = {}
    for puzzle in puzzles:
        tasks.setdefault(puzzle.task_id, []).append(puzzle)
    fitting = {name: tests for name, tests in tasks.items() if _fits(agent, tests)}
    if not fitting:
        # The reason why the first one does not.
        first = next(iter(tasks.values()))
        check_fits(agent, *_task_of(first))
    print(f"{len(fitting)} of {len(tasks)} tasks fit on the canvas of the agent", file=sys.stderr)
    done: list[tuple[Adaptation, list[ArcTest]]] = []
    with Progress(disable=not sys.stderr.isatty()) as bar:
        for name, tests in bar.track(list(fitting.items()), description="adapting"):
            task, *questions = _task_of(tests)
            found = agent.adapt(task, args.adapt_seconds, weights=args.adapt_weights)
            answers = [found.answers(question) for question in questions]
            done.append(
                (
                    found,
                    [
                        ArcTest(name, to_grid(test.labels), {key_of(c.grid): c for c in ranked})
                        for test, ranked in zip(tests, answers, strict=True)
                    ],
                )
            )
    all_tests = [test for _, tests in done for test in tests]
    seconds = sum(found.seconds for found, _ in done)
    scores = [score_tests(all_tests, TURNS, 0, seconds)]
    skipped = [
        ArcTest(name, to_grid(test.labels))
        for name, tests in tasks.items()
        for test in tests
        if name not in fitting
    ]
    return Adapted(ArcResult(scores, all_tests, skipped), done)


def _task_of(tests: list[ArcPuzzle]) -> tuple[Any, ...]:
    """Return the task of test inputs, and their questions."""
    return ArcTask(tests[0].task_id, tests[0].demos, ()), *(to_grid(t.inputs) for t in tests)


def _fits(agent: HRMAgent, tests: list[ArcPuzzle]) -> bool:
    """Return whether a task with all its test inputs fits on the canvas of an agent."""
    task, *questions = _task_of(tests)
    grids = (*questions, *(grid for pair in task.demos for grid in pair))
    return max(max(grid.shape) for grid in grids) <= agent.task.size


def write_submission(path: Path, result: ArcResult) -> None:
    """Write two attempts for each test input in the format of Kaggle's ARC Prize.

    Args:
        path: The file.
        result: The result; the answers with all votes are written.
    """
    write_text(path, json.dumps(result.submission()))
    tests, skipped = sum(test.label.size == 0 for test in result.tests), len(result.skipped)
    hidden = f", of which {tests} have a hidden output" if tests else ""
    unfit = f", and a black cell for {skipped} that do not fit the agent" if skipped else ""
    print(f"{path}: two attempts for each of {len(result.tests)} test inputs{hidden}{unfit}")


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
