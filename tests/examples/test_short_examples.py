"""The short examples run for a few steps, and fit on a screen or two."""

from __future__ import annotations

import runpy
from pathlib import Path

import gymnasium as gym
import torch

from examples import halting_rule, ppo_cleanrl, sb3_masked, train_hrm
from hrm_gym.envs.wrappers import OneHotPlanes

ROOT = Path(__file__).resolve().parents[2]
LONG = ("latin_square.py",)
"""The example of a custom task, which implements a whole family of puzzles."""


def test_an_example_has_less_than_100_lines():
    for path in (ROOT / "examples").glob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines < 100 or path.name in LONG, f"{path.name}: {lines} lines"


def test_five_lines_solve_a_puzzle(capsys):
    path = ROOT / "examples" / "solve_in_five_lines.py"
    found = runpy.run_path(str(path))
    solution = capsys.readouterr().out.split()[0]
    assert sorted(solution[:9]) == list("123456789")
    assert all(
        given in (".", digit) for given, digit in zip(found["PUZZLE"], solution, strict=True)
    )
    # The definition of the puzzle and the imports aside, there are five lines.
    body = path.read_text(encoding="utf-8").partition("PUZZLE =")[2].splitlines()[1:]
    assert sum(bool(line.strip()) for line in body) == 5


def test_the_hrm_loop_learns(capsys):
    rate = train_hrm.main(steps=40, episodes=10)
    assert 0.0 <= rate <= 1.0
    # A uniform guess among four digits has a loss of log 4 for the answer alone.
    loss = float(capsys.readouterr().out.split("loss ")[1].split(",")[0])
    assert loss < 1.6


def test_ppo_sees_the_maze_around_the_walker():
    envs = OneHotPlanes(gym.make_vec("HRMMaze-7x7-v0", 8))
    planes, _ = envs.reset(seed=0)
    seen = ppo_cleanrl.see(planes).view(8, -1, 13, 13)
    assert (seen.sum((2, 3)) == torch.tensor(planes).sum((2, 3))).all()
    # The walker begins on S, token 3, and the first plane is its place.
    assert seen[:, 0, 6, 6].all()
    assert seen[:, 1 + 3, 6, 6].all()


def test_ppo_runs():
    rate = ppo_cleanrl.main(total_timesteps=512, num_envs=8, num_steps=32)
    assert 0.0 <= rate <= 1.0


def test_ppo_of_sb3_runs(capsys):
    rate = sb3_masked.main("HRMMaze-7x7-v0", steps=512, num_envs=8, episodes=5)
    assert f"{rate:.1%} of 5 test puzzles solved" in capsys.readouterr().out


def test_the_custom_halting_rule_is_better_than_the_q_values():
    found = halting_rule.main(episodes=1000)
    for split in ("test", "ood"):
        assert found[f"certain_and_settled {split}"][0] > found[f"q_values {split}"][0]
