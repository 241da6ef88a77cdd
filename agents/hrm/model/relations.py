"""Mixing along relations: positions see each other as the task says, whatever its size.

A *group* relation (row, column, box) gives every member the mean of its group, times the square
root of the group's size; a *neighbour* relation (left, right, up, down) gives every position the
state of another one, zero outside the grid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .layers import Linear
from .tasks import relations_for

if TYPE_CHECKING:
    from hrm_gym.puzzles import Task
    from hrm_gym.puzzles.relations import Relation

    from .config import HRMConfig


class Shift(NamedTuple):
    """Part of a neighbour relation: position p sees position p + ``offset`` where ``mask`` is 1.

    Attributes:
        relation: Index of the relation among those of the task.
        offset: How far away the other position is, in the flat order.
        mask: ``(seq_len,)`` float32.
    """

    relation: int
    offset: int
    mask: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Map ``(B, P, ...)`` to the same shape."""
        outside = (0, 0) * (x.ndim - 2)
        if self.offset > 0:
            seen = F.pad(x[:, self.offset :], (*outside, 0, self.offset))
        else:
            seen = F.pad(x[:, : x.shape[1] + self.offset], (*outside, -self.offset, 0))
        return seen * self.mask.to(x.dtype).view(-1, *(1,) * (x.ndim - 2))


class Links(NamedTuple):
    """The relations of a task at one size.

    A neighbour relation on a grid is one shift. Group relations are one matrix product each way
    for all of them: as sums over an index they would be gathers, which are slow on a CPU.

    Attributes:
        shifts: Of the neighbour relations, one for each offset.
        groups: Indices of the group relations, each with its number of groups.
        pool: ``(groups, seq_len)`` float32: from positions to the scaled means of all groups.
        give: ``(seq_len, groups)`` float32: from groups back to their members.
        counts: ``(symbols,)`` float32: how many equal symbols each equivariant symbol stands for;
            ``None``: one each.
    """

    shifts: tuple[Shift, ...]
    groups: tuple[tuple[int, int], ...]
    pool: Tensor
    give: Tensor
    counts: Tensor | None = None

    @classmethod
    def of(cls, relations: Sequence[Relation], seq_len: int) -> Links:
        """Return the links of a task's relations."""
        shifts: list[Shift] = []
        groups: list[tuple[int, int]] = []
        give = [np.zeros((seq_len, 0))]
        for number, relation in enumerate(relations):
            if relation.kind == "neighbour":
                away = relation.index - np.arange(seq_len)
                for offset in np.unique(away[relation.index >= 0]).tolist():
                    mask = (relation.index >= 0) & (away == offset)
                    shifts.append(Shift(number, offset, torch.as_tensor(mask).float()))
                continue
            groups.append((number, int(relation.index.max()) + 1))
            give.append(np.eye(groups[-1][1])[relation.index])
        members = torch.as_tensor(np.concatenate(give, 1)).float()
        # The mean times the square root of the size.
        pool = (members / members.sum(0).sqrt()).T.contiguous()
        return cls(tuple(shifts), tuple(groups), pool, members)

    def to(self, device: torch.device) -> Links:
        """Return the links on a device."""
        shifts = tuple(shift._replace(mask=shift.mask.to(device)) for shift in self.shifts)
        counts = None if self.counts is None else self.counts.to(device)
        return Links(shifts, self.groups, self.pool.to(device), self.give.to(device), counts)

    def over_symbols(self, h: Tensor) -> Tensor:
        """Return the mean of ``(B, P, symbols, hidden)`` over all symbols, ``(B, P, hidden)``."""
        if self.counts is None:
            return h.mean(2)
        share = self.counts / self.counts.sum()
        return (h * share.to(h.dtype)[:, None]).sum(2)


class Board(NamedTuple):
    """What a model needs to know of a task at one size.

    Attributes:
        task: Id of the task.
        seq_len: Number of positions.
        vocab_size: Number of tokens.
        links: Its relations.
    """

    task: str
    seq_len: int
    vocab_size: int
    links: Links

    @classmethod
    def of(cls, task: Task, config: HRMConfig) -> Board:
        """Return the board of a task for a model.

        Raises:
            ValueError: if the relations or the symbols of the task are not those that the weights
                were made for.
        """
        links = Links.of(relations_for(task, config), task.seq_len)
        return cls(task.id, task.seq_len, task.vocab_size, links)


class RelationMixer(nn.Module):
    """out(silu(self + sum over relations of R_r(part_r)) * gate), all parts linear in the state.

    The mean of a group commutes with the linear map of its part, so the states are averaged first
    and the few means are mapped: less work, and nothing as wide as all the parts together is ever
    written to memory.

    The rows of ``parts`` are the gate, the self part, and one part for each relation; with
    equivariant symbols the last one is of the relation "same position".
    """

    def __init__(self, config: HRMConfig) -> None:
        super().__init__()
        self.equivariant = config.symbols == "equivariant"
        self.width = config.hidden_size
        count = 2 + len(config.relations) + self.equivariant
        self.parts = Linear(self.width, count * self.width)
        self.out = Linear(self.width, self.width)

    def forward(self, h: Tensor, links: Links) -> Tensor:
        """(B, P, hidden) -> the same; with equivariant symbols (B, P, symbols, hidden)."""
        # Each part is a product of its own; see ``SwiGLU.apart``.
        gate, own, *weights = self.parts.weight.to(h.dtype).split(self.width)
        total = F.linear(h, own)
        for shift in links.shifts:
            total = total + shift(F.linear(h, weights[shift.relation]))
        if links.groups:
            states = h.flatten(2)
            pooled = (links.pool.to(h.dtype) @ states).view(len(h), -1, *h.shape[2:])
            means = pooled.split([count for _, count in links.groups], 1)
            given = torch.cat(
                [
                    F.linear(mean, weights[number])
                    for mean, (number, _) in zip(means, links.groups, strict=True)
                ],
                1,
            )
            total = total + (links.give.to(h.dtype) @ given.flatten(2)).view_as(h)
        if self.equivariant:
            symbols = h.shape[2] if links.counts is None else links.counts.sum()
            mean = symbols**0.5 * links.over_symbols(h)
            total = total + F.linear(mean, weights[-1])[:, :, None]
        return self.out(F.silu(total) * F.linear(h, gate))
