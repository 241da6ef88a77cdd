"""Hyper-parameters of the baselines, by environment family, in one table.

They were set by hand on ``HRMMaze-7x7-v0`` and ``HRMSudoku-4x4-v0`` for a minute of training on a
CPU core; the algorithms are the libraries' own and everything not named here is their default.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

Settings = dict[str, Any]


@dataclass(frozen=True)
class Hyperparameters:
    """How one algorithm is trained on one family of environments.

    Attributes:
        num_envs: Parallel environments.
        learning_rate: At the start; it falls linearly to a tenth over the run.
        algorithm: Keyword arguments of the algorithm.
        features: Keyword arguments of ``GridFeatures``.
        net_arch: Layers between the features and the outputs, as Stable-Baselines3 takes them.
        deterministic: Play the most probable action instead of drawing one. A maze is walked
            without a memory, so a deterministic walk that turns back once does so for ever.
    """

    num_envs: int
    learning_rate: float
    algorithm: Settings
    features: Settings = field(default_factory=dict)
    net_arch: Any = None
    deterministic: bool = True


ACTOR_CRITIC = {
    "sudoku": Hyperparameters(
        num_envs=32,
        learning_rate=1e-3,
        algorithm={
            "n_steps": 32,
            "batch_size": 256,
            "n_epochs": 3,
            "gamma": 0.97,
            "ent_coef": 0.003,
        },
        features={"channels": 24, "layers": 2},
        # No layer in between: the features are one a cell and digit, as the actions are.
        net_arch={"pi": [], "vf": [64]},
    ),
    "maze": Hyperparameters(
        num_envs=32,
        learning_rate=1e-3,
        algorithm={
            "n_steps": 64,
            "batch_size": 256,
            "n_epochs": 4,
            "gamma": 0.95,
            "ent_coef": 0.003,
            # Rewards are rare: normalised, the noise of rounds without any would drown them.
            "normalize_advantage": False,
        },
        features={"features": 256},
        net_arch={"pi": [64], "vf": [64]},
        deterministic=False,
    ),
    "arc": Hyperparameters(
        num_envs=4,
        learning_rate=3e-4,
        algorithm={
            "n_steps": 128,
            "batch_size": 64,
            "n_epochs": 2,
            "gamma": 0.999,
            "ent_coef": 0.01,
        },
        features={"channels": 16, "layers": 2},
        net_arch={"pi": [128], "vf": [128]},
        deterministic=False,
    ),
}

Q_LEARNING = {
    "sudoku": Hyperparameters(
        num_envs=8,
        learning_rate=1e-3,
        algorithm={
            "buffer_size": 50_000,
            "learning_starts": 1_000,
            "batch_size": 64,
            "gamma": 0.97,
            "train_freq": 4,
            "target_update_interval": 1_000,
            "exploration_fraction": 0.3,
            "exploration_final_eps": 0.05,
        },
        features={"channels": 32, "layers": 2},
        net_arch=[],
    ),
    "maze": Hyperparameters(
        num_envs=8,
        learning_rate=1e-3,
        algorithm={
            "buffer_size": 50_000,
            "learning_starts": 1_000,
            "batch_size": 64,
            "gamma": 0.97,
            "train_freq": 4,
            "target_update_interval": 1_000,
            "exploration_fraction": 0.3,
            "exploration_final_eps": 0.1,
        },
        features={"features": 256},
        net_arch=[64],
        deterministic=False,
    ),
}


def hyperparameters(algorithm: str, task: str, side: int) -> Hyperparameters:
    """Return the settings of an algorithm for a task family.

    Args:
        algorithm: ``ppo``, ``maskable-ppo`` or ``dqn``.
        task: ``sudoku``, ``maze`` or ``arc``.
        side: Rows of the grid; large ones get fewer environments, since a step costs more.
    """
    found = (Q_LEARNING if algorithm == "dqn" else ACTOR_CRITIC)[task]
    if side > 9 and task != "arc":
        found = replace(found, num_envs=min(8, found.num_envs))
    return found
