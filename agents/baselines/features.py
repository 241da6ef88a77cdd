"""From token fields to features: one-hot planes and a small network that keeps the grid.

Three networks for three kinds of decision: where the observation has a ``position`` (mazes), the
grid is seen from there; where it has ``given`` cells (Sudoku), cells see their rows, columns and
boxes, and the features are one a cell and digit, as the actions are; else (ARC) plain convolutions.
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

TOKEN_FIELDS = ("tokens", "canvas", "answer", "demos")
"""Fields of tokens; every other field that has one value a cell is a plane of its own."""
RADIUS = 10
"""Cells that are seen to each side of the agent in a maze."""


class Units(nn.Module):
    """A residual block in which a cell sees its row, its column and its box, as rules do.

    Args:
        channels: Width.
        box: Rows and columns of a box.
    """

    def __init__(self, channels: int, box: tuple[int, int]) -> None:
        super().__init__()
        self.box = box
        self.mix = nn.Linear(4 * channels, channels)
        self.out = nn.Linear(channels, channels)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map ``(B, n, n, channels)`` to the same shape."""
        rows = hidden.sum(2, keepdim=True).expand_as(hidden)
        columns = hidden.sum(1, keepdim=True).expand_as(hidden)
        batch, n, _, channels = hidden.shape
        high, wide = self.box
        split = hidden.view(batch, n // high, high, n // wide, wide, channels)
        boxes = split.sum((2, 4), keepdim=True).expand_as(split).reshape(hidden.shape)
        seen = torch.cat([hidden, rows, columns, boxes], dim=-1)
        return hidden + self.out(torch.relu(self.mix(seen)))


class Centred(nn.Module):
    """The grid as seen from the agent: a window around its cell, and the way to the goal.

    What a turn is worth depends on what lies around, wherever that is; a window that moves along
    is learned once for all cells.

    Args:
        side: Rows of the grid.
        planes: Planes of the observation.
        features: Width of the output.
    """

    def __init__(self, side: int, planes: int, features: int) -> None:
        super().__init__()
        self.side = side
        self.radius = min(side - 1, RADIUS)
        width = 2 * self.radius + 1
        self.layers = nn.Sequential(
            nn.Linear(planes * width * width + 2, features),
            nn.ReLU(),
            nn.Linear(features, features),
            nn.ReLU(),
        )

    def forward(self, planes: Tensor, position: Tensor, goal: Tensor) -> Tensor:
        """Map ``(B, planes, n, n)`` and two cells ``(B,)`` to ``(B, features)``."""
        n, radius = self.side, self.radius
        padded = nn.functional.pad(planes, [radius] * 4)
        row, column = position // n, position % n
        around = torch.arange(2 * radius + 1, device=planes.device)
        rows, columns = row[:, None] + around, column[:, None] + around
        batch = torch.arange(len(planes), device=planes.device)[:, None, None]
        window = padded[batch, :, rows[:, :, None], columns[:, None, :]]
        way = torch.stack([goal // n - row, goal % n - column], dim=1).float() / n
        return self.layers(torch.cat([window.flatten(1), way], dim=1))


class GridFeatures(BaseFeaturesExtractor):
    """Features of a Dict observation on an n x n grid, for every step environment.

    Args:
        space: Observation space with ``tokens`` of n*n cells.
        channels: Width of the Sudoku and the convolutional network.
        layers: Their depth.
        features: Width of the maze network, and of what the convolutional one returns.

    Raises:
        ValueError: The space is not a Dict with a square grid of ``tokens``.
    """

    def __init__(
        self, space: gym.Space[Any], channels: int = 32, layers: int = 4, features: int = 256
    ) -> None:
        if not isinstance(space, spaces.Dict) or "tokens" not in space.spaces:
            raise ValueError(f"observation space: expected a Dict with tokens, got {space}")
        cells = spaces.flatdim(space["tokens"])
        side = int(cells**0.5)
        if side * side != cells:
            raise ValueError(f"observation space: expected a square grid, got {cells} cells")
        self.kind = "given" if "given" in space.spaces else "plain"
        self.kind = "position" if "position" in space.spaces else self.kind
        size = {"given": side**3, "position": features, "plain": features}
        super().__init__(space, size[self.kind])
        self.side = side
        planes = 0
        self.fields = list(space.spaces)
        self.vocabularies: dict[str, int] = {}
        for name, part in space.spaces.items():
            if name in TOKEN_FIELDS:
                assert isinstance(part, spaces.Box)
                self.vocabularies[name] = int(part.high.max()) + 1
                planes += self.vocabularies[name] * (spaces.flatdim(part) // cells)
            elif spaces.flatdim(part) == cells:
                planes += 1
        if self.kind == "position":
            self.network: nn.Module = Centred(side, planes - 1, features)
        elif self.kind == "given":
            blocks = [Units(channels, BOXES[side]) for _ in range(layers)]
            ends = nn.Linear(planes, channels), nn.Linear(channels, side)
            self.network = nn.Sequential(ends[0], *blocks, ends[1], nn.Flatten())
        else:
            convolutions: list[nn.Module] = [nn.Conv2d(planes, channels, 3, padding=1), nn.ReLU()]
            for _ in range(layers):
                convolutions += [nn.Conv2d(channels, channels, 3, padding=1), nn.ReLU()]
            flat = nn.Flatten(), nn.Linear(channels * cells, features), nn.ReLU()
            self.network = nn.Sequential(*convolutions, *flat)

    def planes(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, planes, n, n)`` float of a batch as Stable-Baselines3 hands it over."""
        side, stack = self.side, []
        # In the order of the space: that of an observation's keys may be another.
        for name in self.fields:
            values = observations.get(name)
            if values is None:
                continue
            if name in self.vocabularies:
                grids = values.long().view(len(values), -1, 1, side, side)
                tokens = torch.arange(self.vocabularies[name], device=values.device)
                stack.append((grids == tokens[:, None, None]).flatten(1, 2).float())
            elif values[0].numel() == side * side:
                stack.append(values.view(-1, 1, side, side).float())
        return torch.cat(stack, dim=1)

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return ``(B, features_dim)`` float."""
        if self.kind == "position":
            tokens = {"tokens": observations["tokens"]}
            goal = (observations["tokens"] == GOAL).float().argmax(1)
            position = observations["position"].view(len(goal), -1).argmax(1)
            return self.network(self.planes(tokens), position, goal)
        planes = self.planes(observations)
        return self.network(planes.permute(0, 2, 3, 1) if self.kind == "given" else planes)
