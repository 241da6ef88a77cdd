"""MaskablePPO of sb3-contrib on a native vectorized environment, then a test on held-out puzzles.

python examples/sb3_masked.py --steps 300000
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import tyro
from sb3_contrib import MaskablePPO
from stable_baselines3.common.vec_env import VecMonitor

from hrm_gym.envs import SB3VecEnv
from hrm_gym.evaluation import evaluate


class MaskedAgent:
    """A model of sb3-contrib as an agent, which ``evaluate`` and ``compare`` accept."""

    def __init__(self, model: MaskablePPO) -> None:
        self.model = model

    def act(self, obs: dict[str, np.ndarray], info: dict[str, np.ndarray]) -> int:
        """Return an action, drawn from the policy and the mask."""
        # A deterministic walker that turns back once does so forever.
        masks = info["action_mask"]
        action, _ = self.model.predict(obs, action_masks=masks, deterministic=False)
        return int(action)


def main(
    env_id: str = "HRMSudoku-4x4-v0",
    steps: int = 300_000,
    num_envs: int = 64,
    episodes: int = 200,
    seed: int = 0,
) -> float:
    """Train an agent and return the share of test puzzles that it solves.

    Args:
        env_id: A step environment with a discrete action space.
        steps: Number of environment steps.
        num_envs: Number of rows.
        episodes: Number of test puzzles.
        seed: Seed of weights, puzzles and actions.
    """
    # The masks need no wrapper: MaskablePPO asks the vectorized environment for them.
    envs = SB3VecEnv(gym.make_vec(env_id, num_envs, autoreset_mode="SameStep", limit=1000))
    settings = {"n_steps": 32, "batch_size": 512, "learning_rate": 1e-3, "gamma": 0.99}
    model = MaskablePPO("MultiInputPolicy", VecMonitor(envs), **settings, seed=seed, device="cpu")
    model.learn(steps)
    result = evaluate(MaskedAgent(model), env_id, episodes)
    low, high = result.interval
    print(
        f"{result.solve_rate:.1%} of {episodes} test puzzles solved (95% {low:.1%} to {high:.1%})"
    )
    return result.solve_rate


if __name__ == "__main__":
    tyro.cli(main)
