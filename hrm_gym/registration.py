"""Every environment id, in one table."""

from __future__ import annotations

from typing import Any

import gymnasium as gym

# Id, entry point, keyword arguments.
Row = tuple[str, str, dict[str, Any]]

SUDOKU = "hrm_gym.envs.sudoku:SudokuEnv"
MAZE = "hrm_gym.envs.maze:MazeEnv"
ARC = "hrm_gym.envs.arc:ArcEnv"
ANSWER = "hrm_gym.envs.answer:AnswerEnv"
ANSWER_VECTOR = "hrm_gym.envs.answer_vector:AnswerVectorEnv"
SUDOKU_VECTOR = "hrm_gym.envs.sudoku.vector:SudokuVectorEnv"
MAZE_VECTOR = "hrm_gym.envs.maze.vector:MazeVectorEnv"
HALT = "hrm_gym.envs.halt:HaltEnv"
HALT_VECTOR = "hrm_gym.envs.halt_vector:HaltVectorEnv"
DYNAMIC = "hrm_gym.envs.maze.dynamic:DynamicMazeEnv"
VECTORS = {ANSWER: ANSWER_VECTOR, SUDOKU: SUDOKU_VECTOR, MAZE: MAZE_VECTOR, HALT: HALT_VECTOR}
"""The native vector of an entry point, where there is one."""

SUDOKU_SIZES = {9: "", 4: "-4x4", 6: "-6x6"}
MAZE_SIZES = {30: "", 7: "-7x7", 9: "-9x9", 15: "-15x15"}

TABLE: list[Row] = [
    *((f"HRMSudoku{name}-v0", SUDOKU, {"size": n}) for n, name in SUDOKU_SIZES.items()),
    *((f"HRMMaze{name}-v0", MAZE, {"size": s}) for s, name in MAZE_SIZES.items()),
    ("HRMMaze-Dynamic-v0", DYNAMIC, {"size": 15}),
    ("HRMARC-v0", ARC, {}),
    *(
        (f"HRMSudokuAnswer{name}-v0", ANSWER, {"task": f"sudoku-{n}x{n}"})
        for n, name in SUDOKU_SIZES.items()
    ),
    *(
        (f"HRMMazeAnswer{name}-v0", ANSWER, {"task": f"maze-{s}x{s}"})
        for s, name in MAZE_SIZES.items()
    ),
    ("HRMARCAnswer-v0", ANSWER, {"task": "arc", "augment": False}),
    # Any task, also one's own: gym.make("HRMAnswer-v0", task="module:Class").
    ("HRMAnswer-v0", ANSWER, {"task": "sudoku-4x4"}),
    ("HRMHalt-v0", HALT, {}),
]
ENV_IDS = [row[0] for row in TABLE]


def register_all() -> None:
    """Register every id of the table that is not registered yet."""
    for env_id, entry_point, kwargs in TABLE:
        if env_id not in gym.registry:
            gym.register(
                env_id,
                entry_point=entry_point,
                kwargs=kwargs,
                vector_entry_point=VECTORS.get(entry_point),
            )


def answer_id(env_id: str) -> str:
    """Return the Answer id of a step id: ``HRMMaze-7x7-v0`` gives ``HRMMazeAnswer-7x7-v0``.

    Raises:
        ValueError: It is no id of this package, or one that has no Answer environment.
    """
    if env_id not in ENV_IDS:
        raise ValueError(f"env: expected one of {', '.join(ENV_IDS)}, got {env_id!r}")
    found = env_id
    for family in ("Sudoku", "Maze", "ARC"):
        found = found.replace(f"HRM{family}-", f"HRM{family}Answer-", 1)
    if "Answer" not in found or found not in ENV_IDS:
        known = [name for name in ENV_IDS if "Answer" in name]
        raise ValueError(
            f"env: {env_id} has no Answer environment, which HRM is trained on; expected one of "
            f"{', '.join(known)} or the step environment of one"
        )
    return found


def answer_id_of(task: str) -> str:
    """Return the Answer id of a task, ``HRMAnswer-v0`` where it has none of its own."""
    ids = [row[0] for row in TABLE if row[2].get("task") == task and row[0] != "HRMAnswer-v0"]
    return ids[0] if ids else "HRMAnswer-v0"


def task_id(env_id: str) -> str:
    """Return the task of an id: ``HRMMaze-7x7-v0`` gives ``maze-7x7``.

    Raises:
        ValueError: As ``answer_id``.
    """
    kwargs = {row[0]: row[2] for row in TABLE}
    return str(kwargs[answer_id(env_id)]["task"])
