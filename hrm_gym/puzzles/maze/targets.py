"""Training targets of mazes with several shortest paths, computed in batches on a device.

The *level* of a cell on a shortest path is its number of moves to G, and -1 in all other cells (see
``Maze.ways``). S has the highest level and G has level 0. The shortest paths are the paths from S
to G on which every step leads to a neighbour one level lower. A symmetry of the maze permutes the
levels; if S and G are swapped, the shortest paths stay the same, so the levels need not change.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..puzzle import Tokens
from ..targets import AnyTargets, SolvedTargets
from .grid import neighbours
from .task import Maze
from .tokens import GOAL, OPEN, PATH, START

MAX_ODDS = 1e6
"""Replaces infinite odds, so that a model that diverges still gets a shortest path as its label."""


def shifted(grid: Tensor, edge: float) -> tuple[Tensor, ...]:
    """Return the values below, left, right and above each cell of ``(B, s, s)``; ``edge`` outside.

    The results are views of one padded copy.
    """
    return solver_order(F.pad(grid, (1, 1, 1, 1), value=edge))


def solver_order(padded: Tensor) -> tuple[Tensor, ...]:
    """Return the values of ``shifted`` as views of a padded grid ``(B, s + 2, s + 2)``.

    Their order is the one in which the solver looks at neighbours.
    """
    up, right, down, left = neighbours(padded)
    return down, left, right, up


def likeliest_path(levels: Tensor, odds: Tensor, longest: int) -> Tensor:
    """Return the shortest path with the highest sum of odds in each maze.

    The function does dynamic programming over the levels, starting at G, with about seven small
    kernels per level. Among paths of equal sums it chooses like the solver: from S on, down before
    left before right before up.

    Args:
        levels: ``(B, s*s)`` integers.
        odds: ``(B, s*s)`` float64, log p(path) - log p(open). In float32 the sum over a path would
            lose the odds of cells that are nearly undecided.
        longest: An upper bound of the levels of all mazes, known on the host.

    Returns:
        ``(B, s*s)`` bool, true on the path, including S and G.
    """
    batch, cells = levels.shape
    side = math.isqrt(cells)
    grid = levels.view(batch, side, side)
    odds = odds.nan_to_num(0.0, MAX_ODDS, -MAX_ODDS).view_as(grid)
    # The best sum from each cell to G. The views below show every update.
    start = torch.zeros_like(odds).masked_fill(grid != 0, -math.inf)
    value = F.pad(start, (1, 1, 1, 1), value=-math.inf)
    inside, ahead = value[:, 1:-1, 1:-1], solver_order(value)
    for level in range(1, longest + 1):
        best = ahead[0].maximum(ahead[1]).maximum(ahead[2].maximum(ahead[3]))
        inside.copy_(torch.where(grid == level, best + odds, inside))
    lower = [below == grid - 1 for below in shifted(grid, -1)]
    sums = [v.masked_fill(~down, -math.inf) for v, down in zip(ahead, lower, strict=True)]
    direction = torch.stack(sums).argmax(0).view(batch, cells)
    cell = torch.arange(cells, device=levels.device)
    beside = torch.stack((cell + side, cell - 1, cell + 1, cell - side))
    # ``after`` maps each cell to the cell 1, 2, 4 ... steps ahead, so the path doubles each time.
    after = torch.where(levels > 0, beside[direction, cell], cell)
    path = levels.argmax(1, keepdim=True)
    while path.shape[1] <= longest:
        path = torch.cat((path, after.gather(1, path)), 1)
        after = after.gather(1, after)
    return torch.zeros_like(levels, dtype=torch.bool).scatter(1, path, True)


def likeliest_labels(levels: Tensor, tokens: Tensor, scores: Tensor, longest: int) -> Tensor:
    """Return the most likely of all right answers to each maze.

    Args:
        levels: ``(B, s*s)`` integers.
        tokens: ``(B, s*s)`` uint8, the mazes.
        scores: ``(B, s*s, vocab)`` float64, log-probabilities up to a constant in each cell.
        longest: An upper bound of the levels of all mazes.

    Returns:
        ``(B, s*s)`` uint8. If the tokens with the highest scores are a right answer, they are
        returned.
    """
    path = likeliest_path(levels, scores[..., PATH] - scores[..., OPEN], longest)
    return tokens.masked_fill(path & (tokens == OPEN), PATH)


def are_solved(levels: Tensor, tokens: Tensor, answers: Tensor) -> Tensor:
    """Return which answers mark exactly one shortest path, as ``Maze.is_solved`` does for one.

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
    # Every cell on the path has a neighbour on the path one level lower, so S is connected to G.
    # The number of marks then shows that nothing else is marked.
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
        """Return the labels that become the solver's labels; see ``SolvedTargets.labels``."""
        return self.task.solved_labels(tokens, self.marks[drawn], keys)


class AnyPath(AnyTargets):
    """All shortest paths of mazes, stored as levels."""

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
        """Return the most likely shortest path of each maze, ``(B, s*s)`` uint8."""
        return likeliest_labels(levels, tokens, scores, self.longest)
