"""Segment traces: the answers of an agent after every segment, recorded to be replayed.

A trace file is one compressed ``.npz`` of N puzzles and S segments. It contains all segments, also
those after halting, so that any halting rule can be tried on it later. ``evaluate`` writes it
(``--save-traces``); ``HRMHalt-v0`` and the replay of segments read it without the model.

| array | shape, dtype | content |
|---|---|---|
| ``inputs``, ``labels`` | (N, seq_len) uint8 | the puzzles |
| ``ratings`` | (N,) float32 | their ratings |
| ``digests`` | (N,) uint64 | canonical hash; equal for puzzles of one group |
| ``ood`` | (N,) bool | whether the puzzle is out of distribution |
| ``answers`` | (N, S, seq_len) uint8 | the answer after each segment |
| ``confidence`` | (N, S, seq_len) uint8 | probability of each of its tokens, in 255ths |
| ``entropy`` | (N, S) float32 | mean entropy of a token, 0 (certain) to 1 (uniform) |
| ``q_halt``, ``q_continue`` | (N, S) float32 | logits; ``q_continue`` is 0 for a model without it |
| ``accepted`` | (N, S) bool | whether the rules accept the answer, which need not equal the label |
| ``about`` | text | JSON: ``format``, ``task``, ``env``, ``agent``, ``steady`` and further notes |

Since ``q_continue`` is 0 for a model without it, the rule of the Q-values is the same for every
file: halt where q_halt is greater. A ``steady`` agent also waits for two equal answers in a row.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.files import write_bytes
from hrm_gym.halt_rule import repeats_answer, wants_to_halt
from hrm_gym.puzzles import Puzzle, Task, Tokens, get_task, task_of_file, wrong_cells
from hrm_gym.registration import DEFAULT_AGENT

FORMAT = 2
BUNDLED = Path(__file__).parent / "traces"
"""The trace files of the package; ``docs/halting.md`` describes how they are made."""

DAMAGED = (OSError, EOFError, TypeError, ValueError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What NumPy raises for a damaged archive of arrays."""

# Dimensions: N puzzles, S segments, L positions.
ARRAYS: dict[str, tuple[str, type[np.generic]]] = {
    "inputs": ("NL", np.uint8),
    "labels": ("NL", np.uint8),
    "ratings": ("N", np.float32),
    "digests": ("N", np.uint64),
    "ood": ("N", np.bool_),
    "answers": ("NSL", np.uint8),
    "confidence": ("NSL", np.uint8),
    "entropy": ("NS", np.float32),
    "q_halt": ("NS", np.float32),
    "q_continue": ("NS", np.float32),
    "accepted": ("NS", np.bool_),
}


@dataclass(frozen=True, eq=False)
class Traces:
    """The segments of N puzzles; the table of the module describes the arrays.

    Attributes:
        task: Id of the task, such as ``sudoku-4x4``.
        env: Id of the environment in which the agent was evaluated.
        agent: Name of the agent.
        about: Further notes as plain JSON: the command, the split, the origin of the agent.
        steady: Whether the agent halts only when it repeats its answer.

    Raises:
        ValueError: if shapes, dtypes or values do not fit each other or the task.
    """

    task: str
    env: str
    agent: str
    inputs: Tokens
    labels: Tokens
    ratings: NDArray[np.float32]
    digests: NDArray[np.uint64]
    ood: NDArray[np.bool_]
    answers: Tokens
    confidence: NDArray[np.uint8]
    entropy: NDArray[np.float32]
    q_halt: NDArray[np.float32]
    q_continue: NDArray[np.float32]
    accepted: NDArray[np.bool_]
    about: dict[str, Any] = field(default_factory=dict)
    steady: bool = False

    def __post_init__(self) -> None:
        """Check the arrays and make them read-only, since environments share them."""
        task = get_task(self.task)
        shape = np.shape(self.answers)
        if len(shape) != 3 or min(shape) < 1 or shape[2] != task.seq_len:
            raise ValueError(
                f"answers: expected (puzzles, segments, {task.seq_len}) for {task.id}, got {shape}"
            )
        sizes = dict(zip("NSL", shape, strict=True))
        for name, (dimensions, dtype) in ARRAYS.items():
            array = getattr(self, name)
            wanted = tuple(sizes[letter] for letter in dimensions)
            if np.shape(array) != wanted or array.dtype != dtype:
                raise ValueError(
                    f"{name}: expected {wanted} of {np.dtype(dtype)}, got {np.shape(array)} of "
                    f"{getattr(array, 'dtype', type(array).__name__)}"
                )
            array.setflags(write=False)
        for name in ("inputs", "labels", "answers"):
            if getattr(self, name).max() >= task.vocab_size:
                raise ValueError(f"{name}: a token is outside 0..{task.vocab_size - 1}")
        for name in ("ratings", "entropy", "q_halt", "q_continue"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"{name}: expected finite numbers")
        for name, values in (("ratings", self.ratings), ("entropy", self.entropy)):
            if values.min() < 0:
                raise ValueError(f"{name}: expected numbers of at least 0, got {values.min():g}")

    def __deepcopy__(self, memo: dict[int, object]) -> Traces:
        """Return the traces themselves, since they never change."""
        return self

    def __len__(self) -> int:
        """Return the number of puzzles."""
        return len(self.inputs)

    @property
    def segments(self) -> int:
        """Number of segments of every puzzle."""
        return int(self.answers.shape[1])

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Whether the answer equals the label, ``(N, S)``."""
        return np.asarray(wrong_cells(self.labels[:, None], self.answers) == 0)

    @property
    def changed(self) -> NDArray[np.float32]:
        """Share of positions that differ from the previous answer, ``(N, S)``.

        The first answer is compared with the question.
        """
        before = np.concatenate([self.inputs[:, None], self.answers[:, :-1]], axis=1)
        return (self.answers != before).mean(axis=2, dtype=np.float32)

    @property
    def repeats(self) -> NDArray[np.bool_]:
        """Whether the answer equals the previous answer, ``(N, S)``."""
        later = repeats_answer(self.answers[:, 1:], self.answers[:, :-1])
        return np.pad(later, ((0, 0), (1, 0)))

    @property
    def halts(self) -> NDArray[np.bool_]:
        """Whether the agent would halt, ``(N, S)``."""
        repeats = self.repeats if self.steady else True
        return np.asarray(wants_to_halt(self.q_halt, self.q_continue, repeats))

    def take(self, rows: NDArray[Any]) -> Traces:
        """Return the traces of the given rows (indices or a mask)."""
        return replace(self, **{name: getattr(self, name)[rows] for name in ARRAYS})

    def first(self, segments: int) -> Traces:
        """Return only the first segments, as if the agent had this limit."""
        arrays = {
            name: getattr(self, name)[:, :segments] if "S" in dimensions else getattr(self, name)
            for name, (dimensions, _) in ARRAYS.items()
        }
        return replace(self, **arrays)

    def save(self, path: Path | str) -> None:
        """Write the file atomically."""
        about = {
            **self.about,
            "format": FORMAT,
            "task": self.task,
            "env": self.env,
            "agent": self.agent,
            "steady": self.steady,
        }
        content = io.BytesIO()
        arrays = {name: getattr(self, name) for name in ARRAYS}
        np.savez_compressed(content, about=np.array(json.dumps(about)), **arrays)
        write_bytes(path, content.getvalue())


def read_traces(path: Path | str) -> Traces:
    """Read a trace file, which is never unpickled.

    Raises:
        ValueError: if the file is missing, damaged or not a trace file; the message names the
            damaged part.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: expected a trace file, but there is no such file")
    try:
        # The file is opened here, since np.load would leave a damaged file open.
        with path.open("rb") as stream:
            file = np.load(stream, allow_pickle=False)
            missing = {"about", *ARRAYS} - set(getattr(file, "files", ()))
            if missing:
                raise ValueError(f"it has no {', '.join(sorted(missing))}")
            about = json.loads(str(file["about"]))
            arrays = {name: file[name] for name in ARRAYS}
        if not isinstance(about, dict) or about.pop("format", None) != FORMAT:
            raise ValueError(f"about: expected a JSON object of format {FORMAT}")
        task, env, agent = (str(about.pop(name)) for name in ("task", "env", "agent"))
        steady = bool(about.pop("steady"))
        task_of_file(task)
        return Traces(task, env, agent, about=about, steady=steady, **arrays)
    except KeyError as error:
        raise ValueError(f"{path}: expected a trace file: about has no {error}") from None
    except DAMAGED as error:
        raise ValueError(f"{path}: expected a trace file: {error}") from None


def bundled_names() -> list[str]:
    """Return the names of the trace files of the package, those of the recorded agents."""
    return sorted(path.stem for path in BUNDLED.glob("*.npz"))


def bundled_traces(name: str = DEFAULT_AGENT) -> Traces:
    """Return traces of the package.

    Args:
        name: The recorded agent, see ``bundled_names``.

    Raises:
        ValueError: if the file is missing or damaged.
    """
    return _read_once(BUNDLED / f"{name}.npz")


@lru_cache(maxsize=2)
def _read_once(path: Path) -> Traces:
    """Return the traces of a file of the package, the same object for every call."""
    return read_traces(path)


def trace_digest(task: Task, puzzle: Puzzle) -> int:
    """Return the 64-bit hash that decides the split of a trace.

    It is the canonical hash of the puzzle, or for ARC, which is split by task, the hash of the name
    of its task.
    """
    name = getattr(puzzle, "task_id", "")
    if name:
        return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")
    return int(task.digest(puzzle.inputs, puzzle.labels), 16)
