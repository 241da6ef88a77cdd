"""Masks inside of observations, where some libraries look for them."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from .vector import ForVectors, VectorObservation


class MaskedSpace:
    """A space of observations with their masks.

    Args:
        space: The observation space of one environment.
        count: The length of a mask.
        mask: The key of the mask.
        observation: The key of the observation; ``None`` adds the mask to its dictionary.
        dtype: The dtype of the mask.

    Raises:
        ValueError: if the keys do not fit the observation.
    """

    def __init__(
        self, space: spaces.Space[Any], count: int, mask: str, observation: str | None, dtype: str
    ) -> None:
        self.mask, self.observation, self.dtype = mask, observation, np.dtype(dtype)
        self.count = count
        if observation is None and not isinstance(space, spaces.Dict):
            raise ValueError(f"observation: expected a key, since the observation is {space}")
        fields = {observation: space} if observation is not None else dict(space.spaces)  # type: ignore[attr-defined]
        if mask in fields:
            raise ValueError(f"mask: expected a key that is not taken, got {mask!r}")
        self.space = spaces.Dict({**fields, mask: spaces.Box(0, 1, (count,), self.dtype.type)})

    def join(self, observation: Any, masks: NDArray[Any]) -> dict[str, Any]:
        """Return an observation, or a batch of them, with masks.

        A mask that allows no action, as after the end of an episode, becomes one that allows all.

        Args:
            observation: An observation, or N of them.
            masks: ``(count,)`` or ``(N, count)`` bool.
        """
        masks = masks | ~masks.any(axis=-1, keepdims=True)
        fields = observation if self.observation is None else {self.observation: observation}
        return {**fields, self.mask: masks.astype(self.dtype)}


class VectorMaskInObservation(VectorObservation):
    """``MaskInObservation`` for a vectorized environment, in every autoreset mode.

    Args:
        env: A native vectorized environment, or one of Gymnasium whose environments have
            ``action_masks``.
        mask: See ``MaskInObservation``.
        observation: See ``MaskInObservation``.
        dtype: See ``MaskInObservation``.

    Raises:
        ValueError: if the environment has no masks, or the keys do not fit its observation.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, Any],
        mask: str = "action_mask",
        observation: str | None = None,
        dtype: str = "int8",
    ) -> None:
        self.inner: Any = env.unwrapped
        if not (hasattr(self.inner, "action_masks") or hasattr(self.inner, "call")):
            raise ValueError(
                "env: expected a vectorized environment with action_masks; others take "
                "gym.make_vec(..., vectorization_mode='sync')"
            )
        count = int(spaces.flatdim(env.single_action_space))
        self.joint = MaskedSpace(env.single_observation_space, count, mask, observation, dtype)
        super().__init__(env, self.joint.space)

    def convert(self, observations: Any) -> dict[str, Any]:
        """Return the observations of all rows with their masks; see ``MaskInObservation``."""
        if hasattr(self.inner, "action_masks"):
            masks = np.asarray(self.inner.action_masks())
        else:
            masks = np.stack(self.inner.call("action_masks"))
        return self.joint.join(observations, masks)

    def convert_final(self, observations: Any) -> dict[str, Any]:
        """Return a last observation, whose mask offers every action."""
        return self.joint.join(observations, np.zeros((1, self.joint.count), np.bool_))


class MaskInObservation(ForVectors, gym.ObservationWrapper[Any, Any, Any], RecordConstructorArgs):
    """Add ``action_masks()`` to the observation, 1 for a legal action and 0 for the others.

    The mask is flat: for a ``MultiDiscrete`` action, the masks of its components one after the
    other. After the end of an episode it offers every action, since a distribution over none
    cannot be computed.

    Args:
        env: An environment with ``action_masks``, or a vectorized one.
        mask: The key of the mask, such as ``action_mask`` (RLlib, TorchRL) or ``mask`` (Tianshou).
        observation: The key of the observation, such as ``observations`` (RLlib) or ``obs``
            (Tianshou); ``None`` adds the mask to the fields of the observation.
        dtype: The dtype of the mask, such as ``int8``, ``float32`` or ``bool``.

    Raises:
        ValueError: if the environment has no masks, or the keys do not fit its observation.
    """

    counterpart: ClassVar[Any] = VectorMaskInObservation

    def __init__(
        self,
        env: gym.Env[Any, Any],
        mask: str = "action_mask",
        observation: str | None = None,
        dtype: str = "int8",
    ) -> None:
        RecordConstructorArgs.__init__(self, mask=mask, observation=observation, dtype=dtype)
        super().__init__(env)
        if not hasattr(env.unwrapped, "action_masks"):
            raise ValueError(f"env: expected an environment with action_masks, got {env}")
        count = int(spaces.flatdim(env.action_space))
        self.joint = MaskedSpace(env.observation_space, count, mask, observation, dtype)
        self.observation_space = self.joint.space

    def observation(self, observation: Any) -> dict[str, Any]:
        """Return an observation with the mask of the current state."""
        inner: Any = self.env.unwrapped
        return self.joint.join(observation, np.asarray(inner.action_masks()))
