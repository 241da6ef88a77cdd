"""Solve puzzles of one's own with a bundled agent, a checkpoint or the exact solver."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the solver."""

    task: Annotated[Literal["sudoku", "maze"], tyro.conf.Positional]
    """Family of the puzzle."""
    puzzle: Annotated[str, tyro.conf.Positional]
    """The puzzle as text, a file with one a line or a CSV with a question column, or - for
    standard input."""
    agent: str | None = None
    """Bundled agent, checkpoint folder or oracle; by default the bundled agent of the size, or the
    oracle where none ships."""
    device: str = "cpu"
    """Where the model runs."""
    json: Path | None = None
    """Also write the answers to this file, for programs."""


def read(args: Args) -> list[str]:
    """Return the puzzles as text.

    Raises:
        ValueError: There is none.
    """
    import csv

    text = args.puzzle
    path = Path(text)
    if text == "-":
        text = sys.stdin.read()
    elif len(text) < 1000 and path.suffix and path.is_file():
        if path.suffix == ".csv":
            with path.open(newline="") as file:
                rows = list(csv.DictReader(file))
            if not rows or "question" not in rows[0]:
                raise ValueError(f"{path}: expected a CSV with a 'question' column")
            return [row["question"] for row in rows]
        text = path.read_text()
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise ValueError("puzzle: expected a puzzle, got nothing")
    return lines


def main(args: Args) -> int:
    """Solve and print; 1 if an answer breaks the rules."""
    from rich.console import Console

    from hrm_gym import rendering
    from hrm_gym.puzzles import get_task
    from hrm_gym.tracking import machine, write_json

    lines = read(args)
    length = len("".join(lines[0].split())) if args.task == "sudoku" else len(lines[0])
    side = round(length**0.5)
    if side * side != length:
        raise ValueError(
            f"puzzle: expected a square number of cells for a {args.task}, got {length}"
        )
    task: Any = get_task(f"{args.task}-{side}x{side}")
    questions = np.stack([task.parse(line) for line in lines])
    name = args.agent or bundled(task.id)
    if name == "oracle":
        begun = time.perf_counter()
        answers = np.stack([task.solve(question) for question in questions])
        seconds, segments, confidence = time.perf_counter() - begun, None, None
    else:
        from hrm_gym.agents.hrm import HRMAgent

        # A puzzle without a solution, or with several, is refused before the model thinks.
        for question in questions:
            task.solve(question)
        agent = HRMAgent.from_pretrained(name, args.device)
        if agent.task.id != task.id:
            raise ValueError(f"agent: {name} solves {agent.task.id}, the puzzle is {task.id}")
        begun = time.perf_counter()
        solution = agent.solve(questions)
        seconds = time.perf_counter() - begun
        answers, segments, confidence = solution.answer, solution.segments, solution.confidence
    right = [task.accepts(q, a) for q, a in zip(questions, answers, strict=True)]
    rows = []
    for k, (question, answer) in enumerate(zip(questions, answers, strict=True)):
        row = {"name": task.format(question), "value": task.format(answer), "unit": "answer"}
        row["solved"] = right[k]
        if segments is not None and confidence is not None:
            row |= {"segments": int(segments[k]), "confidence": float(confidence[k])}
        rows.append(row)
    if len(lines) <= 3:
        for k, (question, answer) in enumerate(zip(questions, answers, strict=True)):
            if args.task == "sudoku":
                scene: Any = rendering.SudokuScene(
                    answer, question > 1, task.box, conflicts=task.conflicts(answer)
                )
            else:
                scene = rendering.MazeScene(question, answer=answer == 5)
            print(rendering.ansi(scene, colour=sys.stdout.isatty()))
            print(task.format(answer))
            if segments is not None and confidence is not None:
                print(f"{segments[k]} segments, {confidence[k]:.1%} confident")
            print("right: the rules accept it" if right[k] else "WRONG: it breaks the rules")
    Console().print(
        f"{name}: {sum(right)} of {len(right)} solved in {seconds:.3f} s", highlight=False
    )
    if args.json is not None:
        write_json(args.json, machine(), rows)
    return 0 if all(right) else 1


def bundled(task_id: str) -> str:
    """Return the bundled agent of a task, ``oracle`` where none ships."""
    from hrm_gym.agents.hrm import HRMAgent

    family, _, size = task_id.partition("-")
    name = f"{family}-{size}"
    return name if name in HRMAgent.pretrained() else "oracle"


if __name__ == "__main__":
    sys.exit(run(main, Args))
