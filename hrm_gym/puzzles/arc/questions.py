"""Reader of test inputs of ARC tasks in JSON, with or without their outputs."""

from __future__ import annotations

from hrm_gym.data.readers import Question

from .dataset import read_tasks_of, task_puzzles


def read_tests(content: str, origin: str) -> list[Question]:
    """Return the test inputs of the tasks of a text.

    Args:
        content: ARC JSON; see ``read_tasks_of``. The outputs of the test inputs may be missing.
        origin: Name of the input, for messages.

    Raises:
        ValueError: if the content is not ARC JSON, or a task has no demonstration or no test input.
    """
    return [
        Question(
            f"{name}, test {puzzle.test_index + 1}",
            puzzle.inputs,
            puzzle.labels if puzzle.labels.any() else None,
            puzzle.demos,
        )
        for name, task in read_tasks_of(content, origin).items()
        for puzzle in task_puzzles(name, task, origin)
    ]
