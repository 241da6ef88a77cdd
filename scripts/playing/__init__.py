"""Playing by hand: the game behind a window, without the window.

Each family has a module here, named after it, with ``STEP_GAME`` for its step environment and
``ANSWER_GAME`` for its Answer environment.
"""

from __future__ import annotations

from typing import Any

from hrm_gym.families import family_module

from .game import Game

__all__ = ["Game", "make_game"]


def make_game(env: Any, seed: int | None = None, options: dict[str, Any] | None = None) -> Game:
    """Return the game of an environment at the start of its first episode.

    Args:
        env: An environment of this package. Its ``max_steps`` does not apply to a person: the game
            removes the limit.
        seed: Seed of the sequence of puzzles.
        options: Options of the first ``reset``.

    Raises:
        ValueError: if the environment has no game, or an option is wrong.
    """
    from hrm_gym.envs.answer import AnswerEnv
    from hrm_gym.envs.halt import HaltEnv

    from .halt import HaltGame

    env = env.unwrapped
    # A person may take any number of steps.
    env.max_steps = None
    if isinstance(env, HaltEnv):
        return HaltGame(env, seed, options)
    kind = "ANSWER_GAME" if isinstance(env, AnswerEnv) else "STEP_GAME"
    family = env.task.family if hasattr(env, "task") else ""
    game: type[Game] | None = getattr(family_module(__name__, family), kind, None)
    if game is None:
        raise ValueError(f"env: {type(env).__name__} has no game to play by hand")
    return game(env, seed, options)


def has_game(env_id: str) -> bool:
    """Return whether an environment of the package can be played by hand.

    The module of games of a family is optional.
    """
    from hrm_gym.puzzles import get_task
    from hrm_gym.registration import TABLE

    task = next(row.task for row in TABLE if row.id == env_id)
    return task is None or family_module(__name__, get_task(task).family) is not None
