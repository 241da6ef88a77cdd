"""Solving ARC tasks with an agent that knows a task by its puzzle embedding.

Tasks that the agent was trained on are answered at once; others are learned from their
demonstrations first. Every test input gets two attempts, for which the symmetries vote.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import Progress

from hrm_gym.agents.hrm import HRMAgent
from hrm_gym.agents.hrm.adaptation.arc import Adaptation, check_fits
from hrm_gym.agents.hrm.inference.voting.arc import Candidate, known_tasks, task_number, vote
from hrm_gym.data.readers import Question
from hrm_gym.puzzles.arc import Pair, to_canvas, to_grid
from hrm_gym.puzzles.arc.augment import ArcTask

ATTEMPTS = 2


def solve(
    args: Any, agent: Any, questions: Sequence[Question]
) -> tuple[list[dict[str, Any]], list[str]] | None:
    """Answer test inputs, print the attempts and return the rows.

    Args:
        args: Arguments of the solve script.
        agent: The agent.
        questions: The test inputs, on the published canvas.

    Returns:
        Rows of a result file, and a sentence for every test input that was not answered, since its
        task does not fit the agent, or is unknown to it and no time to adapt was given; ``None`` if
        the agent was not asked to adapt and knows no tasks by their demonstrations.

    Raises:
        ValueError: if no test input can be answered, or with ``args.strict`` if one cannot.
    """
    seconds = args.adapt_seconds
    if seconds is None and not (isinstance(agent, HRMAgent) and known_tasks(agent)):
        return None
    if not isinstance(agent, HRMAgent):
        raise ValueError(
            f"adapt-seconds: {args.agent} cannot adapt; expected an HRM of this family"
        )
    # Everything is checked before any work.
    asked, unanswered = [], []
    for question in questions:
        task = ArcTask(question.name.split(",")[0], question.demos, ())
        try:
            check_known(args, agent, task, question)
        except ValueError as error:
            unanswered.append(str(error))
        else:
            asked.append((task, question))
    if unanswered and (args.strict or not asked):
        raise ValueError(unanswered[0])
    adapted: dict[int, Adaptation] = {}
    rows = []
    for task, question in asked:
        grid, found = to_grid(question.inputs), None
        if seconds is None:
            answers = vote(agent, grid, task_number(agent, task.demos) or 0)
        else:
            # The test inputs of a task share their demonstrations.
            if id(question.demos) not in adapted:
                adapted[id(question.demos)] = learn(agent, task, seconds, args.adapt_weights)
            found = adapted[id(question.demos)]
            answers = found.answers(grid)
        rows.append(show(agent, question, answers[:ATTEMPTS], found))
    right = [row["solved"] for row in rows if row["solved"] is not None]
    print(f"{sum(right)} of {len(right)} test inputs solved within {ATTEMPTS} attempts")
    return rows, list(dict.fromkeys(unanswered))


def check_known(args: Any, agent: HRMAgent, task: ArcTask, question: Question) -> None:
    """Check that an agent can answer a test input.

    Raises:
        ValueError: if the task does not fit the agent, or is unknown to it and no time to adapt was
            given.
    """
    check_fits(agent, task, to_grid(question.inputs))
    if args.adapt_seconds is None and task_number(agent, task.demos) is None:
        raise ValueError(
            f"agent: {args.agent} was not trained on {task.name}; expected --adapt-seconds, the "
            "time to learn it from its demonstrations, such as 30"
        )


def learn(agent: HRMAgent, task: ArcTask, seconds: float, weights: bool) -> Adaptation:
    """Adapt an agent to a task, with a progress bar."""
    quiet = not sys.stderr.isatty()
    with Progress(console=Console(stderr=True), transient=True, disable=quiet) as bar:
        work = bar.add_task(f"learning {task.name}", total=1.0)

        def advance(share: float, exact: float) -> None:
            bar.update(work, completed=share, description=f"learning {task.name}, {exact:.0%}")

        found: Adaptation = agent.adapt(task, seconds, weights=weights, on_progress=advance)
    return found


def show(
    agent: HRMAgent, question: Question, answers: list[Candidate], found: Adaptation | None
) -> dict[str, Any]:
    """Print the task and the attempts, and return the row of a test input."""
    task, side = agent.task, agent.task.size
    inputs = to_canvas(to_grid(question.inputs), side)
    output = None if question.labels is None else to_grid(question.labels)
    fits = output is None or max(output.shape) <= side
    labels = to_canvas(output, side) if output is not None and fits else None
    right = None if output is None else [same(answer, output) for answer in answers]
    print(question.name)
    demos: Sequence[Pair] = question.demos
    for number, answer in enumerate(answers):
        canvas = to_canvas(answer.grid, side) if answer.grid.size else None
        shown = task.scene(inputs, canvas, labels, demos=() if number else demos)
        print(shown.ansi(colour=sys.stdout.isatty()))
        sure = answer.confidence / answer.votes
        verdict = "" if right is None else ", right" if right[number] else ", WRONG"
        print(f"attempt {number + 1}: {answer.votes} of 8 votes, {sure:.1%} confident{verdict}")
    row: dict[str, Any] = {
        "name": question.name,
        "value": task.format(to_canvas(answers[0].grid, side)) if answers[0].grid.size else "",
        "unit": "answer",
        "solved": None if right is None else any(right),
        "attempts": [answer.grid.tolist() for answer in answers],
        "votes": [answer.votes for answer in answers],
    }
    if found is not None:
        count = len(found.task.demos)
        print(
            f"demonstrations reproduced: {found.reproduced} of {count}, after {found.steps} steps "
            f"in {found.seconds:.1f} s"
        )
        row |= {"reproduced": found.reproduced, "demonstrations": count, "steps": found.steps}
    return row


def same(answer: Candidate, output: Any) -> bool:
    """Return whether an answer is the right output."""
    return bool(answer.grid.shape == output.shape and (answer.grid == output).all())
