"""A custom halting rule on HRMHalt-v0, compared with the rule of the Q-values.

The environment plays back recorded segments of an agent, so that no model is needed. After each
segment, a rule sees six numbers (``docs/halting.md``) and returns whether it halts.

    python examples/halting_rule.py
"""

from __future__ import annotations

from collections.abc import Callable

import gymnasium as gym
import numpy as np
import tyro

Q_HALT, Q_CONTINUE, ENTROPY, CHANGED, SEGMENT, RATING = range(6)
"""Places of the observation."""

Rule = Callable[[np.ndarray], np.ndarray]


def q_values(obs: np.ndarray) -> np.ndarray:
    """Halt where halting is worth more: the rule that the agent itself follows."""
    return obs[:, Q_HALT] > obs[:, Q_CONTINUE]


def certain_and_settled(obs: np.ndarray) -> np.ndarray:
    """Halt if nearly every cell is certain, or if the segment changed no cell."""
    return (obs[:, ENTROPY] < 0.002) | (obs[:, CHANGED] == 0)


def play(rule: Rule, episodes: int, split: str = "test", num_envs: int = 64) -> tuple[float, float]:
    """Play a rule and return its mean reward and its mean number of segments per puzzle.

    Args:
        rule: Maps observations ``(N, 6)`` to halting decisions ``(N,)`` bool.
        episodes: Least number of episodes.
        split: Split of the puzzles.
        num_envs: Number of rows.
    """
    envs = gym.make_vec("HRMHalt-v0", num_envs, split=split, autoreset_mode="SameStep")
    obs, _ = envs.reset(seed=0)
    rewards, segments, ended = 0.0, 0, 0
    while ended < episodes:
        obs, reward, terminated, truncated, _ = envs.step(rule(obs).astype(np.int64))
        rewards += float(reward.sum())
        segments += num_envs
        ended += int((terminated | truncated).sum())
    return rewards / ended, segments / ended


def main(episodes: int = 10_000) -> dict[str, tuple[float, float]]:
    """Print and return the reward and the segments of both rules.

    Args:
        episodes: Number of episodes per rule and split.
    """
    found = {}
    for split in ("test", "ood"):
        for rule in (q_values, certain_and_settled):
            reward, segments = found[f"{rule.__name__} {split}"] = play(rule, episodes, split)
            print(f"{rule.__name__:20} {split:4}  reward {reward:.3f}  segments {segments:.2f}")
    return found


if __name__ == "__main__":
    tyro.cli(main)
