"""Play an environment by hand, with mouse and keyboard, in a window."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the player."""

    env: str = "HRMSudoku-v0"
    """Environment to play."""
    data: str | None = None
    """Puzzles: bank, generator:N, a CSV or ARC JSON file, a folder, arc-agi-1, arc-agi-2."""
    split: str = "test"
    """Split of the puzzles: train, val, test or ood."""
    difficulty: tuple[float, float] | None = None
    """Lowest and highest rating."""
    seed: int | None = None
    """Seed of the sequence of puzzles; by default a random one."""
    index: int | None = None
    """Number of the first puzzle; the following ones come next."""
    puzzle: str | None = None
    """A puzzle as text, to be played first."""
    task_id: str | None = None
    """Name of the group of puzzles to play, such as an ARC task."""
    width: int | None = None
    """Width of the window in pixels; by default it fits the screen."""


def make(args: Args) -> Any:
    """Return the environment.

    Raises:
        ValueError: if an argument is wrong.
    """
    import gymnasium as gym

    from hrm_gym.registration import ENV_IDS

    if args.env not in ENV_IDS:
        raise ValueError(f"env: expected one of {', '.join(ENV_IDS)}, got {args.env!r}")
    if args.index is not None and args.puzzle is not None:
        raise ValueError("puzzle: expected --index or --puzzle, got both")
    if args.width is not None and not 160 <= args.width <= 8192:
        raise ValueError(f"width: expected 160 to 8192 pixels, got {args.width}")
    kwargs = {"source": args.data, "difficulty": args.difficulty, "task_id": args.task_id}
    given: dict[str, Any] = {name: value for name, value in kwargs.items() if value is not None}
    return gym.make(args.env, split=args.split, disable_env_checker=True, **given).unwrapped


def play(game: Any, view: Any, window: Any) -> None:
    """Show the game and pass events to it until the window closes."""
    from hrm_gym.scripts.playing.controls import handle

    picture = view.paint(game)
    while not window.closed:
        window.show(picture)
        for event in window.events:
            if not handle(event, game, view):
                window.close()
                break
        if window.events:
            picture = view.paint(game)


def main(args: Args) -> None:
    """Open the window and play.

    Raises:
        ValueError: if an argument is wrong, or there is no display.
    """
    from hrm_gym.rendering import Window
    from hrm_gym.scripts.playing import make_game

    env = make(args)
    options = {"index": args.index, "puzzle": args.puzzle}
    given = {name: value for name, value in options.items() if value is not None}
    game = make_game(env, args.seed, given)
    window = Window(f"HRM Gym: {args.env}", fps=30)
    try:
        desktop = window.desktop()
    except RuntimeError as error:
        raise ValueError(
            f"display: expected one to open a window on; {str(error).partition(':')[0]}"
        ) from None
    import pygame

    from hrm_gym.scripts.playing.view import View, fitting_width

    pygame.key.set_repeat(300, 60)
    view = View(args.width or fitting_width(game, desktop))
    try:
        play(game, view, window)
    finally:
        window.close()


if __name__ == "__main__":
    sys.exit(run(main, Args))
