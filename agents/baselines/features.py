"""From an observation to the features of a policy: one-hot planes, a network, a readout.

The network is the policy's choice: ``mlp`` sees one-hot tokens in a row, ``cnn`` a grid;
``structured`` is shaped after the task, a window that moves with the walker (mazes) or cells that
see their row, column and box (Sudoku). The readout follows from the decision. Where a walker has a
``position``, it is the cell under the walker; where cells are written (Sudoku, whole answers), one
value a cell and token, as the actions are; else (ARC) all cells, flattened.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn

from hrm_gym.puzzles.maze import GOAL
from hrm_gym.puzzles.sudoku import BOXES

from . import POLICY_NAMES
from .networks import CentredWindow, FlatMLP, ResidualCNN, SudokuUnits

TOKEN_FIELDS = ("tokens", "canvas", "answer", "demos")
"""Fields of tokens: a plane each but for padding, which is none of them."""
CELL_FIELDS = ("given", "position")
"""Fields with one value a cell, a plane each; every other field is left out (``puzzle_id``)."""


class GridFeatures(BaseFeaturesExtractor):
    """Features of a Dict observation on an n x n grid.

    Args:
        space: Observation space with ``tokens`` of n*n cells.
        network: Of ``POLICY_NAMES``.
        features: Width of what is returned where all cells are flattened.
        sizes: Of the network: ``width``, or ``channels`` and ``layers``.

    Raises:
        ValueError: The space is not a Dict with a square grid of ``tokens``, or the network is
            unknown or does not fit it.
    """

    def __init__(
        self, space: gym.Space[Any], network: str = "cnn", features: int = 256, **sizes: int
    ) -> None:
        if not isinstance(space, spaces.Dict) or "tokens" not in space.spaces:
            raise ValueError(f"observation space: expected a Dict with tokens, got {space}")
        cells = spaces.flatdim(space["tokens"])
        side = int(cells**0.5)
        if side * side != cells:
            raise ValueError(f"observation space: expected a square grid, got {cells} cells")
        vocabularies: dict[str, int] = {}
        planes = 0
        for name, part in space.spaces.items():
            if name in TOKEN_FIELDS:
                assert isinstance(part, spaces.Box)
                vocabularies[name] = int(part.high.max()) + 1
                planes += (vocabularies[name] - 1) * (spaces.flatdim(part) // cells)
            # A window that moves with the walker need not be told where in it the walker is.
            planes += name in CELL_FIELDS and (network, name) != ("structured", "position")
        readout = next((k for k in ("position", "given", "answer") if k in space.spaces), "plain")
        body: Any = make_network(network, readout, planes, side, sizes)
        # Values written in a cell: digits, or tokens.
        written = {"given": side, "answer": vocabularies["tokens"]}.get(readout, 0)
        if network == "mlp" or (network == "structured" and readout == "position"):
            readout, width = "none", body.width
        elif readout == "position":
            width = body.width
        elif written:
            # An answer ends in two values more: continue and halt.
            width = cells * written + 2 * (readout == "answer")
        else:
            width = features
        super().__init__(space, width)
        self.side = side
        moving = isinstance(body, CentredWindow)
        self.fields = [name for name in space.spaces if not (moving and name == "position")]
        self.vocabularies = vocabularies
        self.network: nn.Module = body
        self.readout = readout
        self.like_actions = readout in ("given", "answer")
        """Whether the features are one a cell and token, in the order of the actions' logits."""
        if self.like_actions:
            self.token_head = nn.Linear(body.width, written)
            self.halt_head = nn.Linear(body.width, 2) if readout == "answer" else None
        elif readout == "plain":
            self.flat = nn.Sequential(nn.Linear(body.width * cells, features), nn.ReLU())

    def planes(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, planes, n, n)`` float of a batch as Stable-Baselines3 hands it over."""
        side, stack = self.side, []
        # In the order of the space: that of an observation's keys may be another.
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
        planes = self.planes(observations)
        if isinstance(self.network, CentredWindow):
            goal = (observations["tokens"] == GOAL).float().argmax(1)
            return self.network(planes, self._position(observations), goal)
        hidden = self.network(planes)
        if self.readout == "none":
            return hidden
        if self.readout == "position":
            return hidden[torch.arange(len(hidden)), self._position(observations)]
        if self.readout == "plain":
            return self.flat(hidden.flatten(1))
        written = self.token_head(hidden).flatten(1)
        if self.halt_head is None:
            return written
        return torch.cat([written, self.halt_head(hidden.mean(1))], dim=1)

    @staticmethod
    def _position(observations: dict[str, Tensor]) -> Tensor:
        return observations["position"].flatten(1).argmax(1)


def make_network(
    network: str, readout: str, planes: int, side: int, sizes: dict[str, int]
) -> nn.Module:
    """Return the network of a policy.

    Raises:
        ValueError: There is none of that name, or it knows nothing of such a task.
    """
    if network == "mlp":
        return FlatMLP(planes * side * side, **sizes)
    if network == "cnn":
        return ResidualCNN(planes, **sizes)
    if network != "structured":
        raise ValueError(f"policy: expected one of {', '.join(POLICY_NAMES)}, got {network!r}")
    if readout == "position":
        return CentredWindow(side, planes, **sizes)
    if readout == "given":
        return SudokuUnits(planes, BOXES[side], **sizes)
    raise ValueError("policy: structured is for Sudoku and maze step environments; expected cnn")
