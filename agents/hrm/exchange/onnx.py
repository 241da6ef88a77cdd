"""An exported agent, which needs only ONNX Runtime and NumPy and does not load torch.

It thinks, halts, solves and acts like the agent that it was exported from. A session is configured
to keep each weight in memory once: by default, ONNX Runtime would also keep a packed copy, and
would expand compressed weights to float32 permanently.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.extras import missing_extra
from hrm_gym.halt_rule import wants_to_halt
from hrm_gym.puzzles import Task, Tokens, get_task, task_of_file

from ..inference.acting import ActingAgent
from ..inference.thinking import Noise, Rows, Segment
from ..model.config import HRMConfig
from ..model.tasks import relations_for

FORMAT = 1
METADATA = "hrm_gym"
FIELDS: dict[str, type] = {
    "task": str,
    "max_segments": int,
    "steady": bool,
    "parameters": int,
    "model": dict,
    "carry": str,
}
"""Required entries of the metadata and their types."""
BATCHED = ("tokens", "z_H", "z_L", "puzzle_ids")
"""The inputs that have a row for each puzzle."""
RELATION = "relation_"
"""The name of the input of a relation is this and the name of the relation."""
Shapes = dict[str, list[str | int]]
"""The dimensions of inputs or outputs by name; a dimension with a name may have any size."""


def input_shapes(config: HRMConfig) -> Shapes:
    """Return the inputs of the graph of a segment, in their order."""
    length: str | int = "P" if config.mixer == "relations" else config.seq_len
    state = _state_shape(config)
    shapes: Shapes = {"tokens": ["B", length], "z_H": state, "z_L": state}
    if config.num_puzzles:
        shapes["puzzle_ids"] = ["B"]
    return shapes | {RELATION + name: [length] for name in config.relations}


def output_shapes(config: HRMConfig) -> Shapes:
    """Return the outputs of the graph of a segment, in their order."""
    length: str | int = "P" if config.mixer == "relations" else config.seq_len
    vocab: str | int = "V" if config.symbols == "equivariant" else config.vocab_size
    state = _state_shape(config)
    return {
        "logits": ["B", length, vocab],
        "q_values": ["B", 2],
        "z_H_next": state,
        "z_L_next": state,
    }


def _state_shape(config: HRMConfig) -> list[str | int]:
    """Return the shape of a state: P positions and S symbols are known when the graph runs."""
    if config.symbols == "equivariant":
        return ["B", "P", "S", config.hidden_size]
    length: str | int = "P" if config.mixer == "relations" else config.total_len
    return ["B", length, config.hidden_size]


class OnnxAgent(ActingAgent):
    """An agent that ``exchange.export.export`` wrote.

    Args:
        path: The ``.onnx`` file.
        task: Id of the task that the agent must have; ``None`` accepts any task.
        threads: Threads of ONNX Runtime; ``None`` lets it choose.

    Raises:
        ValueError: if the file is missing, was not exported by this package, has another format or
            task, or its parts do not fit together, or ``onnxruntime`` is not installed.
    """

    def __init__(
        self, path: str | Path, task: str | None = None, threads: int | None = None
    ) -> None:
        self.session = _open(Path(path), threads)
        try:
            about = _about(self.session)
            own = task_of_file(about["task"], task)
            self.config = HRMConfig.from_dict(about["model"])
            start = np.frombuffer(base64.b64decode(about["carry"], validate=True), "<f4")
            self._start = start.reshape(2, self.config.hidden_size)
            _check_shapes(self.session, self.config, own)
            self.any_size = self.config.mixer == "relations"
            self._links: dict[int, dict[str, NDArray[np.int64]]] = {}
            self._add_task(own)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}; export the agent again") from None
        super().__init__(own, about["max_segments"], about["steady"])
        if task is not None and own is not get_task(task):
            raise ValueError(f"{path}: expected a model of {task}, this is one of {own.id}")
        self.num_puzzles = self.config.num_puzzles
        self.about = about
        self.parameters = about["parameters"]

    def begin(
        self, tokens: Tokens, puzzle_ids: NDArray[np.int64] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Return the inputs of the session for the first segment, with the initial carry.

        Args:
            tokens: ``(B, seq_len)`` uint8.
            puzzle_ids: ``(B,)``; 0 by default.
        """
        config = self.config
        task = self.task_for(tokens.shape[1])
        places: tuple[int, ...] = (config.total_len,)
        if config.symbols == "equivariant":
            places = (task.seq_len, task.vocab_size - config.fixed_tokens)
        elif self.any_size:
            places = (task.seq_len,)
        shape = (len(tokens), *places, config.hidden_size)
        feed = {
            "tokens": tokens.astype(np.int64),
            "z_H": np.array(np.broadcast_to(self._start[0], shape)),
            "z_L": np.array(np.broadcast_to(self._start[1], shape)),
        }
        if config.num_puzzles:
            ids = np.zeros(len(tokens), np.int64) if puzzle_ids is None else puzzle_ids
            feed["puzzle_ids"] = ids
        return feed | self._links[task.seq_len]

    def _add_task(self, task: Task) -> None:
        """Keep the inputs that describe the relations of a size.

        Raises:
            ValueError: if the weights cannot serve the task.
        """
        relations = relations_for(task, self.config) if self.any_size else ()
        self._links[task.seq_len] = {RELATION + r.name: r.index for r in relations}

    def _segments(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        if noise is not None and not noise.is_silent:
            raise ValueError(
                "noise: an exported agent thinks without noise; expected an agent in PyTorch"
            )
        rows: Rows = []
        feed = self.begin(tokens, puzzle_ids)
        impossible = self.impossible(tokens.shape[1])
        for _ in range(segments):
            logits, q_values, feed["z_H"], feed["z_L"] = self.session.run(None, feed)
            yield self._read(np.where(impossible, -np.inf, logits), q_values), rows
            if rows:
                kept = rows.pop()
                if len(kept) == 0:
                    return
                feed |= {name: feed[name][kept] for name in BATCHED if name in feed}

    def _read(self, logits: NDArray[np.float32], q_values: NDArray[np.float32]) -> Segment:
        """Return the outputs of a segment."""
        shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares /= shares.sum(axis=-1, keepdims=True)
        bits = shares * np.log(np.maximum(shares, np.finfo(np.float32).tiny))
        entropy = -bits.sum(axis=-1).mean(axis=-1) / math.log(shares.shape[-1])
        q_halt = q_values[:, 0]
        q_continue = q_values[:, 1] if self.config.q_continue else None
        return Segment(
            logits.argmax(axis=-1).astype(np.uint8),
            q_halt,
            q_continue,
            shares.max(axis=-1),
            entropy.astype(np.float32),
            wants_to_halt(q_halt, q_continue),
        )


def check_installed() -> None:
    """Check that exported agents can be run.

    Raises:
        ValueError: if ``onnxruntime`` is not installed.
    """
    try:
        import onnxruntime  # noqa: F401
    except ImportError:
        raise ValueError(missing_extra("an .onnx agent", "export")) from None


def _open(path: Path, threads: int | None) -> Any:
    """Return a session that keeps every weight in memory once."""
    check_installed()
    import onnxruntime

    if not path.is_file():
        raise ValueError(f"{path}: expected an exported .onnx file, there is none")
    options = onnxruntime.SessionOptions()
    # Errors are raised as exceptions; the log would print them a second time.
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.add_session_config_entry("session.disable_prepacking", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["ConstantFolding"],
        )
    except Exception as error:
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{path}: expected a file that hrm-gym export wrote; ONNX Runtime says: {reason}"
        ) from None


def _about(session: Any) -> dict[str, Any]:
    """Return the metadata of a file.

    Raises:
        ValueError: if there is no metadata, or it is damaged or of another format.
    """
    text = session.get_modelmeta().custom_metadata_map.get(METADATA)
    if text is None:
        raise ValueError("expected a file that hrm-gym export wrote; it says nothing")
    try:
        about = json.loads(text)
    except json.JSONDecodeError:
        about = None
    if not isinstance(about, dict):
        raise ValueError("expected metadata that is a JSON object")
    if about.get("format") != FORMAT:
        raise ValueError(f"expected format {FORMAT}, got {about.get('format')}")
    for name, kind in FIELDS.items():
        value = about.get(name)
        number = value if isinstance(value, int) else 1
        # An exact comparison, since bool is a subclass of int.
        if type(value) is not kind or (kind is int and number < 1):
            wanted = "an integer of at least 1" if kind is int else f"a {kind.__name__}"
            raise ValueError(f"metadata: {name}: expected {wanted}, got {value!r}")
    return about


def _check_shapes(session: Any, config: HRMConfig, task: Task) -> None:
    """Check that the sizes of graph, configuration and task agree.

    Raises:
        ValueError: if they do not; the message says where.
    """
    if (config.vocab_size, config.seq_len) != (task.vocab_size, task.seq_len):
        raise ValueError(
            f"the model has {config.seq_len} positions and {config.vocab_size} tokens, {task.id} "
            f"needs {task.seq_len} and {task.vocab_size}"
        )
    wanted = input_shapes(config) | output_shapes(config)
    ends = [*session.get_inputs(), *session.get_outputs()]
    found = {end.name: list(end.shape) for end in ends}
    for name in wanted | found:
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"{name}: expected shape {wanted.get(name)} in the graph, got {found.get(name)}"
            )
