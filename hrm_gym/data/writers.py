"""Writer of the dataset folders of the public HRM and TRM code; ``readers`` reads them.

``train/`` and ``test/`` contain ``dataset.json`` and five arrays; ``identifiers.json`` above them
names the puzzle identifiers. A *group* is a puzzle and its augmented copies, a *puzzle* is one of
these, and an *example* is one pair of a puzzle: ``group_indices`` are the bounds of groups in
puzzles, and ``puzzle_indices`` the bounds of puzzles in examples.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hrm_gym.puzzles import PAD, Puzzle, Task, Tokens
from hrm_gym.puzzles.keys import lane

from .puzzle_set import PuzzleSet
from .readers import PuzzleFile

BLANK_IDENTIFIER = "<blank>"


@dataclass(frozen=True, eq=False)
class Entry:
    """One puzzle of a group.

    Attributes:
        inputs: ``(k, seq_len)`` uint8, the inputs of its k examples.
        labels: ``(k, seq_len)`` uint8, their labels.
        identifier: The puzzle identifier.
    """

    inputs: Tokens
    labels: Tokens
    identifier: int = 0


class _Rows:
    """An ``.npy`` file that grows by rows, so that a set need not fit into memory."""

    def __init__(self, path: Path, width: int) -> None:
        self.width, self.rows = width, 0
        self.file = path.open("wb")
        self._head()

    def _head(self) -> None:
        """Write the header, in which NumPy leaves room for the first dimension to grow."""
        self.file.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.rows, self.width)}
        np.lib.format.write_array_header_1_0(self.file, header)

    def append(self, rows: Tokens) -> None:
        self.file.write(np.ascontiguousarray(rows, np.uint8).tobytes())
        self.rows += len(rows)

    def close(self) -> None:
        self._head()
        self.file.close()


class DatasetWriter:
    """Writes a dataset folder atomically.

    It is a context manager: everything is written to a temporary folder next to ``path``, which is
    renamed at the end, or removed after an error.

    Args:
        path: The folder; it must not exist, or be empty.
        task: The task, which defines vocabulary and length.

    Raises:
        ValueError: if ``path`` is a file or a folder that is not empty.
    """

    def __init__(self, path: Path | str, task: Task) -> None:
        self.path, self.task = Path(path), task
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise ValueError(f"{self.path}: expected a new or an empty folder to write into")

    def __enter__(self) -> DatasetWriter:
        """Create the temporary folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        self.folder = Path(made)
        # mkdtemp creates a private folder; the result gets the usual permissions.
        self.folder.chmod(0o755)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Rename the folder, or remove it after an error."""
        if kind is None:
            # An empty folder is removed first, since Windows does not replace it. This fails if it
            # has been filled in the meantime.
            if self.path.exists():
                self.path.rmdir()
            self.folder.rename(self.path)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def split(self, name: str, groups: Iterable[Sequence[Entry]], identifiers: int = 1) -> int:
        """Write one split.

        Args:
            name: ``train`` or ``test``.
            groups: Groups of entries, taken one at a time.
            identifiers: Number of identifiers, including the blank one.

        Returns:
            The number of examples.

        Raises:
            ValueError: if there is no example.
        """
        folder = self.folder / name
        folder.mkdir()
        arrays = {k: _Rows(folder / f"all__{k}.npy", self.task.seq_len) for k in _TOKENS}
        examples, puzzles = 0, 0
        puzzle_identifiers: list[int] = []
        puzzle_bounds, group_bounds = [0], [0]
        try:
            for group in groups:
                for entry in group:
                    arrays["inputs"].append(entry.inputs)
                    arrays["labels"].append(entry.labels)
                    examples += len(entry.inputs)
                    puzzle_identifiers.append(entry.identifier)
                    puzzle_bounds.append(examples)
                puzzles += len(group)
                group_bounds.append(puzzles)
        finally:
            for rows in arrays.values():
                rows.close()
        if not examples:
            raise ValueError(f"{name}: no puzzle is left for this split; expected at least one")
        indices = {
            "puzzle_identifiers": puzzle_identifiers,
            "puzzle_indices": puzzle_bounds,
            "group_indices": group_bounds,
        }
        for key, values in indices.items():
            np.save(folder / f"all__{key}.npy", np.array(values, np.int32))
        about = {
            "pad_id": PAD,
            "ignore_label_id": PAD,
            "blank_identifier_id": 0,
            "vocab_size": self.task.vocab_size,
            "seq_len": self.task.seq_len,
            "num_puzzle_identifiers": identifiers,
            "total_groups": len(group_bounds) - 1,
            "mean_puzzle_examples": examples / puzzles,
            # The reader of TRM needs this entry, and that of HRM ignores it.
            "total_puzzles": puzzles,
            "sets": ["all"],
        }
        (folder / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
        return examples

    def identifiers(self, names: Sequence[str] = ()) -> None:
        """Write ``identifiers.json``: the blank identifier, then ``names``."""
        self.json("identifiers", [BLANK_IDENTIFIER, *names])

    def json(self, name: str, values: Any) -> None:
        """Write another JSON file next to the splits."""
        (self.folder / f"{name}.json").write_text(json.dumps(values), encoding="utf-8")


_TOKENS = ("inputs", "labels")


def augmented(task: Task, puzzle: Puzzle, count: int, key: int) -> list[Entry]:
    """Return the entries of a puzzle and of up to ``count`` different symmetric copies.

    Args:
        task: The task, which draws the symmetries.
        puzzle: The puzzle, which is the first entry.
        count: Number of copies; a task with few symmetries gives fewer.
        key: 64-bit integer; the same key gives the same copies.
    """
    entries, seen = [Entry(puzzle.inputs[None], puzzle.labels[None])], {puzzle.inputs.tobytes()}
    # Five draws per copy, as in the published ARC builder, and 100 more to find all copies of a
    # task with few symmetries.
    for draw in range(5 * count + 100 if count else 0):
        if len(entries) > count:
            break
        symmetry = task.symmetry(lane(key, draw))
        inputs = symmetry.apply(puzzle.inputs)
        if inputs.tobytes() not in seen:
            seen.add(inputs.tobytes())
            entries.append(Entry(inputs[None], symmetry.apply(puzzle.labels)[None]))
    return entries


def choose(count: int, size: int | None, random: np.random.Generator) -> NDArray[np.int64]:
    """Return the rows of a subsample; all rows if it is not smaller."""
    if size is None or size >= count:
        return np.arange(count)
    return random.choice(count, size, replace=False)


def write_puzzles(
    path: Path | str,
    task: Task,
    splits: Mapping[str, PuzzleSet | PuzzleFile | Sequence[Puzzle]],
    subsample_size: int | None = None,
    num_aug: int = 0,
    seed: int = 0,
) -> dict[str, int]:
    """Write puzzles without puzzle embeddings, such as those of a custom task.

    Args:
        path: A new folder.
        task: The task.
        splits: ``train`` and ``test``. Of a ``PuzzleFile`` only the rows that are written are
            checked.
        subsample_size: Number of training puzzles at most, drawn at random.
        num_aug: Number of augmented copies of each training puzzle.
        seed: Seed of the subsample and the copies.

    Returns:
        The number of examples of each split.

    Raises:
        ValueError: if the folder is not empty, a split is empty, or a row of a file is not a valid
            puzzle.
    """
    random = np.random.default_rng(seed)
    written = {}
    with DatasetWriter(path, task) as writer:
        for name, puzzles in splits.items():
            train = name == "train"
            rows = choose(len(puzzles), subsample_size if train else None, random)
            key = int(random.integers(1 << 62))
            if isinstance(puzzles, PuzzleFile):
                puzzles, rows = puzzles.take(rows), np.arange(len(rows))
            copies = num_aug if train else 0
            groups = (
                augmented(task, puzzles[row], copies, lane(key, number))
                for number, row in enumerate(rows.tolist())
            )
            written[name] = writer.split(name, groups)
        writer.identifiers()
    return written
