"""Solve puzzles given as text, a file or standard input, and check every answer."""

from __future__ import annotations

import dataclasses
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import tyro

from hrm_gym.progress import progress
from hrm_gym.scripts.cli import check_needed, run

if TYPE_CHECKING:
    from hrm_gym.puzzles import Task


@dataclass
class Args:
    """Arguments of the solver."""

    task: Annotated[str, tyro.conf.Positional]
    """Family of the puzzle: sudoku, maze or arc; or a custom task, module:Class."""
    puzzle: Annotated[str, tyro.conf.Positional]
    """The puzzle as text, a file, or - for standard input. A file contains one puzzle per line,
    grids of several lines, a table with a column question or puzzle, JSON, or ARC JSON."""
    strict: bool = False
    """Answer nothing if one of the puzzles is bad, or does not fit the agent; otherwise the others
    are answered."""
    agent: str | None = None
    """Agent: a pretrained one, the folder of a trained one, an exported .onnx file, or oracle; by
    default the pretrained agent of the size, or the oracle if there is none."""
    batch_size: int = 256
    """Number of puzzles in a batch."""
    show: int = 3
    """Largest number of puzzles whose boards are printed; for more, only the summary is."""
    device: str = "cpu"
    """Device of the model: cpu, cuda, cuda:1."""
    json: Path | None = None
    """Also write the answers to this file as JSON."""
    adapt_seconds: float | None = None
    """For puzzles with demonstrations: the longest time in seconds that the agent learns each task
    from its demonstrations before it answers. Learning ends earlier when the demonstrations are
    reproduced."""
    adapt_weights: bool = True
    """With --adapt-seconds, train all weights, not the puzzle embedding alone."""


def main(args: Args) -> int:
    """Solve the puzzles, print the result and return 1 if an answer or a puzzle is wrong."""
    from rich.console import Console

    from hrm_gym.agents.shipped import FOLDER
    from hrm_gym.data.readers import read_questions
    from hrm_gym.machine import machine
    from hrm_gym.puzzles import Puzzle
    from hrm_gym.results import write_json

    check_needed(args, {"adapt_weights": "adapt_seconds"})
    reading = read_questions(args.task, args.puzzle, args.strict)
    task, questions = reading.task, reading.questions
    for sentence in reading.notes:
        print(f"note: {sentence}", file=sys.stderr)
    for sentence in reading.faults:
        print(f"not read: {sentence}", file=sys.stderr)
    name = args.agent or default_agent(task)
    # The working directory may contain a folder with the name of a pretrained agent.
    pretrained = args.agent is None and name != "oracle"
    args = replace(args, agent=name)
    agent = load_solver(str(FOLDER / name) if pretrained else name, task, args.device)
    found = solve_as_family(args, agent, task, questions)
    if found is not None:
        rows, unanswered = found
        tell(unanswered)
        if args.json is not None:
            write_json(args.json, machine(), rows)
        wrong = any(row["solved"] is False for row in rows)
        return 1 if wrong or unanswered or reading.faults else 0
    task, questions, unanswered = fit(agent, task, questions, args.strict)
    tell(unanswered)
    begun = time.perf_counter()
    answers, segments, confidence = answer_all(agent, questions, args.batch_size)
    seconds = time.perf_counter() - begun
    right = [
        None if q.labels is None else task.is_solved(Puzzle(q.inputs, q.labels), answer)
        for q, answer in zip(questions, answers, strict=True)
    ]
    rows = []
    for k, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        row: dict[str, Any] = {"name": question.name, "value": task.format(answer)}
        row["unit"] = "answer"
        row["solved"] = right[k]
        if segments is not None:
            row |= {"segments": int(segments[k]), "confidence": float(confidence[k])}
        rows.append(row)
    if len(questions) <= args.show:
        for k, question in enumerate(questions):
            print_board(task, question, answers[k])
            if segments is not None:
                count = int(segments[k])
                print(f"{count} segment{'s' * (count != 1)}, {confidence[k]:.1%} confident")
            print(verdict(task, right[k], task.changed_cells(question.inputs, answers[k])))
    line = summary(name, right, seconds, segments, exact=task.has_solver)
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
    if args.json is not None:
        write_json(args.json, machine(), rows)
    return 1 if False in right or unanswered or reading.faults else 0


def tell(unanswered: list[str]) -> None:
    """Print why puzzles were not answered."""
    for sentence in unanswered:
        print(f"not answered: {sentence}", file=sys.stderr)


def solve_as_family(
    args: Args, agent: Any, task: Task, questions: list[Any]
) -> tuple[list[dict[str, Any]], list[str]] | None:
    """Return the rows of agents that only one family has, ``None`` for all others.

    The rows come with a sentence for every puzzle that was not answered.

    Raises:
        ValueError: if ``adapt_seconds`` is given and the family has no demonstrations.
    """
    from hrm_gym.families import family_module

    module = family_module("hrm_gym.scripts.solving", task.family)
    if module is None:
        if args.adapt_seconds is not None:
            raise ValueError(
                f"adapt-seconds: puzzles of {task.id} have no demonstrations to adapt to"
            )
        return None
    found: tuple[list[dict[str, Any]], list[str]] | None = module.solve(args, agent, questions)
    return found


def load_solver(name: str, task: Task, device: str) -> Any:
    """Return an agent that solves a task; the oracle is the task itself.

    Raises:
        ValueError: if there is no such agent, it was trained on another task, or it only plays
            move by move.
    """
    from hrm_gym.agents.catalog import check_task, load_agent

    if name == "oracle":
        if not task.has_solver:
            raise ValueError(
                f"agent: no solver is known for {task.id}; expected --agent with a model"
            )
        return task
    agent: Any = load_agent(name, device) if name != "random" else None
    if not hasattr(agent, "think"):
        raise ValueError(
            f"agent: {name} plays move by move and gives no whole answer; expected a pretrained "
            "agent, the folder of a trained one, an .onnx file or oracle"
        )
    if not (task.holds_padding and agent.task.family == task.family):
        check_task(name, agent, task.spec, "the puzzle")
    return agent


def fit(
    agent: Any, task: Task, questions: list[Any], strict: bool = False
) -> tuple[Task, list[Any], list[str]]:
    """Return the puzzles on the canvas of an agent, if those of the family lie on canvases.

    They come with a sentence for every puzzle that does not fit and is left out.

    Raises:
        ValueError: if no puzzle fits on the agent's canvas, or with ``strict`` if one does not.
    """
    own = getattr(agent, "task", task)
    if not task.holds_padding or own.size == task.size:
        return task, questions, []
    fitted, unfit = [], []
    for question in questions:
        try:
            parts = {
                name: None if part is None else task.refit(part, own.size)
                for name, part in (("inputs", question.inputs), ("labels", question.labels))
            }
        except ValueError as error:
            unfit.append(f"{question.name}: {error}")
        else:
            fitted.append(dataclasses.replace(question, **parts))
    if unfit and (strict or not fitted):
        raise ValueError(unfit[0])
    return own, fitted, unfit


def answer_all(agent: Any, questions: list[Any], batch_size: int) -> tuple[Any, Any, Any]:
    """Return answers, segments and confidence of all questions.

    Segments and confidence are ``None`` if the agent is the solver of the task.
    """
    from hrm_gym.data.readers import stack

    thinks = hasattr(agent, "think")
    parts = []
    starts = range(0, len(questions), batch_size)
    for start in progress(starts, "solving", len(starts)):
        batch = questions[start : start + batch_size]
        if thinks:
            solution = agent.solve(stack(batch))
            parts.append((solution.answer, solution.segments, solution.confidence))
        else:
            parts.append((np.stack([agent.solve(q.inputs) for q in batch]), None, None))
    if not thinks:
        return np.concatenate([part[0] for part in parts]), None, None
    answers, segments, confidence = (np.concatenate(column) for column in zip(*parts, strict=True))
    return answers, segments, confidence


def print_board(task: Any, question: Any, answer: np.ndarray) -> None:
    """Print an answer as a board and as a line."""
    scene = task.scene(question.inputs, answer, question.labels, demos=question.demos)
    if question.name != task.format(question.inputs):
        print(question.name)
    print(scene.ansi(colour=sys.stdout.isatty()))
    if task.legend:
        print(task.legend)
    print(task.format(answer))


def verdict(task: Any, right: bool | None, changed: int = 0) -> str:
    """Return one sentence about an answer.

    Args:
        task: The task.
        right: Whether the answer is right; ``None`` if this is not known.
        changed: Number of cells in which the answer contradicts the puzzle.
    """
    if right is None:
        return "not checked: the right output is not known"
    if not task.has_solver:
        return "right: it is the known output" if right else "WRONG: it is not the known output"
    if changed:
        return f"WRONG: it changes {changed} cell{'s' * (changed != 1)} of the puzzle"
    return "right: the rules accept it" if right else "WRONG: it breaks the rules"


def summary(name: str, right: list[bool | None], seconds: float, segments: Any, exact: bool) -> str:
    """Return the summary of all answers; ``exact`` means that the task has a solver."""
    known = [value for value in right if value is not None]
    text = f"{name}: {sum(known)} of {len(known)} solved"
    if len(known) < len(right):
        text = f"{name}: {len(right) - len(known)} answered, not checked" + (
            f"; {sum(known)} of {len(known)} solved" if known else ""
        )
    text += f" in {seconds:.3f} s"
    if len(right) > 1:
        text += f", {len(right) / max(seconds, 1e-9):,.0f} a second"
        if segments is not None:
            text += f", {np.mean(segments):.2f} segments a puzzle"
    if False in right and exact:
        # A model solves puzzles like those it was trained on; the search solves all.
        text += "; --agent oracle solves every puzzle of this task"
    return text


def default_agent(task: Task) -> str:
    """Return the name of the pretrained agent of a task, or ``oracle`` if there is none.

    Raises:
        ValueError: if there is neither a pretrained agent nor a solver.
    """
    from hrm_gym.agents.shipped import pretrained_for

    name = pretrained_for(task)
    if name is not None:
        return name
    if not task.has_solver:
        raise ValueError(
            f"agent: there is no pretrained agent for {task.id}; expected --agent with the folder "
            "of a trained one"
        )
    return "oracle"


if __name__ == "__main__":
    sys.exit(run(main, Args))
