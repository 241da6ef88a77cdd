"""PPO of RLlib with action masks, on the native vectorized environment or on single ones.

RLlib asks for a vectorized environment through the vector entry point if ``vectorize`` is set;
otherwise it makes single environments and steps them one after the other, which is slower.

Needs ``pip install "ray[rllib]"``.

    python examples/rllib_vector.py --iterations 50
    python examples/rllib_vector.py --no-vectorize
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import tyro
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
from ray.tune.registry import register_env

from hrm_gym.envs.wrappers import Flatten, MaskInObservation


def make(config: dict[str, Any]) -> Any:
    """Return an environment; RLlib passes ``num_envs`` if it wants a vectorized one.

    The masks are where RLlib's module looks for them, and observations are ``float32``, as its
    networks expect.
    """
    if "num_envs" in config:
        envs = Flatten(gym.make_vec(config["id"], config["num_envs"], autoreset_mode="NextStep"))
        floats = gym.wrappers.vector.DtypeObservation(envs, np.float32)
        return MaskInObservation(floats, observation="observations", dtype="float32")
    env = gym.wrappers.FlattenObservation(gym.make(config["id"]))
    floats = gym.wrappers.DtypeObservation(env, np.float32)
    return MaskInObservation(floats, observation="observations", dtype="float32")


def main(
    env_id: str = "HRMSudoku-4x4-v0",
    iterations: int = 50,
    num_envs: int = 32,
    batch_size: int = 2048,
    vectorize: bool = True,
    seed: int = 0,
) -> float:
    """Train an agent and return the mean return of the last iteration, which is its solve rate.

    Args:
        env_id: A step environment with a discrete action space.
        iterations: Rounds of sampling and learning.
        num_envs: Number of rows.
        batch_size: Environment steps in a round.
        vectorize: Use the native vectorized environment.
        seed: Seed of weights, puzzles and actions.
    """
    register_env("hrm_gym", make)
    mode = "vector_entry_point" if vectorize else "sync"
    config = (
        PPOConfig()
        .environment("hrm_gym", env_config={"id": env_id})
        .env_runners(
            num_env_runners=0, num_envs_per_env_runner=num_envs, gym_env_vectorize_mode=mode
        )
        .rl_module(rl_module_spec=RLModuleSpec(module_class=ActionMaskingTorchRLModule))
        .training(train_batch_size_per_learner=batch_size, minibatch_size=256, num_epochs=4)
        .debugging(seed=seed)
    )
    algorithm = config.build_algo()
    mean_return = 0.0
    for number in range(1, iterations + 1):
        result = algorithm.train()["env_runners"]
        mean_return = float(result.get("episode_return_mean", 0.0))
        if number % 10 == 0 or number == iterations:
            steps = int(result["num_env_steps_sampled_lifetime"])
            print(f"{steps} steps: mean return {mean_return:.3f}")
    algorithm.stop()
    return mean_return


if __name__ == "__main__":
    tyro.cli(main)
