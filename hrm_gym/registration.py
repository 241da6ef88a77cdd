"""The families of puzzles and the environment ids, one entry a family.

This module loads gymnasium alone. A new family is one entry of ``FAMILIES``, one folder under
``hrm_gym/puzzles`` and one under ``envs``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym


@dataclass(frozen=True)
class Family:
    """A family of puzzles.

    Attributes:
        title: Name in the ids: ``HRM<title>[-NxN]-v0`` and ``HRM<title>Answer[-NxN]-v0``.
        task: Import path of the task, which is called as ``Task(size)``.
        env: Import path of the step environment, which is called as ``Env(size=size)``.
        vector: Import path of its native vectorized environment, if there is one.
        sizes: Sizes that have ids; the first one is the size of the id without a size.
        bare: Whether the task of the first size is named by the family alone, such as ``arc``
            beside ``arc-5x5``. No size is passed to its environment.
        answer: Further arguments of the Answer environment; ``None`` if there is none.
        variants: Step environments with other rules on the same puzzles, by name.
    """

    title: str
    task: str
    env: str
    vector: str | None = None
    sizes: tuple[int, ...] = ()
    bare: bool = False
    answer: Mapping[str, Any] | None = field(default_factory=dict)
    variants: Mapping[str, Family] = field(default_factory=dict)


FAMILIES: dict[str, Family] = {
    "sudoku": Family(
        title="Sudoku",
        task="hrm_gym.puzzles.sudoku:Sudoku",
        env="hrm_gym.envs.sudoku:SudokuEnv",
        vector="hrm_gym.envs.sudoku.vector:SudokuVectorEnv",
        sizes=(9, 4, 6, 16),
    ),
    "maze": Family(
        title="Maze",
        task="hrm_gym.puzzles.maze:Maze",
        env="hrm_gym.envs.maze:MazeEnv",
        vector="hrm_gym.envs.maze.vector:MazeVectorEnv",
        sizes=(30, 7, 9, 15),
        variants={
            "dynamic": Family(
                title="Maze-Dynamic",
                task="hrm_gym.puzzles.maze:DynamicMaze",
                env="hrm_gym.envs.maze.dynamic:DynamicMazeEnv",
                sizes=(15,),
                answer=None,
            )
        },
    ),
    "arc": Family(
        title="ARC",
        task="hrm_gym.puzzles.arc:Arc",
        env="hrm_gym.envs.arc:ArcEnv",
        sizes=(30, 5),
        bare=True,
        answer={"augment": False},
    ),
}
"""Every family by its name, which begins the ids of its tasks (``sudoku-9x9``)."""

ANSWER = "hrm_gym.envs.answer:AnswerEnv"
HALT = "hrm_gym.envs.halt:HaltEnv"
ANY_ANSWER = "HRMAnswer-v0"
"""The Answer environment of any task, such as a custom task."""


@dataclass(frozen=True)
class Row:
    """One environment id.

    Attributes:
        id: The id.
        entry_point: Import path of the environment.
        vector: Import path of the native vectorized environment, if there is one.
        kwargs: Arguments of the environment.
        task: Id of its task; ``None`` if it plays no puzzles of one task.
        answer_id: Id of the Answer environment of the same task, if there is one.
        reward_threshold: The mean return from which it counts as solved: 19 of 20 puzzles, and for
            the Halt environment nine tenths of the way to the best policy.
    """

    id: str
    entry_point: str
    vector: str | None
    kwargs: dict[str, Any]
    task: str | None
    answer_id: str | None
    reward_threshold: float = 0.95


def _name(title: str, family: Family, size: int) -> str:
    """Return the id of an environment of a size."""
    return f"HRM{title}{'' if size == family.sizes[0] else f'-{size}x{size}'}-v0"


def _task_id(name: str, family: Family, size: int) -> str:
    return name if _is_bare(family, size) else f"{name}-{size}x{size}"


def _is_bare(family: Family, size: int) -> bool:
    """Return whether the task of a size is named by the family alone."""
    return family.bare and size == family.sizes[0]


def _step_rows(name: str, family: Family) -> Iterator[Row]:
    for size in family.sizes:
        task = _task_id(name, family, size)
        kwargs = {} if _is_bare(family, size) else {"size": size}
        answer_id = None
        if family.answer is not None:
            answer_id = _name(f"{family.title}Answer", family, size)
        env_id = _name(family.title, family, size)
        yield Row(env_id, family.env, family.vector, kwargs, task, answer_id)
    for variant, entry in family.variants.items():
        yield from _step_rows(f"{name}-{variant}", entry)


def _answer_rows(name: str, family: Family) -> Iterator[Row]:
    if family.answer is None:
        return
    for size in family.sizes:
        answer_id = _name(f"{family.title}Answer", family, size)
        yield _answer_row(answer_id, _task_id(name, family, size), family.answer)


def _answer_row(env_id: str, task: str, options: Mapping[str, Any]) -> Row:
    vector = "hrm_gym.envs.answer_vector:AnswerVectorEnv"
    return Row(env_id, ANSWER, vector, {"task": task, **options}, task, env_id)


TABLE: list[Row] = [
    *(row for name, family in FAMILIES.items() for row in _step_rows(name, family)),
    *(row for name, family in FAMILIES.items() for row in _answer_rows(name, family)),
    _answer_row(ANY_ANSWER, "sudoku-4x4", {}),
    Row("HRMHalt-v0", HALT, "hrm_gym.envs.halt_vector:HaltVectorEnv", {}, None, None, 0.98),
]
DEFAULT_AGENT = "sudoku"
"""The pretrained agent that commands take by default, and whose traces ``HRMHalt-v0`` plays."""

ENV_IDS = [row.id for row in TABLE]


def register_all() -> None:
    """Register every id of the table that is not registered yet."""
    for row in TABLE:
        if row.id not in gym.registry:
            gym.register(
                row.id,
                entry_point=row.entry_point,
                kwargs=row.kwargs,
                vector_entry_point=row.vector,
                reward_threshold=row.reward_threshold,
            )


def answer_id(env_id: str) -> str:
    """Return the Answer id of a step id: ``HRMMaze-7x7-v0`` gives ``HRMMazeAnswer-7x7-v0``.

    Raises:
        ValueError: if the id does not belong to this package or has no Answer environment.
    """
    for row in TABLE:
        if row.id == env_id and row.answer_id is not None:
            return row.answer_id
    if env_id not in ENV_IDS:
        raise ValueError(f"env: expected one of {', '.join(ENV_IDS)}, got {env_id!r}")
    known = [row.id for row in TABLE if row.id == row.answer_id]
    raise ValueError(
        f"env: {env_id} has no Answer environment, which HRM is trained on; expected one of "
        f"{', '.join(known)} or the step environment of one"
    )


def step_id(env_id: str) -> str:
    """Return the step id of an Answer id: ``HRMMazeAnswer-7x7-v0`` gives ``HRMMaze-7x7-v0``.

    An id without another step environment is returned unchanged.
    """
    steps = [row.id for row in TABLE if row.answer_id == env_id and row.id != env_id]
    return steps[0] if steps else env_id


def answer_id_of(task: str) -> str:
    """Return the Answer id of a task; ``HRMAnswer-v0`` for a task without an id of its own."""
    ids = [row.answer_id for row in TABLE if row.task == task and row.answer_id]
    return ids[0] if ids else ANY_ANSWER


def task_id(env_id: str) -> str:
    """Return the task of an id: ``HRMMaze-7x7-v0`` gives ``maze-7x7``.

    Raises:
        ValueError: if the id does not belong to this package or has no task.
    """
    tasks = {row.id: row.task for row in TABLE if row.task is not None}
    if env_id not in tasks:
        raise ValueError(f"env: expected one of {', '.join(tasks)}, got {env_id!r}")
    return str(tasks[env_id])
