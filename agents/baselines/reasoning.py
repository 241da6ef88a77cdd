"""HRMs of one size, and a transformer of their size, as networks of policies.

``relations.py`` has the policies of the relational HRM, which serves every size. Here the cell of
the walker is marked with the token of a path, which does not occur in a question. In every step an
HRM starts from its initial carry (``HRMNetwork``), or from the carry of the step before
(``HRMPolicy``). In the second case the HRM replaces the LSTM of the library, and z_H and z_L are
its two states. Gradients stop at the carry, as they do between the segments of an HRM that learns
from labels.
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
from ..hrm.model.relations import Links
from ..hrm.model.tasks import task_fields
from ..hrm.presets import PRESETS
from ..supervised import transformer
from ..transformer import Transformer


def model_config(policy: str, task_id: str) -> HRMConfig:
    """Return the configuration of a policy's network, from a preset.

    Args:
        policy: ``hrm`` for the smallest preset of the task whose weights have its size,
            ``transformer`` for the network of the supervised baseline of that size, or
            ``relations`` for the preset of the family, which serves every size.
        task_id: Id of the task whose puzzles are played, such as ``maze-7x7``.

    Raises:
        ValueError: if there is no such preset.
    """
    task = get_task(task_id)
    if policy == "relations":
        run = PRESETS.get(task.family)
        if run is None or run.model.get("mixer") != "relations":
            raise ValueError(f"policy: there is no relational preset {task.family}; expected cnn")
        return HRMConfig.from_dict({**task_fields(task, run.model), "num_puzzles": 0})
    # A variant has the observations of the task whose puzzles it plays.
    runs = [
        config
        for config in PRESETS.values()
        if config.task_id == task.base_id and config.model.get("mixer") != "relations"
    ]
    if not runs:
        raise ValueError(
            f"policy: {policy} has the size of the HRM for {task.base_id}, and no preset trains one"
        )
    run = transformer(runs[-1]) if policy == "transformer" else runs[-1]
    size = {"vocab_size": task.vocab_size, "seq_len": task.seq_len}
    # One policy plays all puzzles, so that puzzle embeddings are of no use.
    return HRMConfig.from_dict({**size, **run.model, "num_puzzles": 0})


def mark(tokens: Tensor, position: Tensor | None) -> Tensor:
    """Return tokens ``(B, n*n)`` with the cell of the walker ``(B,)``, if there is one, marked."""
    return tokens if position is None else tokens.scatter(1, position[:, None], PATH)


def walker_cell(observations: dict[str, Tensor]) -> Tensor:
    """Return the cell of the walker ``(B,)``, which the library passes as one-hot vectors."""
    return observations["position"].flatten(1).argmax(1)


class Trunk(HRM):
    """An HRM that returns z_H of the cells instead of logits: a policy has its own heads.

    Args:
        config: Configuration of the HRM.
    """

    def __init__(self, config: HRMConfig) -> None:
        super().__init__(config)
        self.head = nn.Identity()  # type: ignore[assignment]
        if self.fixed_head is not None:
            self.fixed_head = nn.Identity()  # type: ignore[assignment]
        self.q_head.requires_grad_(False)

    def _answer(self, z_H: Tensor, links: Links | None) -> Tensor:
        return z_H[:, self.config.prefix_len :]


class GridTransformer(nn.Module):
    """The plain transformer; all planes except the tokens of the grid are added to the embeddings.

    Args:
        planes: Number of planes, without those of the tokens.
        config: Configuration of the transformer.
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


class HRMNetwork(nn.Module):
    """An HRM that starts from its initial carry in every step; its features are z_H.

    Args:
        config: Configuration of the HRM.
        segments: Segments per step; only the last one has a gradient.
    """

    needs = ("config",)
    reads: tuple[str, ...] = ("tokens", "position", "given", "canvas", "answer", "demos")
    per_cell = True

    def __init__(self, config: HRMConfig, segments: int = 1) -> None:
        super().__init__()
        self.width = config.hidden_size
        self.segments = segments
        self.model = Trunk(config)

    def think(self, carry: Carry, tokens: Tensor) -> tuple[Carry, Tensor]:
        """Return the carry after a step, and z_H of the cells ``(B, n*n, hidden)``."""
        for _ in range(self.segments):
            carry, output = self.model.segment(carry, tokens)
        return carry, output.logits

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, n*n, hidden)``."""
        return self.think(self.model.initial_carry(len(tokens)), mark(tokens, position))[1]


class MarkedTokens(BaseFeaturesExtractor):
    """The tokens with the cell of the walker marked, ``(B, n*n)`` float, for ``HRMCell``."""

    def __init__(self, space: spaces.Dict) -> None:
        super().__init__(space, spaces.flatdim(space["tokens"]))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, n*n)`` float."""
        return mark(observations["tokens"].long(), walker_cell(observations)).float()


class HRMCell(nn.Module):
    """An HRM in the place of an LSTM; its states are z_H and z_L minus their initial values.

    The library starts every episode with states of zeros, which therefore stand for the initial
    carry.

    Args:
        config: Configuration of the HRM.
        segments: Segments per step.
        carried: Whether a step continues from the carry of the step before.
    """

    num_layers = 1

    def __init__(self, config: HRMConfig, segments: int = 1, carried: bool = True) -> None:
        super().__init__()
        # The name is part of checkpoints.
        self.thinker = HRMNetwork(config, segments)
        self.carried = carried
        self.input_size = config.seq_len
        self.hidden_size = config.total_len * config.hidden_size

    def forward(
        self, sequence: Tensor, states: tuple[Tensor, Tensor]
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Run the HRM on every step of a sequence.

        Args:
            sequence: ``(length, B, n*n)`` marked tokens.
            states: Two tensors ``(1, B, hidden_size)``.

        Returns:
            z_H at the cell of the walker ``(length, B, hidden)``, and the states after the last
            step.
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

    The value is computed from the same z_H, without a gradient into it, as the library does with a
    shared LSTM.

    Args:
        space: Observation space.
        actions: Action space.
        lr_schedule: Schedule of the learning rate.
        config: Configuration of the HRM.
        segments: Segments per step.
        carried: Whether a step continues from the carry of the step before.
        kwargs: Further arguments of the library's policy.

    Raises:
        ValueError: if the environment has no walker, or a grid of another size.
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
