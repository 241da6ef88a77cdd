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


class OnnxAgent(ActingAgent):
    """An agent that :func:`.export.export` wrote.

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
            self._start = start.reshape(2, 1, 1, self.config.hidden_size)
            _check_shapes(self.session, self.config, own)
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
        shape = (len(tokens), self.config.total_len, self.config.hidden_size)
        feed = {
            "tokens": tokens.astype(np.int64),
            "z_H": np.array(np.broadcast_to(self._start[0], shape)),
            "z_L": np.array(np.broadcast_to(self._start[1], shape)),
        }
        if self.config.num_puzzles:
            ids = np.zeros(len(tokens), np.int64) if puzzle_ids is None else puzzle_ids
            feed["puzzle_ids"] = ids
        return feed

    def _segments(
        self,
        tokens: Tokens,
        puzzle_ids: NDArray[np.int64],
        segments: int,
        noise: Noise | None = None,
    ) -> Iterator[tuple[Segment, Rows]]:
        if noise is not None:
            raise ValueError("noise: an exported model has none; expected the agent in PyTorch")
        rows: Rows = []
        feed = self.begin(tokens, puzzle_ids)
        for _ in range(segments):
            logits, q_values, feed["z_H"], feed["z_L"] = self.session.run(None, feed)
            yield self._read(logits, q_values), rows
            if rows:
                kept = rows.pop()
                if len(kept) == 0:
                    return
                feed = {name: value[kept] for name, value in feed.items()}

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
    state = [config.total_len, config.hidden_size]
    wanted = {
        "tokens": [config.seq_len],
        "z_H": state,
        "z_L": state,
        **({"puzzle_ids": []} if config.num_puzzles else {}),
        "logits": [config.seq_len, config.vocab_size],
        "q_values": [2],
        "z_H_next": state,
        "z_L_next": state,
    }
    ends = [*session.get_inputs(), *session.get_outputs()]
    # Without the batch dimension, which may have any size.
    found = {end.name: list(end.shape)[1:] for end in ends}
    for name in wanted | found:
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"{name}: expected {wanted.get(name)} a puzzle in the graph, got {found.get(name)}"
            )
