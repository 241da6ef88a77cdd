"""An ONNX graph under construction: nodes, stored weights and the layers of all models."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from ..model.config import NORM_EPS

Precision = Literal["float32", "float16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
Weights = dict[str, np.ndarray]
"""The parameters and buffers of a model by name, float32."""


class Graph:
    """Nodes and weights of a graph under construction; names are numbered.

    Args:
        precision: How matrices are stored.
        outer: The enclosing graph; the outermost graph contains the weights.
        prefix: Prefix of all names.
    """

    def __init__(self, precision: Precision, outer: Graph | None = None, prefix: str = "") -> None:
        self.precision = precision
        self.outer = outer
        self.prefix = prefix
        self.nodes: list[Any] = []
        self.weights: dict[str, Any] = {} if outer is None else outer.weights

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output and return the name of the output."""
        return self.add_many(op, 1, *inputs, **attributes)[0]

    def add_many(self, op: str, count: int, *inputs: str, **attributes: Any) -> list[str]:
        """Add a node and return the names of its outputs."""
        from onnx import helper

        number = len(self.nodes)
        outputs = [f"{self.prefix}{op}_{number}_{k}" for k in range(count)]
        self.nodes.append(
            helper.make_node(op, inputs, outputs, name=f"{self.prefix}{op}_{number}", **attributes)
        )
        return outputs

    def constant(self, name: str, value: Any, dtype: Any) -> str:
        """Store a constant under a name, unless it is stored already, and return the name."""
        from onnx import numpy_helper

        if name not in self.weights:
            array = np.array(value, dtype, order="C")
            self.weights[name] = numpy_helper.from_array(array, name)
        return name

    def numbers(self, *values: int) -> str:
        """Return a small int64 vector, such as a shape or axes."""
        name = "int64_" + "_".join(str(v).replace("-", "m") for v in values)
        return self.constant(name, values, np.int64)

    def scalar(self, value: float) -> str:
        """Return a float32 scalar."""
        return self.constant(f"float_{value!r}", value, np.float32)

    def linear(self, x: str, name: str, weight: np.ndarray) -> str:
        """Multiply (..., inputs) by a matrix (outputs, inputs) of a block, which is stored."""
        if self.precision == "float32":
            return self.add("MatMul", x, self.constant(name, weight.T, np.float32))
        if self.precision == "float16":
            return self._expanded(x, self.constant(name, weight.T, np.float16))
        scale = np.abs(weight).max(axis=1) / 127
        scale = np.where(scale > 0, scale, 1).astype(np.float32)
        whole = np.rint(weight / scale[:, None]).astype(np.int8)
        product = self._expanded(x, self.constant(name, whole.T, np.int8))
        # The scales of the outputs are applied after the product, which has fewer elements.
        return self.add("Mul", product, self.constant(f"{name}.scale", scale, np.float32))

    def _expanded(self, x: str, stored: str) -> str:
        """Multiply by a compressed matrix, which is expanded to float32 just before its use.

        A plain cast has no inputs that change, so it would run at the start of the body, all
        weights would be in memory in float32 at the same time, and constant folding would keep
        them. The shape of the matrix is therefore computed from ``x``, which delays the cast: one
        matrix is expanded at a time, and is still in the cache when it is multiplied.
        """
        from onnx import TensorProto

        width = self.add("Shape", x, start=-1)
        shape = self.add("Concat", width, self.numbers(-1), axis=0)
        expanded = self.add("Cast", self.add("Reshape", stored, shape), to=TensorProto.FLOAT)
        return self.add("MatMul", x, expanded)

    def norm(self, x: str) -> str:
        """Return RMSNorm without gain over the last axis."""
        mean = self.add("ReduceMean", self.add("Mul", x, x), self.numbers(-1), keepdims=1)
        root = self.add("Sqrt", self.add("Add", mean, self.scalar(NORM_EPS)))
        return self.add("Div", x, root)

    def swiglu(self, x: str, name: str, weights: dict[str, np.ndarray]) -> str:
        """Return down(silu(gate(x)) * up(x))."""
        both = self.linear(x, f"{name}.gate_up", weights[f"{name}.gate_up.weight"])
        gate, up = self.add_many("Split", 2, both, axis=-1, num_outputs=2)
        inner = self.add("Mul", self.add("Mul", gate, self.add("Sigmoid", gate)), up)
        return self.linear(inner, f"{name}.down", weights[f"{name}.down.weight"])
