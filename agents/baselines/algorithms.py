"""The reinforcement-learning algorithms, one entry each. Importing this module loads no library.

A new algorithm of the Stable-Baselines3 family is one entry of ``ALGORITHMS``. It can have a
section in ``hyperparameters.yml``; without one it uses the section ``default``.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm


@dataclass(frozen=True)
class Algorithm:
    """A reinforcement-learning algorithm.

    Attributes:
        path: Import path of its class.
        masked: Whether it uses action masks.
        recurrent: Whether its policy has an LSTM.
        value_net: For Q-learning, the name of the network that estimates the action values. Such
            an algorithm needs Discrete actions and has a replay buffer and an exploration rate.
    """

    path: str
    masked: bool = False
    recurrent: bool = False
    value_net: str | None = None

    def load(self) -> type[BaseAlgorithm]:
        """Import the class."""
        module, _, name = self.path.partition(":")
        found: type[BaseAlgorithm] = getattr(importlib.import_module(module), name)
        return found


ALGORITHMS: dict[str, Algorithm] = {
    "ppo": Algorithm("stable_baselines3:PPO"),
    "dqn": Algorithm("stable_baselines3:DQN", value_net="q_net"),
    "maskable-ppo": Algorithm("sb3_contrib:MaskablePPO", masked=True),
    "a2c": Algorithm("stable_baselines3:A2C"),
    "qrdqn": Algorithm("sb3_contrib:QRDQN", value_net="quantile_net"),
    "recurrent-ppo": Algorithm("sb3_contrib:RecurrentPPO", recurrent=True),
}


def find_algorithm(name: str) -> Algorithm:
    """Return an entry of ``ALGORITHMS``.

    Raises:
        ValueError: if there is no such algorithm.
    """
    if name not in ALGORITHMS:
        raise ValueError(f"agent: expected one of {', '.join(ALGORITHMS)}, got {name!r}")
    return ALGORITHMS[name]
