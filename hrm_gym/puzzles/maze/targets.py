"""Any shortest path as the target of learning: batches of mazes, on the device, without a wait.

The shortest paths of a maze are the ways down its ``levels`` (``Maze.ways``): the moves to G of
every cell on a shortest path, -1 elsewhere, from S (the highest) to G (0), each step to a
neighbour one lower. They turn with the maze; where S and G are swapped the ways are the same.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..puzzle import Tokens
from ..targets import AnyTargets, SolvedTargets
from .task import Maze
from .tokens import GOAL, OPEN, PATH, START

HUGE = 1e6
"""Stands for odds that are not finite: a model that diverges must not leave the ways."""


def shifted(grid: Tensor, edge: float) -> tuple[Tensor, ...]:
    """Return what lies down, left, right and up of each cell of ``(B, s, s)``; ``edge`` outside.

    The results are views of one copy, whose inside is the copy's own.
    """
    return around(F.pad(grid, (1, 1, 1, 1), value=edge))


def around(padded: Tensor) -> tuple[Tensor, ...]:
    """Return ``shifted`` as views of a grid ``(B, s + 2, s + 2)`` that has its edge already."""
    return (
        padded[:, 2:, 1:-1],
        padded[:, 1:-1, :-2],
        padded[:, 1:-1, 2:],
        padded[:, :-2, 1:-1],
    )


def likeliest_way(levels: Tensor, odds: Tensor, longest: int) -> Tensor:
    """Return the shortest paths along which the sum of the odds is highest.

    Dynamic programming over the levels, from G on: about seven small kernels a level. Of equals it
    takes the first from S, down before left before right before up, as the solver does.

    Args:
        levels: ``(B, s*s)`` integers.
        odds: ``(B, s*s)`` float64, log p(path) - log p(open); in float32 a sum over a path would
            round away a cell that is nearly undecided.
        longest: The highest level of any maze, known on the host.

    Returns:
        ``(B, s*s)`` bool, true on the path, S and G.
    """
    batch, cells = levels.shape
    side = math.isqrt(cells)
    grid = levels.view(batch, side, side)
    odds = odds.nan_to_num(0.0, HUGE, -HUGE).view_as(grid)
    # The best sum from each cell to G; the views see every update.
    start = torch.zeros_like(odds).masked_fill(grid != 0, -math.inf)
    value = F.pad(start, (1, 1, 1, 1), value=-math.inf)
    inside, ahead = value[:, 1:-1, 1:-1], around(value)
    for level in range(1, longest + 1):
        best = ahead[0].maximum(ahead[1]).maximum(ahead[2].maximum(ahead[3]))
        inside.copy_(torch.where(grid == level, best + odds, inside))
    lower = [below == grid - 1 for below in shifted(grid, -1)]
    sums = [v.masked_fill(~down, -math.inf) for v, down in zip(ahead, lower, strict=True)]
    direction = torch.stack(sums).argmax(0).view(batch, cells)
    cell = torch.arange(cells, device=levels.device)
    beside = torch.stack((cell + side, cell - 1, cell + 1, cell - side))
    # The cell after each, where there is one; then two after, four after: the path grows twofold.
    after = torch.where(levels > 0, beside[direction, cell], cell)
    path = levels.argmax(1, keepdim=True)
    while path.shape[1] <= longest:
        path = torch.cat((path, after.gather(1, path)), 1)
        after = after.gather(1, after)
    return torch.zeros_like(levels, dtype=torch.bool).scatter(1, path, True)


def likeliest_labels(levels: Tensor, tokens: Tensor, scores: Tensor, longest: int) -> Tensor:
    """Return, of all right answers to each maze, the likeliest.

    Args:
        levels: ``(B, s*s)`` integers.
        tokens: ``(B, s*s)`` uint8, the mazes.
        scores: ``(B, s*s, vocab)`` float64, log-probabilities up to a constant in each cell.
        longest: The highest level of any maze.

    Returns:
        ``(B, s*s)`` uint8. An answer of the highest score in every cell that is right is its own.
    """
    way = likeliest_way(levels, scores[..., PATH] - scores[..., OPEN], longest)
    return tokens.masked_fill(way & (tokens == OPEN), PATH)


def are_solved(levels: Tensor, tokens: Tensor, answers: Tensor) -> Tensor:
    """Return which answers mark exactly one shortest path, as ``Maze.is_solved`` does row by row.

    Args:
        levels: ``(B, s*s)`` integers.
        tokens: ``(B, s*s)`` uint8, the mazes.
        answers: ``(B, s*s)`` uint8.

    Returns:
        ``(B,)`` bool.
    """
    side = math.isqrt(levels.shape[1])
    marked = answers == PATH
    unchanged = (answers == tokens) | (marked & (tokens == OPEN))
    # From every cell on the path a step leads on to G; so S does, and nothing else is marked.
    on_path = marked | (tokens == START) | (tokens == GOAL)
    path = levels.masked_fill(~on_path, -1).view(-1, side, side)
    leads_on = torch.stack([below == path - 1 for below in shifted(path, -1)]).any(0)
    whole = (leads_on | (path <= 0)).flatten(1).all(1)
    return unchanged.all(1) & whole & (marked.sum(1) == levels.amax(1) - 1)


class SolvedPath(SolvedTargets):
    """The path that the solver marks in a maze under a symmetry."""

    def __init__(self, task: Maze, inputs: Tokens, device: torch.device) -> None:
        self.task = task
        self.marks = torch.tensor(task.solved_marks(inputs), device=device)

    def labels(self, drawn: Tensor, tokens: Tensor, keys: Tensor | None) -> Tensor:
        """Return labels which, turned with their mazes, are those of the solver."""
        return self.task.solved_labels(tokens, self.marks[drawn], keys)


class AnyPath(AnyTargets):
    """All shortest paths of a maze, as ``levels``."""

    def __init__(self, task: Maze, inputs: Tokens, device: torch.device) -> None:
        self.task = task
        ways = task.ways(inputs)
        self.longest = int(ways.max())
        self.ways = torch.tensor(ways, device=device)

    def levels(self, drawn: Tensor, keys: Tensor | None) -> Tensor:
        """Return the levels of mazes under symmetries, ``(B, s*s)`` int32."""
        levels = self.ways[drawn]
        return levels if keys is None else levels.gather(1, self.task.symmetries(keys)[0])

    def are_solved(self, levels: Tensor, tokens: Tensor, answers: Tensor) -> Tensor:
        """Return which answers mark exactly one shortest path, ``(B,)`` bool."""
        return are_solved(levels, tokens, answers)

    def likeliest_labels(self, levels: Tensor, tokens: Tensor, scores: Tensor) -> Tensor:
        """Return the likeliest shortest path of each maze, ``(B, s*s)`` uint8."""
        return likeliest_labels(levels, tokens, scores, self.longest)
