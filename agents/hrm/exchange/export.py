"""Export: one segment of a trained HRM as an ONNX graph that contains each weight once.

The graph is written by hand instead of traced. A trace unrolls the segment, so that every use of a
weight is a separate node, for which ONNX Runtime keeps a packed copy: a model of the published size
needs 16 times the memory of its weights. Here the updates of a segment are a ``Loop`` whose body
contains planner and executor once; the weights are in the outer graph. They may be stored as
float16, or as int8 with one scale for each output (symmetric, absolute maximum); the computation is
always in float32.

| input | shape, dtype | | output | shape, dtype |
|---|---|---|---|---|
| ``tokens`` | (B, seq_len) int64 | | ``logits`` | (B, seq_len, vocab) float32 |
| ``z_H``, ``z_L`` | (B, positions, hidden) float32 | | ``q_values`` | (B, 2) float32 |
| ``puzzle_ids`` (if embedded) | (B,) int64 | | ``z_H_next``, ``z_L_next`` | as ``z_H`` |
| ``relation_NAME`` (if relational) | (seq_len,) int64 | | | |

The graph of a model with ``mixer="relations"`` serves every size: its ``seq_len`` is the dimension
P, and each relation of the board is an input, see ``exchange.relational``. With equivariant symbols
the states are (B, P, S, hidden), where S is the number of symbols.

The metadata of the file (``hrm_gym``, JSON) contains the format version, task, precision, segments,
configuration and initial carry; ``exchange.onnx`` reads it.
"""

from __future__ import annotations

import base64
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hrm_gym.extras import missing_extra
from hrm_gym.files import write_bytes

from ..model.config import HRMConfig
from . import relational
from .graph import PRECISIONS, Graph, Precision, Weights
from .onnx import FORMAT, METADATA, RELATION, input_shapes, output_shapes

if TYPE_CHECKING:
    from ..agent import HRMAgent

IR_VERSION = 10
OPSET = 18


def attention(graph: Graph, x: str, name: str, weights: Weights, config: HRMConfig) -> str:
    """Return multi-head attention over all positions, (B, length, hidden)."""
    heads, width = config.num_heads, config.hidden_size
    size = width // heads
    qkv = graph.linear(x, f"{name}.qkv", weights[f"{name}.qkv.weight"])
    parts = []
    for part in graph.add_many("Split", 3, qkv, axis=-1, num_outputs=3):
        split = graph.add("Reshape", part, graph.numbers(0, 0, heads, size))
        parts.append(graph.add("Transpose", split, perm=[0, 2, 1, 3]))
    q, k, v = parts
    if "cos" in weights:
        q, k = (_rotate(graph, part, weights) for part in (q, k))
    keys = graph.add("Transpose", k, perm=[0, 1, 3, 2])
    scores = graph.add("MatMul", graph.add("Mul", q, graph.scalar(size**-0.5)), keys)
    mixed = graph.add("MatMul", graph.add("Softmax", scores, axis=-1), v)
    joined = graph.add("Transpose", mixed, perm=[0, 2, 1, 3])
    flat = graph.add("Reshape", joined, graph.numbers(0, 0, width))
    return graph.linear(flat, f"{name}.out", weights[f"{name}.out.weight"])


def _rotate(graph: Graph, x: str, weights: Weights) -> str:
    """Turn the halves of queries or keys, (B, heads, length, head_dim)."""
    cos, sin = (graph.constant(n, weights[n], np.float32) for n in ("cos", "sin"))
    first, second = graph.add_many("Split", 2, x, axis=-1, num_outputs=2)
    low = graph.add("Sub", graph.add("Mul", first, cos), graph.add("Mul", second, sin))
    high = graph.add("Add", graph.add("Mul", second, cos), graph.add("Mul", first, sin))
    return graph.add("Concat", low, high, axis=-1)


def recurrence(
    graph: Graph,
    h: str,
    name: str,
    layers: int,
    weights: Weights,
    config: HRMConfig,
    board: relational.GraphLinks | None,
) -> str:
    """Apply the blocks of the planner or the executor."""
    for layer in range(layers):
        block = f"{name}.blocks.{layer}"
        if config.mixer == "attention":
            mixed = attention(graph, h, f"{block}.mixer", weights, config)
            h = graph.norm(graph.add("Add", h, mixed))
        elif board is not None:
            mixed = relational.mix(graph, h, f"{block}.mixer", weights, config, board)
            h = graph.norm(graph.add("Add", h, mixed))
        else:
            turned = graph.add("Transpose", h, perm=[0, 2, 1])
            mixed = graph.swiglu(turned, f"{block}.mixer", weights)
            turned = graph.norm(graph.add("Add", turned, mixed))
            h = graph.add("Transpose", turned, perm=[0, 2, 1])
        h = graph.norm(graph.add("Add", h, graph.swiglu(h, f"{block}.channel", weights)))
    return h


def embed(graph: Graph, weights: Weights, config: HRMConfig) -> str:
    """Return sqrt(hidden) * (puzzle embedding, registers, tokens), (B, positions, hidden)."""
    width = config.hidden_size
    table = graph.constant("token_emb", weights["token_emb"], np.float32)
    parts = [graph.add("Gather", table, "tokens")]
    if config.registers:
        stored = graph.constant("register_emb", weights["register_emb"][None], np.float32)
        batch = graph.add("Shape", "tokens", start=0, end=1)
        shape = graph.add("Concat", batch, graph.numbers(config.registers, width), axis=0)
        parts.insert(0, graph.add("Expand", stored, shape))
    if config.num_puzzles:
        rows = weights["puzzle_emb"]
        room = config.puzzle_emb_len * width
        padded = np.pad(rows, ((0, 0), (0, room - rows.shape[1])))
        stored = graph.constant("puzzle_emb", padded, np.float32)
        shape = graph.numbers(-1, config.puzzle_emb_len, width)
        parts.insert(0, graph.add("Reshape", graph.add("Gather", stored, "puzzle_ids"), shape))
    x = graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    scale = math.sqrt(width)
    if config.positions == "learned":
        stored = graph.constant("position_emb", weights["position_emb"], np.float32)
        x, scale = graph.add("Add", x, stored), scale * math.sqrt(0.5)
    return graph.add("Mul", x, graph.scalar(scale))


def think(
    graph: Graph,
    x: str,
    weights: Weights,
    config: HRMConfig,
    board: relational.GraphLinks | None,
) -> list[str]:
    """Apply all updates of a segment in loops and return z_H and z_L.

    Each H cycle is ``L_cycles`` of z_L = executor(z_L + z_H + x), then z_H = planner(z_H + z_L).
    A shared module must occur in the graph once, so a single loop selects the state to update.
    """
    if config.shared:
        period = config.L_cycles + 1
        body = Graph(graph.precision, graph, "update_")
        place = body.add("Mod", "update_i", body.constant("period", period, np.int64))
        low = body.add("Less", place, body.constant("L_cycles", config.L_cycles, np.int64))
        injected = body.add("Add", "update_H", x)
        target = body.add("Where", low, "update_L", "update_H")
        injection = body.add("Where", low, injected, "update_L")
        h = body.add("Add", target, injection)
        new = recurrence(body, h, "executor", config.L_layers, weights, config, board)
        z_H = body.add("Where", low, "update_H", new)
        z_L = body.add("Where", low, new, "update_L")
        carry = {"update_H": ("z_H", z_H), "update_L": ("z_L", z_L)}
        return _loop(graph, body, config.H_cycles * period, "update_i", carry)
    outer = Graph(graph.precision, graph, "plan_")
    inner = Graph(graph.precision, outer, "execute_")
    h = inner.add("Add", "execute_L", inner.add("Add", "plan_H", x))
    new = recurrence(inner, h, "executor", config.L_layers, weights, config, board)
    carry = {"execute_L": ("plan_L", new)}
    (z_L,) = _loop(outer, inner, config.L_cycles, "execute_i", carry)
    h = outer.add("Add", "plan_H", z_L)
    z_H = recurrence(outer, h, "planner", config.H_layers, weights, config, board)
    carry = {"plan_H": ("z_H", z_H), "plan_L": ("z_L", z_L)}
    return _loop(graph, outer, config.H_cycles, "plan_i", carry)


def _loop(
    graph: Graph, body: Graph, times: int, counter: str, carry: dict[str, tuple[str, str]]
) -> list[str]:
    """Add a Loop; ``carry`` maps each state of the body to its initial and its updated value."""
    from onnx import TensorProto, helper

    go_on = f"{body.prefix}go"
    states = [(name, start, end) for name, (start, end) in carry.items()]
    inputs = [
        helper.make_tensor_value_info(counter, TensorProto.INT64, []),
        helper.make_tensor_value_info(go_on, TensorProto.BOOL, []),
        *(helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n, _, _ in states),
    ]
    condition = body.add("Identity", go_on)
    outputs = [
        helper.make_tensor_value_info(condition, TensorProto.BOOL, []),
        *(helper.make_tensor_value_info(e, TensorProto.FLOAT, None) for _, _, e in states),
    ]
    inside = helper.make_graph(body.nodes, f"{body.prefix}body", inputs, outputs)
    trips = graph.constant(f"times_{times}", times, np.int64)
    starts = [start for _, start, _ in states]
    return graph.add_many("Loop", len(states), trips, "", *starts, body=inside)


def build(agent: HRMAgent, precision: Precision) -> Any:
    """Return the ONNX model of one segment of an agent.

    Raises:
        ValueError: if the precision is unknown, or ``onnx`` is not installed.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
    try:
        from onnx import helper
    except ImportError:
        raise ValueError(missing_extra("an .onnx file", "export")) from None
    config = agent.model.config
    weights = {
        name: value.detach().float().cpu().numpy()
        for name, value in [*agent.model.named_parameters(), *agent.model.named_buffers()]
    }
    graph = Graph(precision)
    if config.mixer == "relations":
        board = relational.links(graph, agent.task.relations(), config)
        x = relational.embed(graph, weights, config)
        z_H, z_L = think(graph, x, weights, config, board)
        logits = relational.answer(graph, z_H, weights, config)
        pooled = relational.pool(graph, z_H, config)
    else:
        z_H, z_L = think(graph, embed(graph, weights, config), weights, config, None)
        ends = graph.numbers(config.prefix_len), graph.numbers(config.total_len)
        cells = graph.add("Slice", z_H, *ends, graph.numbers(1))
        logits = graph.add(
            "MatMul", cells, graph.constant("head", weights["head.weight"].T, np.float32)
        )
        pooled = graph.add("Gather", z_H, graph.constant("first", 0, np.int64), axis=1)
    q_head = graph.constant("q_head", weights["q_head.weight"].T, np.float32)
    q_bias = graph.constant("q_bias", weights["q_head.bias"], np.float32)
    products = {
        "logits": logits,
        "q_values": graph.add("Add", graph.add("MatMul", pooled, q_head), q_bias),
        "z_H_next": z_H,
        "z_L_next": z_L,
    }
    for name, value in products.items():
        graph.nodes.append(helper.make_node("Identity", [value], [name], name=name))
    shapes = input_shapes(config) | output_shapes(config)
    ends_of = {
        name: helper.make_tensor_value_info(name, _dtype(name), shape)
        for name, shape in shapes.items()
    }
    whole = helper.make_graph(
        graph.nodes,
        "segment",
        [ends_of[name] for name in input_shapes(config)],
        [ends_of[name] for name in output_shapes(config)],
        list(graph.weights.values()),
    )
    model = helper.make_model(
        whole,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="hrm-gym",
    )
    helper.set_model_props(model, {METADATA: json.dumps(describe(agent, precision))})
    return model


def _dtype(name: str) -> int:
    """Return the type of an input or an output: states, logits and Q-values are float32."""
    from onnx import TensorProto

    whole = name in ("tokens", "puzzle_ids") or name.startswith(RELATION)
    return TensorProto.INT64 if whole else TensorProto.FLOAT


def describe(agent: HRMAgent, precision: Precision) -> dict[str, Any]:
    """Return the metadata of an exported agent, plain JSON."""
    config = agent.model.config
    start = np.stack([agent.model.z_H_0.float().cpu(), agent.model.z_L_0.float().cpu()])
    return {
        "format": FORMAT,
        "task": agent.task_name,
        "max_segments": agent.max_segments,
        "steady": agent.steady,
        "precision": precision,
        "parameters": agent.parameters,
        "model": config.to_dict(),
        # (2, hidden) float32, little-endian: z_H_0, then z_L_0.
        "carry": base64.b64encode(start.astype("<f4").tobytes()).decode(),
        "env": agent.about.get("env"),
    }


def export(agent: HRMAgent, path: Path | str, precision: Precision = "float32") -> int:
    """Write one segment of an agent as an ONNX file, atomically.

    Args:
        agent: The agent.
        path: The file, ``.onnx``.
        precision: How the matrices of the blocks are stored: ``float32``, ``float16`` or ``int8``.

    Returns:
        The number of bytes written.

    Raises:
        ValueError: if the name does not end in ``.onnx``, or ``build`` raises it.
    """
    path = Path(path)
    if path.suffix != ".onnx":
        raise ValueError(f"file: expected a name that ends in .onnx, got {str(path)!r}")
    content = build(agent, precision).SerializeToString()
    write_bytes(path, content)
    return len(content)
