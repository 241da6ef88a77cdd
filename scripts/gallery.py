"""Render the picture of the README: one environment of each task."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from hrm_gym.scripts.cli import run


@dataclass
class Args:
    """Arguments of the gallery."""

    out: Path = Path("docs/environments.png")
    """Picture to write."""


def main(args: Args) -> None:
    """Play each environment part of the way and paste the frames side by side."""
    import gymnasium as gym
    import numpy as np
    from PIL import Image

    import hrm_gym  # noqa: F401

    frames = []
    for env_id, steps, options in (
        ("HRMSudoku-v0", 25, {"index": 3}),
        ("HRMMaze-v0", 70, {"index": 1}),
        ("HRMARC-v0", 40, {"index": 57}),
    ):
        env = gym.make(env_id, render_mode="rgb_array", split="test")
        env.reset(seed=0, options=options)
        for _ in range(steps):
            env.step(env.unwrapped.optimal_action())  # type: ignore[attr-defined]
        frames.append(Image.fromarray(np.asarray(env.render())))
        env.close()
    height = 640
    resized = [f.resize((f.width * height // f.height, height), Image.LANCZOS) for f in frames]  # type: ignore[attr-defined]
    sheet = Image.new("RGB", (sum(f.width for f in resized), height), "white")
    left = 0
    for frame in resized:
        sheet.paste(frame, (left, 0))
        left += frame.width
    args.out.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(args.out, optimize=True)
    print(f"written to {args.out}")


if __name__ == "__main__":
    sys.exit(run(main, Args))
