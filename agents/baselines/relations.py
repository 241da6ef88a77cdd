"""The relational HRM as the network of a policy, with weights that are independent of the size.

The network is that of the relational presets, so that a policy differs from the agent ``hrm`` only
in what it learns from. A policy that walks reads the state of the walker's cell; a policy that
fills cells reads one state for each cell and token, as it has one action for each of them. The
value is read from the mean and the minimum of all states, as the HRM reads its Q-values. No weight
depends on the number of cells, so a policy that was trained at one size acts at every other size.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from gymnasium import spaces
from sb3_contrib.common.maskable.policies import MaskableMultiInputActorCriticPolicy
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.dqn.policies import MultiInputPolicy as QPolicy
from stable_baselines3.dqn.policies import QNetwork
from torch import Tensor, nn

from hrm_gym.puzzles import get_task

from ..hrm.model.config import HRMConfig
from ..hrm.model.layers import Linear
from ..hrm.training.execution import bf16_ratio
from .algorithms import Algorithm
from .reasoning import HRMNetwork, mark, walker_cell

START = 0.01
"""Scale of the first logits, which make the first policy nearly uniform; the library's own scale
for its last layer."""
UPDATE_ROWS = 4096
"""Number of states for which the speed of bfloat16 is measured."""
KEPT = 2
"""Puzzles whose states are kept, in multiples of the puzzles of the largest batch so far."""


class RelationFeatures(BaseFeaturesExtractor):
    """Features of a relational HRM for a Dict observation with ``tokens``.

    The features are, in this order: with a ``position``, the state of the walker's cell; otherwise
    one logit for each action; then the mean and the minimum of all states.

    In most steps only the walker moves and the puzzle stays the same. If the walker is not marked,
    the states of a puzzle are therefore computed once for all rows of a batch that contain it, and
    without a gradient they are kept until the weights change or other puzzles take their place.

    Args:
        space: Observation space.
        config: Configuration of the HRM.
        task: Id of the task whose puzzles are played.
        segments: Segments per step; only the last one has a gradient.
        marked: Whether the cell of the walker is marked in the input, so that the states depend on
            it. Otherwise the network knows all cells, and only the readout knows the walker.
        bf16: Whether updates compute the states in bfloat16 on a device that is faster in it.

    Attributes:
        actions: Number of logits; 0 with a ``position``.

    Raises:
        ValueError: if the space has no fields that the network knows how to read.
    """

    def __init__(
        self,
        space: spaces.Dict,
        config: HRMConfig,
        task: str,
        segments: int = 1,
        marked: bool = True,
        bf16: bool = False,
    ) -> None:
        readout = next((k for k in ("position", "given", "answer") if k in space.spaces), None)
        if readout is None:
            raise ValueError("policy: relations needs a position, given or answer; expected cnn")
        width, cells = config.hidden_size, spaces.flatdim(space["tokens"])
        board = get_task(task)
        # Only symbols are written into a cell by moves, any token by an answer.
        written = len(board.symbols) if readout == "given" else board.vocab_size
        actions = 0 if readout == "position" else cells * written
        actions += 2 * (readout == "answer")
        super().__init__(space, (actions or width) + 2 * width)
        self.readout, self.actions, self.marked = readout, actions, marked
        self.bf16 = bf16 and bf16_ratio(config, UPDATE_ROWS) < 1
        self.network = HRMNetwork(config, segments)
        self.network.model.learn_board(board)
        self.pairs = config.symbols == "equivariant"
        # The layers are those of the HRM's own head.
        if actions:
            self.symbol_head = _head(width, 1 if self.pairs else written)
        self.fixed_head = (
            _head(width, config.fixed_tokens) if self.pairs and readout == "answer" else None
        )
        self.halt_head = _head(2 * width, 2) if readout == "answer" else None
        self._kept: dict[bytes, tuple[Tensor, Tensor]] = {}
        self._most = 0
        self._weights: list[Tensor] = []

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, features_dim)`` float."""
        tokens = observations["tokens"].long()
        if self.readout != "position":
            hidden, pooled = self._think(tokens)
            return torch.cat((self._logits(hidden, pooled), pooled), dim=1)
        position = walker_cell(observations)
        if self.marked:
            hidden, pooled = self._think(mark(tokens, position))
            rows = torch.arange(len(tokens), device=tokens.device)
        elif torch.is_grad_enabled():
            puzzles, rows = torch.unique(tokens.to(torch.uint8), dim=0, return_inverse=True)
            hidden, pooled = self._think(puzzles.long())
        else:
            return self._recalled(tokens, position)
        return torch.cat((hidden[rows, position], pooled[rows]), dim=1)

    def _think(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return z_H and its pooled state, ``(B, 2 * width)``."""
        low = self.bf16 and torch.is_grad_enabled()
        with torch.autocast(tokens.device.type, torch.bfloat16, enabled=low):
            start = self.network.model.initial_carry(len(tokens), seq_len=tokens.shape[1])
            hidden = self.network.think(start, tokens)[1].float()
        states = hidden.flatten(1, -2)
        return hidden, torch.cat((states.mean(1), states.amin(1)), dim=1)

    def _recalled(self, tokens: Tensor, position: Tensor) -> Tensor:
        """Return the features without a gradient, from the states of puzzles that are kept."""
        # Fused optimizers and moving averages change weights without counting versions of tensors.
        weights = [parameter.detach() for parameter in self.network.parameters()]
        if not all(map(torch.equal, weights, self._weights or [torch.empty(0)])):
            self._kept = {}
            self._weights = [weight.clone() for weight in weights]
        keys = [row.tobytes() for row in tokens.to(torch.uint8).cpu().numpy()]
        found = {key: self._kept.pop(key) for key in dict.fromkeys(keys) if key in self._kept}
        new = {key: row for row, key in enumerate(keys) if key not in found}
        if new:
            hidden, pooled = self._think(tokens[list(new.values())])
            found.update(zip(new, zip(hidden, pooled, strict=True), strict=True))
        # The puzzles of this batch become the last ones. Those that were not met for the longest
        # time are dropped. A batch may be a single observation, such as the last of an episode.
        self._kept.update(found)
        self._most = max(self._most, KEPT * len(found))
        for key in list(self._kept)[: -self._most]:
            del self._kept[key]
        states = [found[key] for key in keys]
        return torch.stack(
            [
                torch.cat((hidden[cell], pooled))
                for cell, (hidden, pooled) in zip(position.tolist(), states, strict=True)
            ]
        )

    def _logits(self, hidden: Tensor, pooled: Tensor) -> Tensor:
        """Return one logit for each action, ``(B, actions)``."""
        written = self.symbol_head(hidden)
        if self.pairs:
            written = written[..., 0]
        if self.fixed_head is not None:
            written = torch.cat((self.fixed_head(hidden.mean(2)), written), dim=2)
        if self.halt_head is None:
            return written.flatten(1)
        return torch.cat((written.flatten(1), self.halt_head(pooled)), dim=1)


def _head(width: int, outputs: int) -> Linear:
    """Return a linear map whose first outputs are small."""
    head = Linear(width, outputs, bias=True)
    with torch.no_grad():
        head.weight.mul_(START)
    return head


class ActionLogits(nn.Module):
    """The logits at the start of ``RelationFeatures``.

    Args:
        actions: Their number.
    """

    def __init__(self, actions: int) -> None:
        super().__init__()
        self.actions = actions

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(B, actions)``."""
        return features[:, : self.actions]


class ActorAndCritic(nn.Module):
    """Takes the place of the library's ``MlpExtractor``: the logits, and a perceptron for values.

    Args:
        features: The features extractor, which has logits.
        layers: Widths of the perceptron, which reads the pooled states.
        activation: Class of its activation.
    """

    def __init__(
        self, features: RelationFeatures, layers: list[int], activation: type[nn.Module]
    ) -> None:
        super().__init__()
        self.actions = self.latent_dim_pi = features.actions
        widths = [features.features_dim - features.actions, *layers]
        self.latent_dim_vf = widths[-1]
        body: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            body += [nn.Linear(before, after), activation()]
        self.values = nn.Sequential(*body)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the library's last layers for actions and values read."""
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        """Return the logits ``(B, actions)``."""
        return features[:, : self.actions]

    def forward_critic(self, features: Tensor) -> Tensor:
        """Return ``(B, latent_dim_vf)``."""
        result: Tensor = self.values(features[:, self.actions :])
        return result


class _FromLogits:
    """Makes an actor-critic policy whose actions have the logits of ``RelationFeatures``.

    ``net_arch`` has layers for the value alone, because the logits need none.
    """

    action_net: Any
    mlp_extractor: Any

    def _build_mlp_extractor(self: Any) -> None:
        layers = self.net_arch["vf"] if isinstance(self.net_arch, dict) else self.net_arch
        self.mlp_extractor = ActorAndCritic(self.features_extractor, layers, self.activation_fn)

    def _build(self: Any, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)  # type: ignore[misc]
        # The library's layer would have a weight for each pair of actions.
        self.action_net = nn.Identity()
        self.optimizer = self.optimizer_class(
            self.parameters(), lr=lr_schedule(1), **self.optimizer_kwargs
        )


class LogitsPolicy(_FromLogits, MultiInputActorCriticPolicy):
    """The policy of PPO and A2C that takes its logits from ``RelationFeatures``."""


class MaskedLogitsPolicy(_FromLogits, MaskableMultiInputActorCriticPolicy):
    """The policy of MaskablePPO that takes its logits from ``RelationFeatures``."""


class ValuesPolicy(QPolicy):
    """The policy of DQN whose action values are the logits of ``RelationFeatures``."""

    def make_q_net(self) -> QNetwork:
        """Return a network without layers of its own."""
        net = super().make_q_net()
        features: Any = net.features_extractor
        net.q_net = ActionLogits(features.actions)  # type: ignore[assignment]
        return net


def relational_policy(algorithm: Algorithm, space: spaces.Dict) -> Any:
    """Return the policy of an algorithm, as a class or by the library's name.

    Raises:
        ValueError: if the algorithm has no such policy.
    """
    if algorithm.recurrent or algorithm.value_net not in (None, "q_net"):
        raise ValueError("policy: relations is for ppo, maskable-ppo, a2c and dqn")
    if "position" in space.spaces:
        return "MultiInputPolicy"
    if algorithm.value_net is not None:
        return ValuesPolicy
    return MaskedLogitsPolicy if algorithm.masked else LogitsPolicy
