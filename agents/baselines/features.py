"""From an observation to the features of a policy: one-hot planes, a network and a readout.

The policy names its network: ``mlp`` sees all one-hot tokens as one vector, ``cnn`` sees a grid;
``transformer`` has the blocks and the number of parameters of the HRM, and ``hrm`` is an HRM.
``structured`` has the structure of the task: a window that moves with the walker (mazes), or cells
that see their row, column and box (Sudoku).

The readout depends on the actions. With a ``position`` (mazes) it is the cell of the walker. If
actions write cells (Sudoku, whole answers), it is one value per cell and token, like the actions.
Otherwise (ARC) it is all cells, flattened.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import MultiInputActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from hrm_gym.puzzles.sudoku import BOXES

from ..hrm.model.config import HRMConfig
from . import POLICY_NAMES
from .networks import CentredWindow, FlatMLP, ResidualCNN, SudokuUnits
from .reasoning import GridTransformer, HRMNetwork

TOKEN_FIELDS = ("tokens", "canvas", "answer", "demos")
"""Fields that contain tokens: one plane per token except padding."""
CELL_FIELDS = ("given", "position")
"""Fields with one value per cell, one plane each. Other fields (``puzzle_id``) are not used."""


class GridFeatures(BaseFeaturesExtractor):
    """Features of a Dict observation on an n x n grid.

    Args:
        space: Observation space with ``tokens`` of n*n cells.
        network: One of ``POLICY_NAMES``.
        features: Number of features if all cells are flattened.
        config: Configuration of a ``transformer`` or ``hrm``.
        sizes: Sizes of the other networks: ``width``, or ``channels`` and ``layers``. For ``hrm``:
            ``segments``.

    Raises:
        ValueError: if the space is not a Dict with a square grid of ``tokens``, or the network is
            unknown or does not fit the space.
    """

    def __init__(
        self,
        space: gym.Space[Any],
        network: str = "cnn",
        features: int = 256,
        config: HRMConfig | None = None,
        **sizes: int,
    ) -> None:
        if not isinstance(space, spaces.Dict) or "tokens" not in space.spaces:
            raise ValueError(f"observation space: expected a Dict with tokens, got {space}")
        if network not in POLICY_NAMES:
            raise ValueError(f"policy: expected one of {', '.join(POLICY_NAMES)}, got {network!r}")
        cells = spaces.flatdim(space["tokens"])
        side = int(cells**0.5)
        if side * side != cells:
            raise ValueError(f"observation space: expected a square grid, got {cells} cells")
        readout = next((k for k in ("position", "given", "answer") if k in space.spaces), "plain")
        network_class = network_of(network, readout)
        planes = 0
        vocabularies: dict[str, int] = {}
        fields = [name for name in space.spaces if name not in network_class.reads]
        for name in fields:
            part = space[name]
            if name in TOKEN_FIELDS:
                assert isinstance(part, spaces.Box)
                vocabularies[name] = int(part.high.max()) + 1
                planes += (vocabularies[name] - 1) * (spaces.flatdim(part) // cells)
            planes += name in CELL_FIELDS
        given: dict[str, Any] = {"planes": planes, "side": side, "box": BOXES.get(side)}
        if config is not None and config.seq_len != cells:
            raise ValueError(f"policy: {network} has {config.seq_len} cells, expected {cells}")
        given |= {"config": config}
        body: Any = network_class(**{k: given[k] for k in network_class.needs}, **sizes)
        # Number of values that can be written into a cell: digits or tokens.
        tokens = int(space["tokens"].high.max()) + 1  # type: ignore[attr-defined]
        written = {"given": side, "answer": tokens}.get(readout, 0)
        if not body.per_cell:
            readout, width = "none", body.width
        elif readout == "position":
            width = body.width
        elif written:
            # An answer has two more values at the end: continue and halt.
            width = cells * written + 2 * (readout == "answer")
        else:
            width = features
        super().__init__(space, width)
        self.side = side
        self.fields = fields
        self.vocabularies = vocabularies
        self.network: nn.Module = body
        self.readout = readout
        self.like_actions = readout in ("given", "answer")
        """Whether there is one feature per cell and token, in the order of the actions' logits."""
        if self.like_actions:
            self.token_head = nn.Linear(body.width, written)
            self.halt_head = nn.Linear(body.width, 2) if readout == "answer" else None
        elif readout == "plain":
            self.flat = nn.Sequential(nn.Linear(body.width * cells, features), nn.ReLU())

    def planes(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, planes, n, n)`` float for a batch as Stable-Baselines3 preprocesses it."""
        side = self.side
        # In the order of the space, because the keys of an observation may have another order.
        stack = [observations["tokens"].new_zeros(len(observations["tokens"]), 0, side, side)]
        for name in self.fields:
            if name in self.vocabularies:
                grids = observations[name].long().view(len(observations[name]), -1, 1, side, side)
                tokens = torch.arange(1, self.vocabularies[name], device=grids.device)
                stack.append((grids == tokens[:, None, None]).flatten(1, 2).float())
            elif name in CELL_FIELDS:
                stack.append(observations[name].view(-1, 1, side, side).float())
        return torch.cat(stack, dim=1)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, features_dim)`` float."""
        position = observations.get("position")
        if position is not None:
            position = position.flatten(1).argmax(1)
        tokens = observations["tokens"].long()
        hidden = self.network(self.planes(observations), tokens, position)
        if self.readout == "none":
            return hidden
        if self.readout == "position":
            return hidden[torch.arange(len(hidden), device=hidden.device), position]
        if self.readout == "plain":
            return self.flat(hidden.flatten(1))
        written = self.token_head(hidden).flatten(1)
        if self.halt_head is None:
            return written
        return torch.cat([written, self.halt_head(hidden.mean(1))], dim=1)


def network_of(name: str, readout: str) -> Any:
    """Return the class of a network for a readout.

    Raises:
        ValueError: if the network does not support the readout.
    """
    if name == "relations":
        raise ValueError("policy: relations is a network of RelationFeatures")
    plain = {"mlp": FlatMLP, "cnn": ResidualCNN, "transformer": GridTransformer, "hrm": HRMNetwork}
    structured = {"position": CentredWindow, "given": SudokuUnits}
    if (name == "structured" and readout not in structured) or (name, readout) == ("hrm", "plain"):
        raise ValueError(f"policy: {name} is for Sudoku and mazes; expected cnn")
    return plain.get(name) or structured[readout]


class GridPolicy(MultiInputActorCriticPolicy):
    """The library's actor-critic policy over ``GridFeatures``, by a name that files can contain.

    ``policy_kwargs`` may hold ``features_extractor_kwargs``, the arguments of ``GridFeatures``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("features_extractor_class", GridFeatures)
        super().__init__(*args, **kwargs)


class PlaneFeatures(BaseFeaturesExtractor):
    """Features of one-hot planes, for the library's ``CnnPolicy``.

    The library's own network expects pictures of at least 36 x 36 pixels with values up to 255.
    Use it with ``normalize_images=False``, since planes are 0 or 1.

    Args:
        space: The space of ``OneHotPlanes``: ``Box(0, 1, (channels, s, s), uint8)``.
        features: The number of features.
        width: The number of channels of the convolutions.
        layers: The number of convolutions, 3 x 3 each.
    """

    def __init__(
        self, space: gym.Space[Any], features: int = 256, width: int = 32, layers: int = 3
    ) -> None:
        if not isinstance(space, spaces.Box) or len(space.shape) != 3:
            raise ValueError(f"observation space: expected planes (channels, s, s), got {space}")
        super().__init__(space, features)
        channels, rows, columns = space.shape
        body: list[nn.Module] = []
        for layer in range(layers):
            body += [nn.Conv2d(width if layer else channels, width, 3, padding=1), nn.ReLU()]
        self.body = nn.Sequential(*body, nn.Flatten())
        self.last = nn.Sequential(nn.Linear(width * rows * columns, features), nn.ReLU())

    def forward(self, planes: Tensor) -> Tensor:
        """Return the features ``(N, features)`` of planes ``(N, channels, s, s)``."""
        result: Tensor = self.last(self.body(planes.float()))
        return result
