"""Render the pictures of the documentation: a GIF of every environment, and that of the README.

The oracle plays the step environments. The Answer environments are played by the pretrained agent
of their task, or by the oracle if there is none.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hrm_gym.scripts.cli import run

BOARD_WIDTH, SHEET_WIDTH = 480, 960
"""Width of a GIF in pixels, for boards and for ARC."""
MOST_FRAMES = 64
FRAME_MS, SLOW_MS, LAST_MS = 110, 1200, 2500
"""Duration of a frame, of a frame in a GIF of few frames, and of the last frame."""
CANDIDATES = 100
"""Number of test puzzles from which the most interesting one is chosen."""
ARC_PUZZLE = 57
README = (("HRMSudoku-v0", 25, 3), ("HRMMaze-v0", 70, 1), ("HRMARC-v0", 40, 57))
"""Environments, numbers of moves and puzzles in the picture of the README."""


@dataclass
class Args:
    """Arguments of the gallery."""

    out: Path = Path("docs")
    """Folder to write images/ID.gif and environments.png to."""
    only: str | None = None
    """Render only the GIF of this environment."""


def make(env_id: str, puzzle: int) -> Any:
    """Return an environment with a puzzle of the test split, the first observation and info."""
    import gymnasium as gym

    env = gym.make(env_id, render_mode="rgb_array", split="test")
    return env, *env.reset(seed=0, options={"index": puzzle})


def picture(env: Any, width: int | None = None) -> Any:
    """Return the current picture of an environment as a Pillow image."""
    from PIL import Image

    from hrm_gym.rendering import to_array

    return Image.fromarray(to_array(env.unwrapped.scene().paint(width)))


def pretrained_agent(env_id: str) -> Any:
    """Return the pretrained agent of an Answer environment, or ``None``."""
    from hrm_gym.agents.hrm import HRMAgent
    from hrm_gym.agents.shipped import pretrained_for
    from hrm_gym.puzzles import get_task
    from hrm_gym.registration import task_id

    name = pretrained_for(get_task(task_id(env_id))) if "Answer" in env_id else None
    return None if name is None else HRMAgent.from_pretrained(name)


def choose(env: Any, agent: Any) -> int:
    """Return the number of the puzzle to show: a solved one with many segments or moves."""
    import numpy as np

    puzzles = env.unwrapped.puzzles
    if env.unwrapped.task.family == "arc":
        return ARC_PUZZLE
    count = min(CANDIDATES, len(puzzles))
    if agent is None:
        return int(puzzles.ratings[:count].argmax())
    solution = agent.solve(puzzles.inputs[:count])
    right = (solution.answer == puzzles.labels[:count]).all(axis=1)
    return int(np.lexsort([puzzles.ratings[:count], solution.segments, right])[-1])


def episode(env_id: str) -> list[Any]:
    """Play an episode and return about ``MOST_FRAMES`` of its frames, with the first and last."""
    agent = pretrained_agent(env_id)
    env, obs, info = make(env_id, 0)
    obs, info = env.reset(options={"index": choose(env, agent)})
    width = SHEET_WIDTH if "ARC" in env_id else BOARD_WIDTH
    frames, ended = [picture(env, width)], False
    while not ended:
        action = env.unwrapped.optimal_action() if agent is None else agent.act(obs, info)
        obs, _, terminated, truncated, info = env.step(action)
        ended = terminated or truncated
        frames.append(picture(env, width))
    env.close()
    stride = -(-len(frames) // MOST_FRAMES)
    return [*frames[:-1:stride], frames[-1]]


def save_gif(frames: list[Any], path: Path) -> None:
    """Write frames as a GIF that repeats; the last frame is shown longest."""
    import numpy as np

    from hrm_gym.rendering.gif import write_gif

    frame_ms = SLOW_MS if len(frames) < 8 else FRAME_MS
    shown = [frame_ms] * (len(frames) - 1) + [LAST_MS]
    shots = [np.asarray(frame) for frame in frames]
    write_gif(path, zip(shots, [time / 1000 for time in shown], strict=True), shots)


def readme_picture() -> Any:
    """Return the pictures of unfinished episodes of several environments, side by side."""
    from PIL import Image

    frames = []
    for env_id, moves, puzzle in README:
        env, _, _ = make(env_id, puzzle)
        for _ in range(moves):
            env.step(env.unwrapped.optimal_action())
        frames.append(picture(env))
        env.close()
    height = 640
    resized = [
        f.resize((f.width * height // f.height, height), Image.Resampling.LANCZOS) for f in frames
    ]
    sheet = Image.new("RGB", (sum(f.width for f in resized), height), "white")
    left = 0
    for frame in resized:
        sheet.paste(frame, (left, 0))
        left += frame.width
    return sheet


def main(args: Args) -> None:
    """Play, render and write.

    Raises:
        ValueError: if there is no such environment.
    """
    from rich.progress import track

    from hrm_gym import ENV_IDS

    if args.only is not None and args.only not in ENV_IDS:
        raise ValueError(f"only: expected one of {', '.join(ENV_IDS)}, got {args.only!r}")
    chosen = ENV_IDS if args.only is None else [args.only]
    total = 0
    for env_id in track(chosen, description="rendering"):
        path = args.out / "images" / f"{env_id}.gif"
        save_gif(episode(env_id), path)
        total += path.stat().st_size
    print(f"{len(chosen)} GIFs, {total / 1e6:.2f} MB, written to {args.out / 'images'}")
    if args.only is None:
        readme_picture().save(args.out / "environments.png", optimize=True)
        print(f"written to {args.out / 'environments.png'}")


if __name__ == "__main__":
    sys.exit(run(main, Args))
