"""Networks of the policies: from an observation on a grid to features of its cells.

All networks have the same call: the planes ``(B, planes, n, n)``, the tokens ``(B, n*n)`` int64
and the cell of the walker ``(B,)``, which is ``None`` if there is no walker. ``reads`` names the
fields that a network reads from the tokens and the cell; they have no planes. A network that is
``per_cell`` returns ``(B, n*n, width)``, any other one ``(B, width)``. ``needs`` names the
arguments of the constructor that depend on the observation space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from hrm_gym.puzzles.maze import GOAL

RADIUS = 10
"""Cells that the agent sees in each direction in a maze."""


class FlatMLP(nn.Module):
    """A plain perceptron on the whole observation, without the structure of the grid.

    Args:
        planes: Number of planes of the observation.
        side: Rows of the grid.
        width: Width of both layers.
    """

    needs = ("planes", "side")
    reads: tuple[str, ...] = ()
    per_cell = False

    def __init__(self, planes: int, side: int, width: int = 256) -> None:
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(
            nn.Linear(planes * side * side, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()
        )

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, width)``."""
        return self.layers(planes.flatten(1))


class ResidualCNN(nn.Module):
    """A small residual network of 3x3 convolutions, without pooling: one output per cell.

    Args:
        planes: Number of planes of the observation.
        channels: Number of channels.
        layers: Number of residual blocks, each of one convolution.
    """

    needs = ("planes",)
    reads: tuple[str, ...] = ()
    per_cell = True

    def __init__(self, planes: int, channels: int = 24, layers: int = 8) -> None:
        super().__init__()
        self.width = channels
        self.stem = nn.Conv2d(planes, channels, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(layers)
        )

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, n*n, channels)``."""
        # On a CPU, narrow convolutions are faster in this layout.
        hidden = self.stem(planes.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            hidden = hidden + block(torch.relu(hidden))
        return torch.relu(hidden).flatten(2).transpose(1, 2)


class UnitBlock(nn.Module):
    """A residual block in which a cell sees its row, its column and its box.

    Args:
        channels: Number of channels.
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


class SudokuUnits(nn.Module):
    """A stack of ``UnitBlock``.

    Args:
        planes: Number of planes of the observation.
        box: Rows and columns of a box.
        channels: Number of channels.
        layers: Number of blocks.
    """

    needs = ("planes", "box")
    reads: tuple[str, ...] = ()
    per_cell = True

    def __init__(
        self, planes: int, box: tuple[int, int], channels: int = 24, layers: int = 2
    ) -> None:
        super().__init__()
        self.width = channels
        self.stem = nn.Linear(planes, channels)
        self.blocks = nn.Sequential(*(UnitBlock(channels, box) for _ in range(layers)))

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, n*n, channels)``."""
        return self.blocks(self.stem(planes.permute(0, 2, 3, 1))).flatten(1, 2)


class CentredWindow(nn.Module):
    """A perceptron on a window around the walker and on the direction of the goal.

    The value of a move depends on the surroundings and not on the position in the grid. A window
    that moves with the walker shares its weights between all cells.

    Args:
        side: Rows of the grid.
        planes: Number of planes of the observation.
        width: Width of both layers.
    """

    needs = ("planes", "side")
    reads: tuple[str, ...] = ("position",)
    per_cell = False

    def __init__(self, side: int, planes: int, width: int = 256) -> None:
        super().__init__()
        self.side = side
        self.width = width
        self.radius = min(side - 1, RADIUS)
        seen = 2 * self.radius + 1
        self.layers = nn.Sequential(
            nn.Linear(planes * seen * seen + 2, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
        )

    def forward(self, planes: Tensor, tokens: Tensor, position: Tensor | None) -> Tensor:
        """Return ``(B, width)``."""
        assert position is not None
        n, radius = self.side, self.radius
        goal = (tokens == GOAL).float().argmax(1)
        padded = nn.functional.pad(planes, [radius] * 4)
        row, column = position // n, position % n
        around = torch.arange(2 * radius + 1, device=planes.device)
        rows, columns = row[:, None] + around, column[:, None] + around
        batch = torch.arange(len(planes), device=planes.device)[:, None, None]
        window = padded[batch, :, rows[:, :, None], columns[:, None, :]]
        way = torch.stack([goal // n - row, goal % n - column], dim=1).float() / n
        return self.layers(torch.cat([window.flatten(1), way], dim=1))
