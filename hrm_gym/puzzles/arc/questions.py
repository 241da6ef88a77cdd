"""Reader of test inputs of ARC tasks in JSON, with or without their outputs."""

from __future__ import annotations

from hrm_gym.data.readers import Question

from .dataset import read_tasks_of
from .grids import read_grid, to_canvas


def read_tests(content: str, origin: str) -> list[Question]:
    """Return the test inputs of the tasks of a text.

    Args:
        content: ARC JSON; see ``read_tasks_of``. The outputs of the test inputs may be missing.
        origin: Name of the input, for messages.

    Raises:
        ValueError: if the content is not ARC JSON, or contains no test input.
    """
    tasks = read_tasks_of(content, origin)
    questions = []
    for name, task in tasks.items():
        try:
            demos = tuple((read_grid(p["input"]), read_grid(p["output"])) for p in task["train"])
            for number, pair in enumerate(task["test"], start=1):
                output = pair.get("output")
                questions.append(
                    Question(
                        f"{name}, test {number}",
                        to_canvas(read_grid(pair["input"])),
                        None if output is None else to_canvas(read_grid(output)),
                        demos,
                    )
                )
        except (KeyError, TypeError, AttributeError):
            raise ValueError(
                f"{origin}: expected ARC JSON, 'train' and 'test' lists of input/output pairs, "
                f"in task {name}"
            ) from None
        except ValueError as error:
            raise ValueError(f"{origin}, task {name}: {error}") from None
    if not questions:
        raise ValueError(f"{origin}: the ARC task has no test input")
    return questions
