"""Easier mazes: S and G are moved to two cells of the labelled path.

A part of a shortest path is a shortest path between its ends, so that the label of the easier maze
follows without a search. The order of the cells is found by pointer doubling, in a number of
operations that grows with the logarithm of the number of cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..keys import lane_tensor, unit_tensor
from .tokens import GOAL, OPEN, PATH, START

LEAST = 2
"""Least number of moves of an easier maze, so that at least one cell is marked."""


def moves_left(labels: Tensor) -> Tensor:
    """Return the number of moves along the labelled path from each of its cells to G.

    Args:
        labels: ``(B, s*s)`` uint8; the cells of the path have no other neighbours on the path than
            the cells before and after them, as on every shortest path.

    Returns:
        ``(B, s*s)`` int64, 0 at G and -1 outside the path.
    """
    batch, cells = labels.shape
    side = math.isqrt(cells)
    path = (labels == START) | (labels == GOAL) | (labels == PATH)
    cell = torch.arange(cells, device=labels.device)
    row, column = cell // side, cell % side
    # Up, right, down, left: the opposite of direction d is (d + 2) % 4.
    inside = torch.stack((row > 0, column < side - 1, row < side - 1, column > 0))
    beside = cell + torch.tensor((-side, 1, side, -1), device=cell.device)[:, None]
    beside = beside.where(inside, cell)
    # Step d * cells + c leaves cell c in direction d. The last index is that of no further step.
    none = 4 * cells
    leads = path[:, None] & inside & path[:, beside]
    after = torch.full((batch, 4, cells), none, device=cell.device)
    for way in range(4):
        for onward in {0, 1, 2, 3} - {(way + 2) % 4}:
            there = beside[way]
            step = onward * cells + there
            after[:, way] = torch.where(leads[:, onward, there], step, after[:, way])
    end = torch.full((batch, 1), none, device=cell.device)
    after = torch.cat((after.flatten(1), end), 1)
    last = leads & (labels == GOAL)[:, beside]
    count, to_goal = (
        torch.cat((part.flatten(1), torch.zeros_like(end, dtype=torch.bool)), 1)
        for part in (leads, last)
    )
    count = count.long()
    for _ in range(cells.bit_length()):
        count = count + count.gather(1, after)
        to_goal = to_goal | to_goal.gather(1, after)
        after = after.gather(1, after)
    found = count.masked_fill(~to_goal, -1)[:, :none].view(batch, 4, cells).amax(1)
    return found.where(path, -1).masked_fill(labels == GOAL, 0)


def part_of_path(inputs: Tensor, labels: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return mazes in which S and G are ends of a random part of the labelled path.

    The length of the part is uniform. A maze whose label is no single path stays as it is.

    Args:
        inputs: ``(B, s*s)`` uint8.
        labels: ``(B, s*s)`` uint8.
        keys: ``(B,)`` int64.
    """
    left = moves_left(labels)
    whole = left.masked_fill(labels != START, 0).amax(1)
    share, place = (unit_tensor(lane_tensor(keys, draw)) for draw in range(2))
    length = (share * whole).ceil().long().clamp(min=LEAST).minimum(whole)
    start = whole - (place * (whole - length + 1)).long()
    first, last = start[:, None], (start - length)[:, None]
    ends = torch.where(left == first, START, torch.where(left == last, GOAL, OPEN))
    marks = torch.where((left < first) & (left > last), PATH, ends)
    single = ((left >= 0).sum(1) == whole + 1) & (whole > 0)
    changes = single[:, None] & (left >= 0)
    return (
        torch.where(changes, ends.to(inputs.dtype), inputs),
        torch.where(changes, marks.to(labels.dtype), labels),
    )
