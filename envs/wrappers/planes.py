"""One-hot planes, for convolutions."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from .vector import ForVectors, VectorObservation


class Planes:
    """The conversion of observations to one-hot planes.

    Args:
        space: The observation space of one environment.

    Attributes:
        fields: The fields of an observation in their order, each with its number of tokens, 0 for
            a field of a single plane.
        side: The number of rows of the grid.
        space: The space of the planes.

    Raises:
        ValueError: if the observation has no ``tokens`` of a square grid.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        fields = space.spaces if isinstance(space, spaces.Dict) else {}
        if not isinstance(fields.get("tokens"), spaces.Box):
            raise ValueError(f"env: expected an observation with tokens, got {space}")
        cells = int(np.prod(fields["tokens"].shape or ()))
        self.side = round(cells**0.5)
        if self.side**2 != cells:
            raise ValueError(f"env: expected tokens of a square grid, got {cells}")
        self.fields: list[tuple[str, int]] = []
        channels = 0
        for name, field in fields.items():
            if isinstance(field, spaces.Box) and field.shape[0] % cells == 0:
                vocabulary = int(field.high.max()) + 1
                self.fields.append((name, vocabulary))
                channels += field.shape[0] // cells * vocabulary
            elif name in ("given", "position"):
                self.fields.append((name, 0))
                channels += 1
        self.space = spaces.Box(0, 1, (channels, self.side, self.side), np.uint8)

    def convert(self, observations: dict[str, Any]) -> NDArray[np.uint8]:
        """Return the planes ``(N, channels, side, side)`` of N observations in one dictionary."""
        cells = self.side**2
        planes = []
        for name, vocabulary in self.fields:
            value = np.asarray(observations[name])
            count = len(value)
            if vocabulary:
                grids = value.reshape(count, -1, 1, cells)
                one_hot = grids == np.arange(vocabulary, dtype=np.uint8)[:, None]
                planes.append(one_hot.reshape(count, -1, cells))
            elif name == "position":
                planes.append(np.arange(cells) == value[:, None, None])
            else:
                planes.append(value[:, None] > 0)
        stacked = np.concatenate(planes, axis=1).astype(np.uint8)
        return stacked.reshape(len(stacked), -1, self.side, self.side)


class VectorOneHotPlanes(VectorObservation):
    """``OneHotPlanes`` for a vectorized environment, in every autoreset mode."""

    def __init__(self, env: VectorEnv[Any, Any, Any]) -> None:
        self.planes = Planes(env.single_observation_space)
        super().__init__(env, self.planes.space)

    def convert(self, observations: Any) -> NDArray[np.uint8]:
        """Return the planes of N observations; see ``OneHotPlanes``."""
        return self.planes.convert(observations)


class OneHotPlanes(ForVectors, gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Convert observations to one-hot planes, channels first, for convolutions.

    The observation becomes one ``Box(0, 1, (channels, s, s), uint8)``. Every token field
    (``tokens``, ``canvas``, ``answer``, each demonstration of ``demos``), in the order of the
    observation, has one plane for each token; ``given`` and ``position`` have one plane. A
    ``puzzle_id`` is left out.

    Args:
        env: An environment, or a vectorized one.

    Raises:
        ValueError: if the observation has no ``tokens`` of a square grid.
    """

    counterpart: ClassVar[Any] = VectorOneHotPlanes

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.planes = Planes(env.observation_space)
        self.fields, self.side = self.planes.fields, self.planes.side
        self.observation_space = self.planes.space

    def observation(self, observation: dict[str, Any]) -> NDArray[np.uint8]:
        """Return the planes of one observation."""
        batch = {name: np.asarray(value)[None] for name, value in observation.items()}
        return self.planes.convert(batch)[0]
