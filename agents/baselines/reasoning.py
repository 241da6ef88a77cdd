"""The HRM, and a transformer of its size, as networks of reinforcement-learning policies.

The walker's cell holds the token of a path, which no maze that is shown has. An HRM thinks from a
fresh carry in every step (``Thinker``), or from the carry of the step before (``HRMPolicy``): it
then stands where the libraries have an LSTM, with z_H and z_L as its two states. Gradients stop at
the carry, as they do between the segments of an HRM that learns from labels.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.ppo_recurrent.policies import RecurrentMultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import Tensor, nn

from hrm_gym.puzzles import get_task
from hrm_gym.puzzles.maze import PATH

from ..hrm.model.config import HRMConfig
from ..hrm.model.network import HRM, Carry
from ..hrm.presets import PRESETS
from ..supervised import transformer
from ..transformer import Transformer


def model_config(policy: str, task_id: str) -> HRMConfig:
    """Return the shape of the network of a policy: that of the smallest preset of a task.

    Args:
        policy: ``hrm``, or ``transformer``, which is the supervised baseline's.
        task_id: Such as ``maze-7x7``.

    Raises:
        ValueError: No preset is for the task.
    """
    runs = [config for config in PRESETS.values() if config.task_id == task_id]
    if not runs:
        raise ValueError(
            f"policy: {policy} has the size of the HRM for {task_id}, and no preset trains one"
        )
    run = transformer(runs[-1]) if policy == "transformer" else runs[-1]
    task = get_task(task_id)
    size = {"vocab_size": task.vocab_size, "seq_len": task.seq_len}
    # One policy plays all puzzles, so there is no embedding of a puzzle.
    return HRMConfig.from_dict({**size, **run.model, "num_puzzles": 0})


def mark(tokens: Tensor, position: Tensor | None) -> Tensor:
    """Return tokens ``(B, n*n)`` with the walker's cell ``(B,)`` marked, where somebody walks."""
    return tokens if position is None else tokens.scatter(1, position[:, None], PATH)


class GridTransformer(nn.Module):
    """The plain transformer; what is not a token of the grid is added to the embeddings.

    Args:
        planes: Planes of the observation beside its tokens.
        config: Its shape.
    """

    needs = ("planes", "config")
    reads: tuple[str, ...] = ("tokens",)
    per_cell = True

    def __init__(self, planes: int, config: HRMConfig) -> None:
        super().__init__()
        self.width = config.hidden_size
        self.encoder = Transformer(config)
        self.marks = nn.Linear(planes, self.width, bias=False)

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, n*n, hidden)``."""
        return self.encoder(tokens, self.marks(planes.flatten(2).transpose(1, 2)))


class Thinker(nn.Module):
    """An HRM that thinks anew in every step; its features are z_H.

    Args:
        config: Its shape.
        segments: Segments of a step; the last alone carries gradient.
    """

    needs = ("config",)
    reads: tuple[str, ...] = ("tokens", "position", "given", "canvas", "answer", "demos")
    per_cell = True

    def __init__(self, config: HRMConfig, segments: int = 1) -> None:
        super().__init__()
        self.width = config.hidden_size
        self.segments = segments
        self.model = HRM(config)
        # Policy and value are read off z_H by layers of their own.
        self.model.head = nn.Identity()  # type: ignore[assignment]
        self.model.q_head.requires_grad_(False)

    def think(self, carry: Carry, tokens: Tensor) -> tuple[Carry, Tensor]:
        """Return the carry after a step and z_H of the grid ``(B, n*n, hidden)``, with gradient."""
        for _ in range(self.segments):
            carry, output = self.model.segment(carry, tokens)
        return carry, output.logits

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, n*n, hidden)``."""
        return self.think(self.model.initial_carry(len(tokens)), mark(tokens, position))[1]


class MarkedTokens(BaseFeaturesExtractor):
    """The tokens with the walker's cell marked, ``(B, n*n)`` float, for ``HRMCell``."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, spaces.flatdim(space["tokens"]))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, n*n)`` float."""
        position = observations["position"].flatten(1).argmax(1)
        return mark(observations["tokens"].long(), position).float()


class HRMCell(nn.Module):
    """An HRM in the place of an LSTM: states z_H and z_L, less where they start.

    The library begins every episode with states of zeros, which so are the initial carry.

    Args:
        config: Shape of the HRM.
        segments: Segments of a step.
        carried: Go on from the step before; else every step begins anew.
    """

    num_layers = 1

    def __init__(self, config: HRMConfig, segments: int = 1, carried: bool = True) -> None:
        super().__init__()
        self.thinker = Thinker(config, segments)
        self.carried = carried
        self.input_size = config.seq_len
        self.hidden_size = config.total_len * config.hidden_size

    def forward(
        self, sequence: Tensor, states: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Think for every step of a sequence.

        Args:
            sequence: ``(length, B, n*n)`` marked tokens.
            states: Two ``(1, B, hidden_size)``.

        Returns:
            z_H at the walker's cell ``(length, B, hidden)``, and the states after it.
        """
        start = self.thinker.model.initial_carry(sequence.shape[1])
        found = []
        for tokens in sequence.long():
            carry = Carry(*(z + s.view(z.shape) for z, s in zip(start, states, strict=True)))
            carry, hidden = self.thinker.think(carry, tokens)
            walker = (tokens == PATH).float().argmax(1)
            found.append(hidden[torch.arange(len(tokens), device=tokens.device), walker])
            if self.carried:
                moved = [(z - s).flatten(1)[None] for z, s in zip(carry, start, strict=True)]
                states = moved[0], moved[1]
        return torch.stack(found), states


class HRMPolicy(RecurrentMultiInputActorCriticPolicy):
    """A recurrent policy whose memory is the latent state of an HRM.

    The value is read off the same z_H, through which its gradient does not go: this is the
    library's way with a shared LSTM.

    Args:
        space: Observation space.
        actions: Action space.
        lr_schedule: Learning rate.
        config: Shape of the HRM.
        segments: Segments of a step.
        carried: Go on from the step before.
        kwargs: As the library takes them.

    Raises:
        ValueError: Nobody walks in the environment.
    """

    def __init__(
        self,
        space: spaces.Dict,
        actions: spaces.Space[Any],
        lr_schedule: Schedule,
        config: HRMConfig,
        segments: int = 1,
        carried: bool = True,
        **kwargs: Any,
    ) -> None:
        if "position" not in space.spaces or config.seq_len != spaces.flatdim(space["tokens"]):
            raise ValueError("policy: a recurrent hrm is for mazes of the size of its preset")
        super().__init__(
            space,
            actions,
            lr_schedule,
            features_extractor_class=MarkedTokens,
            lstm_hidden_size=config.hidden_size,
            shared_lstm=True,
            enable_critic_lstm=False,
            **kwargs,
        )
        cell = HRMCell(config, segments, carried)
        self.lstm_actor: Any = cell
        self.lstm_hidden_state_shape = (1, 1, cell.hidden_size)
        optimizer: Any = self.optimizer_class
        self.optimizer = optimizer(self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs)
