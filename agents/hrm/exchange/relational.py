"""The ONNX graph of models with ``mixer="relations"``, which serves every size of a family.

The number of positions P and, with equivariant symbols, the number of symbols S are dimensions that
the inputs determine. The relations of the board are inputs too: one vector each, the ``index`` of
the task's relation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..model.config import HRMConfig
from .graph import Graph, Weights
from .onnx import RELATION

if TYPE_CHECKING:
    from hrm_gym.puzzles.relations import Relation


class GroupLinks(NamedTuple):
    """The values of a group relation in the graph.

    Attributes:
        relation: Index of the relation among those of the task.
        pool: ``(groups, P)`` float32: from positions to the scaled means of the groups.
        give: ``(P, groups)`` float32: from groups back to their members.
    """

    relation: int
    pool: str
    give: str


class GraphLinks(NamedTuple):
    """The values in the graph that describe the relations of a board.

    Attributes:
        neighbours: Of each neighbour relation, its index among those of the task and its input.
        groups: The group relations.
        flat: The shape ``(B, P, S * hidden)`` of a state, with equivariant symbols.
        apart: The shape ``(B, P, S, hidden)`` of a state, with equivariant symbols.
        spread: The square root of S, with equivariant symbols.
    """

    neighbours: tuple[tuple[int, str], ...]
    groups: tuple[GroupLinks, ...]
    flat: str = ""
    apart: str = ""
    spread: str = ""


def links(graph: Graph, relations: Sequence[Relation], config: HRMConfig) -> GraphLinks:
    """Compute the matrices of the relations from the inputs, once for all updates of a segment."""
    from onnx import TensorProto

    neighbours, groups = [], []
    for number, relation in enumerate(relations):
        index = RELATION + relation.name
        if relation.kind == "neighbour":
            neighbours.append((number, index))
            continue
        largest = graph.add("ReduceMax", index, keepdims=0)
        one = graph.constant("one", 1, np.int64)
        zero = graph.constant("zero", 0, np.int64)
        labels = graph.add("Range", zero, graph.add("Add", largest, one), one)
        column = graph.add("Unsqueeze", index, graph.numbers(1))
        give = graph.add("Cast", graph.add("Equal", column, labels), to=TensorProto.FLOAT)
        # The mean of a group times the square root of its size.
        sizes = graph.add("ReduceSum", give, graph.numbers(0), keepdims=1)
        scaled = graph.add("Div", give, graph.add("Sqrt", sizes))
        groups.append(GroupLinks(number, graph.add("Transpose", scaled, perm=[1, 0]), give))
    if config.symbols == "tokens":
        return GraphLinks(tuple(neighbours), tuple(groups))
    width = config.hidden_size
    symbols = graph.add("Shape", "z_H", start=2, end=3)
    both = graph.add("Mul", symbols, graph.numbers(width))
    # A 0 in a shape keeps the dimension.
    flat = graph.add("Concat", graph.numbers(0, 0), both, axis=0)
    apart = graph.add("Concat", graph.numbers(0, 0), symbols, graph.numbers(width), axis=0)
    spread = graph.add("Sqrt", graph.add("Cast", symbols, to=TensorProto.FLOAT))
    return GraphLinks(tuple(neighbours), tuple(groups), flat, apart, spread)


def embed(graph: Graph, weights: Weights, config: HRMConfig) -> str:
    """Return sqrt(hidden) * (tokens + puzzle embedding), in the shape of a state."""
    from onnx import TensorProto

    width, fixed = config.hidden_size, config.fixed_tokens
    equivariant = config.symbols == "equivariant"
    kinds = "tokens"
    if equivariant:
        # Each pair of a position and a symbol is a fixed token, "not this symbol" or "this symbol".
        count = graph.add("Squeeze", graph.add("Shape", "z_H", start=2, end=3))
        first = graph.constant("fixed_tokens", fixed, np.int64)
        one = graph.constant("one", 1, np.int64)
        symbols = graph.add("Range", first, graph.add("Add", count, first), one)
        here = graph.add("Unsqueeze", "tokens", graph.numbers(2))
        same = graph.add("Cast", graph.add("Equal", here, symbols), to=TensorProto.INT64)
        free = graph.add("Less", here, first)
        kinds = graph.add("Where", free, here, graph.add("Add", same, first))
    table = graph.constant("token_emb", weights["token_emb"], np.float32)
    x = graph.add("Gather", table, kinds)
    if config.special_symbols:
        special = graph.constant("special_emb", weights["special_emb"], np.float32)
        others = graph.add(
            "Sub",
            graph.add("Shape", "z_H", start=2, end=3),
            graph.numbers(len(weights["special_emb"])),
        )
        ends = graph.add("Concat", graph.numbers(0, 0), others, graph.numbers(0), axis=0)
        x = graph.add("Add", x, graph.add("Pad", special, ends))
    if config.num_puzzles:
        rows, before = weights["puzzle_emb"], [1, 2] if equivariant else [1]
        if config.puzzle_per_symbol:
            # The rows hold a vector for each symbol, which the axis of symbols then distinguishes.
            rows, before = rows.reshape(len(rows), config.vocab_size - fixed, -1), [1]
        room = [(0, 0)] * (rows.ndim - 1) + [(0, width - rows.shape[-1])]
        stored = graph.constant("puzzle_emb", np.pad(rows, room), np.float32)
        axes = graph.numbers(*before)
        one_each = graph.add("Unsqueeze", graph.add("Gather", stored, "puzzle_ids"), axes)
        x = graph.add("Add", x, one_each)
    return graph.add("Mul", x, graph.scalar(math.sqrt(width)))


def mix(
    graph: Graph, h: str, name: str, weights: Weights, config: HRMConfig, board: GraphLinks
) -> str:
    """Return out(silu(self + sum over relations of R_r(part_r)) * gate), as ``RelationMixer``.

    The parts of group relations are applied to the means, of which there are few.
    """
    width, equivariant = config.hidden_size, config.symbols == "equivariant"
    matrix = weights[f"{name}.parts.weight"]
    gate_part, own_part, *parts = np.split(matrix, len(matrix) // width)
    everywhere = [gate_part, own_part, *(parts[number] for number, _ in board.neighbours)]
    every = graph.linear(h, f"{name}.parts", np.concatenate(everywhere))
    count = len(everywhere)
    gate, total, *seen = graph.add_many("Split", count, every, axis=-1, num_outputs=count)
    for part, (_, index) in zip(seen, board.neighbours, strict=True):
        # A position of zeros after the others: index -1 of a neighbour relation selects it.
        after = (0, 1, 0, 0) if equivariant else (0, 1, 0)
        padded = graph.add("Pad", part, graph.numbers(*(0,) * len(after), *after))
        total = graph.add("Add", total, graph.add("Gather", padded, index, axis=1))
    if board.groups:
        flat = graph.add("Reshape", h, board.flat) if equivariant else h
        for number, pool, give in board.groups:
            mean = graph.add("MatMul", pool, flat)
            if equivariant:
                mean = graph.add("Reshape", mean, board.apart)
            label = f"{name}.parts.{config.relations[number]}"
            given = graph.linear(mean, label, parts[number])
            if equivariant:
                given = graph.add("Reshape", given, board.flat)
            given = graph.add("MatMul", give, given)
            if equivariant:
                given = graph.add("Reshape", given, board.apart)
            total = graph.add("Add", total, given)
    if equivariant:
        mean = graph.add("ReduceMean", h, graph.numbers(2), keepdims=1)
        scaled = graph.add("Mul", mean, board.spread)
        total = graph.add("Add", total, graph.linear(scaled, f"{name}.parts.symbols", parts[-1]))
    inner = graph.add("Mul", graph.add("Mul", total, graph.add("Sigmoid", total)), gate)
    return graph.linear(inner, f"{name}.out", weights[f"{name}.out.weight"])


def answer(graph: Graph, z_H: str, weights: Weights, config: HRMConfig) -> str:
    """Return the logits, (B, P, vocab)."""
    head = graph.constant("head", weights["head.weight"].T, np.float32)
    logits = graph.add("MatMul", z_H, head)
    if config.symbols == "tokens":
        return logits
    # A pair has one logit, and a position those of the fixed tokens.
    mean = graph.add("ReduceMean", z_H, graph.numbers(2), keepdims=0)
    fixed_head = graph.constant("fixed_head", weights["fixed_head.weight"].T, np.float32)
    fixed = graph.add("MatMul", mean, fixed_head)
    return graph.add("Concat", fixed, graph.add("Squeeze", logits, graph.numbers(3)), axis=-1)


def pool(graph: Graph, z_H: str, config: HRMConfig) -> str:
    """Return what the Q head reads: mean and minimum over all positions, (B, 2 * hidden)."""
    axes = graph.numbers(1, 2) if config.symbols == "equivariant" else graph.numbers(1)
    mean = graph.add("ReduceMean", z_H, axes, keepdims=0)
    least = graph.add("ReduceMin", z_H, axes, keepdims=0)
    return graph.add("Concat", mean, least, axis=-1)
