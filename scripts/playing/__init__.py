"""Playing by hand: the game behind a window, without the window."""

from __future__ import annotations

from typing import Any

from .game import Game

__all__ = ["Game", "make_game"]


def make_game(env: Any, seed: int | None = None, options: dict[str, Any] | None = None) -> Game:
    """Return the game for an environment, its first episode begun.

    Args:
        env: A made environment of this package; its time limit does not count for a person.
        seed: Of the sequence of puzzles.
        options: Of the first ``reset``.

    Raises:
        ValueError: No game is known for it, or the options are wrong.
    """
    from gymnasium import spaces

    from .answers import ArcAnswerGame, MazeAnswerGame, SudokuAnswerGame
    from .halt import HaltGame
    from .moves import ArcGame, MazeGame, SudokuGame

    env = env.unwrapped
    if env.action_space == spaces.Discrete(2):
        return HaltGame(env, seed, options)
    family = env.task.name if hasattr(env, "task") else None
    steps: dict[str, type[Game]] = {"sudoku": SudokuGame, "maze": MazeGame, "arc": ArcGame}
    answers: dict[str, type[Game]] = {
        "sudoku": SudokuAnswerGame,
        "maze": MazeAnswerGame,
        "arc": ArcAnswerGame,
    }
    kinds = answers if hasattr(env, "max_segments") else steps
    if family not in kinds:
        raise ValueError(f"env: {type(env).__name__} has no game to play by hand")
    return kinds[family](env, seed, options)
