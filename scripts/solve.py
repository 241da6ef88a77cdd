"""Solve puzzles given as text, a file or standard input, and check every answer by the rules."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from hrm_gym.scripts.cli import progress, run


@dataclass
class Args:
    """Arguments of the solver."""

    task: Annotated[Literal["sudoku", "maze", "arc"], tyro.conf.Positional]
    """Family of the puzzle."""
    puzzle: Annotated[str, tyro.conf.Positional]
    """The puzzle as text; a file: one a line, square grids with an empty line between them, a CSV
    with a question column, or an ARC JSON; or - for standard input."""
    agent: str | None = None
    """Bundled agent, checkpoint folder, exported .onnx file or oracle; by default the bundled agent
    of the size, or the oracle where none ships."""
    batch_size: int = 256
    """Puzzles that are thought about at once."""
    show: int = 3
    """Boards that are printed; of more puzzles than this the sum alone."""
    device: str = "cpu"
    """Where the model runs."""
    json: Path | None = None
    """Also write the answers to this file, for programs."""


def main(args: Args) -> int:
    """Solve and print; 1 if an answer is wrong."""
    from rich.console import Console

    from hrm_gym.agents.shipped import FOLDER
    from hrm_gym.machine import machine
    from hrm_gym.puzzles import Puzzle
    from hrm_gym.results import write_json
    from hrm_gym.scripts.reading import read_questions

    task, questions = read_questions(args.task, args.puzzle)
    name = args.agent or bundled(task.id)
    # A folder of that name here is not what ships.
    ships = args.agent is None and name != "oracle"
    agent = load_solver(str(FOLDER / name) if ships else name, task.id, args.device)
    begun = time.perf_counter()
    answers, segments, confidence = answer_all(agent, questions, args.batch_size)
    seconds = time.perf_counter() - begun
    right = [
        None if q.labels is None else task.is_solved(Puzzle(q.inputs, q.labels), answer)
        for q, answer in zip(questions, answers, strict=True)
    ]
    rows: list[dict[str, Any]] = []
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
            print(verdict(task, right[k], changed_givens(task, question.inputs, answers[k])))
    line = summary(name, right, seconds, segments, exact=task.family != "arc")
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
    if args.json is not None:
        write_json(args.json, machine(), rows)
    return 1 if False in right else 0


def load_solver(name: str, task_id: str, device: str) -> Any:
    """Return an agent that solves a task.

    Raises:
        ValueError: There is none, it is of another task, or it only plays move by move.
    """
    from hrm_gym.agents.catalog import check_task, load_agent

    if name == "oracle":
        from hrm_gym.puzzles import get_task

        if task_id == "arc":
            raise ValueError("agent: no solver is known for arc; expected --agent with a model")
        return get_task(task_id)
    agent: Any = load_agent(name, device) if name != "random" else None
    if not hasattr(agent, "think"):
        raise ValueError(
            f"agent: {name} plays move by move and gives no answer as a whole; expected a bundled "
            "agent, a checkpoint folder, an .onnx file or oracle"
        )
    check_task(name, agent, task_id, "the puzzle")
    return agent


def answer_all(agent: Any, questions: list[Any], batch_size: int) -> tuple[Any, Any, Any]:
    """Return answers, segments and confidence of all questions, batch by batch.

    A solver of the task itself has neither segments nor confidence: they are ``None``.
    """
    from hrm_gym.scripts.reading import stack

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
    """Print an answer as a board and, where it has one, as a line."""
    from hrm_gym.rendering.answers import answer_scene

    # A wrong Sudoku shows what breaks the rules; of a maze or ARC the solution is needed for that.
    labels = None if task.family == "sudoku" else question.labels
    scene = answer_scene(task, question.inputs, answer, labels=labels, demos=question.demos)
    if task.family == "arc":
        print(question.name)
    print(scene.ansi(colour=sys.stdout.isatty()))
    if task.family == "maze":
        print("o marked and right, x marked and wrong, - missed")
    print(task.format(answer))


def changed_givens(task: Any, inputs: np.ndarray, answer: np.ndarray) -> int:
    """Return in how many cells an answer is one to another puzzle; of ARC all is the answer."""
    if task.family == "sudoku":
        return int(((inputs > 1) & (answer != inputs)).sum())
    if task.family == "maze":
        from hrm_gym.puzzles.maze import OPEN, PATH

        walked = (inputs == OPEN) & (answer == PATH)
        return int(((answer != inputs) & ~walked).sum())
    return 0


def verdict(task: Any, right: bool | None, changed: int = 0) -> str:
    """Return what there is to say of an answer that changed so many cells of the puzzle."""
    if right is None:
        return "not checked: the right output is not known"
    if task.family == "arc":
        return "right: it is the known output" if right else "WRONG: it is not the known output"
    if changed:
        return f"WRONG: it changes {changed} cell{'s' * (changed != 1)} of the puzzle"
    return "right: the rules accept it" if right else "WRONG: it breaks the rules"


def summary(name: str, right: list[bool | None], seconds: float, segments: Any, exact: bool) -> str:
    """Return the line under everything; ``exact`` says that the task has a solver."""
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
        # A model knows puzzles of the kind it was trained on; the search knows all.
        text += "; --agent oracle solves every puzzle of this task"
    return text


def bundled(task_id: str) -> str:
    """Return the bundled agent of a task, ``oracle`` where none ships.

    Raises:
        ValueError: None ships, and no solver is known either.
    """
    from hrm_gym.agents.hrm import HRMAgent

    for name, shipped in HRMAgent.pretrained().items():
        if shipped.task == task_id:
            return name
    if task_id == "arc":
        raise ValueError("agent: none ships for arc; expected --agent with a checkpoint folder")
    return "oracle"


if __name__ == "__main__":
    sys.exit(run(main, Args))
